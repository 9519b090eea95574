"""Counting and adding up a CSV of any length, exactly, in constant memory.

Rows are what a CSV parser calls rows: a line break inside of quotes ends none. Reports come with
every field in quotes, and such rows are taken in whole blocks (quoted.py), in a tenth of the time
that the csv module takes. A block that is anything else goes through the latter.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from history.reports.quoted import Rows

BOM = b"\xef\xbb\xbf"
# A field may be so long before the csv module gives up; audit entries hold whole scenarios.
MAX_FIELD = 64 * 1024 * 1024
# Digits of a sum, more than amounts that are added up a block at a time can have.
EXACT = 100
# Bytes that are looked at together: enough to make a step per block cheap.
BLOCK = 1024 * 1024

csv.field_size_limit(MAX_FIELD)

type Sums = dict[str, dict[str, Decimal]]


@dataclass
class Tally:
    """Feed it pieces of bytes; after `finish` it knows rows, sums and sessions.

    `sums` maps a column to {value of the `per` column, or '': total}. `unreadable` counts cells
    of summed columns that are no numbers. `header=False` is for files without one.
    """

    sum_columns: Sequence[str] = ()
    per_column: str = ""
    session_column: str = ""
    header: bool = True
    block: int = BLOCK

    rows: int = 0
    sessions: int = 0
    unreadable: int = 0
    size: int = 0
    columns: list[str] = field(default_factory=list)
    # A last row that is not ended by a line break or inside of open quotes.
    torn: bool = False

    def __post_init__(self) -> None:
        self.sums: Sums = {}
        self._held: list[bytes] = []
        self._held_size, self._enough = 0, self.block
        self._delimiter, self._line_break = b";", b"\n"
        self._quoted = self._started = False
        self._width = 0
        self._summed: dict[str, int] = {}
        self._per: int | None = None
        self._session: int | None = None
        self._last_session: bytes | None = None

    def feed(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.torn:
            return
        self._held.append(piece)
        self._held_size += len(piece)
        if self._held_size >= self._enough:
            rest = self._take(self._held_back())
            # What is looked at once more has doubled: a row of any length takes its time once.
            self._held, self._held_size = [rest], len(rest)
            self._enough = max(self.block, 2 * len(rest))
            # Such a field is one whose end is missing; nothing behind it can be told apart.
            self.torn = len(rest) > MAX_FIELD

    def finish(self) -> None:
        rest, left = b"", self._held_back()
        if left and not left.endswith(b"\n"):
            # The last line need not end in a line break, unless it ends inside of a field.
            left += b"\n"
        while left != rest and not self.torn:
            rest, left = left, self._take(left)
        if left:
            self.torn = True
            self.rows += 1

    def as_json(self) -> dict[str, Any]:
        """What was found, as JSON can hold it; amounts as text."""
        return {
            "csv_size": self.size,
            "rows": self.rows,
            "sessions": self.sessions,
            "torn": self.torn,
            "unreadable": self.unreadable,
            "columns": self.columns,
            "sums": {
                column: {per: f"{_shortest(amount):f}" for per, amount in sums.items()}
                for column, sums in self.sums.items()
            },
        }

    def _held_back(self) -> bytes:
        data = b"".join(self._held)
        self._held, self._held_size = [], 0
        return data

    # The header

    def _start(self, data: bytes) -> bytes | None:
        """Reads the first line once it is there whole; what comes after it, else `None`."""
        data = data.removeprefix(BOM)
        end = _end_of_record(data)
        if end is None:
            return None
        self._started = True
        first = data[:end]
        self._delimiter = _delimiter(first)
        self._line_break = b"\r\n" if first.endswith(b"\r\n") else b"\n"
        names = next(iter(self._parse(first)), [])
        self.columns = names if self.header else []
        self._width, self._quoted = len(names), first.startswith(b'"')
        places = {plain_name(name): place for place, name in enumerate(self.columns)}
        self._summed = {name: places[name] for name in self.sum_columns if name in places}
        self.sums = {name: {} for name in self._summed}
        self._per = places.get(self.per_column)
        self._session = places.get(self.session_column)
        return data[end:] if self.header else data

    # Rows

    def _take(self, data: bytes) -> bytes:
        """Counts the whole rows of `data`; what is left of it."""
        if not self._started:
            rest = self._start(data)
            if rest is None:
                return data
            data = rest
        if self._quoted:
            # Imported here: it is heavy, and of all processes only those that count need it.
            from history.reports import quoted

            with suppress(quoted.Unlike):
                rows = quoted.read(data, self._width, self._delimiter, self._line_break)
                self._add(rows)
                return data[rows.size :]
        end = _end_of_records(data)
        self._add_slowly(data[:end])
        return data[end:]

    def _add(self, rows: "Rows") -> None:
        """Adds rows, all of them or, with Unlike, none."""
        from history.reports import quoted

        groups = None if self._per is None or not self._summed else rows.cells(self._per)
        with localcontext(prec=EXACT):
            found = [
                (column, *total)
                for column, place in self._summed.items()
                for total in quoted.totals(rows.cells(place), groups)
            ]
            ids = None if self._session is None else rows.cells(self._session)
            for column, group, total in found:
                self._add_to(column, group.decode(errors="replace"), total)
        self.rows += len(rows)
        if ids is not None:
            # Rows of a session stand together, so its changes count the sessions.
            self.sessions += quoted.changes(ids)
            self._change_session(quoted.text_of(ids, 0), quoted.text_of(ids, -1))

    def _add_slowly(self, data: bytes) -> None:
        with localcontext(prec=EXACT):
            for row in filter(None, self._parse(data)):
                self.rows += 1
                for column, place in self._summed.items():
                    amount = self._amount(_cell(row, place))
                    self._add_to(column, _cell(row, self._per), amount)
                if self._session is not None:
                    session = _cell(row, self._session).encode()
                    self._change_session(session, session)

    def _add_to(self, column: str, group: str, amount: Decimal) -> None:
        sums = self.sums[column]
        sums[group] = sums.get(group, Decimal(0)) + amount

    def _amount(self, cell: str) -> Decimal:
        """What a cell adds: nothing if it is empty or, which is counted, no number."""
        try:
            amount = Decimal(cell.replace(",", ".") or 0)
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount.is_finite():
            return amount
        self.unreadable += 1
        return Decimal(0)

    def _change_session(self, first: bytes, last: bytes) -> None:
        self.sessions += first != self._last_session
        self._last_session = last

    def _parse(self, data: bytes) -> Iterator[list[str]]:
        text = io.StringIO(data.decode("utf-8", errors="replace"), newline="")
        return csv.reader(text, delimiter=self._delimiter.decode())


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place] if place is not None and place < len(row) else ""


def _shortest(amount: Decimal) -> Decimal:
    """Without zeros at the end of its decimals."""
    with localcontext(prec=EXACT):
        return amount.normalize() if amount % 1 else amount.quantize(Decimal(1))


def plain_name(column: str) -> str:
    """A column's name without the zone behind it: `performed_at (UTC)` is `performed_at`."""
    return column.partition(" (")[0].strip()


def _line_ends(data: bytes) -> Iterator[int]:
    """Where lines end outside of quotes: just behind each line break that ends a row."""
    start = quotes = 0
    while (at := data.find(b"\n", start)) >= 0:
        quotes += data.count(b'"', start, at)
        start = at + 1
        if quotes % 2 == 0:
            yield start


def _end_of_record(data: bytes) -> int | None:
    return next(_line_ends(data), None)


def _end_of_records(data: bytes) -> int:
    return max(_line_ends(data), default=0)


def _delimiter(first: bytes) -> bytes:
    outside = b"".join(first.split(b'"')[::2])
    return max((b";", b",", b"\t"), key=outside.count)
