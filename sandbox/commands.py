"""What each command answers: rows in the API's envelope, a CSV file, an order, a deletion."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from history.api.methods import (
    DeleteRecord,
    DownloadHistoryReport,
    GetACDHistory,
    GetAuditLog,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
    Method,
    parameters,
)
from sandbox import tables
from sandbox.answers import Answer, Refusal, Request, csv_answer, file_answer, json_answer
from sandbox.credentials import Caller
from sandbox.faults import Faults
from sandbox.parameters import Rules, read
from sandbox.reports import Reports
from sandbox.store import Account, Record, Store

type Rows = Iterable[Mapping[str, Any]]
type Count = Callable[[], int]


class Commands:
    def __init__(
        self,
        store: Store,
        reports: Reports,
        faults: Faults,
        rules: Rules,
        clock: Callable[[], datetime],
    ) -> None:
        self.store = store
        self.reports = reports
        self.faults = faults
        self.rules = rules
        self.clock = clock

    def answer(self, command: str, caller: Caller, request: Request, address: str) -> Answer:
        """The answer to a known command; Refusal if role or parameters do not allow it."""
        caller.check(command)
        account = caller.account
        params = read(command, request.fields, self.rules, self.clock(), account.location)
        if getattr(params, "is_async", False):
            fate = self.faults.take_for_report(command, request)
            report_id = self.reports.order(account, params, request.fields, fate)
            return json_answer({"result": 1, "history_report_id": report_id})
        match params:
            case GetHistoryReports():
                rows, total = self.reports.listed(account, params)
                return json_answer({"result": rows, "total_count": total, "count": len(rows)})
            case DownloadHistoryReport():
                file = self.reports.file(account, params.history_report_id, request)
                return file_answer(request, file)
            case DeleteRecord():
                return self._delete_record(caller, params, address)
        return self._listed(account, params)

    def _listed(self, account: Account, params: Method) -> Answer:
        """A page of rows, as JSON or as CSV."""
        default = parameters(type(params))["count"].server_default
        limit: int = getattr(params, "count", None) or cast(int, default)
        if getattr(params, "output", "json") == "csv":
            return csv_answer(tables.text(params, tables.lines(self.store, account, params, limit)))
        rows, count = self._rows(account, params, limit)
        page = list(rows)
        body: dict[str, Any] = {"result": page}
        if getattr(params, "with_total_count", True):
            body["total_count"] = count()
        body["count"] = len(page)
        if hasattr(params, "timezone"):
            body["timezone"] = params.timezone
        return json_answer(body)

    def _rows(self, account: Account, params: Method, limit: int) -> tuple[Rows, Count]:
        store = self.store
        match params:
            case GetCallHistory():
                rows = store.sessions(account, params, limit=limit)
                return rows, lambda: store.count_sessions(account, params)
            case GetTransactionHistory():
                rows = store.transactions(account, params, limit=limit)
                return rows, lambda: store.count_transactions(account, params)
            case GetACDHistory():
                rows = store.acd_sessions(account, params, limit=limit)
                return rows, lambda: store.count_acd_sessions(account, params)
            case GetAuditLog():
                rows = store.audit_log(account, params, limit=limit)
                return rows, lambda: store.count_audit_log(account, params)
        raise TypeError(f"{params.name} has no rows")

    # DeleteRecord

    def _delete_record(self, caller: Caller, params: DeleteRecord, address: str) -> Answer:
        record = self._record(params)
        if record is None or not self._may_touch(caller, record):
            raise Refusal(341, "There is no record with that id.", _given(params))
        if record.own_storage:
            raise Refusal(562, "Not possible for records in custom storages.", _given(params))
        if not self.store.remove_record(record.record_id):
            raise Refusal(341, "The record was removed already.", _given(params))
        self.store.add_audit(
            caller.account,
            subuser_id=caller.subuser_id,
            subuser_name=caller.subuser_name,
            ip=address,
            cmd_name=DeleteRecord.name,
            cmd_args={"record_id": record.record_id}
            | ({"record_url": params.record_url} if params.record_url else {}),
            cmd_result={"result": 1},
        )
        return json_answer({"result": 1})

    def _record(self, params: DeleteRecord) -> Record | None:
        by_id = self.store.record(params.record_id) if params.record_id else None
        if params.record_url is None:
            return by_id
        by_url = self.store.record_by_url(params.record_url)
        if params.record_id and (by_id is None or by_url is None or by_id != by_url):
            msg = "'record_id' and 'record_url' do not name the same record; give only one."
            raise Refusal(458, msg, "record_url")
        return by_url

    def _may_touch(self, caller: Caller, record: Record) -> bool:
        """A parent may delete its children's recordings, as it may list them."""
        if record.account_id == caller.account.account_id:
            return True
        owner = self.store.account(record.account_id)
        return owner is not None and owner.parent_id == caller.account.account_id


def _given(params: DeleteRecord) -> str:
    return "record_id" if params.record_id else "record_url"
