"""What the running sandbox remembers besides the account: reports, keys, faults, requests.

A SQLite file of its own, so that several threads and processes see the same and a restart
forgets no report; the account's data stays as it was seeded.
"""

import sqlite3
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

type Row = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS first_start (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS reports (
    history_report_id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    history_type TEXT NOT NULL,
    method TEXT NOT NULL,
    fields TEXT NOT NULL,
    filters TEXT NOT NULL,
    application_id INTEGER,
    application_name TEXT,
    created INTEGER NOT NULL,
    state TEXT NOT NULL,
    fate TEXT,
    ready_at REAL,
    file_size INTEGER,
    download_size INTEGER,
    download_count INTEGER NOT NULL DEFAULT 0,
    last_downloaded INTEGER,
    calculated_data TEXT
);
CREATE TABLE IF NOT EXISTS keys (
    key_id TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL,
    roles TEXT NOT NULL,
    subuser_id INTEGER NOT NULL,
    subuser_name TEXT NOT NULL,
    public_key TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS faults (
    fault_id INTEGER PRIMARY KEY AUTOINCREMENT,
    spec TEXT NOT NULL,
    skip INTEGER NOT NULL DEFAULT 0,
    times INTEGER
);
CREATE TABLE IF NOT EXISTS requests (
    request_id INTEGER PRIMARY KEY AUTOINCREMENT,
    entry TEXT NOT NULL,
    answer TEXT
);
"""


class State:
    """The file, with a connection per thread; every statement is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._connection().executescript(SCHEMA)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=30)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            # A crash may cost the last entries of a test server; a sync per request costs more.
            connection.execute("PRAGMA synchronous = OFF")
            self._local.connection = connection
        return connection

    def first_start(self) -> datetime:
        """The real time at which this sandbox was started first: a set clock runs on from there.

        It must not start again at every start, or what was done would not have happened yet.
        """
        now = datetime.now(UTC).timestamp()
        self.change("INSERT OR IGNORE INTO first_start (one, at) VALUES (1, ?)", (now,))
        [row] = self.rows("SELECT at FROM first_start")
        return datetime.fromtimestamp(row["at"], UTC)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return [dict(row) for row in self._connection().execute(sql, values)]

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        return next(iter(self.rows(sql, values)), None)

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Runs one statement; the number of rows it changed."""
        return self._connection().execute(sql, values).rowcount

    def insert(self, sql: str, values: Sequence[object]) -> int:
        """Runs one INSERT; the id of the new row."""
        row_id = self._connection().execute(sql, values).lastrowid
        assert row_id is not None  # noqa: S101 - an INSERT always has one
        return row_id
