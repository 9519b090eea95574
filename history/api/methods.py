"""The remote methods of the Management API's History section, each declared once.

A class is a method, a field is a parameter, both named as the vendor names them. From these
declarations follow the wire encoding (`wire.py`), the filter forms, the sandbox's parsing and
validation, and the tables in `docs/remote-api.md`.

How to read a field: no default — the reference requires it; `None` or `()` — left out of the
request; any other default is the server's own, and is left out too when it is not changed.

Source: the History section of https://voximplant.com/docs/references/httpapi; parameters
marked `extra` are known to the vendor's SDKs but not to the reference we follow.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

All = Literal["all"]

MAX_COUNT = 1000  # rows of one synchronous answer: GetCallHistory, GetTransactionHistory
MAX_OFFSET = 10_000
MAX_SESSION_IDS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Param:
    """What a parameter's type does not say.

    `code` is the API's error code for a malformed value, `default` what the server takes when
    a `None` field is left out, `always` sends the value even when it equals the default.
    """

    help: str
    code: int = 496
    default: object = None
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    max_items: int | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    always: bool = False
    json: bool = False
    csv_only: bool = False
    extra: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A declared parameter with its type taken apart, as `parameters()` lists it.

    `kind` is one of int, str, bool, datetime; `is_list` says a `;` list (or a JSON array when
    `param.json`), `allows_all` that the word `all` may stand in its place.
    """

    name: str
    kind: type
    is_list: bool
    allows_all: bool
    default: Any
    param: Param

    @property
    def required(self) -> bool:
        return self.default is MISSING or self.param.required

    @property
    def server_default(self) -> object:
        """What the server assumes when the parameter is not sent, `None` for nothing."""
        if self.param.default is not None:
            return self.param.default
        return None if self.default in (MISSING, ()) else self.default

    @property
    def sort(self) -> str:
        """The reference's word for the type: timestamp, intlist, stringlist, number, …"""
        if self.is_list and not self.param.json:
            return "intlist" if self.kind is int else "stringlist"
        return {int: "number", str: "string", bool: "boolean", datetime: "timestamp"}[self.kind]


class Method:
    """Base of all declarations; `name` is the remote command."""

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.name = cls.__name__


# Parameters that several methods share, worded once.

FromDate = Annotated[
    datetime, Param(help="Start of the period, in the selected time zone, inclusive.", code=111)
]
ToDate = Annotated[
    datetime, Param(help="End of the period, in the selected time zone, inclusive.", code=111)
]
UtcFromDate = Annotated[datetime, Param(help="Start of the period, in UTC, inclusive.", code=111)]
UtcToDate = Annotated[datetime, Param(help="End of the period, in UTC, inclusive.", code=111)]
Timezone = Annotated[
    str, Param(help="Zone of the dates sent and received; 'auto' is the account's own.")
]
SessionIds = Annotated[
    tuple[int, ...],
    Param(help="Only these call sessions.", code=150, minimum=1, max_items=MAX_SESSION_IDS),
]
ApplicationId = Annotated[int | None, Param(help="Only this application.", code=116, minimum=1)]
ApplicationName = Annotated[
    str | None, Param(help="Only this application, by its name instead of its ID.", code=107)
]
UserIds = Annotated[tuple[int, ...], Param(help="Only these users.", code=117, minimum=1)]
RuleName = Annotated[
    str | None,
    Param(help="Only this routing rule; applies together with an application.", code=156),
]
RemoteNumbers = Annotated[
    tuple[str, ...], Param(help="Only these numbers on the client's side.", code=121)
]
LocalNumbers = Annotated[
    tuple[str, ...], Param(help="Only these numbers on the platform's side.", code=121)
]
CustomData = Annotated[
    str | None,
    Param(help="Only sessions with exactly this custom data.", max_length=200, code=477),
]
ChildAccountIds = Annotated[
    tuple[int, ...] | All,
    Param(help="Also these child accounts; 'all' for every one.", code=194, minimum=1),
]
WithHeader = Annotated[
    bool, Param(help="Column names in the first row of the CSV.", code=101, csv_only=True)
]
ExtraWithHeader = Annotated[
    bool,
    Param(help="Column names in the first row of the CSV.", code=101, csv_only=True, extra=True),
]
DescOrder = Annotated[bool, Param(help="Newest first.", code=101)]
WithTotalCount = Annotated[
    bool, Param(help="Count all matches; leaving it out is faster.", code=101)
]
Count = Annotated[
    int | None, Param(help="Rows to return.", code=497, default=20, minimum=1, maximum=MAX_COUNT)
]
Offset = Annotated[int, Param(help="Rows to skip.", code=497, minimum=0, maximum=MAX_OFFSET)]
OpenCount = Annotated[int | None, Param(help="Rows to return.", code=497, default=20, minimum=1)]
OpenOffset = Annotated[int, Param(help="Rows to skip.", code=497, minimum=0)]
Output = Annotated[str, Param(help="Format of the answer.", code=105, choices=("json", "csv"))]
IsAsync = Annotated[
    bool, Param(help="Order a report instead of waiting for rows; CSV only.", code=101)
]
MinDuration = Annotated[int | None, Param(help="Shortest call, in seconds.", minimum=0, extra=True)]
MaxDuration = Annotated[int | None, Param(help="Longest call, in seconds.", minimum=0, extra=True)]
DecimalSeparator = Annotated[
    str | None,
    Param(help="Decimal mark in the CSV.", choices=(".", ","), csv_only=True, extra=True),
]

TRANSACTION_TYPES = (
    "resource_charge",
    "money_distribution",
    "subscription_charge",
    "subscription_installation_charge",
    "card_periodic_payment",
    "card_overrun_payment",
    "card_payment",
    "rub_card_periodic_payment",
    "rub_card_overrun_payment",
    "rub_card_payment",
    "robokassa_payment",
    "gift",
    "promo",
    "adjustment",
    "wire_transfer",
    "us_wire_transfer",
    "refund",
    "discount",
    "mgp_charge",
    "mgp_startup",
    "mgp_business",
    "mgp_big_business",
    "mgp_enterprise",
    "mgp_large_enterprise",
    "techsupport_charge",
    "tax_charge",
    "monthly_fee_charge",
    "grace_credit_payment",
    "grace_credit_provision",
    "mau_charge",
    "mau_overrun",
    "im_charge",
    "im_overrun",
    "fmc_charge",
    "sip_registration_charge",
    "development_fee",
    "money_transfer_to_child",
    "money_transfer_to_parent",
    "money_acceptance_from_child",
    "money_acceptance_from_parent",
    "phone_number_installation",
    "phone_number_charge",
    "toll_free_phone_number_installation",
    "toll_free_phone_number_charge",
    "services",
    "user_money_transfer",
    "paypal_payment",
    "paypal_overrun_payment",
    "paypal_periodic_payment",
    "gift_revoke",  # not in the reference; the SDKs and the newer documentation have it
)

# The reference knows the first four; GetBriefCallHistory and reports of holds need the others.
HISTORY_TYPES = (
    "calls",
    "transactions",
    "audit",
    "call_list",
    "calls_brief",
    "transactions_on_hold",
)

RESOURCE_TYPES = (
    "CALLSESSION",
    "VIDEOCALL",
    "VIDEORECORD",
    "VOICEMAILDETECTION",
    "YANDEXASR",
    "ASR",
    "TRANSCRIPTION",
    "TTS_TEXT_GOOGLE",
    "TTS_YANDEX",
    "AUDIOHDCONFERENCE",
)


@dataclass(frozen=True, kw_only=True)
class GetCallHistory(Method):
    """Call sessions with durations and costs; on demand their calls, records and resources."""

    from_date: FromDate
    to_date: ToDate
    timezone: Timezone = "Etc/GMT"
    call_session_history_id: SessionIds = ()
    application_id: ApplicationId = None
    application_name: ApplicationName = None
    user_id: UserIds = ()
    rule_name: RuleName = None
    remote_number: RemoteNumbers = ()
    local_number: LocalNumbers = ()
    call_session_history_custom_data: CustomData = None
    with_calls: Annotated[bool, Param(help="Include the calls of each session.", code=101)] = False
    with_records: Annotated[bool, Param(help="Include the recordings.", code=101)] = False
    with_other_resources: Annotated[
        bool, Param(help="Include other resources used, such as ASR.", code=101)
    ] = True
    child_account_id: ChildAccountIds = ()
    children_calls_only: Annotated[bool, Param(help="Only calls of child accounts.", code=101)] = (
        False
    )
    with_header: WithHeader = True
    desc_order: DescOrder = False
    with_total_count: WithTotalCount = True
    count: Count = None
    offset: Offset = 0
    output: Output = "json"
    is_async: IsAsync = False
    min_duration: MinDuration = None
    max_duration: MaxDuration = None
    remote_number_list: Annotated[
        tuple[str, ...],
        Param(
            help="Only these numbers on the client's side, as a JSON array; wins over"
            " remote_number.",
            code=121,
            json=True,
            extra=True,
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class GetBriefCallHistory(Method):
    """Orders a shorter CSV of the call history; there is no synchronous form."""

    from_date: FromDate
    to_date: ToDate
    timezone: Timezone = "Etc/GMT"
    call_session_history_id: SessionIds = ()
    application_id: ApplicationId = None
    application_name: ApplicationName = None
    rule_name: RuleName = None
    remote_number: RemoteNumbers = ()
    local_number: LocalNumbers = ()
    call_session_history_custom_data: CustomData = None
    with_header: WithHeader = True
    desc_order: DescOrder = False
    output: Annotated[
        str, Param(help="Format of the report.", code=105, choices=("csv",), required=True)
    ] = "csv"
    is_async: Annotated[
        bool, Param(help="Order a report; the only mode.", code=101, required=True)
    ] = True


@dataclass(frozen=True, kw_only=True)
class GetHistoryReports(Method):
    """The reports ordered so far, with their states and sizes."""

    history_report_id: Annotated[
        int | None, Param(help="Only this report.", code=355, minimum=1)
    ] = None
    history_type: Annotated[
        tuple[str, ...] | All,
        Param(help="Kinds of report; 'all' for every one.", code=371, choices=HISTORY_TYPES),
    ] = ("calls",)
    created_from: Annotated[
        datetime | None, Param(help="Ordered not before, in UTC.", code=111)
    ] = None
    created_to: Annotated[datetime | None, Param(help="Ordered not after, in UTC.", code=111)] = (
        None
    )
    is_completed: Annotated[
        bool | None, Param(help="Only finished, or only unfinished reports.", code=101)
    ] = None
    desc_order: DescOrder = False
    count: OpenCount = None
    offset: OpenOffset = 0
    application_id: Annotated[
        tuple[int, ...] | All,
        Param(help="Reports of these applications; 'all' for every one.", code=116, minimum=1),
    ] = ()
    application_name: Annotated[
        tuple[str, ...],
        Param(help="Reports of these applications, by name.", code=107, extra=True),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class DownloadHistoryReport(Method):
    """The file of a finished report."""

    history_report_id: Annotated[int, Param(help="The report.", code=355, minimum=1)]


@dataclass(frozen=True, kw_only=True)
class GetTransactionHistory(Method):
    """Billing transactions: what was charged, paid in, moved or set aside."""

    from_date: FromDate
    to_date: ToDate
    timezone: Timezone = "Etc/GMT"
    transaction_id: Annotated[
        tuple[int, ...], Param(help="Only these transactions.", code=197, minimum=1)
    ] = ()
    transaction_type: Annotated[
        tuple[str, ...],
        Param(help="Only these kinds of transaction.", code=209, choices=TRANSACTION_TYPES),
    ] = ()
    user_id: UserIds = ()
    child_account_id: ChildAccountIds = ()
    children_transactions_only: Annotated[
        bool, Param(help="Only transactions of child accounts.", code=101)
    ] = False
    users_transactions_only: Annotated[
        bool, Param(help="Only transactions of users.", code=101)
    ] = False
    desc_order: DescOrder = False
    count: Count = None
    offset: Offset = 0
    output: Output = "json"
    is_async: IsAsync = False
    is_uncommitted: Annotated[
        bool, Param(help="Holds: money set aside but not charged yet.", code=101)
    ] = False
    with_header: ExtraWithHeader = True
    with_total_count: Annotated[
        bool, Param(help="Count all matches; leaving it out is faster.", code=101, extra=True)
    ] = True
    payment_reference: Annotated[
        str | None,
        Param(help="Only this external payment reference.", code=304, max_length=126, extra=True),
    ] = None
    application_id: Annotated[
        int | None, Param(help="Only this application.", code=116, minimum=1, extra=True)
    ] = None
    application_name: Annotated[
        str | None, Param(help="Only this application, by name.", code=107, extra=True)
    ] = None
    subscription_id: Annotated[
        tuple[int, ...],
        Param(help="Only these subscriptions.", code=376, minimum=1, extra=True),
    ] = ()
    subscription_name: Annotated[
        tuple[str, ...], Param(help="Only these subscriptions, by name.", extra=True)
    ] = ()
    resource_type: Annotated[
        tuple[str, ...], Param(help="Only these kinds of resource.", code=429, extra=True)
    ] = ()
    price_group_name: Annotated[
        tuple[str, ...], Param(help="Only these price groups.", code=430, extra=True)
    ] = ()
    use_accounting_dates: Annotated[
        bool,
        Param(help="The period means accounting dates, not performed_at.", code=101, extra=True),
    ] = False
    with_extended_info: Annotated[
        bool,
        Param(
            help="Application, subscription, resource type and price group of each row.",
            code=101,
            extra=True,
        ),
    ] = False
    decimal_separator: DecimalSeparator = None


@dataclass(frozen=True, kw_only=True)
class DeleteRecord(Method):
    """Removes a recording and its transcripts; one of the two parameters names it."""

    record_url: Annotated[str | None, Param(help="The recording, by its URL.")] = None
    record_id: Annotated[
        int | None, Param(help="The recording, by its ID.", code=261, minimum=1)
    ] = None


@dataclass(frozen=True, kw_only=True)
class GetACDHistory(Method):
    """Sessions of the older call queues (ACD). All its dates are UTC."""

    from_date: UtcFromDate
    to_date: UtcToDate
    acd_session_history_id: Annotated[
        tuple[int, ...], Param(help="Only these ACD sessions.", minimum=1)
    ] = ()
    acd_request_id: Annotated[tuple[str, ...], Param(help="Only these ACD requests.")] = ()
    acd_queue_id: Annotated[
        tuple[int, ...], Param(help="Only these queues.", code=218, minimum=1)
    ] = ()
    user_id: Annotated[
        tuple[int, ...], Param(help="Only these operators.", code=117, minimum=1)
    ] = ()
    operator_hangup: Annotated[
        bool | None, Param(help="Ended by the operator, or not.", code=101)
    ] = None
    unserviced: Annotated[
        bool | None, Param(help="Not served by an operator, or served.", code=101)
    ] = None
    min_waiting_time: Annotated[
        int | None, Param(help="Waited at least so many seconds.", minimum=0)
    ] = None
    rejected: Annotated[
        bool | None,
        Param(help="Turned away by max_queue_size or max_waiting_time, or not.", code=101),
    ] = None
    with_events: Annotated[bool, Param(help="Include the events of each session.", code=101)] = (
        False
    )
    with_header: WithHeader = True
    desc_order: DescOrder = False
    count: OpenCount = None
    offset: OpenOffset = 0
    output: Output = "json"
    callerid: Annotated[str | None, Param(help="Only this caller's number.", extra=True)] = None
    custom_data: Annotated[
        str | None, Param(help="Only ACD sessions with exactly this custom data.", extra=True)
    ] = None
    decimal_separator: DecimalSeparator = None


@dataclass(frozen=True, kw_only=True)
class GetAuditLog(Method):
    """Who changed what in the account."""

    from_date: FromDate
    to_date: ToDate
    timezone: Timezone = "Etc/GMT"
    audit_log_id: Annotated[tuple[int, ...], Param(help="Only these entries.", minimum=1)] = ()
    filtered_admin_user_id: Annotated[
        str | None, Param(help="Only what this admin user did, by ID.", code=284)
    ] = None
    filtered_ip: Annotated[tuple[str, ...], Param(help="Only from these IP addresses.")] = ()
    filtered_cmd: Annotated[tuple[str, ...], Param(help="Only these API methods.")] = ()
    advanced_filters: Annotated[
        str | None,
        Param(
            help="Only entries related to this value: a phone number, user ID, application ID …",
            code=401,
        ),
    ] = None
    with_header: WithHeader = True
    desc_order: DescOrder = False
    with_total_count: Annotated[
        bool,
        # The reference's default is false, its wording reads as if it were true: say it.
        Param(help="Count all matches; leaving it out is faster.", code=101, always=True),
    ] = False
    count: Annotated[
        int | None, Param(help="Rows to return.", code=497, default=100, minimum=1)
    ] = None
    offset: OpenOffset = 0
    output: Output = "json"
    is_async: IsAsync = False
    decimal_separator: DecimalSeparator = None


METHODS: Mapping[str, type[Method]] = {
    method.name: method
    for method in (
        GetCallHistory,
        GetBriefCallHistory,
        GetHistoryReports,
        DownloadHistoryReport,
        GetTransactionHistory,
        DeleteRecord,
        GetACDHistory,
        GetAuditLog,
    )
}

# The methods that limit `count` only while they answer at once.
ORDERABLE = (GetCallHistory, GetTransactionHistory, GetAuditLog)


@dataclass(frozen=True, kw_only=True)
class AsyncSpelling:
    """A command the SDKs know: `method` with `is_async=true` and `output=csv` already said."""

    name: str
    method: type[Method]
    absent: tuple[str, ...]
    fixed: Mapping[str, str] = field(default_factory=lambda: {"is_async": "true", "output": "csv"})


ASYNC_SPELLINGS: Mapping[str, AsyncSpelling] = {
    spelling.name: spelling
    for spelling in (
        AsyncSpelling(
            name="GetCallHistoryAsync",
            method=GetCallHistory,
            absent=("with_total_count", "is_async"),
        ),
        AsyncSpelling(
            name="GetTransactionHistoryAsync",
            method=GetTransactionHistory,
            absent=("with_total_count", "is_async", "with_extended_info", "decimal_separator"),
        ),
        AsyncSpelling(
            name="GetAuditLogAsync",
            method=GetAuditLog,
            absent=("with_total_count", "is_async", "decimal_separator"),
        ),
    )
}


def parameters(method: type[Method]) -> Mapping[str, Parameter]:
    """The declared parameters of a method by name, in the reference's order."""
    key: Any = method
    return _parameters(key)


@cache
def _parameters(method: Any) -> Mapping[str, Parameter]:
    hints = get_type_hints(method, include_extras=True)
    return {f.name: _parameter(f.name, hints[f.name], f.default) for f in fields(method)}


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    declared, param = get_args(hint)
    options = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
    is_list = any(get_origin(option) is tuple for option in options)
    allows_all = any(get_origin(option) is Literal for option in options)
    first = next(option for option in options if option is not NoneType)
    kind = get_args(first)[0] if is_list else first
    return Parameter(
        name=name,
        kind=kind,
        is_list=is_list,
        allows_all=allows_all,
        default=default,
        param=param,
    )
