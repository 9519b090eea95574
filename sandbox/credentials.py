"""Who may do what: service accounts with their keys and roles, tokens, API keys.

Source: https://voximplant.com/docs/guides/management-api/authorization; codes and the answers
to open questions are listed in `docs/sandbox.md`.
"""

import hmac
import json
import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from sandbox.answers import Refusal, Request
from sandbox.state import State
from sandbox.store import Account, Store

MAX_LIFE = 3600  # seconds from iat to exp
SKEW = 30  # seconds that a client's clock may be wrong

OWNER, ADMIN, DEVELOPER = "Owner", "Admin", "Developer"
SUPERVISOR, SUPPORT = "Supervisor", "Support"
ACCOUNTANT, PAYER = "Accountant", "Payer"
USER_MANAGER, CALL_LIST_MANAGER = "User manager", "Call list manager"

ALL_ROLES = (
    OWNER,
    ADMIN,
    DEVELOPER,
    SUPERVISOR,
    SUPPORT,
    ACCOUNTANT,
    PAYER,
    USER_MANAGER,
    CALL_LIST_MANAGER,
)

SESSION_LOG = "session log"
_CALLS = (OWNER, ADMIN, DEVELOPER, SUPERVISOR, SUPPORT)
_MONEY = (OWNER, ADMIN, ACCOUNTANT, PAYER)

# The roles that may give a command, as the vendor's page of each method lists them. A secure
# recording opens for any key.
ROLES: Mapping[str, tuple[str, ...]] = {
    "GetCallHistory": _CALLS,
    "GetCallHistoryAsync": _CALLS,
    "GetBriefCallHistory": _CALLS,
    "GetHistoryReports": (*_CALLS, ACCOUNTANT, PAYER),
    "DownloadHistoryReport": (OWNER, ADMIN, SUPERVISOR, ACCOUNTANT, PAYER),
    "GetTransactionHistory": _MONEY,
    "GetTransactionHistoryAsync": _MONEY,
    "DeleteRecord": (OWNER, ADMIN),
    "GetACDHistory": (OWNER, ADMIN, DEVELOPER, SUPERVISOR, USER_MANAGER),
    "GetAuditLog": (OWNER,),
    "GetAuditLogAsync": (OWNER,),
    SESSION_LOG: _CALLS,
}

# Parameters that prove who asks; no method's own, never kept in the log of requests.
PROOFS = ("api_key", "account_password", "session_id", "admin_user_api_key", "admin_user_password")
ACCOUNT = ("account_id", "account_name", "account_email")
IDENTITY = (*ACCOUNT, "admin_user_id", "admin_user_name")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, acting for which account. `roles` is `None` for an API key: all rights."""

    account: Account
    roles: tuple[str, ...] | None
    subuser_id: int | None = None
    subuser_name: str | None = None

    def check(self, command: str) -> None:
        """Raises Refusal 104 unless a role allows the command."""
        if self.roles is not None and not set(self.roles) & set(ROLES[command]):
            raise Refusal(104, f"Forbidden command: the service account may not use '{command}'.")


class Credentials:
    """Checks what requests prove. `now` of the checks is a Unix time."""

    def __init__(self, store: Store, state: State) -> None:
        self.store = store
        self.state = state

    def caller(self, request: Request, now: float) -> Caller:
        """Who sent the request; Refusal with the code that says what is wrong otherwise."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._bearer(token.strip(), now)
        if request.field("api_key"):
            return self._api_key(request)
        if request.field("session_id"):
            raise Refusal(161, "Bad value in 'session_id'.", "session_id")
        raise Refusal(100, "Authorization failed: no credentials.")

    def _bearer(self, token: str, now: float) -> Caller:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Refusal(447, "Invalid token format.") from None
        key = self.state.row("SELECT * FROM keys WHERE key_id = ?", (_text(header.get("kid")),))
        if key is None:
            raise Refusal(433, "Invalid key id: no service account has this 'kid'.")
        claims = _verified(token, key["public_key"])
        _check_times(claims, now)
        return Caller(
            account=self._acting_for(key["account_id"], claims.get("iss")),
            roles=tuple(json.loads(key["roles"])),
            subuser_id=key["subuser_id"],
            subuser_name=key["subuser_name"],
        )

    def _acting_for(self, own: int, issuer: object) -> Account:
        """The account of `iss`: the key's own (also as 0, see the Python SDK) or a child of it."""
        text = _text(issuer)
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
        account = self.store.account(number or own)
        if account and own in (account.account_id, account.parent_id):
            return account
        raise Refusal(100, "Authorization failed: 'iss' is not an account of this key.")

    def _api_key(self, request: Request) -> Caller:
        account = self._named(request)
        given = (request.field("api_key") or "").encode()
        if account and hmac.compare_digest(account.api_key.encode(), given):
            return Caller(account=account, roles=None)
        raise Refusal(100, "Authorization failed: wrong account or 'api_key'.")

    def _named(self, request: Request) -> Account | None:
        """The account that id, name or e-mail name; `None` unless all that are given agree."""
        given = {name: value for name in ACCOUNT if (value := request.field(name))}
        account = self.store.account(_number_or_text(next(iter(given.values()), "")))
        if account and all(str(getattr(account, name)) == given[name] for name in given):
            return account
        return None


def _number_or_text(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else value


def _text(value: object) -> str:
    """`kid` and `iss` as text, whichever of text and number they came as."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _verified(token: str, public_key: str) -> dict[str, Any]:
    # The times are checked apart: against the sandbox's clock, each with its own code.
    options: Any = {f"verify_{claim}": False for claim in ("exp", "iat", "nbf", "iss", "aud")}
    try:
        return jwt.decode(token, public_key, algorithms=["RS256"], options=options)
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        raise Refusal(100, "Authorization failed: the token's signature does not fit.") from None
    except jwt.PyJWTError:
        raise Refusal(447, "Invalid token format.") from None


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not _is_number(issued) or not _is_number(expires):
        raise Refusal(447, "Invalid token format: 'iat' and 'exp' have to be Unix seconds.")
    if expires - issued > MAX_LIFE:
        raise Refusal(454, f"Token life is longer than {MAX_LIFE} seconds.")
    if issued > now + SKEW:
        raise Refusal(455, "Token was issued in the future.")
    if expires < now - SKEW:
        raise Refusal(456, "Token has expired.")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# Issuing


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """A key that is handed out, in a file of its own."""

    account: Account
    roles: tuple[str, ...]

    @property
    def subuser_id(self) -> int:
        number = ALL_ROLES.index(self.roles[0]) + 1 if self.roles else 0
        return self.account.account_id * 100 + number

    @property
    def words(self) -> str:
        return "-".join(self.roles or ("no-role",)).lower().replace(" ", "-")

    @property
    def file_name(self) -> str:
        """`credentials.json` for the owner, `credentials-admin.json`, `…-child-48212.json` …"""
        if self.account.parent_id:
            return f"credentials-child-{self.account.account_id}.json"
        return "credentials.json" if self.roles == (OWNER,) else f"credentials-{self.words}.json"


def service_accounts(accounts: Iterable[Account]) -> Iterator[ServiceAccount]:
    """One per role for the parent account and one without any role; an owner for each child."""
    for account in accounts:
        if account.parent_id:
            yield ServiceAccount(account=account, roles=(OWNER,))
        else:
            for role in ALL_ROLES:
                yield ServiceAccount(account=account, roles=(role,))
            yield ServiceAccount(account=account, roles=())


def issue(accounts: Sequence[Account], state: State, home: Path) -> Path:
    """Writes the credentials files that `home` lacks; the owner's path.

    A file is the `result` of the vendor's CreateKey: account_email, account_id, key_id (UUID),
    private_key (PKCS#8 PEM). A readable one that is there keeps its key. `accounts.json` lists
    the API keys.
    """
    for service in service_accounts(accounts):
        key_id, public_key = _key_of(home / service.file_name, service.account)
        state.change(
            "INSERT OR REPLACE INTO keys"
            " (key_id, account_id, roles, subuser_id, subuser_name, public_key)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                key_id,
                service.account.account_id,
                json.dumps(service.roles),
                service.subuser_id,
                f"service-{service.words}",
                public_key,
            ),
        )
    fields = (*ACCOUNT, "api_key")
    listed = [{name: getattr(account, name) for name in fields} for account in accounts]
    _write_secret(home / "accounts.json", listed)
    return home / "credentials.json"


def _key_of(path: Path, account: Account) -> tuple[str, str]:
    """Id and public key of the key in that file, which is made if need be."""
    try:
        kept = json.loads(path.read_text())
        if kept["account_id"] == account.account_id:
            private = serialization.load_pem_private_key(kept["private_key"].encode(), None)
            return kept["key_id"], _public(private.public_key())
    except (OSError, ValueError, KeyError, TypeError):
        pass  # missing, or not one of ours
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    made = {
        "account_email": account.account_email,
        "account_id": account.account_id,
        "key_id": (key_id := str(uuid.uuid4())),
        "private_key": pem.decode(),
    }
    _write_secret(path, made)
    return key_id, _public(key.public_key())


def _public(key: PublicKeyTypes) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _write_secret(path: Path, value: object) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(value, indent=2) + "\n")
