"""From the active account to a client of the Management API: the one place that knows both."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.cache import cache as shared_cache
from django.core.cache import caches
from django.utils import timezone
from django.utils.translation import gettext as _t

from dashboard.metrics import count_api_call
from history import masking
from history.accounts_health import hear
from history.ahead import sent
from history.answers import KeptAnswers
from history.api import wire
from history.api.client import Client, Observed
from history.api.credentials import ApiKey, BadCredentials, ServiceAccount
from history.api.errors import NotSetUp, RemoteError
from history.api.methods import GetCallHistory, GetTransactionHistory
from history.api.transport import nothing
from history.models import accounts
from history.models.accounts import Account
from history.reports.limits import wait_for_turn
from history.sealing import key_sealer

A_MINUTE, A_DAY = 60, 24 * 3600


def connect() -> Client:
    """The client of the active account; one a key and process, for its pooled connections."""
    account = accounts.current()
    return _client(account.slug, key_of(account), _setup())


def connect_politely() -> Client:
    """The same for workers: each request waits for its turn among all workers', and trying again
    is left to the task, which lays the work down meanwhile."""
    account = accounts.current()
    return _client(account.slug, key_of(account), _setup(), polite=True)


def key_of(account: Account) -> str | Path:
    """The key as it was given, JSON, or where its file is. Raises NotSetUp.

    A key that was changed is another one to `_client`, so it takes effect in every process.
    """
    if account.from_settings:
        return _key_of_settings()
    if account.state != Account.State.ON or not account.secret:
        words = _t("“%(name)s” is switched off, removed or has no key: nothing is asked for it.")
        raise NotSetUp("sign-in", words % {"name": account.name}, retryable=False)
    try:
        return key_sealer().decrypt(account.secret.encode()).decode()
    except InvalidToken:
        words = _t(
            "The key of “%(name)s” cannot be opened: SECRET_KEY or VOX_ENCRYPTION_KEYS was"
            " changed. Give the key once more."
        )
        raise NotSetUp("sign-in", words % {"name": account.name}, retryable=False) from None


def _key_of_settings() -> str | Path:
    if settings.VOX_ACCOUNT_ID:
        return json.dumps({"account_id": settings.VOX_ACCOUNT_ID, "api_key": settings.VOX_API_KEY})
    if settings.VOX_CREDENTIALS is not None:
        return Path(settings.VOX_CREDENTIALS)
    reason = (
        "No account is set up. Add one on the page Accounts, or set VOX_CREDENTIALS to the service"
        " account's JSON file, or VOX_ACCOUNT_ID and VOX_API_KEY."
    )
    raise NotSetUp("sign-in", reason, retryable=False)


type Setup = tuple[str, float, float, Path | None, tuple[str, ...]]


def _setup() -> Setup:
    hosts = tuple(settings.VOX_MEDIA_HOSTS)
    waits = (settings.VOX_TIMEOUT, settings.VOX_RETRY_SECONDS)
    return settings.VOX_API_URL, *waits, settings.VOX_CA_BUNDLE, hosts


@lru_cache(maxsize=128)
def _client(slug: str, key: str | Path, setup: Setup, *, polite: bool = False) -> Client:
    url, timeout, retry_for, ca_bundle, media_hosts = setup
    try:
        credentials = credentials_of(key)
    except BadCredentials as error:
        raise NotSetUp("sign-in", str(error), retryable=False) from None
    return Client(
        url,
        credentials,
        timeout=timeout,
        ca_bundle=ca_bundle,
        media_hosts=media_hosts,
        answers=KeptAnswers(f"{slug} {url} {key}", reads=not polite),
        after_request=partial(_heard, slug),
        mask=masking.current,
        before_request=partial(wait_for_turn, account=slug) if polite else nothing,
        request_sent=sent,
        retry_for=min(2.0, retry_for) if polite else retry_for,
    )


def _heard(slug: str, seen: Observed) -> None:
    count_api_call(seen)
    hear(slug, seen)


def credentials_of(key: str | Path) -> ApiKey | ServiceAccount:
    """From a service account's JSON or file, or {"account_id", "api_key"}. Raises
    BadCredentials."""
    if isinstance(key, Path):
        return ServiceAccount.from_file(key)
    if '"api_key"' in key:
        said = json.loads(key)
        return ApiKey(account_id=said["account_id"], api_key=said["api_key"])
    return ServiceAccount.from_json(key)


def account_number() -> int | str:
    """The platform's ID of the active account; what is left of it once it has no key."""
    account = accounts.current()
    return number_of(account) or account.slug


def number_of(account: Account) -> int | None:
    """The platform's ID of an account, as its key says it; without a key as it was known last."""
    try:
        return _client(account.slug, key_of(account), _setup()).account_id
    except NotSetUp:
        return account.number


def account_zone() -> str:
    """The account's own time zone: what the API makes of `auto`. Raises RemoteError."""
    return _known(f"account_zone:{accounts.slug()}", _asked_zone)


def _asked_zone() -> tuple[str, int]:
    now = timezone.now().replace(tzinfo=None, microsecond=0)
    question = GetCallHistory(
        from_date=now - timedelta(seconds=1),
        to_date=now,
        timezone=wire.AUTO,
        with_other_resources=False,
        with_total_count=False,
        count=1,
    )
    return connect().get_call_history(question).timezone, A_DAY


def account_currency() -> str:
    """The currency of the account's money; empty where that cannot be known.

    Sessions have costs without a currency, but every transaction names it: the newest one of
    the past year is asked for.
    """
    return _known(f"account_currency:{accounts.slug()}", _asked_currency)


def _asked_currency() -> tuple[str, int]:
    now = timezone.now().replace(tzinfo=None, microsecond=0)
    question = GetTransactionHistory(
        from_date=now - timedelta(days=365),
        to_date=now,
        desc_order=True,
        with_total_count=False,
        count=1,
    )
    try:
        newest = connect().get_transaction_history(question).result
    except RemoteError:
        # A page about a call must not fail because its key may not see the bill.
        return "", A_MINUTE
    return (newest[0].currency if newest else ""), A_DAY


def _known(key: str, ask: Callable[[], tuple[str, int]]) -> str:
    """What is kept under the key: in this process, else in Redis, else as `ask` says, which says
    too for how many seconds."""
    nearby = caches["nearby"]
    known: str | None = nearby.get(key)
    if known is None:
        known = shared_cache.get(key)
        if known is None:
            known, seconds = ask()
            shared_cache.set(key, known, seconds)
        nearby.set(key, known)
    return known
