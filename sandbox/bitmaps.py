"""Counting rows that meet several conditions: a bit for each row of an account, 1 where it does.

Milestones count one list of entries, not what two lists have in common, and seconds would need a
list for each number. So each frequent value has a bitmap besides, and each account's seconds lie
in arrays: a million rows are compared in a millisecond. Bit and number n belong to the account's
n-th row by id. Only for lists that no running sandbox adds to.
"""

# Statements are put together from our own words only; values are bound.
# ruff: noqa: S608

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandbox.schema import MILESTONE, NUMBERS, Facet, Value

NOUNS = ("session", "transaction", "acd")
SPARSE = 1024  # a list of fewer than one in so many rows is walked faster than a bitmap is read
NONE = 65_535  # in an array: the row has no such number

type Ids = NDArray[np.int64]
type Bits = NDArray[np.uint8]  # eight rows each, the first one lowest


# Counting


def with_bitmap(
    connection: sqlite3.Connection, noun: str, facet: Facet, account: int, values: Sequence[Value]
) -> tuple[Value, ...]:
    """Those of the values that have a bitmap."""
    rows = connection.execute(
        f"SELECT value FROM {noun}_bitmaps WHERE facet = ? AND account_id = ?"
        f" AND value IN ({', '.join('?' * len(values))})",
        (facet, account, *values),
    )
    return tuple(row[0] for row in rows)


def having(
    connection: sqlite3.Connection,
    noun: str,
    facet: Facet,
    account: int,
    values: Sequence[Value],
    rows: slice,
) -> Bits:
    """Which of these rows have one of the values, as far as those have a bitmap."""
    found = connection.execute(
        f"SELECT bits FROM {noun}_bitmaps WHERE facet = ? AND account_id = ?"
        f" AND value IN ({', '.join('?' * len(values))})",
        (facet, account, *values),
    )
    united = np.zeros(_bytes(rows).stop - _bytes(rows).start, np.uint8)
    for (bits,) in found:
        united |= np.frombuffer(bits, np.uint8)[_bytes(rows)]
    return united


def lasting(
    connection: sqlite3.Connection, noun: str, account: int, low: int, high: int, rows: slice
) -> Bits:
    """Which of these rows have a number of seconds between the two, inclusive."""
    first, last = rows.start // NUMBERS, (rows.stop - 1) // NUMBERS
    found = connection.execute(
        "SELECT longest, shortest, others FROM seconds"
        " WHERE noun = ? AND account_id = ? AND part BETWEEN ? AND ? ORDER BY part",
        (noun, account, first, last),
    )
    high = min(high, NONE - 1)
    parts = [
        _part_lasting(longest, shortest, others, low, high) for longest, shortest, others in found
    ]
    before = first * NUMBERS
    return np.concatenate(parts)[_bytes(slice(rows.start - before, rows.stop - before))]


def _part_lasting(longest: bytes, shortest: bytes, others: bytes, low: int, high: int) -> Bits:
    most, least = np.frombuffer(longest, np.uint16), np.frombuffer(shortest, np.uint16)
    matching = ((most >= low) & (most <= high)) | ((least >= low) & (least <= high))
    row, seconds = np.divmod(np.frombuffer(others, np.uint32), NONE)
    matching[row[(seconds >= low) & (seconds <= high)]] = True
    return np.packbits(matching, bitorder="little")


def count(bits: Bits, rows: slice) -> int:
    """How many of these rows have a 1; the outermost bytes tell of their neighbours, too."""
    counted = np.bitwise_count(bits)
    before, after = rows.start % 8, -rows.stop % 8
    first, last = int(bits[0]), int(bits[-1])
    outside: int = (first & ((1 << before) - 1)).bit_count() + (last >> (8 - after)).bit_count()
    return int(np.sum(counted, dtype=np.int64)) - outside


def _bytes(rows: slice) -> slice:
    """Where the bits of these rows are."""
    return slice(rows.start // 8, (rows.stop + 7) // 8)


def known_after(connection: sqlite3.Connection, noun: str, account: int) -> int | None:
    """How long after a row's moment all its seconds are known; None if there is no array."""
    [longest] = connection.execute(
        "SELECT max(known_after) FROM seconds WHERE noun = ? AND account_id = ?", (noun, account)
    ).fetchone()
    return None if longest is None else int(longest)


# Filling

# Account, row, its seconds, and how long after the row's moment these are known.
SECONDS = {
    "session": "SELECT account_id, session_id, c.duration, c.start_time + c.duration - start_date"
    " FROM sessions JOIN calls c USING (session_id) WHERE c.duration IS NOT NULL",
    "acd": "SELECT account_id, acd_session_history_id, waiting_duration, 0 FROM acd_sessions",
}


def mark(
    connection: sqlite3.Connection,
    noun: str,
    entries: tuple[Facet, int, Value],
    ids: Ids,
    rows: Ids,
) -> None:
    """Writes the bitmap of a list, if it is long; `rows` are all ids of its account."""
    if len(ids) < max(MILESTONE, len(rows) // SPARSE):
        return
    mask = np.zeros(len(rows), np.bool_)
    mask[np.searchsorted(rows, ids)] = True
    bits = np.packbits(mask, bitorder="little").tobytes()
    connection.execute(f"INSERT INTO {noun}_bitmaps VALUES (?, ?, ?, ?)", (*entries, bits))


def write_seconds(connection: sqlite3.Connection, noun: str, rows: dict[int, Ids]) -> None:
    """Two numbers tell all of nearly every row: its longest and its shortest."""
    columns = [(name, np.int64) for name in ("account", "id", "seconds", "known_after")]
    every = np.fromiter(connection.execute(SECONDS[noun]), np.dtype(columns))
    if every["seconds"].max(initial=0) >= NONE:
        raise OverflowError(f"{noun}: there are more than {NONE - 1} seconds")
    for account, ids in rows.items():
        found = every[every["account"] == account]
        known_after = int(found["known_after"].max(initial=0))
        row, seconds = np.divmod(
            np.unique(np.searchsorted(ids, found["id"]) * NONE + found["seconds"]), NONE
        )
        shortest, longest = np.diff(row, prepend=-1) != 0, np.diff(row, append=-1) != 0
        ends = np.full((2, len(ids)), NONE, np.uint16)
        ends[0, row[longest]] = seconds[longest]
        ends[1, row[shortest]] = seconds[shortest]
        between = ~longest & ~shortest
        for part, start in enumerate(range(0, len(ids), NUMBERS)):
            here = between & (row >= start) & (row < start + NUMBERS)
            others = ((row[here] - start) * NONE + seconds[here]).astype(np.uint32)
            blobs = [*ends[:, start : start + NUMBERS], others]
            connection.execute(
                "INSERT INTO seconds VALUES (?, ?, ?, ?, ?, ?, ?)",
                (noun, account, part, known_after, *(blob.tobytes() for blob in blobs)),
            )
