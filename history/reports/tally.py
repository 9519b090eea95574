"""Counting and adding up a CSV of any length, exactly, in constant memory.

Rows are what a CSV parser calls rows: a line break inside of quotes ends none. Reports come with
every field in quotes, and such rows are taken in whole blocks by one regular expression, which
is four times as fast as the csv module. A block that is anything else goes through the latter.
"""

import csv
import io
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation, localcontext
from operator import itemgetter, ne
from typing import Any

BOM = b"\xef\xbb\xbf"
# A field may be so long before the csv module gives up; audit entries hold whole scenarios.
MAX_FIELD = 64 * 1024 * 1024
# Blocks that do not fit the simplest pattern before it is given up.
MISFITS = 3
# Digits of a sum; thirty million amounts of twenty digits have fewer.
EXACT = 60
# Amounts as they come, each ended by a tab, with less than PLACES decimals.
PLACES = 8
_AMOUNTS = re.compile(r"(?:-?\d{1,20}+\.\d{1,7}+\t\n)*+", re.ASCII)

csv.field_size_limit(MAX_FIELD)


@dataclass
class Tally:
    """Feed it blocks of bytes; after `finish` it knows rows, sums and sessions.

    `sums` maps a column to {value of the `per` column, or '': total}. `unreadable` counts cells
    of summed columns that are no numbers. `header=False` is for files without one.
    """

    sum_columns: Sequence[str] = ()
    per_column: str = ""
    session_column: str = ""
    header: bool = True

    rows: int = 0
    sessions: int = 0
    unreadable: int = 0
    size: int = 0
    columns: list[str] = field(default_factory=list)
    # A last row that is not ended by a line break or inside of open quotes.
    torn: bool = False

    def __post_init__(self) -> None:
        self.sums: dict[str, dict[str, Decimal]] = {}
        self._rest = b""
        self._pattern: re.Pattern[bytes] | None = None
        self._delimiter = ";"
        self._wanted: list[int] = []
        self._summed: list[str] = []
        self._per: int | None = None
        self._session: int | None = None
        self._plain: re.Pattern[bytes] | None = None
        self._group: bytes | None = None
        self._misfits = 0
        self._last_session: bytes | None = None
        self._started = False

    def feed(self, block: bytes) -> None:
        self.size += len(block)
        data: bytes | None = self._rest + block
        if not self._started:
            self._rest = data or b""
            data = self._start(self._rest)
        if data is None:
            return
        cut = data.rfind(b"\n") + 1
        self._rest = data[cut:]
        if cut:
            self._take(data[:cut])

    def finish(self) -> None:
        if not self._started:
            self._rest = self._start(self._rest + b"\n") or b""
        if self._rest.strip():
            # The last line need not end in a line break, unless it ends inside of a field.
            self.torn = self._rest.count(b'"') % 2 == 1
            self._add_rows(self._rest)
        self._rest = b""

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
                column: {per: f"{amount:f}" for per, amount in sums.items()}
                for column, sums in self.sums.items()
            },
        }

    # The header

    def _start(self, data: bytes) -> bytes | None:
        """Reads the first line once it is there whole; what comes after it, else `None`."""
        data = data.removeprefix(BOM)
        end = _end_of_record(data)
        if end is None:
            return None
        self._started, self._rest = True, b""
        first = data[:end]
        self._delimiter = _delimiter(first)
        names = _parse(first, self._delimiter)[0] if first.strip() else []
        self.columns = names if self.header else []
        self._prepare(len(names), quoted=first.startswith(b'"'))
        return data[end:] if self.header else data

    def _prepare(self, width: int, *, quoted: bool) -> None:
        places = {plain_name(name): place for place, name in enumerate(self.columns)}
        self._summed = [name for name in self.sum_columns if name in places]
        self.sums = {name: {} for name in self._summed}
        self._per = places.get(self.per_column)
        self._session = places.get(self.session_column)
        extra = [place for place in (self._per, self._session) if place is not None]
        self._wanted = sorted({places[name] for name in self._summed} | set(extra))
        self._at = {place: index for index, place in enumerate(self._wanted)}
        self._brought = [place for place in self._wanted if place != self._per]
        self._sum_places = [places[name] for name in self._summed]
        self._width = width
        if quoted and width:
            self._pattern = _row_pattern(width, self._wanted, self._delimiter.encode())

    # Rows

    def _take(self, block: bytes) -> None:
        # Each match begins at the start of a line and spans at least one line break, so as many
        # matches as breaks means: nothing skipped, no break inside of a field.
        lines = block.count(b"\n")
        if self._plain is not None:
            found = self._plain.findall(block)
            if len(found) == lines:
                self._add(found, self._group)
                return
            self._misfits += 1
            if self._misfits > MISFITS:
                self._plain = None
        if self._pattern is not None:
            found = self._pattern.findall(block)
            if len(found) == lines:
                self._add(found)
                self._expect_the_same(found)
                return
        self._take_slowly(block)

    def _expect_the_same(self, found: Sequence[Any]) -> None:
        """Most blocks have no quotes inside of fields and one group all through: for such rows
        there is a pattern with less to look for and to bring."""
        if self._plain is not None or self._misfits > MISFITS:
            return
        if self._per is not None:
            index = self._at[self._per]
            self._group = found[0][index] if len(self._wanted) > 1 else found[0]
        self._plain = _plain_pattern(
            self._width, self._brought, self._delimiter.encode(), self._per, self._group
        )

    def _take_slowly(self, block: bytes) -> None:
        """Row by row; what is not a whole row yet is kept for the next block."""
        start = quotes = end = 0
        while (at := block.find(b"\n", start)) >= 0:
            quotes += block.count(b'"', start, at)
            start = at + 1
            if quotes % 2 == 0:
                end = start
        self._rest = block[end:] + self._rest
        self._add_rows(block[:end])

    def _add_rows(self, block: bytes) -> None:
        rows = [row for row in _parse(block, self._delimiter) if row]
        self._add([self._pick(row) for row in rows])

    def _pick(self, row: Sequence[str]) -> tuple[bytes, ...] | bytes:
        picked = tuple(row[i].encode() if i < len(row) else b"" for i in self._wanted)
        return picked[0] if len(picked) == 1 else picked

    def _add(self, found: Sequence[Any], group: bytes | None = None) -> None:
        """Counts rows; `found` are their wanted cells, without the group where it is said."""
        self.rows += len(found)
        wanted = self._wanted if group is None else self._brought
        if not wanted or not found:
            return
        columns: list[Any] = [found]
        if len(wanted) > 1:
            columns = [list(map(itemgetter(i), found)) for i in range(len(wanted))]
        cells = dict(zip(wanted, columns, strict=True))
        groups = cells.get(self._per) if self._per is not None else None
        for column, place in zip(self._summed, self._sum_places, strict=True):
            self._add_up(column, cells[place], groups, group or b"")
        if self._session is not None:
            ids = cells[self._session]
            # Rows of a session stand together, so its changes count the sessions.
            self.sessions += sum(map(ne, ids[1:], ids)) + (ids[0] != self._last_session)
            self._last_session = ids[-1]

    def _add_up(
        self, column: str, cells: Sequence[bytes], groups: Sequence[bytes] | None, group: bytes
    ) -> None:
        """Adds a block's cells to the sums of a column."""
        if groups is None or len(set(groups)) == 1:
            self._add_to(column, groups[0] if groups else group, cells)
            return
        together: dict[bytes, list[bytes]] = {}
        for cell, its in zip(cells, groups, strict=True):
            together.setdefault(its, []).append(cell)
        for its, some in together.items():
            self._add_to(column, its, some)

    def _add_to(self, column: str, group: bytes, cells: Sequence[bytes]) -> None:
        sums, key = self.sums[column], group.decode(errors="replace")
        # One text for the whole block: decoding cell by cell takes longer than adding up.
        text = b"\t\n".join([*cells, b""]).decode(errors="replace").replace(",", ".")
        with localcontext(prec=EXACT):
            added = _total(text)
            if added is None:
                added = self._total_of_mixed(text.split("\t\n"))
            sums[key] = sums.get(key, Decimal(0)) + added

    def _total_of_mixed(self, texts: Sequence[str]) -> Decimal:
        """The sum of whole numbers, amounts with more decimals, and what is no number."""
        broken = [text for text in texts if "." in text]
        added = _total("\t\n".join([*broken, ""]))
        rest = texts if added is None else [text for text in texts if "." not in text]
        try:
            return sum(map(Decimal, filter(None, rest)), added or Decimal(0))
        except InvalidOperation:
            return sum(filter(None, map(self._readable, rest)), added or Decimal(0))

    def _readable(self, text: str) -> Decimal | None:
        try:
            return Decimal(text) if text else None
        except InvalidOperation:
            self.unreadable += 1
            return None


def _total(text: str) -> Decimal | None:
    """The sum of amounts that each end in tab and line break; `None` if one is anything else.

    Tabs after decimals, made spaces and then zeros, give all amounts the same number of decimals.
    So they add up as whole numbers, in a third of the time that Decimals take.
    """
    if not text or not _AMOUNTS.fullmatch(text):
        return None
    # A return begins a line like a line break does: tab stops count from the decimal point.
    scaled = text.replace(".", "\r").expandtabs(PLACES).replace(" ", "0").replace("\r", "")
    return _shortest(Decimal(sum(map(int, scaled[:-1].split("\n")))).scaleb(-PLACES))


def _shortest(amount: Decimal) -> Decimal:
    """Without zeros at the end of its decimals."""
    return amount.normalize() if amount % 1 else amount.quantize(Decimal(1))


def plain_name(column: str) -> str:
    """A column's name without the zone behind it: `performed_at (UTC)` is `performed_at`."""
    return column.partition(" (")[0].strip()


def _row_pattern(width: int, wanted: Sequence[int], delimiter: bytes) -> re.Pattern[bytes]:
    """One row of `width` quoted fields, the wanted ones in groups.

    A doubled quote looks like one field that ends and another that begins. Possessive all
    through: there is one way to read a row, so nothing is tried twice.
    """
    cell, group = rb'"[^"]*+"(?:"[^"]*+")*+', rb'"([^"]*+)"'
    cells = [group if place in wanted else cell for place in range(width)]
    return re.compile(b"(?m)^" + re.escape(delimiter).join(cells) + rb"\r?\n")


def _plain_pattern(
    width: int, brought: Sequence[int], delimiter: bytes, per: int | None, group: bytes | None
) -> re.Pattern[bytes]:
    """One row without quotes inside of its fields, and with that very group."""
    cells = [b'"([^"]*+)"' if place in brought else b'"[^"]*+"' for place in range(width)]
    if per is not None and group is not None:
        cells[per] = b'"' + re.escape(group) + b'"'
    return re.compile(b"(?m)^" + re.escape(delimiter).join(cells) + rb"\r?\n")


def _end_of_record(data: bytes) -> int | None:
    start = quotes = 0
    while (at := data.find(b"\n", start)) >= 0:
        quotes += data.count(b'"', start, at)
        start = at + 1
        if quotes % 2 == 0:
            return start
    return None


def _delimiter(first: bytes) -> str:
    outside = b"".join(first.split(b'"')[::2])
    return max((";", ",", "\t"), key=lambda mark: outside.count(mark.encode()))


def _parse(data: bytes, delimiter: str) -> list[list[str]]:
    text = data.decode("utf-8", errors="replace")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


# As a process

# What fits into the caches of a processor beside what is found in it.
BLOCK = 256 * 1024
TOLD = 0.5  # seconds between two lines about rows


def main() -> None:
    """Counts the CSV on standard input, asked for by `Tally`'s arguments as JSON.

    Says its rows so far now and then, and in the last line all that it found. Needs nothing but
    the standard library, so that it starts at once.
    """
    found, told = Tally(**json.loads(sys.argv[1])), time.monotonic()
    while block := os.read(0, BLOCK):
        found.feed(block)
        if time.monotonic() - told > TOLD:
            told = time.monotonic()
            _say({"rows": found.rows})
    found.finish()
    _say(found.as_json())


def _say(what: dict[str, Any]) -> None:
    line = json.dumps(what).encode() + b"\n"
    while line:
        line = line[os.write(1, line) :]


if __name__ == "__main__":
    main()
