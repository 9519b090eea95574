"""Who asks: a service account that signs short-lived tokens, or an account with its API key.

Source: the section on authentication of https://voximplant.com/docs/references/httpapi.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# The API takes up to an hour. A leaked token should be worth little, yet signing for every
# request costs more than the request's own encoding.
TOKEN_LIFE = 300
# Dates a token back so that a clock slightly ahead of the API's does not issue it in the future.
CLOCK_SKEW = 10
# A token this near its end could expire on its way.
RENEW_BEFORE = 60


class BadCredentials(ValueError):
    """Credentials that cannot work; the text says which part and never shows a secret."""


class Credentials(Protocol):
    """What the transport needs to know: request headers, or request parameters."""

    @property
    def account_id(self) -> int: ...

    def headers(self) -> Mapping[str, str]: ...

    def fields(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An account and its API key, sent as parameters; it has the account's full rights."""

    account_id: int
    api_key: str = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        return {}

    def fields(self) -> Mapping[str, str]:
        return {"account_id": str(self.account_id), "api_key": self.api_key}


class ServiceAccount:
    """A service account's key: signs tokens (RS256) and keeps each until near its end.

    `acting_for` is the child account a parent's key acts for. Safe to share among threads.
    """

    def __init__(
        self, *, account_id: int, key_id: str, private_key: str, acting_for: int | None = None
    ) -> None:
        self.account_id = acting_for or account_id
        self.key_id = key_id
        self._key = _read_key(private_key)
        self._pem = private_key
        self._owner = account_id
        self._lock = Lock()
        self._token = ""
        self._issued = 0

    @classmethod
    def from_mapping(cls, credentials: Mapping[str, Any]) -> Self:
        """From the JSON object the control panel gives: account_email, account_id, key_id,
        private_key. Raises BadCredentials."""
        missing = [n for n in ("account_id", "key_id", "private_key") if not credentials.get(n)]
        if missing:
            raise BadCredentials(f"the credentials have no {', '.join(missing)}")
        account_id = str(credentials["account_id"])
        if not (account_id.isascii() and account_id.isdigit()):
            raise BadCredentials(f"account_id '{account_id}' is not a whole number")
        return cls(
            account_id=int(account_id),
            key_id=str(credentials["key_id"]),
            private_key=str(credentials["private_key"]),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From the text of a credentials file. Raises BadCredentials."""
        try:
            credentials = json.loads(text)
        except ValueError:
            raise BadCredentials("the credentials are not JSON") from None
        if not isinstance(credentials, dict):
            raise BadCredentials("the credentials are not a JSON object")
        # CreateKey answers with the object inside an envelope; people save either.
        inner = credentials.get("result")
        return cls.from_mapping(inner if isinstance(inner, dict) else credentials)

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """From a credentials file. Raises BadCredentials, which names the file."""
        try:
            return cls.from_json(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise BadCredentials(f"{path}: {reason}") from None

    def acting_for(self, child_account_id: int) -> "ServiceAccount":
        """The same key, acting for a child account."""
        return ServiceAccount(
            account_id=self._owner,
            key_id=self.key_id,
            private_key=self._pem,
            acting_for=child_account_id,
        )

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token()}"}

    def fields(self) -> Mapping[str, str]:
        return {}

    def token(self) -> str:
        """A token with at least RENEW_BEFORE seconds to live."""
        now = int(time.time())
        with self._lock:
            # Also when the clock was set back: the old token is one from the future then.
            if not self._issued <= now < self._issued + TOKEN_LIFE - RENEW_BEFORE:
                self._issued = now - CLOCK_SKEW
                self._token = self._sign(self._issued)
            return self._token

    def _sign(self, issued: int) -> str:
        claims = {"iss": str(self.account_id), "iat": issued, "exp": issued + TOKEN_LIFE}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def __repr__(self) -> str:
        return f"ServiceAccount(account_id={self.account_id}, key_id={self.key_id!r})"


def _read_key(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnicodeError):
        raise BadCredentials("private_key is not a private key in PEM form") from None
    if not isinstance(key, RSAPrivateKey):
        raise BadCredentials("private_key is not an RSA key")
    return key
