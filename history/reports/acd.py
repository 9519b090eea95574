"""ACD has no reports of its own: its periods are walked, window by window, into one file.

The plan and the place reached are kept with the row after each window, so a walk that is cut
short goes on with the window it was in. The file says its times in the zone of the report.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol, cast

from history.api import wire
from history.api.client import Plan, Window
from history.api.methods import GetACDHistory
from history.api.replies import ACDSessionInfoType
from history.connection import connect_politely
from history.models.reports import Report
from history.reports import files
from history.reports.kinds import params_of, spec_of
from history.reports.tally import Tally

# Small enough to lose little and to tell often, large enough for few requests.
WINDOW_ROWS = 3000


class Turn(Protocol):
    """Who is told of progress, and asked whether to go on."""

    def beat(self, *, after: float = 1.0, **fields: Any) -> None: ...

    def offer(self) -> None: ...


def walk(report: Report, turn: Turn) -> dict[str, Any]:
    """Writes what is missing of the file; what was measured of it."""
    params = cast(GetACDHistory, params_of(report))
    walker = connect_politely().walk_acd(params)
    windows = [Window.load(dumped) for dumped in report.progress.get("windows", [])]
    if not windows:
        plan = Plan(windows=tuple(walker.windows(WINDOW_ROWS)))
        windows = list(plan.windows)
        dumped = [window.dump() for window in windows]
        progress = {"windows": dumped, "next": 0, "bytes": 0, "rows": 0}
        turn.beat(after=0, progress=progress, rows_expected=plan.total_count, rows_done=0)
    with files.open_partial(report, keep=True) as file:
        # What a killed worker wrote of the window it was in goes; its rows come again.
        file.truncate(report.progress["bytes"])
        file.seek(0, os.SEEK_END)
        if not file.tell():
            file.write(_lines([_header(report, with_events=params.with_events)]))
        rows = report.progress["rows"]
        for place, window in enumerate(windows[report.progress["next"] :], report.progress["next"]):
            for session in walker.window_rows(window):
                file.write(_lines(_rows(session, report, with_events=params.with_events)))
                rows += 1
                turn.beat(rows_done=rows)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
            progress = {**report.progress, "next": place + 1, "bytes": size, "rows": rows}
            turn.beat(after=0, progress=progress, rows_done=rows, bytes_done=size)
            turn.offer()
        return _measured(report, file, turn)


def _measured(report: Report, file: Any, turn: Turn) -> dict[str, Any]:
    spec = spec_of(report)
    tally = Tally(
        sum_columns=spec.sums if spec else (), session_column=spec.session if spec else ""
    )
    sha256 = hashlib.sha256()
    file.seek(0)
    while block := file.read(files.BLOCK):
        tally.feed(block)
        sha256.update(block)
        turn.beat()
    tally.finish()
    return {
        "size": tally.size,
        "sha256": sha256.hexdigest(),
        "encoding": None,
        "length": None,
        **tally.as_json(),
    }


_SESSION = (
    "acd_session_history_id",
    "acd_request_id",
    "account_id",
    "begin_time",
    "priority",
    "acd_queue_id",
    "user_id",
    "waiting_duration",
    "in_service_duration",
    "after_service_duration",
)
_EVENT = (
    ("event_id", "acd_session_event_id"),
    ("event_time", "time"),
    ("event_type", "type"),
    ("event_user_id", "user_id"),
    ("event_custom_data", "custom_data"),
)
_TIMES = ("begin_time", "event_time")


def _header(report: Report, *, with_events: bool) -> list[str]:
    names = [*_SESSION, *(name for name, _field in _EVENT)] if with_events else list(_SESSION)
    zone = "UTC" if report.zone in ("Etc/GMT", "Etc/UTC", "UTC") else report.zone
    return [f"{name} ({zone})" if name in _TIMES else name for name in names]


def _rows(session: ACDSessionInfoType, report: Report, *, with_events: bool) -> Iterator[list[str]]:
    cells = [_cell(getattr(session, name), report) for name in _SESSION]
    if not with_events:
        yield cells
        return
    for event in session.events or (None,):
        yield [
            *cells,
            *(
                "" if event is None else _cell(getattr(event, field), report)
                for _n, field in _EVENT
            ),
        ]


def _cell(value: object, report: Report) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return wire.format_wall_clock(value, wire.zone(report.zone))
    return str(value)


def _lines(rows: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
