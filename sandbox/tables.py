"""The CSV files: which columns each method's rows have, and the dialect they are written in.

UTF-8 without a byte order mark, `;` between fields, every field quoted, rows end in a line feed;
yes/no, absent values empty, objects as JSON text. The zone of the dates stands in the header.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any, TextIO

from history.api.methods import (
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetTransactionHistory,
    Method,
)

type Wire = Mapping[str, Any]
type Cells = Iterable[object]

SESSION = (
    "call_session_history_id",
    "start_date",
    "duration",
    "account_id",
    "application_id",
    "application_name",
    "rule_name",
    "user_id",
    "initiator_address",
    "media_server_address",
    "finish_reason",
    "audio_quality",
    "custom_data",
    "log_file_url",
)
TRANSACTION = (
    "transaction_id",
    "account_id",
    "performed_at",
    "amount",
    "currency",
    "transaction_type",
    "transaction_description",
)
EXTENDED = (
    "application_id",
    "application_name",
    "subscription_id",
    "subscription_name",
    "resource_type",
    "price_group_name",
)
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
ACD_EVENT = ("acd_session_event_id", "time", "type", "user_id", "custom_data")
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


def write(out: TextIO, params: Method, rows: Iterable[Wire]) -> None:
    """Writes the file that `params` asked for; memory does not grow with the rows."""
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
    if getattr(params, "with_header", True):
        writer.writerow(header(params))
    writer.writerows(chain.from_iterable(map(_cells(params), rows)))


def text(params: Method, rows: Iterable[Wire]) -> bytes:
    """The same file, whole."""
    out = io.StringIO()
    write(out, params, rows)
    return out.getvalue().encode()


def header(params: Method) -> list[str]:
    """The column names; dates say their zone, `(UTC)` for the zone the API calls Etc/GMT."""
    zone = getattr(params, "timezone", "UTC")
    zone = "UTC" if zone in ("Etc/GMT", "UTC") else zone
    return [f"{name} ({zone})" if name in DATES else name for name in _names(params)]


DATES = {
    "session_start_date",
    "call_start_time",
    "performed_at",
    "begin_time",
    "event_time",
    "requested",
}


def _names(params: Method) -> tuple[str, ...]:
    match params:
        case GetCallHistory():
            session = ("session_id", *(f"session_{name}" for name in SESSION[1:]))
            return session + (CALL_COLUMNS if params.with_calls else ())
        case GetBriefCallHistory():
            return BRIEF_COLUMNS
        case GetTransactionHistory():
            return TRANSACTION + (EXTENDED if params.with_extended_info else ())
        case GetACDHistory():
            return ACD + (EVENT_COLUMNS if params.with_events else ())
        case GetAuditLog():
            return AUDIT
    raise TypeError(f"{params.name} has no CSV form")


CALL_COLUMNS = (
    "call_id",
    "call_start_time",
    "call_duration",
    "call_incoming",
    "call_local_number",
    "call_remote_number",
    "call_remote_number_type",
    "call_diversion_number",
    "call_successful",
    "call_cost",
    "call_end_code",
    "call_end_details",
    "call_transaction_id",
    "call_record_url",
    "call_custom_data",
)
BRIEF_COLUMNS = (
    "session_id",
    "session_start_date",
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
EVENT_COLUMNS = ("event_id", "event_time", "event_type", "event_user_id", "event_custom_data")


def _cells(params: Method) -> Callable[[Wire], Iterable[Cells]]:
    """What turns one row of the API into the file's rows; one for each call or event of it."""
    number = _decimal_mark(getattr(params, "decimal_separator", None) or ".")
    match params:
        case GetCallHistory(with_calls=True):
            return lambda row: _session_with_calls(row, number)
        case GetCallHistory():
            return lambda row: ([row.get(name) for name in SESSION],)
        case GetBriefCallHistory():
            return lambda row: _brief(row, number)
        case GetTransactionHistory():
            return lambda row: (_transaction(row, params.with_extended_info, number),)
        case GetACDHistory(with_events=True):
            return _acd_with_events
        case GetACDHistory():
            return lambda row: ([row.get(name) for name in ACD],)
        case GetAuditLog():
            return lambda row: ([_json(row.get(name)) for name in AUDIT],)
    raise TypeError(f"{params.name} has no CSV form")


type Number = Callable[[Decimal | int | None], str]


def _decimal_mark(mark: str) -> Number:
    def number(value: Decimal | int | None) -> str:
        if not value:
            return "" if value is None else "0"
        shown = f"{value:f}"
        shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
        return shown.replace(".", mark)

    return number


_YES_NO: Mapping[bool | None, str] = {True: "yes", False: "no"}


def _session_with_calls(row: Wire, number: Number) -> Iterator[Cells]:
    session = [row.get(name) for name in SESSION]
    calls: Iterable[Wire] = row.get("calls") or ({},)
    for call in calls:
        get = call.get
        reason = get("end_reason") or {}
        yield (
            *session,
            get("call_id"),
            get("start_time"),
            get("duration"),
            _YES_NO.get(get("incoming")),
            get("local_number"),
            get("remote_number"),
            get("remote_number_type"),
            get("diversion_number"),
            _YES_NO.get(get("successful")),
            number(get("cost")),
            reason.get("code"),
            reason.get("details"),
            get("transaction_id"),
            get("record_url"),
            get("custom_data"),
        )


def _brief(row: Wire, number: Number) -> Iterator[Cells]:
    session = (row["call_session_history_id"], row["start_date"])
    for call in row.get("calls", ()):
        get = call.get
        yield (
            *session,
            get("call_id"),
            get("start_time"),
            get("duration"),
            _YES_NO.get(get("incoming")),
            get("local_number"),
            get("remote_number"),
            _YES_NO.get(get("successful")),
            number(get("cost")),
            (get("end_reason") or {}).get("code"),
        )


def _transaction(row: Wire, extended: bool, number: Number) -> Cells:
    get = row.get
    cells = [
        get("transaction_id"),
        get("account_id"),
        get("performed_at"),
        number(get("amount")),
        get("currency"),
        get("transaction_type"),
        get("transaction_description"),
    ]
    return cells + [get(name) for name in EXTENDED] if extended else cells


def _acd_with_events(row: Wire) -> Iterator[Cells]:
    session = [row.get(name) for name in ACD]
    events: Iterable[Wire] = row.get("events") or ({},)
    for event in events:
        yield session + [event.get(name) for name in ACD_EVENT]


def _json(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float)
    return value
