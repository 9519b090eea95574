"""What each day, week or month comes to, for charts: counts, and sums of what rows say.

The API counts cheaply and sums nothing, so sums are read from the rows, within limits that the
charts tell. What is over is asked for once and then remembered.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import batched

from django.core.cache import cache

from history.api import wire
from history.api.methods import MAX_COUNT, Method
from history.connection import connect
from history.models import accounts
from history.periods import DAY, SECOND, Period

AT_ONCE = 4  # requests side by side: gentle with the API, and a fortnight in four rounds
REMEMBERED = 7 * 24 * 3600
STILL_GROWING = 60

MOST_BARS = 31
FEWEST_BARS = 7  # a shorter period is shown among the days around it
AROUND = 14
MOST_ROWS = 2 * MAX_COUNT  # that are read for the sum of one bar
MOST_IN_ALL = 8 * MAX_COUNT  # and for one answer; the next goes on from there

type Amounts = Mapping[str, Decimal]


@dataclass(frozen=True, kw_only=True)
class Span:
    """The whole days, both inclusive, that one bar stands for."""

    first: date
    last: date

    def period(self, zone: str) -> Period:
        here = wire.zone(zone)
        after = datetime.combine(self.last + DAY, time.min, here)
        end = (after.astimezone(wire.zone("UTC")) - SECOND).astimezone(here)
        return Period(start=datetime.combine(self.first, time.min, here), end=end, zone=zone)


def last_days(days: int, zone: str, now: datetime) -> list[Span]:
    """The last `days` days of a zone, today among them, oldest first."""
    today = now.astimezone(wire.zone(zone)).date()
    return _each_day(today - (days - 1) * DAY, today)


def spans_of(period: Period, now: datetime) -> list[Span]:
    """The bars of a period, oldest first: its days; of a long one its weeks or months; of a short
    one the days around it too. None lies in the future.
    """
    today = now.astimezone(wire.zone(period.zone)).date()
    first, last = period.start.date(), min(period.end.date(), today)
    days = (last - first).days + 1
    if days < 1:
        return []
    if days < FEWEST_BARS:
        end = min(last + timedelta(days=(AROUND - days) // 2), today)
        return _each_day(end - (AROUND - 1) * DAY, end)
    if days <= MOST_BARS:
        return _each_day(first, last)
    return _cut(first, last, _monday_after if days <= 7 * MOST_BARS else _month_after)


def _each_day(first: date, last: date) -> list[Span]:
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [Span(first=day, last=day) for day in days]


def _cut(first: date, last: date, following: Callable[[date], date]) -> list[Span]:
    spans = []
    while first <= last:
        after = following(first)
        spans.append(Span(first=first, last=min(after - DAY, last)))
        first = after
    return spans


def _monday_after(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def counts[M: Method](
    count: Callable[[M], int], params: M, spans: Sequence[Span], zone: str, now: datetime
) -> dict[Span, int]:
    """How many rows `params` finds in each span. Raises RemoteError, as `count` does."""

    def ask(span: Span) -> int:
        return count(replace(params, **span.period(zone).asked()))  # type: ignore[type-var]

    return _known_or_asked(f"count:{_digest(params)}", spans, zone, now, ask)


def sums[M: Method, R](
    rows: Callable[[M], Sequence[R]],
    params: M,
    amounts: Callable[[Sequence[R]], Amounts],
    spans: Sequence[Span],
    zone: str,
    now: datetime,
    *,
    name: str,
) -> dict[Span, Amounts | None]:
    """What `amounts` makes of all rows of each span, by currency.

    A span of more than MOST_ROWS rows has `None`; one that is missing was not reached before
    MOST_IN_ALL rows were read. Raises RemoteError, as `rows` does.
    """
    read: list[int] = []

    def ask(span: Span) -> Amounts | None:
        found: list[R] = []
        for offset in range(0, MOST_ROWS, MAX_COUNT):
            place = {**span.period(zone).asked(), "count": MAX_COUNT, "offset": offset}
            page = rows(replace(params, **place))  # type: ignore[type-var]
            read.append(len(page))
            found += page
            if len(page) < MAX_COUNT:
                return amounts(found)
        return None

    def enough() -> bool:
        return sum(read) >= MOST_IN_ALL

    return _known_or_asked(f"{name}:{_digest(params)}", spans, zone, now, ask, enough)


def _known_or_asked[V](
    key: str,
    spans: Collection[Span],
    zone: str,
    now: datetime,
    ask: Callable[[Span], V],
    enough: Callable[[], bool] = lambda: False,
) -> dict[Span, V]:
    """The value of each span, those of the newest asked for first."""
    today = now.astimezone(wire.zone(zone)).date()
    start = f"{accounts.slug()}:{connect().account_id}:{key}:{zone}"
    keys = {span: f"{start}:{span.first}:{span.last}" for span in spans}
    kept = cache.get_many(keys.values())
    found = {span: kept[name] for span, name in keys.items() if name in kept}
    missing = [span for span in reversed(list(spans)) if span not in found]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for batch in batched(missing, AT_ONCE):
            if enough():
                break
            # Who asks, and for which account, is known to the thread of the request alone.
            asking = [copy_context() for _span in batch]
            answers = pool.map(lambda one, span: one.run(ask, span), asking, batch)
            for span, value in zip(batch, answers, strict=True):
                # The day after may still bring rows of this one into the history.
                closed = span.last < today - DAY
                cache.set(keys[span], value, REMEMBERED if closed else STILL_GROWING)
                found[span] = value
    return found


def _digest(params: Method) -> str:
    """A name for a question whatever period it asks about."""
    anywhen = {"from_date": datetime.min, "to_date": datetime.min, "timezone": ""}  # noqa: DTZ901
    return sha256(repr(replace(params, **anywhen)).encode()).hexdigest()[:24]  # type: ignore[type-var]
