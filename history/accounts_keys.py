"""Keys of accounts: what may be given, whether it works, what it may do, where it is kept."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _t

from history.accounts_health import forget, hear
from history.api.client import BadCredentials, Client, Observed, Refused, RemoteError
from history.api.errors import CREDENTIAL_CODES, FORBIDDEN
from history.api.methods import (
    GetACDHistory,
    GetAuditLog,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
)
from history.api.transport import nothing
from history.connection import credentials_of, key_of
from history.models.accounts import Account
from history.sealing import key_sealer
from history.trouble import ROLES_OF_METHODS, trouble

# A person waits for the test.
PATIENCE = 10.0
# Children are known by their calls of the last days; the shorter time where a year is too long.
LOOK_BACK = (365, 30)
MOST_CALLS = 1000


class BadKey(ValueError):
    """A key that does not work; the text tells a person why, and no secret."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a key was told: each method's code, 0 for an answer. `children` are IDs."""

    number: int
    email: str
    methods: Mapping[str, int]
    children: tuple[int, ...]


def attempt(account: Account) -> Tried:
    """Asks what the account's key may do; nothing is changed there. Raises BadKey."""
    try:
        return try_key(key_of(account), partial(hear, account.slug))
    except RemoteError as error:
        words = trouble(error)
        raise BadKey(f"{words.title}. {words.happened}") from None


def try_key(key: Any, heard: Callable[[Observed], None] = nothing) -> Tried:
    """Asks each method that only reads for next to nothing. Raises BadKey."""
    try:
        credentials = credentials_of(key)
    except BadCredentials as error:
        raise BadKey(_t("This is not a key: %(why)s.") % {"why": error}) from None
    timeout = min(PATIENCE, settings.VOX_TIMEOUT)
    client = Client(
        settings.VOX_API_URL,
        credentials,
        timeout=timeout,
        retry_for=0,
        ca_bundle=settings.VOX_CA_BUNDLE,
        after_request=heard,
    )
    try:
        methods = {name: _code(client, ask) for name, ask in _questions().items()}
    except RemoteError as error:
        words = trouble(error)
        raise BadKey(f"{words.title}. {words.happened} {words.advice}") from None
    if all(code == FORBIDDEN for code in methods.values()):
        raise BadKey(
            _t(
                "Voximplant knows this key, but it may do nothing here: give its service account a"
                " role in the control panel, such as Admin or Owner."
            )
        )
    email = "" if "api_key" in str(key) else _email(key)
    return Tried(number=client.account_id, email=email, methods=methods, children=_children(client))


def _email(key: Any) -> str:
    text = key.read_text("utf-8") if hasattr(key, "read_text") else key
    said = json.loads(text)
    inner = said.get("result")
    return str((inner if isinstance(inner, dict) else said).get("account_email") or "")[:254]


def _questions() -> dict[str, Callable[[Client], object]]:
    now = timezone.now().replace(tzinfo=None, microsecond=0)
    when: dict[str, Any] = {"from_date": now - timedelta(seconds=1), "to_date": now, "count": 1}
    return {
        "GetCallHistory": lambda c: c.get_call_history(GetCallHistory(**when)),
        "GetTransactionHistory": lambda c: c.get_transaction_history(GetTransactionHistory(**when)),
        "GetACDHistory": lambda c: c.get_acd_history(GetACDHistory(**when)),
        "GetAuditLog": lambda c: c.get_audit_log(GetAuditLog(**when)),
        "GetHistoryReports": lambda c: c.get_history_reports(GetHistoryReports(count=1)),
    }


def _code(client: Client, ask: Callable[[Client], object]) -> int:
    try:
        ask(client)
    except Refused as error:
        if error.retryable or error.code in CREDENTIAL_CODES:
            raise
        return error.code
    return 0


def _children(client: Client) -> tuple[int, ...]:
    """The child accounts that called lately: the API has no list of them in this section."""
    now = timezone.now().replace(tzinfo=None, microsecond=0)
    for days in LOOK_BACK:
        with suppress(RemoteError):  # also where an account without children may not ask for them
            return _callers(client, now - timedelta(days=days), now)
    return ()


def _callers(client: Client, since: datetime, until: datetime) -> tuple[int, ...]:
    question = GetCallHistory(
        from_date=since,
        to_date=until,
        child_account_id="all",
        children_calls_only=True,
        with_other_resources=False,
        with_total_count=False,
        desc_order=True,
        count=MOST_CALLS,
    )
    found = client.get_call_history(question).result
    return tuple(sorted({one.account_id for one in found if one.account_id} - {client.account_id}))


def like_roles(methods: Mapping[str, int]) -> list[str]:
    """The platform's roles that open just these methods, by its reference."""
    roles = dict.fromkeys(role for name in methods for role in ROLES_OF_METHODS[name])
    return [
        role
        for role in roles
        if all((code == 0) == (role in ROLES_OF_METHODS[name]) for name, code in methods.items())
    ]


def note(account: Account, tried: Tried) -> None:
    """Puts what was learned on the account, which is not saved; names of children stay."""
    account.number, account.email = tried.number, tried.email
    account.methods, account.tested = dict(tried.methods), timezone.now()
    account.children = {**{str(child): "" for child in tried.children}, **account.children}


def give(account: Account, key: str) -> None:
    """Seals a key that works onto the account, which is not saved."""
    account.secret = key_sealer().encrypt(key.encode()).decode()
    account.state = Account.State.ON
    forget(account.slug)
    hear(account.slug, Observed("sign-in", 0, "ok"))
