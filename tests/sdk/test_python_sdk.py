"""The official Python SDK gets from the sandbox what our client gets, and sends what it sends."""

import inspect
import io
import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from voximplant.apiclient import VoximplantAPI, VoximplantAPIConfig, VoximplantException

from history.api import replies, wire
from history.api.client import Client, Refused
from history.api.methods import (
    DeleteRecord,
    DownloadHistoryReport,
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
)

START, END = datetime(2026, 5, 15), datetime(2026, 6, 15, 23, 59, 59)
PERIOD: dict[str, Any] = {"from_date": START, "to_date": END}

# A question as keyword arguments of the SDK; our params take the same, but for what is noted.
CALLS = {
    "user_id": [20405, 20417],
    "rule_name": "inbound",
    "remote_number": ["4917636333553", "4930123"],
    "local_number": ["498955570400"],
    "call_session_history_custom_data": "ticket; ü, \"5521\"",
    "with_calls": True,
    "with_records": True,
    "with_other_resources": False,
    "child_account_id": [48340, 48355],
    "children_calls_only": True,
    "desc_order": True,
    "call_session_history_id": [1, 2],
    "min_duration": 5,
    "max_duration": 600,
    "application_id": 70315,
}  # fmt: skip
MONEY = {
    "application_id": 70315,
    "application_name": "frontdesk.nordlicht.example",
    "subscription_id": [1, 2],
    "subscription_name": ["a", "b"],
    "resource_type": ["ASR"],
    "price_group_name": ["Outgoing Germany"],
    "use_accounting_dates": True,
    "transaction_id": [1, 2],
    "transaction_type": ["card_payment", "resource_charge"],
    "user_id": [20417],
    "child_account_id": "all",
    "children_transactions_only": True,
    "users_transactions_only": True,
    "desc_order": True,
    "is_uncommitted": True,
}
AUDIT = {
    "audit_log_id": [1, 2],
    "filtered_admin_user_id": "118",
    "filtered_ip": ["203.0.113.9", "2001:db8::1"],
    "filtered_cmd": ["DeleteRecord", "BindSkill"],
    "advanced_filters": "20417",
    "desc_order": True,
}
PAGE = {"count": 7, "offset": 3}
COUNTED = {"with_total_count": False}
NO_HEADER = {"with_header": False}

# Every parameter of every method, at a value that is not its default. What is left out here:
# is_async, which has a test of its own, and application_name, which excludes the id.
EVERYTHING: dict[str, tuple[dict[str, Any], Any]] = {
    "get_call_history": (CALLS | PAGE | COUNTED | NO_HEADER, GetCallHistory),
    "get_call_history_async": (CALLS | PAGE | NO_HEADER, GetCallHistory),
    "get_brief_call_history": (
        {
            name: CALLS[name]
            for name in (
                "call_session_history_id",
                "application_id",
                "rule_name",
                "remote_number",
                "local_number",
                "call_session_history_custom_data",
                "desc_order",
            )
        }
        | NO_HEADER,
        GetBriefCallHistory,
    ),
    "get_transaction_history": (
        MONEY | PAGE | COUNTED | NO_HEADER | {"with_extended_info": True, "decimal_separator": ","},
        GetTransactionHistory,
    ),
    "get_transaction_history_async": (MONEY | PAGE | NO_HEADER, GetTransactionHistory),
    "get_acd_history": (
        {
            "callerid": "4930123",
            "custom_data": "vip",
            "decimal_separator": ",",
            "acd_session_history_id": [1],
            "acd_request_id": ["a-1", "b-2"],
            "acd_queue_id": [318, 319],
            "user_id": [20417],
            "operator_hangup": True,
            "unserviced": False,
            "min_waiting_time": 3,
            "rejected": False,
            "with_events": True,
            "desc_order": True,
        }
        | PAGE
        | NO_HEADER,
        GetACDHistory,
    ),
    "get_audit_log": (
        AUDIT | PAGE | NO_HEADER | {"with_total_count": True, "decimal_separator": ","},
        GetAuditLog,
    ),
    "get_audit_log_async": (AUDIT | PAGE | NO_HEADER, GetAuditLog),
    "get_history_reports": (
        {
            "history_report_id": 4410,
            "history_type": ["transactions", "audit"],
            "created_from": START,
            "created_to": END,
            "is_completed": True,
            "desc_order": True,
            "application_id": [70315, 70316],
            "application_name": ["a", "b"],
        }
        | PAGE,
        GetHistoryReports,
    ),
    "download_history_report": ({"history_report_id": 4410}, DownloadHistoryReport),
    "delete_record": ({"record_id": 551, "record_url": "https://x.example/1"}, DeleteRecord),
}
LEFT_OUT = {"is_async", "application_name", "output", "remote_number_list"}


def our_params(method: Any, question: dict[str, Any]) -> Any:
    return method(**{n: tuple(v) if isinstance(v, list) else v for n, v in question.items()})


def ask_us(ours: Client, name: str, params: Any) -> Any:
    if name == "download_history_report":
        into = io.BytesIO()
        ours.download_history_report(params, into, inflate=True)
        return {"file_content": into.getvalue().decode()}
    return getattr(ours, name)(params)


@pytest.mark.parametrize("name", EVERYTHING)
def test_both_send_the_same_for_the_same_question(server, sdk, ours, name):
    question, method = EVERYTHING[name]
    if "from_date" in inspect.signature(getattr(sdk, name)).parameters:
        question = PERIOD | question
    told = {"output": "csv"} if name == "get_brief_call_history" else {}
    known = inspect.signature(getattr(sdk, name)).parameters.keys()
    assert known - LEFT_OUT <= question.keys() | told.keys(), "a parameter of the SDK is not asked"
    for ask in (
        lambda: getattr(sdk, name)(**question, **told),
        lambda: ask_us(ours, name, our_params(method, question)),
    ):
        with suppress(VoximplantException, Refused):  # most of it fits nothing
            ask()
    theirs, mine = (sent(request) for request in server.control("requests"))
    if name == "get_brief_call_history":
        theirs["is_async"] = "true"  # required by the reference, unknown to the SDKs
    if name.endswith("_async"):
        mine.pop("is_async", None)
        mine.pop("output", None)
    assert mine == theirs


def sent(request: dict[str, Any]) -> dict[str, str]:
    """What a request asked, with booleans in one spelling: the SDK writes True, we write true."""
    params = dict(request["params"]) | {"cmd": request["method"]}
    return {
        name: text.lower() if text in ("True", "False") else text for name, text in params.items()
    }


def test_both_send_lists_of_numbers_as_json(server, sdk, ours):
    numbers = ("4917636333553", "+49 30 1;2")
    question = PERIOD | {"remote_number_list": json.dumps(numbers)}
    sdk.get_call_history(**question)
    ours.get_call_history(GetCallHistory(**PERIOD, remote_number_list=numbers))
    theirs, mine = (sent(request) for request in server.control("requests"))
    assert mine == theirs


def test_a_python_list_of_numbers_comes_as_repeated_names_and_is_understood(server, sdk):
    number = next(
        call["remote_number"]
        for session in sdk.get_call_history(**PERIOD, with_calls=True)["result"]
        for call in session["calls"]
    )
    answer = sdk.get_call_history(**PERIOD, remote_number_list=[number, "490000"], with_calls=True)
    assert server.control("requests")[-1]["params"]["remote_number_list"] == [number, "490000"]
    assert answer["total_count"] > 0
    for session in answer["result"]:
        assert number in [call["remote_number"] for call in session["calls"]]


# Results


def on_the_wire(answer: dict[str, Any]) -> Any:
    """The SDK's answer with its dates turned back into the texts they came as."""

    def as_text(value: object) -> str:
        assert isinstance(value, date)
        return value.strftime("%Y-%m-%d %H:%M:%S" if isinstance(value, datetime) else "%Y-%m-%d")

    return wire.loads(json.dumps(answer, default=as_text))


LISTS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "get_call_history": (
        PERIOD
        | {"count": 100, "desc_order": True, "with_calls": True, "with_records": True}
        | {"child_account_id": "all"},
        GetCallHistory,
        replies.CallSessionInfoType,
    ),
    "get_transaction_history": (
        PERIOD | {"count": 300, "with_extended_info": True},
        GetTransactionHistory,
        replies.TransactionInfoType,
    ),
    "get_acd_history": (
        PERIOD | {"with_events": True},
        GetACDHistory,
        replies.ACDSessionInfoType,
    ),
    "get_audit_log": (PERIOD | {"with_total_count": True}, GetAuditLog, replies.AuditLogInfoType),
}


@pytest.mark.parametrize("name", LISTS)
def test_both_get_the_same_rows(sdk, ours, name):
    question, method, reply = LISTS[name]
    theirs = getattr(sdk, name)(**question)
    page = wire.read_page(reply, on_the_wire(theirs), "Etc/GMT")
    mine = getattr(ours, name)(our_params(method, question))
    # A session may end and get its cost while we look: the sandbox's clock runs.
    assert mine.total_count == page.total_count
    assert len(mine.result) > 3
    assert [row for row in mine.result if not getattr(row, "active", False)] == [
        row for row in page.result if not getattr(row, "active", False)
    ]


def test_both_get_the_same_reports_and_files(server, sdk, ours):
    numbers = [
        sdk.get_call_history_async(**PERIOD, with_calls=True)["history_report_id"],
        sdk.get_brief_call_history("csv", **PERIOD)["history_report_id"],
        sdk.get_transaction_history_async(**PERIOD)["history_report_id"],
        sdk.get_audit_log_async(**PERIOD)["history_report_id"],
    ]
    for number in numbers:
        server.finished(number)
    theirs = sdk.get_history_reports(history_type="all")
    assert isinstance(theirs["result"][0]["completed"], datetime)
    assert isinstance(theirs["result"][0]["store_until"], date)
    page = wire.read_page(replies.HistoryReportType, on_the_wire(theirs), "Etc/GMT")
    assert ours.get_history_reports(GetHistoryReports(history_type="all")) == page
    assert [report.history_report_id for report in page.result] == numbers
    for report in page.result:
        number = report.history_report_id
        answer = ask_us(
            ours, "download_history_report", DownloadHistoryReport(history_report_id=number)
        )
        assert sdk.download_history_report(history_report_id=number) == answer
        assert len(answer["file_content"].encode()) == report.file_size


def test_both_order_reports_alike(server, sdk, ours):
    params = GetCallHistory(**PERIOD, with_calls=True)
    theirs = sdk.get_call_history_async(**PERIOD, with_calls=True)
    mine = ours.get_call_history_async(params)
    first, second = map(server.finished, (theirs["history_report_id"], mine.history_report_id))
    assert first["filters"] == second["filters"]
    assert first["file_size"] == second["file_size"]


def test_both_read_acd_history_as_csv(sdk, ours):
    question = PERIOD | {"with_events": True, "count": 50}
    theirs = sdk.get_acd_history(**question, output="csv")
    into = io.BytesIO()
    ours.download_csv(our_params(GetACDHistory, question), into)
    assert theirs == {"file_content": into.getvalue().decode()}


def test_both_delete_a_recording_and_see_that_it_is_gone(server, sdk, ours):
    record = server.a_record()
    assert sdk.delete_record(record_id=record["record_id"]) == {"result": 1}
    other = server.a_record()
    assert ours.delete_record(DeleteRecord(record_url=other["record_url"])) == 1
    for ask in (
        lambda: sdk.delete_record(record_url=record["record_url"]),
        lambda: ours.delete_record(DeleteRecord(record_id=other["record_id"])),
    ):
        with pytest.raises((VoximplantException, Refused)) as refused:
            ask()
        assert refused.value.code == 341


def test_both_are_told_the_same_when_refused(sdk, ours):
    with pytest.raises(VoximplantException) as theirs:
        sdk.get_call_history(**PERIOD, count=1001)
    with pytest.raises(Refused) as mine:
        ours.get_call_history(GetCallHistory(**PERIOD, count=1001))
    assert (theirs.value.code, theirs.value.message) == (mine.value.code, mine.value.msg)


def test_a_report_that_is_not_ready_is_returned_by_the_sdk_and_raised_by_us(server, sdk, ours):
    server.fault(kind="report_stuck")
    number = sdk.get_call_history_async()["history_report_id"]
    assert sdk.download_history_report(history_report_id=number)["error"]["code"] == 356
    with pytest.raises(Refused) as refused:
        ask_us(ours, "download_history_report", DownloadHistoryReport(history_report_id=number))
    assert refused.value.code == 356


# Habits of the SDK


def test_the_construction_of_the_readme_sends_account_zero_and_is_let_in(server):
    config = VoximplantAPIConfig(
        credentials_file_path=str(server.home / "credentials.json"),
        endpoint=server.base.removeprefix("https://"),
    )
    api = VoximplantAPI(config=config)
    assert api.account_id == 0
    assert api.get_call_history(**PERIOD)["count"] == 20


def test_aware_dates_of_the_sdk_mean_the_same_moments(sdk):
    berlin = timezone(timedelta(hours=2))
    aware = sdk.get_call_history(
        from_date=datetime(2026, 6, 1, 2, tzinfo=berlin), to_date=datetime(2026, 6, 10, tzinfo=UTC)
    )
    naive = sdk.get_call_history(
        from_date=datetime(2026, 6, 1),
        to_date=datetime(2026, 6, 10),
    )
    assert aware == naive
    assert aware["total_count"] > 0


@pytest.mark.parametrize("name", ["get_call_history", "get_transaction_history", "get_audit_log"])
def test_is_async_without_output_is_refused_unless_leniently(sdk, start, monkeypatch, name):
    with pytest.raises(VoximplantException) as refused:
        getattr(sdk, name)(**PERIOD, is_async=True)
    assert refused.value.code == 105
    lenient = start("--tls", "--strict", "--lenient-async", "--report-seconds", "0")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lenient.home / "ca.pem"))
    sdk.endpoint = lenient.base.removeprefix("https://")
    sdk.credentials = lenient.credentials()
    answer = getattr(sdk, name)(**PERIOD, is_async=True)
    assert answer["result"] == 1
    assert "completed" in lenient.finished(answer["history_report_id"])
