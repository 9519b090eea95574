"""How accounts fare, heard from the requests that are sent for them anyway.

It is kept in the cache: every thread and process may write, and it tells nothing that the next
request would not.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.cache import cache
from django_stubs_ext import StrOrPromise

from history.api.client import Observed
from history.api.errors import CREDENTIAL_CODES
from history.trouble import short_words

# A success is noted this often, a failure at once.
EVERY = 60.0

_noted: dict[str, float] = {}


@dataclass(frozen=True, kw_only=True)
class Health:
    """The latest success and failure. `code` is the platform's, 0 where it gave no answer."""

    success: datetime | None = None
    failure: datetime | None = None
    method: str = ""
    code: int = 0

    @property
    def ails(self) -> bool:
        return self.failure is not None and (self.success is None or self.failure > self.success)

    @property
    def words(self) -> StrOrPromise:
        return short_words(self.method, self.code)


def hear(slug: str, seen: Observed) -> None:
    """Notes a request's result. A question that was refused for what it asked says nothing."""
    code = int(seen.result.removeprefix("refused ")) if seen.result.startswith("refused ") else 0
    if seen.result == "unreachable" or code in CREDENTIAL_CODES:
        _noted.pop(slug, None)
        _keep(slug, "failure", (time.time(), seen.method, code))
    elif seen.result == "ok" and time.monotonic() - _noted.get(slug, -EVERY) >= EVERY:
        _noted[slug] = time.monotonic()
        _keep(slug, "success", time.time())


def _keep(slug: str, what: str, said: object) -> None:
    cache.set(_key(slug, what), said, timeout=None)


def _key(slug: str, what: str) -> str:
    return f"health:{slug}:{what}"


def forget(slug: str) -> None:
    """A new key begins with a clean sheet."""
    cache.delete_many([_key(slug, "success"), _key(slug, "failure")])
    _noted.pop(slug, None)


def health_of(slug: str) -> Health:
    known = cache.get_many([_key(slug, "success"), _key(slug, "failure")])
    success = known.get(_key(slug, "success"))
    failure, method, code = known.get(_key(slug, "failure"), (None, "", 0))
    return Health(success=_moment(success), failure=_moment(failure), method=method, code=code)


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
