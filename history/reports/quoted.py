"""Rows whose fields all stand in quotes, a block at a time, as arrays of bytes.

The places of the quotes tell everything: every second one ends a field, a delimiter or a line break
follows it, and what stands between two pairs that touch is a quote of the text. All of it is
checked; what differs in one byte raises Unlike, and is for the csv module to read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

type Bytes = NDArray[np.uint8]
type Places = NDArray[np.intp]
type Flags = NDArray[np.bool]

QUOTE, MINUS, POINT, COMMA, ZERO = b'"-.,0'
# Stands where a cell has no byte; no UTF-8 text has it.
NOTHING = 0xFF
# Of a cell that is compared or added up. So many bytes stand before a block, for cells are taken
# from their end.
LONGEST = 64
MARGIN = bytes([NOTHING]) * LONGEST

# To let go of something large teaches malloc (glibc's) to keep what a block takes for the next one.
# Else each array comes as fresh pages from the kernel, and half of the time goes there.
bytes(16 * 1024 * 1024)


class Unlike(ValueError):
    """A block that is not of this form."""


@dataclass(frozen=True)
class Rows:
    """The whole rows at the beginning of a block: where each field's text begins and ends, as
    arrays of a row for each row and a column for each field."""

    text: Bytes
    begins: Places
    ends: Places
    # How many bytes of the block they take.
    size: int

    def __len__(self) -> int:
        return len(self.begins)

    def cells(self, place: int) -> Bytes:
        """A column: an array with a column for each row, its cell at the bottom."""
        ends = self.ends[:, place]
        lengths = ends - self.begins[:, place]
        longest = int(lengths.max())
        if longest > LONGEST:
            raise Unlike
        from_end = np.arange(longest, 0, -1)[:, None]
        cells: Bytes = self.text[ends - from_end]
        cells[from_end > lengths] = NOTHING
        return cells


def read(block: bytes, width: int, delimiter: bytes, line_break: bytes) -> Rows:
    """The whole rows of `width` fields at the beginning of a block, which begins with one."""
    if MARGIN[:1] in block:
        raise Unlike
    text = np.frombuffer(MARGIN + block, np.uint8)
    quotes = _around_fields(np.flatnonzero(text == QUOTE))
    rows = len(quotes) // (2 * width)
    # The last one may lack its line break.
    if rows and quotes[2 * width * rows - 1] + len(line_break) >= len(text):
        rows -= 1
    if not rows:
        raise Unlike
    opening, closing = quotes[: 2 * width * rows : 2], quotes[1 : 2 * width * rows : 2]
    # From the end of a field to the beginning of the next.
    gaps = np.tile([2] * (width - 1) + [1 + len(line_break)], rows)
    last = closing[width - 1 :: width]
    fits = (
        opening[0] == LONGEST
        and (opening[1:] - closing[:-1] == gaps[:-1]).all()
        and text[closing + 1].tobytes() == (delimiter * (width - 1) + line_break[:1]) * rows
        and (text[last + len(line_break)] == line_break[-1]).all()
    )
    if not fits:
        raise Unlike
    shape = rows, width
    size = int(last[-1]) + 1 + len(line_break) - LONGEST
    return Rows(text, (opening + 1).reshape(shape), closing.reshape(shape), size)


def _around_fields(quotes: Places) -> Places:
    """Without those of doubled quotes, which look as if a field ended and another began."""
    opening = quotes[2::2]
    doubled = opening == quotes[1:-1:2] + 1
    if not doubled.any():
        return quotes
    kept = np.ones(len(quotes), bool)
    kept[1:-1:2] = kept[2::2] = ~doubled
    return quotes[kept]


def changes(cells: Bytes) -> int:
    """How often a cell differs from the one before."""
    return int((cells[:, 1:] != cells[:, :-1]).any(axis=0).sum())


def text_of(cells: Bytes, row: int) -> bytes:
    cell: Bytes = cells[:, row]
    return bytes(cell[cell != NOTHING])


def totals(amounts: Bytes, groups: Bytes | None) -> Iterator[tuple[bytes, Decimal]]:
    """The exact sum of the amounts of each group of rows; of all where there are no groups."""
    signed, decimals = _digits(amounts)
    if groups is None:
        yield b"", _sum(signed, decimals)
        return
    left = np.ones(signed.shape[1], bool)
    while left.any():
        first = int(left.argmax())
        same: Flags = (groups == groups[:, first, None]).all(axis=0)
        if same.all():
            yield text_of(groups, first), _sum(signed, decimals)
            return
        yield text_of(groups, first), _sum(signed[:, same], decimals[same])
        left &= ~same


def _digits(amounts: Bytes) -> tuple[NDArray[np.int8], NDArray[Any]]:
    """Digits with their amount's sign, zeros between them, and each amount's decimals. Amounts are
    `7`, `-0.0136`, `1,5` or nothing."""
    nothing, minus = amounts == NOTHING, amounts == MINUS
    point = (amounts == POINT) | (amounts == COMMA)
    digits = amounts - np.uint8(ZERO)
    is_digit = digits < 10
    plain = (
        (nothing | minus | point | is_digit).all()
        and not (minus[1:] & ~nothing[:-1]).any()
        and (point.sum(axis=0, dtype=np.uint8) <= 1).all()
        and not point[-1:].any()
        and (is_digit.any(axis=0) | nothing.all(axis=0)).all()
    )
    if not plain:
        raise Unlike
    signs = 1 - 2 * minus.any(axis=0).astype(np.int8)
    places = np.arange(len(amounts))[::-1, None].astype(np.uint8)
    return (digits * is_digit).view(np.int8) * signs, (point * places).sum(axis=0, dtype=np.uint8)


def _sum(signed: NDArray[np.int8], decimals: NDArray[Any]) -> Decimal:
    """Amounts with the same number of decimals add up digit by digit, as whole numbers."""
    total = Decimal(0)
    for places in map(int, np.flatnonzero(np.bincount(decimals))):
        some = np.compress(decimals == places, signed, axis=1)
        digits = some.sum(axis=1, dtype=np.int64).tolist()
        if places:
            del digits[-places - 1]  # the point
        whole = 0
        for digit in digits:
            whole = whole * 10 + digit
        total += Decimal(whole).scaleb(-places)
    return total
