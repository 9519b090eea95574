"""Finding rows: for every way to filter, the sorted ids it finds, and their number.

A facet's entries are (facet, account, value, id). A search walks the shortest list of entries
among its conditions and looks each id up in the others; lists of several accounts or values are
merged as they are read. So a page costs the same in a small file and in a large one, and so
does counting one condition: milestones give the place of nearby entries. For counting several,
long lists have bitmaps.
"""

# Statements are put together from our own words only; values are bound.
# ruff: noqa: S608

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

import numpy as np

from sandbox import bitmaps
from sandbox.bitmaps import Bits, Ids
from sandbox.schema import MILESTONE, Facet, Value, first_id

# A row has several values of these, so their lists overlap and cannot just be added up.
MANY_VALUED = (Facet.REMOTE_NUMBER, Facet.LOCAL_NUMBER, Facet.DURATION, Facet.LEAF)
MAX_ARMS = 200  # of a merge; longer lists are sorted instead. SQLite allows 500
SAMPLE = 20  # values that tell how long a long list of values is


@dataclass(frozen=True, slots=True)
class Condition:
    """The row has one of `values` in that facet.

    `seconds` says more exactly which: a number from the first to the second, inclusive.
    """

    facet: Facet
    values: Sequence[Value]
    seconds: tuple[int, int] | None = None


EVERYTHING = Condition(Facet.ALL, (0,))


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """Rows of `noun` that meet all conditions, with ids from `low` to `high`, inclusive.

    `among` leaves only these ids. `check` is one more condition in SQL about `f.id`: that a
    condition's seconds are right, and known at `now`.
    """

    noun: str
    accounts: Sequence[int]
    conditions: Sequence[Condition]
    low: int
    high: int
    now: int
    among: Sequence[int] | None = None
    check: str = ""
    check_values: Sequence[Value] = ()

    @property
    def is_hopeless(self) -> bool:
        if self.low > self.high or not self.accounts:
            return True
        return any(not condition.values for condition in self.conditions)

    @property
    def ids(self) -> tuple[str, list[int]]:
        """What is asked of `f.id`. A list is looked up one by one, not met on a walk."""
        if self.among is None:
            return "f.id BETWEEN ? AND ?", [self.low, self.high]
        ids = [id_ for id_ in self.among if self.low <= id_ <= self.high]
        return f"f.id IN ({_places(ids)})", ids


def find(
    connection: sqlite3.Connection,
    search: Search,
    *,
    descending: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> Iterator[int]:
    """The ids in order, read as they are needed."""
    if search.is_hopeless:
        return
    sql, values = statement(connection, search)
    order = "DESC" if descending else "ASC"
    page = (-1 if limit is None else limit, offset)
    cursor = connection.execute(f"{sql} ORDER BY id {order} LIMIT ? OFFSET ?", (*values, *page))
    for row in cursor:
        yield row[0]


def count_found(connection: sqlite3.Connection, search: Search) -> int:
    if search.is_hopeless:
        return 0
    if search.among is not None:
        return _count_by_walking(connection, search)
    if not search.check and len(search.conditions) == 1:
        condition = search.conditions[0]
        if condition.facet not in MANY_VALUED or len(set(condition.values)) == 1:
            return _tally_all(connection, search, condition)
    if search.noun not in bitmaps.NOUNS:
        return _count_by_walking(connection, search)
    return sum(
        _count_in_account(connection, replace(search, accounts=(account,)))
        for account in search.accounts
    )


def _count_by_walking(connection: sqlite3.Connection, search: Search) -> int:
    if search.is_hopeless:
        return 0
    sql, values = statement(connection, search)
    row = connection.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()
    return int(row[0])


def _count_in_account(connection: sqlite3.Connection, search: Search) -> int:
    """Bitmaps count what has ended; the few rows that may be under way are walked."""
    if not search.check:
        return _count_by_bitmaps(connection, search)
    known_after = bitmaps.known_after(connection, search.noun, search.accounts[0])
    if known_after is None:
        return _count_by_walking(connection, search)
    recent = first_id(search.now - known_after + 1)
    return _count_by_bitmaps(
        connection, replace(search, high=min(search.high, recent - 1))
    ) + _count_by_walking(connection, replace(search, low=max(search.low, recent)))


def _count_by_bitmaps(connection: sqlite3.Connection, search: Search) -> int:
    """Rows that meet each condition by a value with a bitmap, and then all others.

    These are walked: for each condition the rows that meet it by a rare value only, and those
    before it by a bitmap. So none is counted twice.
    """
    if search.is_hopeless:
        return 0
    parts = [_by_bitmap(connection, search, condition) for condition in search.conditions]
    frequent = [part[0] for part in parts]
    total = _count_in_common(connection, search, frequent)
    for n, (known, rare) in enumerate(parts):
        conditions = [*frequent[:n], rare, *search.conditions[n + 1 :]]
        total += _count_by_walking(connection, replace(search, conditions=conditions))
        if rare.values and rare.facet in MANY_VALUED:
            both = replace(search, conditions=[*conditions, known])
            total -= _count_by_walking(connection, both)
    return total


def _by_bitmap(
    connection: sqlite3.Connection, search: Search, condition: Condition
) -> tuple[Condition, Condition]:
    """The condition's values with a bitmap, and those without."""
    if condition.seconds:
        return condition, replace(condition, values=())
    [account] = search.accounts
    marked = bitmaps.with_bitmap(
        connection, search.noun, condition.facet, account, condition.values
    )
    rare = tuple(set(condition.values) - set(marked))
    return replace(condition, values=marked), replace(condition, values=rare)


def _count_in_common(
    connection: sqlite3.Connection, search: Search, conditions: Sequence[Condition]
) -> int:
    """The rows that meet all these conditions, each of whose values has a bitmap."""
    if not all(condition.values for condition in conditions):
        return 0
    [account] = search.accounts
    rows = slice(
        _place(connection, search.noun, Facet.ALL, account, 0, search.low - 1),
        _place(connection, search.noun, Facet.ALL, account, 0, search.high),
    )

    if rows.start == rows.stop:
        return 0

    def matching(condition: Condition) -> Bits:
        if condition.seconds:
            return bitmaps.lasting(connection, search.noun, account, *condition.seconds, rows)
        return bitmaps.having(
            connection, search.noun, condition.facet, account, condition.values, rows
        )

    return bitmaps.count(np.bitwise_and.reduce([matching(c) for c in conditions]), rows)


def statement(connection: sqlite3.Connection, search: Search) -> tuple[str, list[Value]]:
    """SELECT of the ids, without order, and its values."""
    first: Condition
    others: Sequence[Condition]
    if search.among is not None:
        first, others = EVERYTHING, [c for c in search.conditions if c != EVERYTHING]
    else:
        first, *others = sorted(
            search.conditions, key=lambda condition: _length(connection, search, condition)
        )
    rest, rest_values = _rest(search, others)
    arms = [(account, value) for account in search.accounts for value in set(first.values)]
    if len(arms) > MAX_ARMS:
        return _sorted_arms(search, first, rest, rest_values)
    which, ids = search.ids
    arm = (
        f"SELECT f.id AS id FROM {search.noun}_facets f WHERE f.facet = ? AND f.account_id = ?"
        f" AND f.value = ? AND {which}{rest}"
    )
    values: list[Value] = []
    for account, value in arms:
        values += (first.facet, account, value, *ids, *rest_values)
    return " UNION ".join([arm] * len(arms)), values


def _sorted_arms(
    search: Search, first: Condition, rest: str, rest_values: list[Value]
) -> tuple[str, list[Value]]:
    which, ids = search.ids
    sql = (
        f"SELECT DISTINCT f.id AS id FROM {search.noun}_facets f WHERE f.facet = ?"
        f" AND f.account_id IN ({_places(search.accounts)})"
        f" AND f.value IN ({_places(first.values)}) AND {which}{rest}"
    )
    return sql, [first.facet, *search.accounts, *first.values, *ids, *rest_values]


def _rest(search: Search, others: Sequence[Condition]) -> tuple[str, list[Value]]:
    """What is checked of each entry of the first condition."""
    sql, values = "", list[Value]()
    for condition in others:
        sql += (
            f" AND EXISTS (SELECT 1 FROM {search.noun}_facets o WHERE o.facet = ?"
            f" AND o.account_id = f.account_id AND o.value IN ({_places(condition.values)})"
            " AND o.id = f.id)"
        )
        values += (condition.facet, *condition.values)
    if search.check:
        sql += f" AND {search.check}"
        values += search.check_values
    return sql, values


def _places(values: Sequence[Value]) -> str:
    return ", ".join("?" * len(values))


def _length(connection: sqlite3.Connection, search: Search, condition: Condition) -> int:
    """About how many entries a walk through the condition's lists meets."""
    if len(search.conditions) == 1:
        return 0
    sample = Condition(condition.facet, condition.values[:SAMPLE])
    return _tally_all(connection, search, sample) * len(condition.values) // len(sample.values)


def _tally_all(connection: sqlite3.Connection, search: Search, condition: Condition) -> int:
    return sum(
        _place(connection, search.noun, condition.facet, account, value, search.high)
        - _place(connection, search.noun, condition.facet, account, value, search.low - 1)
        for account in search.accounts
        for value in set(condition.values)
    )


def _place(
    connection: sqlite3.Connection, noun: str, facet: Facet, account: int, value: Value, id_: int
) -> int:
    """How many entries of that list have an id up to `id_`."""
    entries = (facet, account, value)
    row = connection.execute(
        f"SELECT id, place FROM {noun}_milestones WHERE facet = ? AND account_id = ?"
        " AND value = ? AND id <= ? ORDER BY id DESC LIMIT 1",
        (*entries, id_),
    ).fetchone()
    milestone, place = row or (-1, 0)
    behind = connection.execute(
        f"SELECT count(*) FROM {noun}_facets WHERE facet = ? AND account_id = ?"
        " AND value = ? AND id > ? AND id <= ?",
        (*entries, milestone, id_),
    ).fetchone()
    return int(place) + int(behind[0])


# Filling

_OF_ROWS = "SELECT {facet}, account_id, {value}, {id} FROM {table} WHERE {value} IS NOT NULL"
_OF_CALLS = (
    "SELECT {facet}, s.account_id, {value}, s.session_id FROM calls"
    " JOIN sessions s USING (session_id) WHERE {value} IS NOT NULL GROUP BY 2, 3, 4"
)
_OF_PRICES = (
    "SELECT {facet}, account_id, {value}, transaction_id FROM transactions"
    " JOIN price_groups USING (price_group_id)"
)

# For each noun: the facet, where its entries come from, and the column that is the value.
SOURCES: dict[str, tuple[str, str, tuple[tuple[Facet, str, str], ...]]] = {
    "session": (
        "sessions",
        "session_id",
        (
            (Facet.ALL, _OF_ROWS, "0"),
            (Facet.APPLICATION, _OF_ROWS, "application_id"),
            (Facet.RULE, _OF_ROWS, "rule_id"),
            (Facet.USER, _OF_ROWS, "user_id"),
            (Facet.REMOTE_NUMBER, _OF_CALLS, "remote_number"),
            (Facet.LOCAL_NUMBER, _OF_CALLS, "local_number"),
            (Facet.CUSTOM_DATA, _OF_ROWS, "custom_data"),
            (Facet.DURATION, _OF_CALLS, "bit_length(calls.duration)"),
        ),
    ),
    "transaction": (
        "transactions",
        "transaction_id",
        (
            (Facet.ALL, _OF_ROWS, "0"),
            (Facet.APPLICATION, _OF_ROWS, "application_id"),
            (Facet.USER, _OF_ROWS, "user_id"),
            (Facet.TYPE, _OF_ROWS, "transaction_type"),
            (Facet.BY_USER, _OF_ROWS, "user_id > 0"),
            (Facet.SUBSCRIPTION, _OF_ROWS, "subscription_id"),
            (Facet.RESOURCE_TYPE, _OF_PRICES, "resource_type"),
            (Facet.PRICE_GROUP, _OF_PRICES, "price_group_name"),
            (Facet.PAYMENT_REFERENCE, _OF_ROWS, "payment_reference"),
        ),
    ),
    "acd": (
        "acd_sessions",
        "acd_session_history_id",
        (
            (Facet.ALL, _OF_ROWS, "0"),
            (Facet.USER, _OF_ROWS, "user_id"),
            (Facet.CUSTOM_DATA, _OF_ROWS, "custom_data"),
            (Facet.REQUEST, _OF_ROWS, "acd_request_id"),
            (Facet.QUEUE, _OF_ROWS, "acd_queue_id"),
            (Facet.CALLER, _OF_ROWS, "caller_id"),
            (Facet.OPERATOR_HANGUP, _OF_ROWS, "operator_hangup"),
            (Facet.UNSERVICED, _OF_ROWS, "unserviced"),
            (Facet.REJECTED, _OF_ROWS, "rejected"),
            (Facet.WAITING, _OF_ROWS, "bit_length(waiting_duration)"),
        ),
    ),
    "audit": (
        "audit_log",
        "audit_log_id",
        (
            (Facet.ALL, _OF_ROWS, "0"),
            (Facet.ADMIN_USER, _OF_ROWS, "subuser_id"),
            (Facet.IP, _OF_ROWS, "ip"),
            (Facet.COMMAND, _OF_ROWS, "cmd_name"),
        ),
    ),
}


def fill(connection: sqlite3.Connection) -> None:
    """Writes all entries, milestones and bitmaps of a file whose rows are complete."""
    connection.create_function("bit_length", 1, _bit_length, deterministic=True)
    for noun, (table, id_column, facets) in SOURCES.items():
        for facet, source, value in facets:
            select = source.format(facet=int(facet), table=table, value=value, id=id_column)
            connection.execute(f"INSERT INTO {noun}_facets {select} ORDER BY 2, 3, 4")
        if noun == "audit":
            _fill_leaves(connection)
        _index(connection, noun)


def _index(connection: sqlite3.Connection, noun: str) -> None:
    """Milestones for each list that is long enough, and bitmaps."""
    rows: dict[int, Ids] = {}
    for facet, account, value in _long_lists(connection, noun):
        entries = facet, account, value
        ids = _ids(connection, noun, entries)
        _set_milestones(connection, noun, entries, ids)
        if facet == Facet.ALL:  # which comes first
            rows[account] = ids
        elif noun in bitmaps.NOUNS and facet not in (Facet.DURATION, Facet.WAITING):
            bitmaps.mark(connection, noun, entries, ids, rows[account])
    if noun in bitmaps.SECONDS:
        bitmaps.write_seconds(connection, noun, rows)


def reset_milestones(connection: sqlite3.Connection, noun: str) -> None:
    """Notes all places anew."""
    connection.execute(f"DELETE FROM {noun}_milestones")
    for entries in _long_lists(connection, noun):
        _set_milestones(connection, noun, entries, _ids(connection, noun, entries))


def _long_lists(connection: sqlite3.Connection, noun: str) -> list[tuple[Facet, int, Value]]:
    return connection.execute(
        f"SELECT facet, account_id, value FROM {noun}_facets GROUP BY 1, 2, 3"
        f" HAVING count(*) >= {MILESTONE} ORDER BY 1, 2, 3"
    ).fetchall()


def _ids(connection: sqlite3.Connection, noun: str, entries: tuple[Facet, int, Value]) -> Ids:
    found = connection.execute(
        f"SELECT id FROM {noun}_facets WHERE facet = ? AND account_id = ? AND value = ?"
        " ORDER BY id",
        entries,
    )
    return np.fromiter(chain.from_iterable(found), np.int64)


def _set_milestones(
    connection: sqlite3.Connection, noun: str, entries: tuple[Facet, int, Value], ids: Ids
) -> None:
    """Notes the place of every so many entries."""
    places = zip(ids[MILESTONE - 1 :: MILESTONE].tolist(), count(MILESTONE, MILESTONE))
    connection.executemany(
        f"INSERT INTO {noun}_milestones VALUES (?, ?, ?, ?, ?)",
        [(*entries, id_, place) for id_, place in places],
    )


def _bit_length(number: int | None) -> int | None:
    return None if number is None else number.bit_length()


def _fill_leaves(connection: sqlite3.Connection) -> None:
    rows = connection.execute(
        "SELECT account_id, audit_log_id, cmd_args, cmd_result FROM audit_log"
    )
    entries = {
        (int(Facet.LEAF), account_id, leaf, audit_log_id)
        for account_id, audit_log_id, *texts in rows
        for leaf in leaves([json.loads(text) for text in texts if text])
    }
    connection.executemany("INSERT INTO audit_facets VALUES (?, ?, ?, ?)", sorted(entries))


def leaves(value: Any) -> set[str]:
    """All values inside, as the text a person would search for."""
    match value:
        case dict():
            return set().union(*map(leaves, value.values()))
        case list() | tuple():
            return set().union(*map(leaves, value))
        case bool():
            return {"true" if value else "false"}
        case None:
            return set()
        case _:
            return {str(value)}


def add(
    connection: sqlite3.Connection,
    noun: str,
    account: int,
    id_: int,
    values: Sequence[tuple[Facet, Value]],
) -> None:
    """Enters one new row. The milestones behind it move on by one place."""
    for facet, value in values:
        entry = (facet, account, value, id_)
        connection.execute(f"INSERT INTO {noun}_facets VALUES (?, ?, ?, ?)", entry)
        connection.execute(
            f"UPDATE {noun}_milestones SET place = place + 1 WHERE facet = ?"
            " AND account_id = ? AND value = ? AND id >= ?",
            entry,
        )
