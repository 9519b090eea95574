"""The History section of the Management API: one typed method per remote method.

Params in (`methods.py`), frozen replies out (`replies.py`), and the failures of `errors.py`.

    client = Client("https://api.voximplant.com/platform_api",
                    ServiceAccount.from_file("credentials.json"))
    page = client.get_call_history(GetCallHistory(from_date=…, to_date=…))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import urlencode

from history.api import wire
from history.api.answers import Answers, Body, NoAnswers, is_settled
from history.api.credentials import ApiKey, BadCredentials, Credentials, ServiceAccount
from history.api.download import Download, Downloader
from history.api.errors import (
    FileFacts,
    Interrupted,
    Refused,
    RemoteError,
    TooManyRows,
    Unreachable,
)
from history.api.media import VENDOR_HOSTS, Media, MediaHosts
from history.api.methods import (
    DeleteRecord,
    DownloadHistoryReport,
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
    Method,
)
from history.api.replies import (
    ACDSessionInfoType,
    AuditLogInfoType,
    CallSessionInfoType,
    HistoryReportType,
    Order,
    Page,
    TransactionInfoType,
)
from history.api.transport import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    RETRY_FOR,
    Observed,
    Transport,
    nothing,
)
from history.api.windows import DOCUMENTED, Plan, Reach, Walk, Window

__all__ = [
    "ApiKey",
    "BadCredentials",
    "Client",
    "Credentials",
    "Download",
    "FileFacts",
    "Interrupted",
    "Media",
    "Observed",
    "Plan",
    "Reach",
    "Refused",
    "RemoteError",
    "ServiceAccount",
    "TooManyRows",
    "Unreachable",
    "Window",
]

UTC_NAME = "Etc/GMT"


class Client:
    """An account's view of the API. Thread-safe; keep one and let it pool its connections.

    `timeout` is seconds to wait for an answer, `retry_for` how long one call may go on trying
    when a person waits (a worker may set more). `ca_bundle` names a file with the authorities
    to trust. `media_hosts` may be asked for recordings and logs: see MediaHosts. `answers` keeps
    what was said of closed periods until something is deleted: see answers.py.
    `before_request(method)` runs before each attempt and may wait or raise; `request_sent()` once
    it is on its way; `after_request(Observed)` hears of its result. For each answer `mask()` is
    asked for what its rows are to pass through, a function from row to row of the same type, or
    None.

    Every method raises Unreachable and Refused; those that only read are tried again while
    that may help, those that order or delete only if the request never left.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        timeout: float = READ_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        retry_for: float = RETRY_FOR,
        ca_bundle: Path | str | None = None,
        pool_size: int = 16,
        media_hosts: Sequence[str] = VENDOR_HOSTS,
        reach: Reach = DOCUMENTED,
        answers: Answers | None = None,
        before_request: Callable[[str], None] = nothing,
        request_sent: Callable[[], None] = nothing,
        after_request: Callable[[Observed], None] = nothing,
        mask: Callable[[], Callable[[Any], Any] | None] = nothing,
    ) -> None:
        self.account_id = credentials.account_id
        self._reach = reach
        self._transport = Transport(
            base_url,
            credentials,
            connect_timeout=connect_timeout,
            read_timeout=timeout,
            retry_for=retry_for,
            ca_bundle=ca_bundle,
            pool_size=pool_size,
            before_request=before_request,
            request_sent=request_sent,
            after_request=after_request,
        )
        self._media = MediaHosts(self._transport, media_hosts)
        self._mask = mask
        self._answers = answers or NoAnswers()

    # Lists

    def get_call_history(self, params: GetCallHistory) -> Page[CallSessionInfoType]:
        """Call sessions; their moments are in the zone of `params`."""
        return self._page(params, CallSessionInfoType, params.timezone)

    def get_transaction_history(self, params: GetTransactionHistory) -> Page[TransactionInfoType]:
        """Billing transactions; their moments are in the zone of `params`."""
        return self._page(params, TransactionInfoType, params.timezone)

    def get_acd_history(self, params: GetACDHistory) -> Page[ACDSessionInfoType]:
        """Sessions of the call queues; all dates are UTC, those of `params` too."""
        return self._page(params, ACDSessionInfoType, UTC_NAME)

    def get_audit_log(self, params: GetAuditLog) -> Page[AuditLogInfoType]:
        """Commands given in the account; their moments are in the zone of `params`."""
        return self._page(params, AuditLogInfoType, params.timezone)

    def get_history_reports(self, params: GetHistoryReports) -> Page[HistoryReportType]:
        """Reports ordered so far; all dates are UTC, those of `params` too."""
        return self._page(params, HistoryReportType, UTC_NAME)

    # All rows, however many: see windows.py

    def iterate_call_history(
        self, params: GetCallHistory, *, parallel: int = 1
    ) -> Iterator[CallSessionInfoType]:
        """Every session that matches, in order; with `parallel` pages fetched at once.

        `count` and `offset` of `params` are those of the whole and know no limits.
        """
        return self.walk_call_history(params).rows(parallel=parallel)

    def iterate_transactions(
        self, params: GetTransactionHistory, *, parallel: int = 1
    ) -> Iterator[TransactionInfoType]:
        """Every transaction that matches, as `iterate_call_history` does."""
        return self.walk_transactions(params).rows(parallel=parallel)

    def iterate_acd(
        self, params: GetACDHistory, *, parallel: int = 1
    ) -> Iterator[ACDSessionInfoType]:
        """Every ACD session that matches, as `iterate_call_history` does; in UTC."""
        return self.walk_acd(params).rows(parallel=parallel)

    def iterate_audit_log(
        self, params: GetAuditLog, *, parallel: int = 1
    ) -> Iterator[AuditLogInfoType]:
        """Every entry that matches, as `iterate_call_history` does."""
        return self.walk_audit_log(params).rows(parallel=parallel)

    def walk_call_history(
        self, params: GetCallHistory
    ) -> Walk[GetCallHistory, CallSessionInfoType]:
        """The walk itself: to plan it, or to take it window by window."""
        zone = self._zone_name(params, CallSessionInfoType)
        return Walk(
            ask=partial(self._asked, reply=CallSessionInfoType, timezone=UTC_NAME, shown_in=zone),
            params=params,
            timezone=zone,
            moment=attrgetter("start_date"),
            key=attrgetter("call_session_history_id"),
            reach=self._reach,
        )

    def walk_transactions(
        self, params: GetTransactionHistory
    ) -> Walk[GetTransactionHistory, TransactionInfoType]:
        """The walk itself; by accounting dates it reaches 11 000 rows, since rows do not say
        theirs."""
        zone = self._zone_name(params, TransactionInfoType)
        return Walk(
            ask=partial(self._asked, reply=TransactionInfoType, timezone=UTC_NAME, shown_in=zone),
            params=params,
            timezone=zone,
            moment=attrgetter("performed_at"),
            key=attrgetter("transaction_id"),
            reach=self._reach,
            splits=not params.use_accounting_dates,
        )

    def walk_acd(self, params: GetACDHistory) -> Walk[GetACDHistory, ACDSessionInfoType]:
        """The walk itself: to plan it, or to take it window by window."""
        return Walk(
            ask=partial(self._asked, reply=ACDSessionInfoType, timezone=UTC_NAME),
            params=params,
            timezone=UTC_NAME,
            moment=attrgetter("begin_time"),
            key=attrgetter("acd_session_history_id"),
            reach=self._reach,
        )

    def walk_audit_log(self, params: GetAuditLog) -> Walk[GetAuditLog, AuditLogInfoType]:
        """The walk itself: to plan it, or to take it window by window."""
        zone = self._zone_name(params, AuditLogInfoType)
        return Walk(
            ask=partial(self._asked, reply=AuditLogInfoType, timezone=UTC_NAME, shown_in=zone),
            params=params,
            timezone=zone,
            moment=attrgetter("requested"),
            key=attrgetter("audit_log_id"),
            reach=self._reach,
        )

    def _zone_name[R](
        self, params: GetCallHistory | GetTransactionHistory | GetAuditLog, reply: type[R]
    ) -> str:
        """The zone's own name; what 'auto' stands for only the API knows."""
        if params.timezone != wire.AUTO:
            return params.timezone
        one_row = replace(params, count=1, offset=0, with_total_count=False)
        return self._page(one_row, reply, params.timezone).timezone

    # Orders

    def get_brief_call_history(self, params: GetBriefCallHistory) -> Order:
        """Order a short CSV of the calls; there is no other form."""
        return self._order(params.name, params)

    def order_call_history(self, params: GetCallHistory) -> Order:
        """Order GetCallHistory as a CSV report."""
        return self._order(params.name, replace(params, output="csv", is_async=True))

    def order_transaction_history(self, params: GetTransactionHistory) -> Order:
        """Order GetTransactionHistory as a CSV report."""
        return self._order(params.name, replace(params, output="csv", is_async=True))

    def order_audit_log(self, params: GetAuditLog) -> Order:
        """Order GetAuditLog as a CSV report."""
        return self._order(params.name, replace(params, output="csv", is_async=True))

    def get_call_history_async(self, params: GetCallHistory) -> Order:
        """Order a report by the SDKs' spelling, which knows no default of 20 rows."""
        return self._order("GetCallHistoryAsync", params)

    def get_transaction_history_async(self, params: GetTransactionHistory) -> Order:
        """Order a report by the SDKs' spelling, which knows no default of 20 rows."""
        return self._order("GetTransactionHistoryAsync", params)

    def get_audit_log_async(self, params: GetAuditLog) -> Order:
        """Order a report by the SDKs' spelling, which knows no default of 100 rows."""
        return self._order("GetAuditLogAsync", params)

    # Deletion

    def delete_record(self, params: DeleteRecord) -> int:
        """Delete a recording and its transcripts for good; the API's own number, 1 for done."""
        try:
            body = self._transport.ask(params.name, wire.encode(params), resend=False)
        finally:
            # Also when its answer was lost: it may have been heard.
            self._answers.drop()
        return self._whole_number(params.name, body, "result")

    # Files

    def download_history_report(
        self,
        params: DownloadHistoryReport,
        into: BinaryIO,
        *,
        resume: FileFacts | None = None,
        inflate: bool = False,
        started: Callable[[FileFacts, int], object] = nothing,
        progress: Callable[[int, int | None], object] = nothing,
        tap: Callable[[bytes], object] = nothing,
    ) -> Download:
        """Fetch a report's file into `into` in constant memory; its bytes as they come, or, with
        `inflate`, the CSV inside.

        `resume` goes on after what `into` holds already (open it 'r+b'). `started(facts, offset)`
        is called before the first byte, so that the facts can be kept for a later `resume`; an
        offset of 0 means that everything begins anew. `progress(received, length)` is called
        after each chunk, `tap(piece)` with each piece of the CSV; what they raise ends it. Raises
        Refused, also while the report is not ready (356), and Interrupted.
        """
        if resume and inflate:
            raise ValueError("only a file of bytes as they came can be resumed, not the CSV inside")
        return Downloader(
            self._transport,
            params.name,
            wire.encode(params),
            into,
            ranged=True,
            inflate=inflate,
            started=started,
            progress=progress,
            tap=tap,
        ).run(resume)

    def download_csv(
        self,
        params: GetCallHistory | GetTransactionHistory | GetACDHistory | GetAuditLog,
        into: BinaryIO,
        *,
        inflate: bool = True,
        progress: Callable[[int, int | None], object] = nothing,
    ) -> Download:
        """Fetch the page of `params` as CSV, at once. Raises Refused and Interrupted."""
        fields = wire.encode(replace(params, output="csv"))
        return Downloader(
            self._transport,
            params.name,
            fields,
            into,
            ranged=False,
            inflate=inflate,
            progress=progress,
        ).run()

    def open_media(
        self,
        url: str,
        range_header: str | None = None,
        *,
        record_id: int | None = None,
        head: bool = False,
    ) -> Media:
        """Open a recording, a transcript (which wants the `record_id` too) or a session log.

        `range_header` is passed on as it is. Close what this returns, or use it in a `with`.
        """
        return self._media.open(url, range_header=range_header, record_id=record_id, head=head)

    # What they share

    def _page[R](
        self, params: Method, reply: type[R], timezone: str, shown_in: str | None = None
    ) -> Page[R]:
        ask = partial(self._ask, params)
        read = partial(self._read, params.name, reply, timezone, shown_in)
        if is_settled(params):
            return self._answers.get(f"{params.name}?{urlencode(wire.encode(params))}", ask, read)
        return read(ask())

    def _asked[R](
        self, params: Method, reply: type[R], timezone: str, shown_in: str | None = None
    ) -> Callable[[], Page[R]]:
        """Asks for one page of many; what this returns reads the answer. None of them is kept:
        they would take the place of pages that somebody looks at again."""
        return partial(self._read, params.name, reply, timezone, shown_in, self._ask(params))

    def _ask(self, params: Method) -> Body:
        if getattr(params, "output", "json") != "json" or getattr(params, "is_async", False):
            raise ValueError(f"{params.name}: rows come as JSON; download a CSV, or order a report")
        return self._transport.ask(params.name, wire.encode(params), resend=True)

    def _read[R](
        self, name: str, reply: type[R], timezone: str, shown_in: str | None, body: Body
    ) -> Page[R]:
        with _readable(name):
            page = wire.read_page(reply, body, timezone, shown_in)
        mask = self._mask()
        return replace(page, result=tuple(map(mask, page.result))) if mask else page

    def _order(self, name: str, params: Method) -> Order:
        fields = wire.encode_async(name, params) if name != params.name else wire.encode(params)
        body = self._transport.ask(name, fields, resend=False)
        return Order(history_report_id=self._whole_number(name, body, "history_report_id"))

    def _whole_number(self, name: str, body: Mapping[str, Any], field: str) -> int:
        with _readable(name):
            return wire.read_number(body, field)

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _readable(method: str) -> Iterator[None]:
    """An answer of another shape than declared counts as none."""
    try:
        yield
    except wire.BadReply as misfit:
        raise Unreachable(
            method, f"the answer has another shape: {misfit.place} {misfit.reason}"
        ) from None
