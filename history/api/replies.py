"""What the History section answers: frozen dataclasses named and shaped as the vendor's types.

Seconds are integers, money is `Decimal` in the account's currency, moments are aware (in the
zone the answer was asked in; UTC for reports and ACD). What the API left out is `None`, a list
it left out is empty, and fields no declaration knows are kept in `extra`.

Source: the type pages of https://voximplant.com/docs/references/httpapi, and what published
sample answers show beyond them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

type Extra = Mapping[str, Any]


def _none() -> Extra:
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class EndReason:
    """Why a call ended: a SIP status code and the platform's words, which may be empty."""

    code: int | None
    details: str

    @classmethod
    def from_wire(cls, value: Any, clock: object) -> Self:
        """An object in real answers; several SDKs declare text, so text is taken too."""
        if isinstance(value, dict):
            code, details = value.get("code"), value.get("details")
            return cls(code=code if type(code) is int else None, details=str(details or ""))
        return cls(code=None, details=str(value))


@dataclass(frozen=True, kw_only=True, slots=True)
class CallInfoType:
    """One call leg of a session. `incoming` and `local_number` are as the platform sees them."""

    call_id: int
    start_time: datetime
    duration: int | None = None
    local_number: str | None = None
    remote_number: str | None = None
    remote_number_type: str | None = None
    diversion_number: str | None = None
    incoming: bool | None = None
    successful: bool | None = None
    transaction_id: int | None = None
    record_url: str | None = None
    media_server_address: str | None = None
    cost: Decimal | None = None
    custom_data: str | None = None
    end_reason: EndReason | None = None
    direction: str | None = None
    audio_quality: str | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordType:
    """One recording. `file_size` is bytes; `is_removed` says deleted or expired."""

    record_id: int
    record_name: str | None = None
    start_time: datetime | None = None
    duration: int | None = None
    cost: Decimal | None = None
    record_url: str | None = None
    transaction_id: int | None = None
    file_size: Decimal | None = None
    transcription_url: str | None = None
    transcription_status: str | None = None
    is_removed: bool | None = None
    expiration_date: date | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceUsageType:
    """Use of something that is not a call: speech recognition, synthesis, a conference …"""

    resource_usage_id: int
    resource_type: str | None = None
    cost: Decimal | None = None
    description: str | None = None
    used_at: datetime | None = None
    transaction_id: int | None = None
    resource_quantity: int | None = None
    unit: str | None = None
    ref_call_id: int | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallSessionInfoType:
    """One call session: a run of a scenario with its calls, records and other resources."""

    call_session_history_id: int
    start_date: datetime
    account_id: int | None = None
    application_id: int | None = None
    application_name: str | None = None
    rule_name: str | None = None
    user_id: int | None = None
    duration: int | None = None
    initiator_address: str | None = None
    media_server_address: str | None = None
    log_file_url: str | None = None
    finish_reason: str | None = None
    audio_quality: str | None = None
    calls: tuple[CallInfoType, ...] = ()
    records: tuple[RecordType, ...] = ()
    other_resource_usage: tuple[ResourceUsageType, ...] = ()
    custom_data: str | None = None
    active: bool | None = None
    extra: Extra = field(default_factory=_none)

    @property
    def charged(self) -> Iterator[CallInfoType | RecordType | ResourceUsageType]:
        """Everything of the session that can cost money."""
        yield from self.calls
        yield from self.records
        yield from self.other_resource_usage

    @property
    def cost(self) -> Decimal | None:
        """Sum of what its parts cost, of those parts that were asked for; `None` if none has."""
        costs = [part.cost for part in self.charged if part.cost is not None]
        return sum(costs, Decimal(0)) if costs else None


@dataclass(frozen=True, kw_only=True, slots=True)
class TransactionInfoType:
    """One billing transaction; `amount` is negative for a charge, positive for money paid in."""

    transaction_id: int
    performed_at: datetime
    amount: Decimal
    currency: str
    transaction_type: str
    account_id: str | None = None
    transaction_description: str | None = None
    payment_reference: str | None = None
    application_id: int | None = None
    application_name: str | None = None
    subscription_id: int | None = None
    subscription_name: str | None = None
    resource_type: str | None = None
    price_group_name: str | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryReportType:
    """An ordered report; it is finished when `completed` is there. Sizes are bytes, dates UTC."""

    history_report_id: int
    history_type: str
    created: datetime
    format: str | None = None
    completed: datetime | None = None
    file_name: str | None = None
    file_size: Decimal | None = None
    download_size: Decimal | None = None
    download_count: int | None = None
    last_downloaded: datetime | None = None
    store_until: date | None = None
    filters: Mapping[str, Any] | None = None
    calculated_data: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    session_count: int | None = None
    total_session_count: int | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class ACDSessionEventInfoType:
    """A moment of an ACD session. The list of `type` values is not public."""

    acd_session_event_id: int
    time: datetime
    type: str
    user_id: int | None = None
    custom_data: str | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class ACDSessionInfoType:
    """A caller's way through a queue: seconds waiting, in service and after service. UTC."""

    acd_session_history_id: int
    begin_time: datetime
    acd_request_id: str | None = None
    account_id: int | None = None
    priority: int | None = None
    acd_queue_id: int | None = None
    user_id: int | None = None
    waiting_duration: int | None = None
    in_service_duration: int | None = None
    after_service_duration: int | None = None
    events: tuple[ACDSessionEventInfoType, ...] = ()
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditLogInfoType:
    """A command somebody gave: its arguments, maybe masked, and what it changed."""

    audit_log_id: int
    requested: datetime
    cmd_name: str
    account_id: int | None = None
    subuser_id: int | None = None
    subuser_name: str | None = None
    ip: str | None = None
    cmd_args: Mapping[str, Any] | None = None
    cmd_result: Mapping[str, Any] | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page[R]:
    """One page of a list; `total_count` is `None` where it was not asked for.

    `timezone` names the zone of the moments inside; for reports and ACD the API says none and
    it is `Etc/GMT`. `warnings` are the API's own words about a question it answered anyway.
    """

    result: tuple[R, ...]
    count: int
    timezone: str
    total_count: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The answer to an ordered report."""

    history_report_id: int
