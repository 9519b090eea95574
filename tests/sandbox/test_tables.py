"""CSV files are those that Python's own `csv` writes, whatever the texts in them."""

import csv
import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from history.api.methods import (
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetTransactionHistory,
    Method,
)
from sandbox import tables
from sandbox.seed import seed
from sandbox.store import Account, Store

NOW = datetime(2026, 6, 15, 14, 30, 7, tzinfo=UTC)
WIDE: dict[str, Any] = {"from_date": datetime(2025, 1, 1), "to_date": datetime(2027, 1, 1)}
AWKWARD = (
    'say "hi"; ""',
    "one\ntwo\r\nthree",
    "Grüße, 日本 🎉 'quoted'",
    "%w %s {x} {{y}} \\ \t=1+1",
    '"',
    ";",
    "",
)
# Microunits, and how they are shown.
AMOUNTS = {0: "0", 1: "0.000001", 10: "0.00001", 1_500_000: "1.5", 123_456_789_012: "123456.789012"}
FILES: list[Method] = [
    GetCallHistory(**WIDE, with_calls=True, child_account_id="all"),
    GetCallHistory(**WIDE, with_calls=True, desc_order=True, timezone="Europe/Berlin"),
    GetCallHistory(**WIDE, with_header=False),
    GetBriefCallHistory(**WIDE, output="csv", is_async=True),
    GetTransactionHistory(**WIDE, with_extended_info=True),
    GetTransactionHistory(**WIDE, decimal_separator=","),
    GetTransactionHistory(**WIDE, is_uncommitted=True),
    GetACDHistory(**WIDE, with_events=True),
    GetAuditLog(**WIDE),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An account with awkward texts wherever a text is shown, also none at all."""
    path = tmp_path_factory.mktemp("tables") / "account.sqlite3"
    seed(path, sessions=700, seed=11, now=NOW)
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TEMP TABLE awkward (n INTEGER PRIMARY KEY, text)")
        file.executemany("INSERT INTO awkward VALUES (?, ?)", enumerate([*AWKWARD, None]))
        for table, column, id_ in (
            ("sessions", "custom_data", "session_id"),
            ("calls", "custom_data", "call_id"),
            ("calls", "diversion_number", "session_id"),
            ("acd_events", "custom_data", "acd_session_event_id"),
            ("transactions", "description", "transaction_id"),
            ("audit_log", "subuser_name", "audit_log_id"),
        ):
            file.execute(
                f"UPDATE {table} SET {column} = (SELECT text FROM awkward"
                f" WHERE n = {id_} * 7919 / 1000 % {len(AWKWARD) + 1})"
            )
        file.execute("UPDATE applications SET application_name = application_name || ' \"ä;\"\n'")
        amounts = ", ".join(f"({n}, {amount})" for n, amount in enumerate(AMOUNTS))
        file.execute(
            f"WITH a (n, amount) AS (VALUES {amounts}) UPDATE calls SET cost ="
            f" (SELECT amount FROM a WHERE n = call_id % {len(AMOUNTS)})"
        )
        file.commit()
    return path


@pytest.fixture(scope="module")
def store(path: Path) -> Store:
    return Store(path, clock=lambda: NOW)


def text(store: Store, account: Account, params: Method) -> str:
    return tables.text(params, tables.lines(store, account, params, None)).decode()


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))


@pytest.mark.parametrize("params", FILES, ids=range(len(FILES)))
def test_writes_each_file_as_csv_does(store, parent, params):
    written = text(store, parent, params)
    rows = rows_of(written)
    again = io.StringIO(newline="")
    csv.writer(again, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)

    assert written == again.getvalue()
    assert len(rows) > 5
    assert len({len(row) for row in rows}) == 1


def test_each_text_comes_out_as_it_was_put_in(store, parent, path):
    params = GetCallHistory(**WIDE, with_calls=True, child_account_id="all")
    header, *rows = rows_of(text(store, parent, params))
    told = {
        (row["session_id"], row["call_id"]): (
            row["session_custom_data"],
            row["call_custom_data"],
            row["session_application_name"],
            row["call_cost"],
        )
        for row in (dict(zip(header, row, strict=True)) for row in rows)
        if row["call_end_code"]
    }
    with closing(sqlite3.connect(path)) as file:
        kept = {
            (str(session_id), str(call_id)): (own or "", of_call or "", name, AMOUNTS[cost])
            for session_id, call_id, own, of_call, name, cost in file.execute(
                "SELECT session_id, call_id, s.custom_data, c.custom_data, application_name, cost"
                " FROM sessions s JOIN calls c USING (session_id)"
                " JOIN applications USING (application_id)"
                " WHERE c.start_time + coalesce(c.duration, 0) <= ?",
                (NOW.timestamp(),),
            )
        }

    assert told == kept
    assert {of_call for _, of_call, _, _ in told.values()} == set(AWKWARD)
