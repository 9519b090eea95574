"""The CSV files: their columns and the dialect they are written in.

UTF-8 without a byte order mark, `;` between fields, every field quoted, rows end in a line feed;
yes/no, absent values empty, objects as JSON text. The zone of the dates stands in the header.
Pages and reports are written by the same code.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from history.api.methods import (
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetTransactionHistory,
    Method,
    parameters,
)
from sandbox import exports
from sandbox.store import Account, Store

DATES = {
    "session_start_date",
    "call_start_time",
    "performed_at",
    "begin_time",
    "event_time",
    "requested",
}
ACD = (
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
ACD_EVENT = {
    "event_id": "acd_session_event_id",
    "event_time": "time",
    "event_type": "type",
    "event_user_id": "user_id",
    "event_custom_data": "custom_data",
}
AUDIT = (
    "audit_log_id",
    "requested",
    "account_id",
    "subuser_id",
    "subuser_name",
    "ip",
    "cmd_name",
    "cmd_args",
    "cmd_result",
)


def write(out: TextIO, params: Method, lines: Iterable[str]) -> None:
    """Writes the file that `params` asked for; memory does not grow with the rows."""
    if getattr(params, "with_header", True):
        out.write(_line(header(params)))
    out.writelines(lines)


def text(params: Method, lines: Iterable[str]) -> bytes:
    """The same file, whole."""
    out = io.StringIO()
    write(out, params, lines)
    return out.getvalue().encode()


def header(params: Method) -> list[str]:
    """The column names; dates say their zone, `(UTC)` for the zone the API calls Etc/GMT."""
    zone = getattr(params, "timezone", "UTC")
    zone = "UTC" if zone in ("Etc/GMT", "UTC") else zone
    return [f"{name} ({zone})" if name in DATES else name for name in _names(params)]


def _names(params: Method) -> Iterable[str]:
    match params:
        case GetCallHistory():
            return exports.SESSION | (exports.CALL if params.with_calls else {})
        case GetBriefCallHistory():
            return exports.BRIEF_SESSION | exports.BRIEF_CALL
        case GetTransactionHistory():
            return exports.TRANSACTION | (exports.EXTENDED if params.with_extended_info else {})
        case GetACDHistory():
            return (*ACD, *ACD_EVENT) if params.with_events else ACD
        case GetAuditLog():
            return AUDIT
    raise TypeError(f"{params.name} has no CSV form")


def lines(store: Store, account: Account, params: Method, limit: int | None) -> Iterator[str]:
    """The file's lines; `limit` counts sessions, transactions or entries, not lines."""
    match params:
        case GetCallHistory():
            return store.session_lines(account, params, limit=limit)
        case GetBriefCallHistory():
            return store.session_lines(account, as_call_history(params), limit=limit, brief=True)
        case GetTransactionHistory():
            return store.transaction_lines(account, params, limit=limit)
        case GetACDHistory():
            return _acd(store.acd_sessions(account, params, limit=limit), params.with_events)
        case GetAuditLog():
            return _audit(store.audit_log(account, params, limit=limit))
    raise TypeError(f"{params.name} has no CSV form")


def as_call_history(params: GetBriefCallHistory) -> GetCallHistory:
    """The question behind a brief call history."""
    shared = parameters(GetBriefCallHistory).keys() - {"output", "is_async", "with_header"}
    return GetCallHistory(**{name: getattr(params, name) for name in shared})


def _acd(sessions: Iterable[Mapping[str, Any]], with_events: bool) -> Iterator[str]:
    """With events a line for each of them, the session repeated."""
    for session in sessions:
        cells = [session.get(name) for name in ACD]
        if not with_events:
            yield _line(cells)
            continue
        events: Iterable[Mapping[str, Any]] = session.get("events") or ({},)
        for event in events:
            yield _line([*cells, *(event.get(name) for name in ACD_EVENT.values())])


def _audit(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        yield _line([_json(entry.get(name)) for name in AUDIT])


def _line(cells: Iterable[object]) -> str:
    quoted = ("" if cell is None else str(cell).replace('"', '""') for cell in cells)
    return '"' + '";"'.join(quoted) + '"\n'


def _json(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value
