"""Asynchronous reports: ordered, made, listed, downloaded, gone."""

import csv
import io
import re
import zlib
from typing import Any

import pytest
import requests

from history.api import replies, wire
from tests.sandbox.conftest import PERIOD, Server

MONTH = 31 * 24 * 3600


def download(server: Server, report_id: int, **headers: str) -> requests.Response:
    """The bytes as they come: `content` is not unpacked."""
    answer = requests.post(
        f"{server.url}/DownloadHistoryReport",
        data={**server.key, "history_report_id": report_id},
        headers={"Accept-Encoding": "identity", **headers},
        stream=True,
        timeout=30,
    )
    answer._content = answer.raw.read(decode_content=False)
    return answer


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


ORDERS = [
    ("GetCallHistory", {"output": "csv", "is_async": "true", "with_calls": "true"}, "calls"),
    ("GetCallHistoryAsync", {"with_calls": "true"}, "calls"),
    ("GetBriefCallHistory", {"output": "csv"}, "calls_brief"),
    ("GetTransactionHistory", {"output": "csv", "is_async": "1"}, "transactions"),
    ("GetTransactionHistoryAsync", {"is_uncommitted": "true"}, "transactions_on_hold"),
    ("GetAuditLogAsync", {}, "audit"),
]


@pytest.mark.parametrize(("command", "params", "history_type"), ORDERS)
def test_an_order_becomes_a_file(server, command, params, history_type):
    row = server.finished_report(command, **PERIOD, **params)
    number = row["history_report_id"]
    assert row["history_type"] == history_type
    assert row["file_name"] == f"{history_type}_{number}.csv"
    assert row["format"] == "csv"
    assert row["download_count"] == 0
    assert "last_downloaded" not in row
    plain, packed = (
        download(server, number),
        download(server, number, **{"Accept-Encoding": "gzip"}),
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(plain.content) == row["file_size"]
    assert len(packed.content) == row["download_size"]
    assert zlib.decompress(packed.content, wbits=31) == plain.content
    for answer in (plain, packed):
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert f'filename="{row["file_name"]}"' in answer.headers["Content-Disposition"]
    assert plain.content.startswith(b'"')


def test_the_row_is_what_the_reply_types_say(server):
    row = server.finished_report("GetTransactionHistoryAsync", **PERIOD)
    report = wire.read(replies.HistoryReportType, row, wire.zone("UTC"), "result[0]")
    assert not report.extra
    assert report.completed is not None
    assert report.completed >= report.created


def test_a_report_has_the_rows_that_the_pages_have(server):
    row = server.finished_report("GetCallHistoryAsync", **PERIOD, with_calls="true", desc_order="1")
    rows = table(download(server, row["history_report_id"]).text)
    page = server.ask("GetCallHistory", **PERIOD, count=1000, with_calls="true", desc_order="1")
    assert row["calculated_data"] == {
        "session_count": page["count"],
        "total_session_count": page["total_count"],
        "timezone": "Etc/GMT",
    }
    calls = [
        (str(session["call_session_history_id"]), str(call.get("call_id", "")))
        for session in page["result"]
        for call in session["calls"] or [{}]
    ]
    assert [(r["session_id"], r["call_id"]) for r in rows] == calls


def test_a_brief_report_has_the_same_calls_in_fewer_columns(server):
    whole = server.finished_report("GetCallHistoryAsync", **PERIOD, with_calls="true")
    brief = server.finished_report("GetBriefCallHistory", **PERIOD, output="csv")
    assert "calculated_data" not in brief
    expected = table(download(server, whole["history_report_id"]).text)
    rows = table(download(server, brief["history_report_id"]).text)
    assert list(rows[0]) == [
        "session_id",
        "session_start_date (UTC)",
        "call_id",
        "call_start_time (UTC)",
        "call_duration",
        "call_incoming",
        "call_local_number",
        "call_remote_number",
        "call_successful",
        "call_cost",
        "call_end_code",
    ]
    # Sessions without calls have no row here; what is under way may end in between.
    finished = [r for r in expected if r["call_id"] and r["session_duration"]]
    ids = {row["call_id"] for row in finished}
    assert [row for row in rows if row["call_id"] in ids] == [
        {name: row[name] for name in rows[0]} for row in finished
    ]


def test_count_and_offset_bound_a_report(server):
    row = server.finished_report("GetCallHistoryAsync", **PERIOD, count=3, offset=2)
    page = server.ask("GetCallHistory", **PERIOD, count=3, offset=2)
    rows = table(download(server, row["history_report_id"]).text)
    ids = [str(session["call_session_history_id"]) for session in page["result"]]
    assert [r["session_id"] for r in rows] == ids
    assert row["calculated_data"]["session_count"] == 3
    assert row["calculated_data"]["total_session_count"] == page["total_count"]


def test_balances_of_a_transaction_report_differ_by_its_amounts(server):
    row = server.finished_report("GetTransactionHistoryAsync", **PERIOD)
    data = row["calculated_data"]
    rows = table(download(server, row["history_report_id"]).text)
    assert data["transaction_count"] == data["total_transaction_count"] == len(rows)
    assert data["account_id"] == server.accounts[0]["account_id"]
    start, end = (data[name] for name in ("start_balance", "end_balance"))
    assert re.fullmatch(r"-?\d+(\.\d+)? EUR", start)
    change = wire.loads(end.split()[0]) - wire.loads(start.split()[0])
    assert change == sum(wire.loads(r["amount"]) for r in rows)


def test_a_report_remembers_how_it_was_ordered(server):
    order = {
        "timezone": "auto",
        "with_calls": "True",
        "user_id": "1;2",
        "application_id": "70315",
        "min_duration": "",
    }
    row = server.finished_report("GetCallHistoryAsync", **PERIOD, **order)
    assert row["filters"] == {
        **PERIOD,
        "timezone": "Europe/Berlin",
        "with_calls": True,
        "user_id": [1, 2],
        "application_id": 70315,
    }


def test_a_report_that_takes_its_time_is_not_ready_before(start):
    server = start("--report-seconds", "1.5")
    number = server.ask("GetCallHistoryAsync", **PERIOD)["history_report_id"]
    [row] = server.ask("GetHistoryReports")["result"]
    assert row.keys() == {"history_report_id", "history_type", "created", "format", "filters"}
    assert server.code("DownloadHistoryReport", history_report_id=number) == 356
    assert server.ask("GetHistoryReports", is_completed="true")["total_count"] == 0
    assert server.ask("GetHistoryReports", is_completed="false")["total_count"] == 1
    row = server.finished(number)
    took = wire.parse_wall_clock(row["completed"]) - wire.parse_wall_clock(row["created"])
    assert took.total_seconds() >= 1
    assert server.ask("GetHistoryReports", is_completed="true")["total_count"] == 1


def test_reports_survive_a_restart(start):
    first = start("--report-seconds", "0")
    row = first.finished_report("GetCallHistoryAsync", **PERIOD)
    first.fault(kind="report_stuck", times=1)
    first.process.terminate()
    first.process.wait()
    again = start("--report-seconds", "0")
    assert again.ask("GetHistoryReports")["result"] == [row]
    assert download(again, row["history_report_id"]).status_code == 200


def test_counts_downloads_that_reached_the_end(server):
    number = server.finished_report("GetCallHistoryAsync", **PERIOD)["history_report_id"]
    download(server, number)
    download(server, number, Range="bytes=0-9")
    assert server.finished(number)["download_count"] == 1
    download(server, number, **{"Accept-Encoding": "gzip", "Range": "bytes=10-"})
    row = server.finished(number)
    assert row["download_count"] == 2
    assert row["last_downloaded"] >= row["completed"]


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_download_can_be_resumed(server, encoding):
    number = server.finished_report("GetCallHistoryAsync", **PERIOD)["history_report_id"]
    accept = {"Accept-Encoding": encoding}
    whole = download(server, number, **accept)
    size, etag = len(whole.content), whole.headers["ETag"]
    assert whole.headers["Accept-Ranges"] == "bytes"
    for wanted, start, stop in (
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, size),
        ("bytes=-7", size - 7, size),
        (f"bytes=50-{size + 10}", 50, size),
    ):
        part = download(server, number, Range=wanted, **{"If-Range": etag}, **accept)
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert part.content == whole.content[start:stop]
    outside = download(server, number, Range=f"bytes={size}-", **accept)
    assert (outside.status_code, outside.headers["Content-Range"]) == (416, f"bytes */{size}")
    changed = download(server, number, Range="bytes=1-", **{"If-Range": '"old"'}, **accept)
    assert (changed.status_code, changed.content) == (200, whole.content)


def test_lists_reports_by_every_filter(server):
    numbers: dict[str, Any] = {}
    for command, params, history_type in ORDERS[1:]:
        row = server.finished_report(command, **PERIOD, **params)
        numbers[history_type] = row["history_report_id"]
    application = server.ask("GetCallHistory", **PERIOD, count=1)["result"][0]
    of_application = server.finished_report(
        "GetCallHistoryAsync", **PERIOD, application_name=application["application_name"]
    )
    calls = [numbers["calls"], of_application["history_report_id"]]

    def listed(**params: object) -> list[int]:
        answer = server.ask("GetHistoryReports", **params)
        assert answer["count"] == len(answer["result"])
        return [row["history_report_id"] for row in answer["result"]]

    everything = sorted([*numbers.values(), calls[1]])
    assert listed() == calls
    assert listed(history_type="all") == everything
    assert listed(history_type="all", desc_order="true") == everything[::-1]
    assert listed(history_type="audit;calls_brief") == [numbers["calls_brief"], numbers["audit"]]
    assert listed(history_type="all", count=2, offset=1) == everything[1:3]
    assert listed(history_report_id=numbers["audit"]) == [numbers["audit"]]
    assert listed(history_report_id=numbers["audit"], history_type="calls") == []
    assert listed(application_id=application["application_id"]) == [calls[1]]
    assert listed(application_name=application["application_name"]) == [calls[1]]
    assert listed(application_id="all") == [calls[1]]
    created = of_application["created"]
    assert calls[1] in listed(created_from=created, created_to=created)
    assert listed(created_from="2027-01-01 00:00:00") == []
    assert listed(created_to="2026-01-01 00:00:00") == []
    assert listed(is_completed="false", history_type="all") == []
    assert server.code("GetHistoryReports", history_type="sms") == 371


def test_each_account_sees_its_own_reports(server):
    server.finished_report("GetCallHistoryAsync", **PERIOD)
    child = f"child-{server.accounts[1]['account_id']}"
    assert server.as_role(child, "GetHistoryReports", history_type="all")["total_count"] == 0
    number = server.as_role(child, "GetCallHistoryAsync")["history_report_id"]
    assert server.code("DownloadHistoryReport", history_report_id=number) == 355


def test_a_report_can_get_stuck_or_fail(server):
    server.fault(kind="report_stuck", method="GetCallHistoryAsync", times=1)
    server.fault(kind="report_fails", method="GetAuditLogAsync", times=1)
    stuck = server.ask("GetCallHistoryAsync", **PERIOD)["history_report_id"]
    failed = server.finished_report("GetAuditLogAsync", **PERIOD)
    assert "completed" not in failed
    assert failed["error"]["code"] == 357
    assert (
        server.code("DownloadHistoryReport", history_report_id=failed["history_report_id"]) == 357
    )
    assert server.code("DownloadHistoryReport", history_report_id=stuck) == 356
    fine = server.finished_report("GetCallHistoryAsync", **PERIOD)
    assert "completed" in fine


def test_a_report_disappears_after_its_time(server):
    row = server.finished_report("GetCallHistoryAsync", **PERIOD)
    assert row["store_until"] == "2026-07-15"
    server.fault(kind="clock", seconds=MONTH)
    number = row["history_report_id"]
    assert server.ask("GetHistoryReports")["total_count"] == 0
    assert server.code("DownloadHistoryReport", history_report_id=number) == 355


def test_an_empty_report_is_its_header(server):
    none = {"from_date": "2020-01-01 00:00:00", "to_date": "2020-01-02 00:00:00"}
    row = server.finished_report("GetCallHistoryAsync", **none)
    text = download(server, row["history_report_id"]).text
    assert text.startswith('"session_id";')
    assert text.count("\n") == 1
    row = server.finished_report("GetCallHistoryAsync", **none, with_header="false")
    answer = download(server, row["history_report_id"])
    assert (answer.status_code, answer.content) == (200, b"")
