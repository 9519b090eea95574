"""A second look at a closed period: answers of the API, kept for a while in the shared cache.

What a person may see is decided when rows are shown, so an answer is kept for each account and
key, not for each person. It is sealed, since it holds telephone numbers. Each account and key has a
fixed number of places, so that answers never fill Redis; without Redis everything is asked for.
"""

import pickle
import zlib
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from secrets import token_hex
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.cache import cache
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from history.api.answers import Body
from history.sealing import sealer

# For each account and key: 64 MB at the very most, usually far less. A thousand calls take about
# 200 KB.
PLACES = 128
LARGEST = 512 * 1024
# What counts as now: nobody needs to be told that a page is a few seconds old.
A_MOMENT = timedelta(minutes=1)
# Differs after each deletion. It outlives what was kept before it.
_GENERATION = "answers:generation"


@dataclass
class Look:
    """One request's use of kept answers: whether it wants none, and how old the oldest was."""

    anew: bool
    since: datetime | None = None
    to_keep: list[Callable[[], None]] = field(default_factory=list)


_look: ContextVar[Look | None] = ContextVar("look", default=None)


def looked(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: `?fresh=1` and the browser's own reload ask the API again."""

    def middleware(request: HttpRequest) -> HttpResponse:
        reload = request.headers.get("Cache-Control", "") in ("no-cache", "max-age=0")
        _look.set(Look(anew=reload or "fresh" in request.GET))
        return get_response(request)

    return middleware


@receiver(request_finished)
def keep_answers(**_signal: object) -> None:
    """Packing and sealing take as long as drawing some rows: nobody waits for them."""
    look = _look.get()
    _look.set(None)
    for keep in look.to_keep if look else ():
        keep()


def as_of() -> datetime | None:
    """When the API said what this request shows, if that was more than a moment ago."""
    look = _look.get()
    if look is None or look.since is None or datetime.now(UTC) - look.since < A_MOMENT:
        return None
    return look.since


class KeptAnswers:
    """The answers of one account and key, which `scope` tells from all others. Without `reads`
    nothing kept is used: for work that has to know how things are."""

    def __init__(self, scope: str, *, reads: bool) -> None:
        self._scope = sha256(scope.encode()).hexdigest()
        self._reads = reads

    def get[P](self, question: str, ask: Callable[[], Body], read: Callable[[Body], P]) -> P:
        if not self._reads or not settings.VOX_ANSWERS_KEEP_SECONDS:
            return read(ask())
        digest = sha256(f"{self._scope} {question}".encode()).digest()
        place = f"answers:{self._scope[:16]}:{digest[0] % PLACES}"
        request = _look.get()
        look = request or Look(anew=False)
        found = cache.get_many([_GENERATION, place])
        # As it is before asking: an answer that a deletion overtakes is out of date at once.
        generation = found.get(_GENERATION)
        kept = found.get(place)
        if kept and kept[:2] == (generation, digest) and not look.anew:
            body = _opened(kept[3])
            if body is not None:
                look.since = min(filter(None, (look.since, kept[2])))
                return read(body)
        body = ask()
        page = read(body)
        keep = partial(_keep, place, (generation, digest, datetime.now(UTC)), body)
        if request:
            look.to_keep.append(keep)
        else:
            keep()
        return page

    def drop(self) -> None:
        """Of all accounts: a child's recordings are in its parent's answers, too."""
        cache.set(_GENERATION, token_hex(8), 2 * settings.VOX_ANSWERS_KEEP_SECONDS + 60)


def _keep(place: str, facts: tuple[Any, ...], body: Body) -> None:
    sealed = sealer("answers").encrypt(zlib.compress(pickle.dumps(dict(body)), 1))
    if len(sealed) <= LARGEST:
        cache.set(place, (*facts, sealed), settings.VOX_ANSWERS_KEEP_SECONDS)


def _opened(sealed: bytes) -> Body | None:
    """Nobody else can have sealed it; another secret may be in force by now."""
    try:
        body: Body = pickle.loads(zlib.decompress(sealer("answers").decrypt(sealed)))  # noqa: S301
    except InvalidToken:
        return None
    return body
