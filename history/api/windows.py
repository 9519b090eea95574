"""Any number of rows, although a question reaches only the first 11 000 of its answer.

A list is walked by moving the start of the period along: the next page begins in the second in
which the last one ended, without the rows of that second that are known already. So offsets stay
small, nothing is counted, rows that appear or vanish meanwhile shift nothing, and only a single
second with more rows than can be reached stops the walk.

To walk over several connections at once, or in steps that can be stored, the period is planned
first: the row just beyond reach tells where the next window begins, and the totals that come
along with it tell how many rows each window holds.

All of it happens in Etc/GMT, where no hour is missing and none comes twice.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain, islice, pairwise
from typing import Any, Self

from history.api import wire
from history.api.errors import TooManyRows, Unreachable
from history.api.methods import (
    MAX_COUNT,
    MAX_OFFSET,
    GetACDHistory,
    GetAuditLog,
    GetCallHistory,
    GetTransactionHistory,
    parameters,
)
from history.api.replies import Page

A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far one question sees: rows it returns, and rows it can skip before them."""

    page: int = MAX_COUNT
    offset: int = MAX_OFFSET

    @property
    def rows(self) -> int:
        return self.page + self.offset


DOCUMENTED = Reach()


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Part of a period and the rows it holds: aware moments in UTC, both inclusive."""

    from_date: datetime
    to_date: datetime
    count: int = 0

    @property
    def empty(self) -> bool:
        return self.from_date > self.to_date

    def dump(self) -> list[Any]:
        """Something JSON can hold; `load` makes the window of it again."""
        return [self.from_date.isoformat(), self.to_date.isoformat(), self.count]

    @classmethod
    def load(cls, dumped: Sequence[Any]) -> Self:
        start, end, count = dumped
        return cls(
            from_date=datetime.fromisoformat(start),
            to_date=datetime.fromisoformat(end),
            count=count,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Windows in the order of the walk; together they hold every row once."""

    windows: tuple[Window, ...]

    @property
    def total_count(self) -> int:
        return sum(window.count for window in self.windows)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """A page of a planned window. All but the first begin with the row the last one ended with."""

    window: Window
    offset: int
    last: bool


@dataclass(frozen=True, kw_only=True)
class Walk[M: (GetCallHistory, GetTransactionHistory, GetACDHistory, GetAuditLog), R]:
    """All rows of a question in its order.

    `ask` takes params whose dates are in UTC, and returns what reads the answer; `timezone` is
    the zone of the dates in `params`, not 'auto'. `moment` is the date of a row that the API
    filters and sorts by, `key` its id. `splits` is false where rows do not show the date they are
    filtered by.
    """

    ask: Callable[[M], Callable[[], Page[R]]]
    params: M
    timezone: str
    moment: Callable[[R], datetime]
    key: Callable[[R], int]
    reach: Reach = DOCUMENTED
    splits: bool = True

    @cached_property
    def period(self) -> Window:
        """The period of the params, as moments."""
        zone = wire.zone(self.timezone)
        return Window(
            from_date=wire.instant(self.params.from_date, zone),
            to_date=wire.instant(self.params.to_date, zone, last=True),
        )

    def rows(self, *, parallel: int = 1) -> Iterator[R]:
        """Every row once; `count` and `offset` of the params are those of the whole.

        Raises TooManyRows, besides what asking raises.
        """
        skip, count = self.params.offset, self.params.count
        if parallel > 1 and self.splits:
            return islice(
                self._rows_in_parallel(parallel), skip, None if count is None else skip + count
            )
        return islice(self._rows_after(skip, count), count)

    def window_rows(self, window: Window) -> Iterator[R]:
        """Every row of one window."""
        return self._rows_from(window)

    # In turn

    def _rows_after(self, skip: int, count: int | None) -> Iterator[R]:
        """The rows after the first `skip`, of which whole windows are passed over unseen."""
        window = self.period
        if skip > self.reach.offset:
            for window in self.windows():
                if skip < window.count:
                    break
                skip -= window.count
            else:
                return
            window = self._rest(self.period, self._start(window))
        offset = min(skip, self.reach.offset)
        size = self.reach.page if count is None else min(self.reach.page, skip - offset + count)
        yield from islice(self._rows_from(window, offset, size), skip - offset, None)

    def _rows_from(
        self,
        window: Window,
        offset: int = 0,
        size: int = 0,
        known: frozenset[int] = frozenset(),
    ) -> Iterator[R]:
        """The rows of `window` after the first `offset`, but not the `known` ones; the first
        page of `size` rows may be all that is wanted."""
        size = size or self.reach.page
        while True:
            page = self._page(window, offset, size)
            rows = page.result
            yield from [row for row in rows if self.key(row) not in known]
            # Less than asked for is the end, unless the API has a lower limit and says so.
            if not rows or (len(rows) < size and (page.total_count or 0) <= offset + len(rows)):
                return
            size, edge = self.reach.page, self._moment(rows[-1])
            if self.splits and self._moment(rows[0]) != edge:
                window, offset, known = self._rest(window, edge), 0, self._keys_at(edge, rows)
            else:
                window, offset, known = self._closer(window, offset + len(rows), rows, known)

    def _closer(
        self, window: Window, offset: int, rows: Sequence[R], known: frozenset[int]
    ) -> tuple[Window, int, frozenset[int]]:
        """The place after `rows`, all of one second, said with an offset in reach."""
        if offset <= self.reach.offset:
            return window, offset, known
        edge, passed = self._moment(rows[-1]), 0
        second, rest, beyond = window, window, self._beyond(window, self._end(window))
        if self.splits:
            second = replace(window, from_date=edge, to_date=edge)
            passed = self._total(self._passed(window, edge))
            rest, beyond = self._rest(window, edge), self._beyond(window, edge)
        inside = offset - passed
        if inside < self.reach.rows:
            return rest, min(inside, self.reach.offset), known | {self.key(row) for row in rows}
        if self._total(second) > inside:
            raise self._too_many(second)
        return beyond, 0, frozenset()

    # Planned

    def plan(self, rows: int | None = None) -> Plan:
        """The windows of the whole period, each with at most `rows` rows, by default as many as
        one question can reach; more where a single second has them. One request a window."""
        return Plan(windows=tuple(self.windows(rows)))

    def windows(self, rows: int | None = None) -> Iterator[Window]:
        """The windows of `plan`, each as soon as it is known."""
        limit = min(rows or self.reach.offset, self.reach.offset)
        nothing = (self.period, 0)
        for (window, left), (_, later) in pairwise(chain(self._bounds(limit), [nothing])):
            # Rows that arrived meanwhile can make the later number the larger one.
            yield self._reachable(replace(window, count=max(left - later, 0)))

    def _bounds(self, limit: int) -> Iterator[tuple[Window, int]]:
        """Windows of at most `limit` rows, or of a second that has more, each with the number of
        rows in it and in all windows after it."""
        rest = self.period
        while True:
            beyond = self._page(rest, limit if self.splits else 0, 1, with_total_count=True)
            left = self._total_of(beyond)
            if not self.splits or not beyond.result:
                if not rest.empty:
                    yield rest, left
                return
            edge = self._moment(beyond.result[0])
            head = self._passed(rest, edge)
            if head.empty:
                yield replace(rest, from_date=edge, to_date=edge), left
                rest = self._beyond(rest, edge)
            else:
                yield head, left
                rest = self._rest(rest, edge)

    def _reachable(self, window: Window) -> Window:
        if window.count > self.reach.rows:
            raise self._too_many(window)
        return window

    # At once

    def _rows_in_parallel(self, parallel: int) -> Iterator[R]:
        left: Window | None = None
        edge, known, fence = self.period.from_date, frozenset[int](), 0
        # The connections are for asking: what they brought is read here.
        for step, read in _ahead(self._steps(), self._asked, parallel):
            if step.window is left:
                continue
            rows = self._checked(step.window, read()).result
            moved = bool(step.offset) and (not rows or self.key(rows[0]) != fence)
            if not moved and rows:
                yield from rows[1:] if step.offset else rows
                passed, edge, fence = edge, self._moment(rows[-1]), self.key(rows[-1])
                at_edge = self._keys_at(edge, rows)
                known = known | at_edge if passed == edge else at_edge
            # Rows came or went since the window was planned: pages further on do not fit any
            # more, so the rest of this window is walked in turn.
            if moved or (step.last and len(rows) == self.reach.page):
                left = step.window
                yield from self._rows_from(self._rest(left, edge), known=known)

    def _steps(self) -> Iterator[_Step]:
        stride = max(self.reach.page - 1, 1)  # one row of each page is seen twice
        # Whole pages, the last of them one row short: a full one says that more has come.
        limit = self.reach.offset // stride * stride or self.reach.offset
        for window, left in self._bounds(limit):
            # How many rows a window holds would be known only with the next one; its pages are
            # asked for at once. They are too many where its end falls into a crowded second.
            most = self.reach.rows if window.from_date == window.to_date else limit
            end = min(max(min(left, most) - 1, 1), self.reach.offset + 1)
            offsets = range(0, end, stride)
            for offset in offsets:
                yield _Step(window=window, offset=offset, last=offset == offsets[-1])

    # Asking

    def _page(
        self, window: Window, offset: int, count: int, *, with_total_count: bool = False
    ) -> Page[R]:
        if window.empty:
            return Page(result=(), count=0, timezone=self.timezone, total_count=0)
        read = self.ask(self._question(window, offset, count, with_total_count=with_total_count))
        return self._checked(window, read())

    def _asked(self, step: _Step) -> Callable[[], Page[R]]:
        return self.ask(self._question(step.window, step.offset, self.reach.page))

    def _question(
        self, window: Window, offset: int, count: int, *, with_total_count: bool = False
    ) -> M:
        known = parameters(type(self.params))
        # Where no limit is documented there may be one all the same, which the total reveals.
        with_total_count = with_total_count or known["count"].param.maximum is None
        changes: dict[str, Any] = {
            "from_date": window.from_date.replace(tzinfo=None),
            "to_date": window.to_date.replace(tzinfo=None),
            "timezone": "Etc/GMT",
            "count": count,
            "offset": offset,
            "with_total_count": with_total_count,
        }
        return replace(self.params, **{name: changes[name] for name in changes if name in known})

    def _checked(self, window: Window, page: Page[R]) -> Page[R]:
        """Without it an API that forgets the period or the order would be asked forever."""
        if page.result and self.splits:
            moments = [self._moment(row) for row in page.result]
            if self.params.desc_order:
                moments.reverse()
            inside = window.from_date <= moments[0] and moments[-1] <= window.to_date
            if not inside or any(later < moment for moment, later in pairwise(moments)):
                reason = "the rows are not those of the period, in the order asked for"
                raise Unreachable(self.params.name, reason, retryable=False)
        return page

    def _total(self, window: Window) -> int:
        return self._total_of(self._page(window, 0, 1, with_total_count=True))

    def _total_of(self, page: Page[R]) -> int:
        if page.total_count is None:
            reason = "the answer has no total_count, although it was asked for"
            raise Unreachable(self.params.name, reason, retryable=False)
        return page.total_count

    def _too_many(self, window: Window) -> TooManyRows:
        when = f"{window.from_date:%Y-%m-%d %H:%M:%S} UTC"
        where = f"at {when}" if self.splits else "in this period by accounting date"
        return TooManyRows(self.params.name, f"more than {self.reach.rows} rows {where}")

    # Places in the order of the walk

    def _moment(self, row: R) -> datetime:
        # In UTC: within a zone, Python takes the two 02:30 of an autumn night for one.
        return self.moment(row).astimezone(UTC)

    def _start(self, window: Window) -> datetime:
        return window.to_date if self.params.desc_order else window.from_date

    def _end(self, window: Window) -> datetime:
        return window.from_date if self.params.desc_order else window.to_date

    def _rest(self, window: Window, edge: datetime) -> Window:
        """What is still ahead, the second of `edge` included."""
        if self.params.desc_order:
            return replace(window, to_date=edge)
        return replace(window, from_date=edge)

    def _beyond(self, window: Window, edge: datetime) -> Window:
        """What is still ahead, without the second of `edge`."""
        return self._rest(window, edge - A_SECOND if self.params.desc_order else edge + A_SECOND)

    def _passed(self, window: Window, edge: datetime) -> Window:
        """What lies behind the second of `edge`."""
        if self.params.desc_order:
            return replace(window, from_date=edge + A_SECOND)
        return replace(window, to_date=edge - A_SECOND)

    def _keys_at(self, edge: datetime, rows: Iterable[R]) -> frozenset[int]:
        return frozenset(self.key(row) for row in rows if self._moment(row) == edge)


def _ahead[S, T](
    steps: Iterable[S], fetch: Callable[[S], T], parallel: int
) -> Iterator[tuple[S, T]]:
    """Each step with what `fetch` makes of it, in order, with a few fetched in advance."""
    pending: deque[tuple[S, Future[T]]] = deque()
    with ThreadPoolExecutor(parallel, thread_name_prefix="walk") as pool:
        try:
            for step in steps:
                pending.append((step, pool.submit(fetch, step)))
                if len(pending) == 2 * parallel:
                    yield _result(pending)
            while pending:
                yield _result(pending)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _result[S, T](pending: deque[tuple[S, Future[T]]]) -> tuple[S, T]:
    step, future = pending.popleft()
    return step, future.result()
