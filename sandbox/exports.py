"""The lines of long CSV files, made by SQLite: a column is declared once, by name and expression.

A report may have millions of rows. As dictionaries they would take minutes of Python's time, in
which nobody else is answered; as finished lines they go from the file of the account straight
into the report. What a page of the same method shows, `rows.py` makes; a test compares.
"""

# Statements are put together from our own words only; values are bound.
# ruff: noqa: S608

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache

from sandbox.rows import DAY, DESCRIPTIONS, LOG_LIFE, Link
from sandbox.schema import EPOCH

type Columns = dict[str, str]

# Expressions in braces are filled in by `Exporter`: {when:x} is a date of the asked zone,
# {flag:x} yes or no, {money:x} an amount.
SESSION: Columns = {
    "session_id": "s.session_id",
    "session_start_date": "{when:s.start_date}",
    "session_duration": "iif(s.start_date + s.duration <= :now, s.duration, NULL)",
    "session_account_id": "s.account_id",
    "session_application_id": "s.application_id",
    "session_application_name": "a.application_name",
    "session_rule_name": "r.rule_name",
    "session_user_id": "s.user_id",
    "session_initiator_address": "s.initiator_address",
    "session_media_server_address": "s.media_server_address",
    "session_finish_reason": "iif(s.start_date + s.duration <= :now, s.finish_reason, NULL)",
    "session_audio_quality": "s.audio_quality",
    "session_custom_data": "s.custom_data",
    "session_log_file_url": "iif(s.start_date > :now - {log_life},"
    " link('logs', s.start_date, s.session_id, a.secure), NULL)",
}
_ENDED = "c.start_time + coalesce(c.duration, 0) <= :now"
CALL: Columns = {
    "call_id": "c.call_id",
    "call_start_time": "{when:c.start_time}",
    "call_duration": f"iif({_ENDED}, c.duration, NULL)",
    "call_incoming": "{flag:c.incoming}",
    "call_local_number": "c.local_number",
    "call_remote_number": "c.remote_number",
    "call_remote_number_type": "c.remote_number_type",
    "call_diversion_number": "c.diversion_number",
    "call_successful": "{flag:c.successful}",
    "call_cost": f"iif({_ENDED}, {{money:c.cost}}, NULL)",
    "call_end_code": f"iif({_ENDED}, e.code, NULL)",
    "call_end_details": f"iif({_ENDED}, e.details, NULL)",
    "call_transaction_id": f"iif({_ENDED}, c.transaction_id, NULL)",
    "call_record_url": f"iif({_ENDED} AND c.record_id IS NOT NULL,"
    " (SELECT link('records', m.start_time, m.record_id, told.secure) FROM records m"
    " WHERE m.record_id = c.record_id AND m.start_time + m.duration <= :now"
    " AND m.expires_at > :now AND coalesce(m.removed_at > :now, 1)), NULL)",
    "call_custom_data": "c.custom_data",
}
BRIEF_SESSION: Columns = {name: SESSION[name] for name in ("session_id", "session_start_date")}
BRIEF_CALL: Columns = {
    name: CALL[name]
    for name in (
        "call_id",
        "call_start_time",
        "call_duration",
        "call_incoming",
        "call_local_number",
        "call_remote_number",
        "call_successful",
        "call_cost",
        "call_end_code",
    )
}
_KINDS = " ".join(f"WHEN '{type_}' THEN '{words}'" for type_, words in DESCRIPTIONS.items())
TRANSACTION: Columns = {
    "transaction_id": "t.transaction_id",
    "account_id": "t.account_id",
    "performed_at": "{when:iif(:held, t.held_at, t.performed_at)}",
    "amount": "{money:t.amount}",
    "currency": "o.currency",
    "transaction_type": "t.transaction_type",
    "transaction_description": "iif(g.price_group_id IS NULL, t.description,"
    f" CASE g.resource_type {_KINDS} ELSE g.price_group_name END || ' ' || t.part_id)",
}
EXTENDED: Columns = {
    "application_id": "t.application_id",
    "application_name": "a.application_name",
    "subscription_id": "t.subscription_id",
    "subscription_name": "u.subscription_name",
    "resource_type": "g.resource_type",
    "price_group_name": "g.price_group_name",
}

# `json_each` lists the ids in their order; CROSS JOIN keeps it the outermost loop.
_SESSIONS = (
    " FROM json_each(:ids) i CROSS JOIN sessions s ON s.session_id = i.value"
    " LEFT JOIN applications a ON a.application_id = s.application_id"
    " LEFT JOIN rules r ON r.rule_id = s.rule_id"
)
# What a session says stands before each of its calls, and is made once.
_CALLS = (
    f"WITH told AS MATERIALIZED (SELECT s.session_id, a.secure, {{session}} AS cells{_SESSIONS})"
    " SELECT told.cells || ';' || {call} || char(10) FROM told"
    " {join} JOIN calls c ON c.session_id = told.session_id AND c.start_time <= :now"
    " LEFT JOIN end_reasons e ON e.end_reason_id = c.end_reason_id"
)
_TRANSACTIONS = (
    " FROM json_each(:ids) i CROSS JOIN transactions t ON t.transaction_id = i.value"
    " LEFT JOIN accounts o ON o.account_id = t.account_id"
    " LEFT JOIN price_groups g ON g.price_group_id = t.price_group_id"
    " LEFT JOIN applications a ON a.application_id = t.application_id"
    " LEFT JOIN subscriptions u ON u.subscription_id = t.subscription_id"
)


class Exporter:
    """Lines of rows in the order of the ids it is given, with dates of one zone."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        link: Link,
        *,
        now: int,
        zone: tzinfo,
        mark: str = ".",
    ) -> None:
        """`mark` is the decimal mark of amounts, a point or a comma."""
        self.now = now
        self.forms = {
            "when": _Form(lambda moment: _wall_clock(moment, _offsets(zone, now))),
            "money": _Form(lambda amount: _money(amount, mark)),
            "flag": _Form(lambda flag: f"CASE {flag} WHEN 1 THEN 'yes' WHEN 0 THEN 'no' END"),
            "log_life": LOG_LIFE,
        }
        connection.create_function("link", 4, link, deterministic=True)
        self.cursor = connection.cursor()
        self.cursor.row_factory = None  # plain tuples are made faster

    def sessions(self, ids: Sequence[int]) -> Iterator[str]:
        return self._lines(f"SELECT {self._cells(SESSION)} || char(10){_SESSIONS}", ids)

    def calls(self, ids: Sequence[int]) -> Iterator[str]:
        """A line for each call with its session's cells; one for a session without calls."""
        cells = {"session": self._cells(SESSION), "call": self._cells(CALL)}
        return self._lines(_CALLS.format(**cells, join="LEFT"), ids)

    def brief(self, ids: Sequence[int]) -> Iterator[str]:
        cells = {"session": self._cells(BRIEF_SESSION), "call": self._cells(BRIEF_CALL)}
        return self._lines(_CALLS.format(**cells, join="CROSS"), ids)

    def transactions(self, ids: Sequence[int], *, extended: bool, held: bool) -> Iterator[str]:
        cells = self._cells(TRANSACTION | EXTENDED if extended else TRANSACTION)
        return self._lines(f"SELECT {cells} || char(10){_TRANSACTIONS}", ids, held=held)

    def _cells(self, columns: Columns) -> str:
        """One text of all columns, quoted: `%w` doubles the quotes within."""
        quoted = ";".join(['"%w"'] * len(columns))
        values = ", ".join(f"coalesce({expression}, '')" for expression in columns.values())
        return f"printf('{quoted}', {values})".format_map(self.forms)

    def _lines(self, sql: str, ids: Sequence[int], *, held: bool = False) -> Iterator[str]:
        values = {"ids": json.dumps(ids), "now": self.now, "held": held}
        return (line for (line,) in self.cursor.execute(sql, values))


class _Form:
    """`{when:x}` in a template becomes what the function makes of `x`."""

    def __init__(self, wrap: Callable[[str], str]) -> None:
        self.wrap = wrap

    def __format__(self, expression: str) -> str:
        return self.wrap(expression)


def _money(amount: str, mark: str) -> str:
    """Micro-units as a decimal without needless zeros: 0.013652, 50, 0."""
    shown = f"rtrim(rtrim(printf('%.6f', {amount} / 1e6), '0'), '.')"
    return shown if mark == "." else f"replace({shown}, '.', '{mark}')"


def _wall_clock(moment: str, offsets: Sequence[tuple[int, int]]) -> str:
    """The zone's clocks are put forward and back: a few cases, each with its offset from UTC."""
    *changes, (_, last) = offsets
    cases = " ".join(f"WHEN {moment} < {until} THEN {offset}" for until, offset in changes)
    offset = f"CASE {cases} ELSE {last} END" if changes else str(last)
    return f"datetime({moment} + {offset}, 'unixepoch')"


@lru_cache(maxsize=64)
def _offsets(zone: tzinfo, now: int) -> list[tuple[int, int]]:
    """Seconds from UTC, each with the moment up to which they hold, from the first id to `now`."""
    found: list[tuple[int, int]] = []
    moment, offset = EPOCH, _offset(zone, EPOCH)
    while moment <= now:
        then = moment + DAY
        if _offset(zone, then) != offset:
            then = _change(zone, moment, then)
            found.append((then, offset))
            offset = _offset(zone, then)
        moment = then
    return [*found, (moment, offset)]


def _change(zone: tzinfo, before: int, after: int) -> int:
    """The first second of the new offset, between two moments of which it is true of the later."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return after


def _offset(zone: tzinfo, moment: int) -> int:
    shift = datetime.fromtimestamp(moment, zone).utcoffset()
    return int(shift.total_seconds()) if shift else 0
