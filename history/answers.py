"""A second look at a closed period: answers of the API, kept for a while in the shared cache.

What a person may see is decided when rows are shown, so an answer is kept for each account and
key, not for each person. What was drawn of it is kept beside it, for the same person, rights and
address (`Drawn`): a thousand rows take ten times as long to draw as to send. Both are sealed, since
they hold telephone numbers. Each account and key has a fixed number of places, so that answers
never fill Redis; without Redis everything is asked for.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from isal import isal_zlib

from history.api.answers import Body
from history.sealing import sealer

# For each account and key: 64 MB of answers and as much of what was drawn at the very most, usually
# far less. A thousand calls take about 200 KB, and 100 KB drawn.
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

    def saw(self, since: datetime) -> None:
        self.since = min(self.since or since, since)


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


@dataclass
class Drawn:
    """The part of a page that shows an answer, as `eyes` (all that drawing depends on beside the
    answer, and whose they are) saw it before. Empty eyes see everything for the first time.

    After the question was asked either `part` is there, or `keep` where the answer is one that
    is kept: it takes the part once it is drawn, if that is `complete`, and lacks nothing that was
    not to be had this time.
    """

    eyes: str
    complete: bool = True
    part: str | None = None
    keep: Callable[[str], None] | None = None

    @contextmanager
    def looked_for(self) -> Iterator[None]:
        """Within, the question of the page is asked, in whatever thread. Raises DrawnBefore."""
        token = _drawn.set(self if self.eyes else None)
        try:
            yield
        finally:
            _drawn.reset(token)


_drawn: ContextVar[Drawn | None] = ContextVar("drawn", default=None)


class DrawnBefore(Exception):
    """Nothing was asked or read: the part of the page that would show it is there already."""


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
        drawn = _drawn.get()
        drawn_digest = sha256(digest + drawn.eyes.encode()).digest() if drawn else b""
        drawn_place = f"drawn:{self._scope[:16]}:{digest[0] % PLACES}"
        found = cache.get_many([_GENERATION, place, *([drawn_place] if drawn else ())])
        # As it is before asking: an answer that a deletion overtakes is out of date at once.
        generation = found.get(_GENERATION)

        def known(where: str, digest: bytes) -> tuple[datetime, Any] | None:
            kept = None if look.anew else found.get(where)
            if not kept or kept[:2] != (generation, digest):
                return None
            thing = _opened(kept[3])
            return None if thing is None else (kept[2], thing)

        def keep(where: str, digest: bytes, since: datetime, thing: object) -> None:
            later = partial(_keep, where, (generation, digest, since), thing)
            if request:
                look.to_keep.append(later)
            else:
                later()

        if drawn and (before := known(drawn_place, drawn_digest)):
            look.saw(before[0])
            drawn.part = before[1]
            raise DrawnBefore
        if kept := known(place, digest):
            since, body = kept
            look.saw(since)
            page = read(body)
        else:
            body = ask()
            page, since = read(body), datetime.now(UTC)
            keep(place, digest, since, dict(body))
        if drawn:
            drawn.keep = partial(keep, drawn_place, drawn_digest, since)
        return page

    def drop(self) -> None:
        """Of all accounts: a child's recordings are in its parent's answers, too."""
        cache.set(_GENERATION, token_hex(8), 2 * settings.VOX_ANSWERS_KEEP_SECONDS + 60)


def _keep(place: str, facts: tuple[str | None, bytes, datetime], thing: object) -> None:
    """Until the answer is as old as answers may get."""
    sealed = sealer("answers").encrypt(isal_zlib.compress(pickle.dumps(thing), 1))
    age = datetime.now(UTC) - facts[2]
    seconds = settings.VOX_ANSWERS_KEEP_SECONDS - int(age.total_seconds())
    if len(sealed) <= LARGEST and seconds > 0:
        cache.set(place, (*facts, sealed), seconds)


def _opened(sealed: bytes) -> Any:
    """What was kept. Nobody else can have sealed it; another secret may be in force by now."""
    try:
        packed = sealer("answers").decrypt(sealed)
    except InvalidToken:
        return None
    return pickle.loads(isal_zlib.decompress(packed))  # noqa: S301
