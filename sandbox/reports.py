"""Asynchronous reports: ordered, built into gzip'd files beside the data, listed, downloaded.

A report is a row that moves from queued to building to built (or failed); the thread that built
it is forgotten, so a restarted sandbox goes on where it was. To the outside it is finished once
it is built *and* its time has come (`Pace`).
"""

import gzip
import io
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from isal import igzip

from history.api import wire
from history.api.methods import (
    METHODS,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
    Method,
    parameters,
)
from sandbox import tables
from sandbox.answers import BLOCK, FILE_TYPE, Fields, File, Refusal, Request
from sandbox.state import Row, State
from sandbox.store import Account, Store

logger = logging.getLogger("sandbox.reports")

STORED_FOR = timedelta(days=30)
POLL = 0.1  # seconds between looks for a report that another process was told to make
LEVEL = 2  # of ISA-L: four times as fast as zlib at its fastest, for fewer bytes


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long a report takes at least: `seconds`, plus its rows at `rows_per_second`."""

    seconds: float = 2.0
    rows_per_second: float | None = None

    def least(self, rows: int) -> float:
        return self.seconds + (rows / self.rows_per_second if self.rows_per_second else 0)


class Reports:
    def __init__(
        self, store: Store, state: State, folder: Path, clock: Callable[[], datetime], pace: Pace
    ) -> None:
        self.store = store
        self.state = state
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.pace = pace
        self.ordered = threading.Event()

    def order(
        self, account: Account, params: Method, given: Fields, fate: str | None = None
    ) -> int:
        """Queues a report; its id. `fate` is the fault that waits for it."""
        application = self._application(account, params)
        report_id = self.state.insert(
            "INSERT INTO reports (account_id, history_type, method, fields, filters,"
            " application_id, application_name, created, state, fate)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?)",
            (
                account.account_id,
                _history_type(params),
                params.name,
                json.dumps(wire.encode(params)),
                json.dumps(_filters(params, given)),
                *application,
                int(self.clock().timestamp()),
                fate,
            ),
        )
        self.ordered.set()
        return report_id

    def _application(self, account: Account, params: Method) -> tuple[int | None, str | None]:
        """Id and name of the application a report was ordered for, whichever of them was given."""
        wanted = getattr(params, "application_id", None), getattr(params, "application_name", None)
        for application in self.store.applications(account):
            known = application.application_id, application.application_name
            if wanted[0] == known[0] or wanted[1] == known[1]:
                return known
        return wanted

    # GetHistoryReports, DownloadHistoryReport

    def listed(self, account: Account, params: GetHistoryReports) -> tuple[list[Row], int]:
        """The page of HistoryReportType rows, and how many there are in all."""
        where, values = self._where(account, params)
        order = "DESC" if params.desc_order else "ASC"
        rows = self.state.rows(
            f"SELECT * FROM reports WHERE {where} ORDER BY created {order},"  # noqa: S608
            f" history_report_id {order} LIMIT ? OFFSET ?",
            (*values, params.count or 20, params.offset),
        )
        total = self.state.row(f"SELECT count(*) AS n FROM reports WHERE {where}", values)  # noqa: S608
        return [self._shown(row) for row in rows], total["n"] if total else 0

    def _where(self, account: Account, params: GetHistoryReports) -> tuple[str, list[object]]:
        now = self.clock()
        # Stored until the end of a day, thirty days after it was finished.
        gone = (now - STORED_FOR).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        clauses = ["account_id = ?", "coalesce(ready_at, created) >= ?"]
        values: list[object] = [account.account_id, gone]

        def among(column: str, wanted: Iterable[object]) -> None:
            wanted = list(wanted)
            clauses.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values.extend(wanted)

        if params.history_report_id:
            among("history_report_id", [params.history_report_id])
        if params.history_type != "all":
            among("history_type", params.history_type)
        if params.application_id == "all":
            clauses.append("application_id IS NOT NULL")
        elif params.application_id:
            among("application_id", params.application_id)
        if params.application_name:
            among("application_name", params.application_name)
        for date, comparison in ((params.created_from, ">="), (params.created_to, "<=")):
            if date:
                clauses.append(f"created {comparison} ?")
                values.append(int(date.replace(tzinfo=UTC).timestamp()))
        if params.is_completed is not None:
            finished = "coalesce(state = 'built' AND ready_at <= ?, 0)"
            clauses.append(finished if params.is_completed else f"NOT {finished}")
            values.append(now.timestamp())
        return " AND ".join(clauses), values

    def _shown(self, row: Row) -> Row:
        """A row as HistoryReportType. `completed` is there once the report is finished."""
        report = {
            "history_report_id": row["history_report_id"],
            "history_type": row["history_type"],
            "created": _wall_clock(row["created"]),
            "format": "csv",
            "filters": json.loads(row["filters"]),
        }
        if not self._is_due(row):
            return report
        if row["state"] == "failed":
            return report | {"error": {"code": 357, "msg": "The report could not be generated."}}
        if row["state"] != "built":
            return report
        report |= {
            "completed": _wall_clock(row["ready_at"]),
            "file_name": _file_name(row),
            "file_size": row["file_size"],
            "download_size": row["download_size"],
            "download_count": row["download_count"],
            "store_until": str((_moment(row["ready_at"]) + STORED_FOR).date()),
        }
        if row["last_downloaded"]:
            report["last_downloaded"] = _wall_clock(row["last_downloaded"])
        if row["calculated_data"]:
            report["calculated_data"] = json.loads(row["calculated_data"])
        return report

    def _is_due(self, row: Row) -> bool:
        return row["ready_at"] is not None and row["ready_at"] <= self.clock().timestamp()

    def file(self, account: Account, report_id: int, request: Request) -> File:
        """The finished file, gzip'd if the client takes that. Refusal 355, 356 or 357 if not."""
        found = GetHistoryReports(history_report_id=report_id, history_type="all")
        where, values = self._where(account, found)
        row = self.state.row(f"SELECT * FROM reports WHERE {where}", values)  # noqa: S608
        if row is None:
            raise Refusal(355, f"There is no report {report_id}.", "history_report_id")
        if not self._is_due(row) or row["state"] not in ("built", "failed"):
            raise Refusal(356, "The call history report is still being prepared.")
        if row["state"] == "failed":
            raise Refusal(357, "The call history report could not be generated.")
        return self._file(row, gzipped=_takes_gzip(request.headers.get("accept-encoding", "")))

    def _file(self, row: Row, *, gzipped: bool) -> File:
        path = self._path(row["history_report_id"])
        size = row["download_size" if gzipped else "file_size"]
        version = f"{row['history_report_id']}-{row['created']}-{size}"
        read = _read if gzipped else _inflate
        headers = {
            "Vary": "Accept-Encoding",
            "Content-Disposition": f'attachment; filename="{_file_name(row)}"',
        }
        return File(
            size=size,
            etag=f'"{version}-gzip"' if gzipped else f'"{version}"',
            content_type=FILE_TYPE,
            read=lambda start, stop: self._counted(row, size, stop, read(path, start, stop)),
            headers=headers | ({"Content-Encoding": "gzip"} if gzipped else {}),
        )

    def _counted(self, row: Row, size: int, stop: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks; once the file's last one has left, a download is counted."""
        yield from blocks
        if stop == size:
            self.state.change(
                "UPDATE reports SET download_count = download_count + 1, last_downloaded = ?"
                " WHERE history_report_id = ?",
                (int(self.clock().timestamp()), row["history_report_id"]),
            )

    def _path(self, report_id: int) -> Path:
        return self.folder / f"{report_id}.csv.gz"

    def clear(self) -> None:
        """Forgets all reports; a later one does not get the number of an earlier one."""
        self.state.change("DELETE FROM reports")
        for path in self.folder.glob("*.csv.gz"):
            path.unlink(missing_ok=True)

    # Building

    def resume(self) -> None:
        """Queues again what was being built when the sandbox stopped."""
        self.state.change("UPDATE reports SET state = 'queued' WHERE state = 'building'")

    def build_forever(self, stopping: threading.Event) -> None:
        """Builds what is ordered, one after the other, until told to stop."""
        while not stopping.is_set():
            if not self.build_next():
                self.ordered.wait(POLL)
                self.ordered.clear()

    def build_next(self) -> bool:
        """Builds the oldest queued report; False when there was none."""
        row = self.state.row(
            "SELECT * FROM reports WHERE state = 'queued' ORDER BY history_report_id LIMIT 1"
        )
        if row is None:
            return False
        claimed = self.state.change(
            "UPDATE reports SET state = 'building'"
            " WHERE history_report_id = ? AND state = 'queued'",
            (row["history_report_id"],),
        )
        if claimed:
            self._build(row)
        return True

    def _build(self, row: Row) -> None:
        if row["fate"] == "report_stuck":
            return
        if row["fate"] == "report_fails":
            self._finish(row, "failed", rows=0)
            return
        try:
            built = self._write(row)
        except Exception:
            logger.exception("Report %s could not be built", row["history_report_id"])
            self._finish(row, "failed", rows=0)
        else:
            self._finish(row, "built", **built)

    def _write(self, row: Row) -> dict[str, Any]:
        """Streams the rows into the file; how many there were, the sizes, the totals."""
        params = wire.decode(
            METHODS[row["method"]],
            {name: [text] for name, text in json.loads(row["fields"]).items()},
        )
        account = self.store.account(row["account_id"])
        if account is None:
            raise LookupError(f"no account {row['account_id']}")
        limit = getattr(params, "count", None)
        path = self._path(row["history_report_id"])
        partial = path.with_suffix(".partial")
        with (
            igzip.GzipFile(  # type: ignore[no-untyped-call]
                partial, "wb", compresslevel=LEVEL, mtime=0
            ) as packed,
            io.TextIOWrapper(io.BufferedWriter(packed, BLOCK), "utf-8", newline="") as out,
        ):
            tables.write(out, params, tables.lines(self.store, account, params, limit))
            out.flush()
            file_size = packed.tell()
        partial.rename(path)
        count, totals = self._totals(account, params)
        return {
            "rows": count,
            "file_size": file_size,
            "download_size": path.stat().st_size,
            "calculated_data": json.dumps(totals) if totals else None,
        }

    def _totals(self, account: Account, params: Method) -> tuple[int, dict[str, Any] | None]:
        """How many rows of the API are in the report, and its `calculated_data`."""
        match params:
            case GetCallHistory():
                total = self.store.count_sessions(account, params)
                count = _within(total, params.offset, params.count)
                return count, {
                    "session_count": count,
                    "total_session_count": total,
                    "timezone": params.timezone,
                }
            case GetTransactionHistory():
                total = self.store.count_transactions(account, params)
                count = _within(total, params.offset, params.count)
                zone = wire.zone(params.timezone)
                start = wire.instant(params.from_date, zone)
                end = wire.instant(params.to_date, zone, last=True) + timedelta(seconds=1)
                return count, {
                    "transaction_count": count,
                    "total_transaction_count": total,
                    "start_balance": self._balance(account, start),
                    "end_balance": self._balance(account, end),
                    "account_id": account.account_id,
                    "timezone": params.timezone,
                }
            case GetBriefCallHistory():
                question = tables.as_call_history(params)
                return self.store.count_sessions(account, question), None
            case GetAuditLog():
                total = self.store.count_audit_log(account, params)
                return _within(total, params.offset, params.count), None
        raise TypeError(f"{params.name} cannot be ordered")

    def _balance(self, account: Account, moment: datetime) -> str:
        balance = self.store.balance_at(account.account_id, moment)
        return f"{_plain(balance)} {account.currency}"

    def _finish(self, row: Row, state: str, *, rows: int, **built: Any) -> None:
        ready_at = max(self.clock().timestamp(), row["created"] + self.pace.least(rows))
        sizes = [built.get(name) for name in ("file_size", "download_size", "calculated_data")]
        self.state.change(
            "UPDATE reports SET state = ?, ready_at = ?, file_size = ?, download_size = ?,"
            " calculated_data = ? WHERE history_report_id = ?",
            (state, ready_at, *sizes, row["history_report_id"]),
        )


def _within(total: int, offset: int, count: int | None) -> int:
    """How many of `total` rows are left after `offset`, `count` at most."""
    left = max(0, total - offset)
    return left if count is None else min(left, count)


def _history_type(params: Method) -> str:
    match params:
        case GetTransactionHistory(is_uncommitted=True):
            return "transactions_on_hold"
        case GetTransactionHistory():
            return "transactions"
        case GetAuditLog():
            return "audit"
        case GetBriefCallHistory():
            return "calls_brief"
    return "calls"


def _filters(params: Method, given: Fields) -> dict[str, Any]:
    """The parameters an order was given, typed, and the period and zone in any case."""
    always = ("from_date", "to_date", "timezone")
    return {
        name: str(value) if isinstance(value := getattr(params, name), datetime) else value
        for name in parameters(type(params))
        if name in always or (any(given.get(name, ())) and name not in ("output", "is_async"))
    }


def _file_name(row: Row) -> str:
    return f"{row['history_type']}_{row['history_report_id']}.csv"


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


def _wall_clock(timestamp: float) -> str:
    return wire.format_wall_clock(_moment(timestamp), UTC)


def _plain(amount: Decimal) -> str:
    shown = f"{amount:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether `Accept-Encoding` allows gzip; an absent header does not ask for it."""
    weights = {}
    for choice in accept_encoding.lower().split(","):
        name, _, weight = choice.partition(";")
        weights[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return weights.get("gzip", weights.get("*", False))


def _read(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        yield from _blocks(file, stop - start)


def _inflate(path: Path, start: int, stop: int) -> Iterator[bytes]:
    """The unpacked bytes from `start` to before `stop`, by unpacking all before them too."""
    with gzip.open(path) as file:
        for block in _blocks(file, start):
            del block
        yield from _blocks(file, stop - start)


def _blocks(file: Any, length: int) -> Iterator[bytes]:
    left = length
    while left > 0 and (block := file.read(min(left, BLOCK))):
        yield block
        left -= len(block)
