"""What the page of one call shows, made of its session: facts, legs to scale, charges, its log."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from json import dumps
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django_stubs_ext import StrOrPromise

from history.api.replies import (
    CallInfoType,
    CallSessionInfoType,
    RecordType,
    ResourceUsageType,
    TransactionInfoType,
)
from history.logs import KEPT
from history.media import Kind, Purpose
from history.recordings import reference
from history.templatetags.charts import Lane, Mark, Span
from history.templatetags.sessions import called, caller
from history.templatetags.show import duration, in_words, moment, phone, phone_in_words
from history.verdict import outcome, reason

BILLED_WITHIN = timedelta(days=14)  # transcripts are charged when they are ready, holds later


@dataclass(frozen=True, kw_only=True)
class Fact:
    """components/_facts.html; a fact without a value is left out of the page."""

    label: StrOrPromise
    value: Any
    copy: str = ""
    url: str = ""
    help: StrOrPromise = ""


def facts(session: CallSessionInfoType, own_account: int) -> list[Fact]:
    child = session.account_id if session.account_id != own_account else None
    found = [
        Fact(label=_t("Started"), value=moment(session.start_date), copy=_utc(session.start_date)),
        Fact(label=_t("Length"), value=duration(session.duration)),
        Fact(
            label=_t("Session ID"),
            value=session.call_session_history_id,
            copy=str(session.call_session_history_id),
        ),
        Fact(
            label=_t("Application"),
            value=session.application_name or session.application_id,
            url=_calls(session, application_id=session.application_id),
        ),
        Fact(label=_t("Rule"), value=session.rule_name),
        Fact(
            label=_t("User ID"),
            value=session.user_id,
            copy=str(session.user_id or ""),
            url=_calls(session, user_id=session.user_id),
        ),
        Fact(label=_t("Custom data"), value=session.custom_data, copy=session.custom_data or ""),
        Fact(label=_t("Finish"), value=session.finish_reason),
        Fact(label=_t("Audio"), value=session.audio_quality),
        Fact(
            label=_t("Started from"),
            value=session.initiator_address,
            copy=session.initiator_address or "",
            help=_t("The IP address that started the session."),
        ),
        Fact(
            label=_t("Media server"),
            value=session.media_server_address,
            copy=session.media_server_address or "",
            help=_t("The platform's server that carried the sound; its support asks for it."),
        ),
        Fact(label=_t("Child account"), value=child, copy=str(child or "")),
    ]
    return [fact for fact in found if fact.value not in (None, "")]


def _calls(session: CallSessionInfoType, **filters: object) -> str:
    """The list of calls around the session's day with these filters."""
    if not all(filters.values()):
        return ""
    day = timezone.localtime(session.start_date).date().isoformat()
    return f"{reverse('calls')}?{urlencode({**filters, 'from_date': day, 'to_date': day})}"


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ", "seconds").replace("+00:00", " UTC")


# Legs


def lanes(session: CallSessionInfoType) -> list[Lane]:
    """A lane for each call and recording, and one for the moments of other resources."""
    found = [_call_lane(session, call) for call in session.calls]
    found += [_record_lane(session, record) for record in session.records]
    end = whole_length(session, found)
    # What comes later, such as a transcript, has its place among the charges.
    marks = [
        Mark(at=at, label=usage.resource_type or _t("Resource"))
        for usage in session.other_resource_usage
        if usage.used_at and (at := _since(session, usage.used_at)) <= end
    ]
    return [*found, Lane(name=_t("Resources"), icon="settings", marks=marks)] if marks else found


def whole_length(session: CallSessionInfoType, drawn: Sequence[Lane]) -> int:
    """Seconds that the drawing covers: of the session, or of what lasted longer."""
    ends = [span.end for lane in drawn for span in lane.spans]
    ends += [mark.at for lane in drawn for mark in lane.marks]
    return max([session.duration or 0, *ends, 1])


def _call_lane(session: CallSessionInfoType, call: CallInfoType) -> Lane:
    start, length = _since(session, call.start_time), _lasts(session, call)
    why = reason(call).what
    label = _t("Talk") if call.successful else _t("No answer: %(why)s") % {"why": why}
    name = _number(call.remote_number) or str(call.call_id)
    note = _t("to %(number)s") if call.incoming else _t("from %(number)s")
    tone = "good" if call.successful else "bad"
    # What was not answered has no length of its own; a moment can still be seen.
    spans = [Span(start=start, end=start + length, label=label, tone=tone)] if length else []
    marks = [] if length else [Mark(at=start, label=label)]
    return Lane(
        name=name,
        note=note % {"number": _number(call.local_number) or "–"},
        icon="phone-incoming" if call.incoming else "phone-outgoing",
        spans=spans,
        marks=marks,
    )


def _lasts(session: CallSessionInfoType, call: CallInfoType) -> int:
    """Seconds of talk; so far, in a session that is still running."""
    if call.duration is None and call.successful and session.active:
        return max(0, round((timezone.now() - call.start_time).total_seconds()))
    return call.duration or 0


def _number(number: str | None) -> str:
    return phone_in_words(number) if number else ""


def _record_lane(session: CallSessionInfoType, record: RecordType) -> Lane:
    start = _since(session, record.start_time)
    span = Span(start=start, end=start + (record.duration or 0), label=_t("Recording"))
    return Lane(name=record.record_name or _t("Recording"), icon="mic", spans=[span])


def _since(session: CallSessionInfoType, when: datetime | None) -> int:
    """Seconds from the start of the session; its parts' clocks may run a little ahead."""
    return max(0, round((when - session.start_date).total_seconds())) if when else 0


# Charges


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Something that cost money, or may have: `said` is what the session says it cost, `booked`
    what its transaction says, positive as well, where that was asked for."""

    what: StrOrPromise
    icon: str
    detail: Any
    quantity: Any
    said: Decimal | None
    transaction_id: int | None
    url: str
    booked: Decimal | None = None
    currency: str = ""

    @property
    def differs(self) -> bool:
        return self.booked is not None and self.said is not None and self.booked != self.said


@dataclass(frozen=True, kw_only=True)
class Charges:
    rows: Sequence[Charge]
    currency: str
    all_url: str
    checked: bool = False

    @property
    def total(self) -> Decimal:
        return sum((row.said or Decimal(0) for row in self.rows), Decimal(0))

    @property
    def booked(self) -> Decimal:
        return sum((row.booked or Decimal(0) for row in self.rows), Decimal(0))

    @property
    def differing(self) -> int:
        return sum(row.differs for row in self.rows)

    @property
    def unbooked(self) -> int:
        """Rows that cost something, of which no transaction was found."""
        return sum(1 for row in self.rows if row.said and row.booked is None)


def charges(
    session: CallSessionInfoType,
    currency: str,
    booked: Mapping[int, TransactionInfoType] | None = None,
) -> Charges:
    """What the session cost, part by part; with `booked`, compared with its transactions."""
    rows = [_charge(session, part, booked or {}) for part in session.charged]
    currencies = {row.currency for row in rows if row.currency}
    known = currencies.pop() if len(currencies) == 1 else currency
    ids = [row.transaction_id for row in rows if row.transaction_id]
    return Charges(
        rows=rows,
        currency=known,
        all_url=_transactions(session, ids),
        checked=booked is not None,
    )


def _transactions(session: CallSessionInfoType, ids: Sequence[int]) -> str:
    """The Transactions page with these, in the days in which they may have been booked."""
    if not ids:
        return ""
    day = timezone.localtime(session.start_date).date()
    period = {"from_date": day - timedelta(days=1), "to_date": day + BILLED_WITHIN}
    query = urlencode({"transaction_id": ",".join(map(str, ids)), **period})
    return f"{reverse('transactions')}?{query}"


type Part = CallInfoType | RecordType | ResourceUsageType


def _charge(
    session: CallSessionInfoType, part: Part, booked: Mapping[int, TransactionInfoType]
) -> Charge:
    transaction = booked.get(part.transaction_id or 0)
    return Charge(
        **_described(part),
        said=part.cost,
        transaction_id=part.transaction_id,
        url=_transactions(session, [part.transaction_id] if part.transaction_id else []),
        booked=-transaction.amount if transaction else None,
        currency=transaction.currency if transaction else "",
    )


def _described(part: Part) -> dict[str, Any]:
    match part:
        case CallInfoType():
            what = _t("Incoming call") if part.incoming else _t("Outgoing call")
            icon = "phone-incoming" if part.incoming else "phone-outgoing"
            detail = phone(part.remote_number)
            return {
                "what": what,
                "icon": icon,
                "detail": detail,
                "quantity": duration(part.duration),
            }
        case RecordType():
            return {
                "what": _t("Recording"),
                "icon": "mic",
                "detail": part.record_name or part.record_id,
                "quantity": duration(part.duration),
            }
        case ResourceUsageType():
            amount = f"{part.resource_quantity or ''} {part.unit or ''}".strip()
            return {
                "what": part.resource_type or _t("Resource"),
                "icon": "settings",
                "detail": part.description or "",
                "quantity": amount,
            }


# The log


@dataclass(frozen=True, kw_only=True)
class Log:
    """The session's log: its references, empty when it is gone, and the day it goes."""

    show: str
    download: str
    until: date
    is_over: bool


def log(session: CallSessionInfoType, user_id: int) -> Log:
    end = session.start_date + KEPT
    show = reference(session, Kind.LOG, Purpose.SHOW, user_id)
    download = reference(session, Kind.LOG, Purpose.DOWNLOAD, user_id)
    return Log(
        show=show.sealed() if show else "",
        download=download.sealed() if download else "",
        until=timezone.localtime(end).date(),
        is_over=end < timezone.now(),
    )


# For others


def diagnostics(session: CallSessionInfoType, address: str) -> str:
    """What an engineer or the platform's support needs, as text; no credentials, no storage."""
    said = [
        (_t("Session"), session.call_session_history_id),
        (_t("Account"), session.account_id),
        (_t("Started"), _utc(session.start_date)),
        (_t("Length"), in_words(session.duration) if session.duration is not None else None),
        (_t("Outcome"), outcome(session).label),
        (_t("Finish"), session.finish_reason),
        (_t("Application"), session.application_name or session.application_id),
        (_t("Rule"), session.rule_name),
        (_t("Media server"), session.media_server_address),
        (_t("Link"), address),
    ]
    lines = [f"{label}: {value}" for label, value in said if value not in (None, "")]
    return "\n".join([*lines, *map(_leg, session.calls)])


def _leg(call: CallInfoType) -> str:
    end = call.end_reason
    parts = [
        _t("Call %(id)d") % {"id": call.call_id},
        f"{caller(call) or '?'} → {called(call) or '?'}",
        _utc(call.start_time),
        in_words(call.duration or 0),
        f"{end.code or ''} {end.details}".strip() if end else "",
    ]
    return " | ".join(part for part in parts if part)


def raw(session: CallSessionInfoType, *, with_costs: bool) -> str:
    """The session as the API told it, without links to files and without what it left out."""
    hidden = frozenset[str]() if with_costs else frozenset({"cost"})
    text = dumps(_plain(session, hidden), indent=2, ensure_ascii=False)
    return _EXACT.sub(r"\1", text)


# json writes no Decimal, and a float would not be the amount that was told. Amounts travel as
# text between characters that mean nothing, which are taken off with the quotes.
_FENCE = "\ue000"
_EXACT = re.compile(f'"{_FENCE}([^"{_FENCE}]*){_FENCE}"')


def _is_link(name: str) -> bool:
    """Whether a field holds an address of the vendor's storage: no page shows one."""
    return name.endswith("_url")


def _plain(value: Any, hidden: frozenset[str]) -> Any:
    if is_dataclass(value):
        named = {item.name: getattr(value, item.name) for item in fields(value)}
        extra = named.pop("extra", {})
        return {
            name: _t("(opened through this dashboard only)")
            if _is_link(name)
            else _plain(part, hidden)
            for name, part in {**named, **extra}.items()
            if part is not None and part != () and name not in hidden
        }
    if isinstance(value, Mapping):
        return {name: _plain(part, hidden) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part, hidden) for part in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{_FENCE}{value:f}{_FENCE}"
    return value
