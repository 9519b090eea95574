"""What differs from one kind of report to another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from history.api import wire
from history.api.client import Client
from history.api.methods import (
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetTransactionHistory,
    Method,
    parameters,
)
from history.api.replies import Order
from history.models.reports import Kind, Report

# Said by each order, or about how the answer is cut: they do not tell two questions apart.
_ABOUT_OUTPUT = (
    "output",
    "is_async",
    "with_header",
    "with_total_count",
    "cmd",
    "count",
    "offset",
)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A kind: its remote method and how to order it, what its file says in which columns.

    `sums` are columns worth adding up, `per` the column whose values they are added up by, and
    `session` the column whose changes count what the platform counts as sessions.
    """

    method: type[Method]
    history_type: str = ""
    order: Callable[[Client, Any], Order] | None = None
    sums: tuple[str, ...] = ()
    per: str = ""
    session: str = ""
    money: tuple[str, ...] = ()


_TRANSACTIONS: Mapping[str, Any] = {
    "method": GetTransactionHistory,
    "order": Client.order_transaction_history,
    "sums": ("amount",),
    "money": ("amount",),
    "per": "currency",
}

SPECS: Mapping[str, Spec] = {
    Kind.CALLS: Spec(
        method=GetCallHistory,
        history_type="calls",
        order=Client.order_call_history,
        sums=("call_cost", "call_duration"),
        money=("call_cost",),
        session="session_id",
    ),
    Kind.CALLS_BRIEF: Spec(
        method=GetBriefCallHistory,
        history_type="calls_brief",
        order=Client.get_brief_call_history,
        sums=("call_cost", "call_duration"),
        money=("call_cost",),
        session="session_id",
    ),
    Kind.TRANSACTIONS: Spec(history_type="transactions", **_TRANSACTIONS),
    Kind.TRANSACTIONS_ON_HOLD: Spec(history_type="transactions_on_hold", **_TRANSACTIONS),
    Kind.AUDIT: Spec(method=GetAuditLog, history_type="audit", order=Client.order_audit_log),
    Kind.ACD: Spec(
        method=GetACDHistory,
        sums=("waiting_duration", "in_service_duration", "after_service_duration"),
        session="acd_session_history_id",
    ),
}

# What a report made elsewhere holds, by the platform's word for it.
_BY_HISTORY_TYPE = {spec.history_type: spec for spec in SPECS.values() if spec.history_type}


def spec_of(report: Report) -> Spec | None:
    """The spec of the rows in the report's file; `None` for kinds nobody has described."""
    if report.kind == Kind.REMOTE:
        return _BY_HISTORY_TYPE.get(report.remote_type)
    return SPECS[report.kind]


def params_of(report: Report) -> Method:
    """What was asked, as the client takes it."""
    return wire.decode(
        SPECS[report.kind].method, {name: [text] for name, text in report.params.items()}
    )


def fields_of(params: Method) -> dict[str, str]:
    """Params as a report keeps them: the fields of the wire, without how the answer is cut."""
    fields = wire.encode(params)
    kept = {name: text for name, text in fields.items() if name not in _ABOUT_OUTPUT}
    # The zone is said even where it is the server's default: names of files show it.
    if "timezone" in parameters(type(params)):
        kept["timezone"] = str(getattr(params, "timezone", ""))
    return kept


def same_question(method: type[Method], ours: Mapping[str, str], theirs: Mapping[str, Any]) -> bool:
    """Whether the platform's `filters` of a report say what we asked.

    How it writes values is not public: text, numbers and lists count as the same.
    """
    return _plain(method, ours) == _plain(method, theirs)


def _plain(method: type[Method], fields: Mapping[str, Any]) -> dict[str, str]:
    known = parameters(method)
    plain = {}
    for name, value in fields.items():
        if name in _ABOUT_OUTPUT or name not in known:
            continue
        text = _text(value)
        if text and text != _text(known[name].server_default):
            plain[name] = text
    return plain


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ";".join(sorted(map(_text, value)))
        case str() if value in ("True", "False"):
            return value.lower()
        case str() if ";" in value:
            return ";".join(sorted(part for part in value.split(";") if part))
    return str(value)
