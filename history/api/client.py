"""The History section of the Management API: one typed method per remote method.

Params in (`methods.py`), frozen replies out (`replies.py`), and the failures of `errors.py`.

    client = Client("https://api.voximplant.com/platform_api",
                    ServiceAccount.from_file("credentials.json"))
    page = client.get_call_history(GetCallHistory(from_date=…, to_date=…))
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from history.api import wire
from history.api.credentials import ApiKey, BadCredentials, Credentials, ServiceAccount
from history.api.errors import Refused, RemoteError, Unreachable
from history.api.methods import (
    DeleteRecord,
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

__all__ = [
    "ApiKey",
    "BadCredentials",
    "Client",
    "Credentials",
    "Observed",
    "Refused",
    "RemoteError",
    "ServiceAccount",
    "Unreachable",
]

UTC_NAME = "Etc/GMT"


class Client:
    """An account's view of the API. Thread-safe; keep one and let it pool its connections.

    `timeout` is seconds to wait for an answer, `retry_for` how long one call may go on trying
    when a person waits (a worker may set more). `ca_bundle` names a file with the authorities
    to trust. `before_request(method)` runs before each attempt and may wait or raise;
    `after_request(Observed)` hears of each attempt's result.

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
        before_request: Callable[[str], None] = nothing,
        after_request: Callable[[Observed], None] = nothing,
    ) -> None:
        self.account_id = credentials.account_id
        self._transport = Transport(
            base_url,
            credentials,
            connect_timeout=connect_timeout,
            read_timeout=timeout,
            retry_for=retry_for,
            ca_bundle=ca_bundle,
            pool_size=pool_size,
            before_request=before_request,
            after_request=after_request,
        )

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
        body = self._transport.ask(params.name, wire.encode(params), resend=False)
        return self._whole_number(params.name, body, "result")

    # What they share

    def _page[R](self, params: Method, reply: type[R], timezone: str) -> Page[R]:
        if getattr(params, "output", "json") != "json" or getattr(params, "is_async", False):
            raise ValueError(
                f"{params.name}: rows come as JSON; for CSV order a report or download"
            )
        body = self._transport.ask(params.name, wire.encode(params), resend=True)
        with _readable(params.name):
            return wire.read_page(reply, body, timezone)

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
