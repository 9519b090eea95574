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
    if look:
        _carry_out(look)


def _carry_out(look: Look) -> None:
    for keep in look.to_keep:
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


@dataclass(frozen=True)
class _Place:
    """Where something is kept, and what must be there for it to be that."""

    name: str
    digest: bytes


class _Shelf:
    """What is kept at some places, as it is before the question is asked: an answer that a deletion
    overtakes is out of date at once."""

    def __init__(self, look: Look, *places: _Place) -> None:
        self._look = look
        self._found = cache.get_many([_GENERATION, *(place.name for place in places)])
        self._generation = self._found.get(_GENERATION)

    def get(self, place: _Place) -> Any:
        """None for nothing, or nothing that this look may use."""
        kept = None if self._look.anew else self._found.get(place.name)
        return kept[3] if kept and kept[:2] == (self._generation, place.digest) else None

    def since(self, place: _Place) -> datetime:
        """Of what `get` found: when the API said it."""
        moment: datetime = self._found[place.name][2]
        return moment

    def keep(self, place: _Place, since: datetime, thing: object) -> None:
        facts = (self._generation, place.digest, since)
        self._look.to_keep.append(partial(_keep, place.name, facts, thing))


class KeptAnswers:
    """The answers of one account and key, which `scope` tells from all others. Without `reads`
    nothing kept is used: for work that has to know how things are."""

    def __init__(self, scope: str, *, reads: bool) -> None:
        self._scope = sha256(scope.encode()).hexdigest()
        self._reads = reads

    def get[P](self, question: str, ask: Callable[[], Body], read: Callable[[Body], P]) -> P:
        if not self._reads or not settings.VOX_ANSWERS_KEEP_SECONDS:
            return read(ask())
        request = _look.get()
        look = request or Look(anew=False)
        page = self._get(look, question, ask, read)
        if request is None:
            _carry_out(look)
        return page

    def _get[P](
        self, look: Look, question: str, ask: Callable[[], Body], read: Callable[[Body], P]
    ) -> P:
        drawn = _drawn.get()
        answer = self._place("answers", question)
        part = self._place("drawn", f"{question} {drawn.eyes if drawn else ''}")
        shelf = _Shelf(look, answer, *([part] if drawn else ()))
        if drawn and (before := _opened(shelf.get(part))) is not None:
            look.saw(shelf.since(part))
            drawn.part = before
            raise DrawnBefore
        body = _opened(shelf.get(answer))
        if body is not None:
            since = shelf.since(answer)
            look.saw(since)
            page = read(body)
        else:
            body = ask()
            page, since = read(body), datetime.now(UTC)
            shelf.keep(answer, since, dict(body))
        if drawn:
            drawn.keep = partial(shelf.keep, part, since)
        return page

    def _place(self, kind: str, what: str) -> _Place:
        digest = sha256(f"{self._scope} {what}".encode()).digest()
        return _Place(f"{kind}:{self._scope[:16]}:{digest[0] % PLACES}", digest)

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


def _opened(sealed: bytes | None) -> Any:
    """What was kept. Nobody else can have sealed it; another secret may be in force by now."""
    if sealed is None:
        return None
    try:
        packed = sealer("answers").decrypt(sealed)
    except InvalidToken:
        return None
    return pickle.loads(isal_zlib.decompress(packed))  # noqa: S301
