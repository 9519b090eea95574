"""Telephone numbers masked for those whose roles may not see them whole; revealed for a while.

What the API answers is masked before any page gets to see it (the client passes it through
`current`), so that no template, title, link or search can forget to. What comes from our own tables
is masked where it is shown, and files where they are delivered: `hidden` and `hidden_rows`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone

from history.api.replies import CallSessionInfoType
from history.models import accounts
from history.numbers import masked, masked_text
from history.permissions import Right, may
from history.reports.tally import plain_name

NUMBERS = frozenset({"remote_number", "local_number", "diversion_number"})
# Columns of reports that hold numbers, by the platform's names.
COLUMNS = frozenset(
    {"phone_number", "number", *NUMBERS, *(f"call_{name}" for name in NUMBERS)}
    | {"caller", "callee", "caller_id", "from", "to"}
)
# Ends of names whose values are opened or looked up, and never read.
WHOLE = ("_url", "_id", "_ids")
LEAST_REASON = 10  # letters
# That a person may search for at once: whoever could ask for thousands would guess what is hidden.
MOST_NUMBERS = 5
_KEY = "revealed"  # of the browser's session: by account and ID of the call session, until when


@dataclass(frozen=True)
class Mask:
    """What changes an answer of the API for somebody; calls that are `revealed` stay whole."""

    revealed: frozenset[int] = frozenset()

    def __call__(self, row: Any) -> Any:
        known: Sequence[str] = ()
        if isinstance(row, CallSessionInfoType):
            if row.call_session_history_id in self.revealed:
                return row
            known = numbers_of(row)
        return _hidden("", row, known)


def numbers_of(session: CallSessionInfoType) -> list[str]:
    """All telephone numbers of a session's calls, as the platform stores them."""
    found = (getattr(call, name) for call in session.calls for name in NUMBERS)
    return sorted({number for number in found if number})


def _hidden(name: str, value: Any, known: Sequence[str]) -> Any:
    if value is None or name.endswith(WHOLE):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        parts = {item.name: getattr(value, item.name) for item in fields(value)}
        return replace(value, **{part: _hidden(part, parts[part], known) for part in parts})
    if isinstance(value, Mapping):
        return {part: _hidden(str(part), inner, known) for part, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_hidden(name, part, known) for part in value)
    if isinstance(value, str):
        return masked(value) if name in NUMBERS else masked_text(value, known)
    if name in NUMBERS and isinstance(value, int):
        return masked(str(value))
    return value


# Who asks now

_asking: ContextVar[HttpRequest | None] = ContextVar("asking", default=None)


def masking(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: remembers for whom answers of the API are."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with _asked_by(request):
            return get_response(request)

    return middleware


@contextmanager
def _asked_by(request: HttpRequest | None) -> Iterator[None]:
    token = _asking.set(request)
    try:
        yield
    finally:
        _asking.reset(token)


def lifted() -> AbstractContextManager[None]:
    """`with lifted():` for what is kept or asked for, not shown, as a number on legal hold is."""
    return _asked_by(None)


def current() -> Mask | None:
    """The mask through which the person of this request sees; None for who sees whole numbers,
    and outside of requests.

    The client asks it in the thread that asks the API: threads of one's own must carry the context
    on.
    """
    request = _asking.get()
    if request is None:
        return None
    # A view of scripts finds out who asks only after the middleware.
    who = (request.user.pk, accounts.slug())
    known, mask = getattr(request, "_mask", (None, None))
    if known != who:
        mask = _mask_of(request)
        request._mask = (who, mask)  # type: ignore[attr-defined]
    return mask


def _mask_of(request: HttpRequest) -> Mask | None:
    if not request.user.is_authenticated or may(request.user, Right.FULL_NUMBERS):
        return None
    return Mask(frozenset(_revealed(request.session)))


def hidden(text: str) -> str:
    """Text of ours as the person of this request may read it."""
    return masked_text(text) if current() else text


def hidden_in(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Named values of ours, such as what a report was asked with, as the person may read them."""
    return {name: _hidden(name, value, ()) for name, value in said.items()} if current() else said


def is_secret(query: str) -> bool:
    """Whether the query, of somebody else, names numbers that the person may not see."""
    return current() is not None and not NUMBERS.isdisjoint(QueryDict(query))


def hidden_number(number: str) -> str:
    """A number of ours, such as one that is on legal hold, as the person may read it."""
    return masked(number) if current() else number


# Revealing


def reveal(session: SessionBase, session_id: int) -> datetime:
    """Shows the numbers of a call to this browser for a while; until when."""
    until = timezone.now() + timedelta(minutes=settings.REVEAL_MINUTES)
    kept: dict[str, dict[str, float]] = session.get(_KEY, {})
    here = {str(known): moment for known, moment in _revealed(session).items()}
    session[_KEY] = kept | {accounts.slug(): here | {str(session_id): until.timestamp()}}
    return until


def revealed_until(session: SessionBase, session_id: int) -> datetime | None:
    moment = _revealed(session).get(session_id)
    return datetime.fromtimestamp(moment, timezone.get_current_timezone()) if moment else None


def _revealed(session: SessionBase) -> dict[int, float]:
    now = timezone.now().timestamp()
    kept: dict[str, float] = session.get(_KEY, {}).get(accounts.slug(), {})
    return {int(known): until for known, until in kept.items() if until > now}


# Files


def hidden_rows(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """Rows of a report, its head first, with every number in them masked."""
    rows = iter(rows)
    head = next(rows, [])
    yield head
    plain = [plain_name(name) for name in head]
    numbers = {place for place, name in enumerate(plain) if name in COLUMNS}
    whole = {place for place, name in enumerate(plain) if name.endswith(WHOLE)}
    for row in rows:
        yield [
            masked(cell).removeprefix("+")  # a spreadsheet would take it for a sum
            if place in numbers
            else cell
            if place in whole or len(cell) < 7
            else masked_text(cell)
            for place, cell in enumerate(row)
        ]
