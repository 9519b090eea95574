"""The wire: how requests may be spelled, what comes back, what each mistake is answered with."""

import csv
import io
import json
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from history.api import wire
from history.api.methods import ASYNC_SPELLINGS, METHODS, parameters
from tests.api.test_wire_requests import any_params
from tests.sandbox.conftest import PERIOD, Server

DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"
ASK = {**PERIOD, "count": "3", "with_calls": "true"}


# Spellings


def spelled_in_every_way(server: Server) -> dict[str, requests.Response]:
    """The same question as the clients of the vendor and of others put it."""
    url, fields, post = server.url, {**server.key, **ASK}, server.post
    named, cmd = f"{url}/GetCallHistory", {"cmd": "GetCallHistory"}
    parts = {name: (None, value) for name, value in fields.items()}
    return {
        "GET": server.get(named, params=fields),
        "GET, slash": server.get(f"{named}/", params=fields),
        "GET, cmd": server.get(url, params=fields | cmd),
        "POST urlencoded, cmd last": post(url, data=fields | cmd),
        "POST urlencoded": post(named, data=fields),
        "POST urlencoded, slash": post(f"{named}/", data=fields),
        "POST multipart, cmd first": post(url, files={"cmd": (None, cmd["cmd"])} | parts),
        "POST multipart, path": post(named, files=parts),
        "POST multipart, path and cmd": post(named, files=parts | {"cmd": (None, cmd["cmd"])}),
        "POST query, no body": post(named, params=fields),
        "POST query, JSON body {}": post(named, params=fields, json={}),
        "POST JSON": post(named, json=fields | {"count": 3, "with_calls": True}),
        "POST, query and body": post(named, params=server.key, data=ASK),
        "body wins over query": post(named, params=fields | {"count": "9"}, data={"count": "3"}),
    }


def test_understands_every_spelling_of_a_request(server):
    answers = spelled_in_every_way(server)
    expected = answers["GET"].json()
    assert expected["count"] == 3
    for name, answer in answers.items():
        assert answer.json() == expected, name
    received = server.control("requests")
    assert {request["method"] for request in received} == {"GetCallHistory"}


def test_reads_a_chunked_multipart_body_without_a_length_as_node_sends_it(server):
    fields = {"cmd": "GetCallHistory", **server.key, **ASK}
    body = "".join(
        f'--x7\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    blocks = (block.encode() for block in (body[:100], body[100:], "--x7--\r\n"))
    headers = {"Content-Type": "multipart/form-data; boundary=x7"}
    answer = server.post(server.url, data=blocks, headers=headers)
    assert answer.json() == server.ask("GetCallHistory", **ASK)
    [_, received] = [r for r in server.control("requests") if r["path"] == "/platform_api"] * 2
    assert "content-length" not in received["headers"]


def test_reads_the_request_of_the_reference_byte_for_byte(server):
    """As the Python SDK puts it on the wire, but for the proof of who asks."""
    key = "&".join(f"{name}={value}" for name, value in server.key.items())
    body = (
        "from_date=2026-03-02+00%3A00%3A00&to_date=2026-03-02+23%3A59%3A59"
        f"&application_id=70315&with_calls=True&with_records=True&count=2&{key}"
        "&cmd=GetCallHistory"
    )
    raw = (
        "POST /platform_api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(raw.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(text).keys() == {"result", "total_count", "count", "timezone"}
    [received] = server.control("requests")
    assert received["method"] == "GetCallHistory"
    assert received["params"] == {
        "from_date": "2026-03-02 00:00:00",
        "to_date": "2026-03-02 23:59:59",
        "application_id": "70315",
        "with_calls": "True",
        "with_records": "True",
        "count": "2",
        "account_id": server.key["account_id"],
        "api_key": "***",
    }


@pytest.mark.parametrize("yes", ["true", "True", "TRUE", "1"])
@pytest.mark.parametrize("no", ["false", "False", "0"])
def test_reads_booleans_in_every_spelling(server, yes, no):
    answer = server.ask(
        "GetCallHistory", **PERIOD, with_calls=yes, with_other_resources=no, with_total_count=no
    )
    assert "calls" in answer["result"][0]
    assert "other_resource_usage" not in answer["result"][0]
    assert "total_count" not in answer


def test_reads_lists_with_semicolons_and_repeated_names(server):
    ids = [row["call_session_history_id"] for row in server.ask("GetCallHistory", **ASK)["result"]]
    texts = list(map(str, ids))
    for given_ids in (";".join(texts), ";".join(texts) + ";", texts):
        answer = server.ask("GetCallHistory", **PERIOD, call_session_history_id=given_ids)
        assert [row["call_session_history_id"] for row in answer["result"]] == ids


def test_empty_parameters_count_as_absent(server):
    given_empty = {"application_id": "", "user_id": "", "timezone": "", "rule_name": ""}
    assert server.ask("GetCallHistory", **ASK, **given_empty) == server.ask("GetCallHistory", **ASK)


def test_a_body_larger_than_any_request_is_refused(server):
    answer = server.post(f"{server.url}/GetCallHistory", data=b"x" * 17_000_000)
    assert answer.json()["error"]["code"] == 101


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("application/json", b'{"\xff": 1}'),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
    ],
)
def test_a_body_that_cannot_be_read_is_an_error_object(server, content_type, body):
    headers = {"Content-Type": content_type}
    answer = server.post(f"{server.url}/GetCallHistory", data=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == 101


def test_does_not_know_other_verbs_nor_redirects(server):
    answer = requests.put(f"{server.url}/GetCallHistory", timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
    assert server.get(f"{server.url}/GetCallHistory", allow_redirects=False).status_code == 200
    assert server.get(f"{server.base}/elsewhere").status_code == 404


# Answers


def test_answers_json_that_any_charset_reads(server):
    answer = server.call("GetCallHistory", **PERIOD, count=200, with_calls="true")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content.isascii()
    assert re.search(rb"\\u[0-9a-f]{4}", answer.content), "some custom data is not ASCII"


# The literal answers of the contract: every field of ours has to be there, of the same type.
GOLDEN = {
    "GetCallHistory": (
        {**PERIOD, "count": "200", "with_calls": "true", "with_records": "true"},
        """{"call_session_history_id": 915004471, "account_id": 48211, "application_id": 70315,
        "application_name": "frontdesk.nordlicht.example", "rule_name": "inbound",
        "user_id": 20417, "start_date": "2026-03-02 08:14:09", "duration": 96,
        "initiator_address": "192.0.2.41", "media_server_address": "198.51.100.7",
        "log_file_url": "https://x/vox-logs/2026/03/02/Qm9ndXM?sessionid=915004471",
        "finish_reason": "Normal termination", "audio_quality": "Standard",
        "custom_data": "ticket-5521", "active": true,
        "calls": [{"call_id": 3310078821, "start_time": "2026-03-02 08:14:10", "duration": 91,
          "local_number": "493055501234", "remote_number": "493055509876",
          "remote_number_type": "pstn", "diversion_number": "49305550000",
          "incoming": true, "successful": true,
          "transaction_id": 662200417, "custom_data": "x", "direction": "Germany mobile",
          "audio_quality": "HD",
          "record_url": "https://x/vox-records/2026/03/02/QXVkaW8?record_id=551200",
          "media_server_address": "198.51.100.7", "cost": 0.013652,
          "end_reason": {"code": 200, "details": "Normal call clearing"}}],
        "records": [{"record_id": 551200, "start_time": "2026-03-02 08:14:12", "duration": 88,
          "record_name": "x", "is_removed": true, "expiration_date": "2026-09-02",
          "transcription_url": "https://x/vox-records/2026/03/02/QXVkaW8.txt",
          "cost": 0.0008, "transaction_id": 662200418, "file_size": 176400,
          "record_url": "https://x/vox-records/2026/03/02/QXVkaW8?record_id=551200",
          "transcription_status": "Not required"}],
        "other_resource_usage": [{"resource_usage_id": 88120034,
          "resource_type": "VOICEMAILDETECTION", "cost": 0.002, "description": "x",
          "used_at": "2026-03-02 08:14:31", "transaction_id": 662200419,
          "resource_quantity": 1, "unit": "piece", "ref_call_id": 3310078822}]}""",
        {"result", "total_count", "count", "timezone"},
    ),
    "GetTransactionHistory": (
        {**PERIOD, "count": "200", "with_extended_info": "true", "timezone": "Europe/Berlin"},
        """{"transaction_id": 662200417, "account_id": "48211",
        "performed_at": "2026-03-02 09:15:41", "amount": -0.013652, "currency": "EUR",
        "transaction_type": "resource_charge", "payment_reference": "x",
        "transaction_description": "Incoming call 3310078821", "application_id": 1,
        "application_name": "x", "subscription_id": 1, "subscription_name": "x",
        "resource_type": "x", "price_group_name": "x", "accounting_date": "2026-03-02"}""",
        {"result", "total_count", "count", "timezone"},
    ),
    "GetACDHistory": (
        {**PERIOD, "count": "200", "with_events": "true"},
        """{"acd_session_history_id": 60117, "acd_request_id": "f2c1a0de-77",
        "account_id": 48211, "begin_time": "2026-03-02 08:14:12", "priority": 1,
        "acd_queue_id": 318, "user_id": 20417, "waiting_duration": 12,
        "in_service_duration": 70, "after_service_duration": 15, "events": [
        {"acd_session_event_id": 1, "time": "2026-03-02 08:14:12", "type": "x", "user_id": 1,
         "custom_data": "x"}]}""",
        {"result", "total_count", "count"},
    ),
    "GetAuditLog": (
        {**PERIOD, "count": "200"},
        """{"audit_log_id": 7719, "account_id": 48211, "subuser_id": 118,
        "subuser_name": "release-robot", "requested": "2026-03-04 12:20:05",
        "ip": "203.0.113.9", "cmd_name": "BindSkill", "cmd_args": {}, "cmd_result": {}}""",
        {"result", "count", "timezone"},
    ),
}


@pytest.mark.parametrize("method", GOLDEN)
def test_answers_have_the_shape_of_the_literal_ones(server, method):
    params, literal, envelope = GOLDEN[method]
    answer = server.ask(method, **params)
    assert answer.keys() == envelope
    assert answer["count"] == len(answer["result"]) > 0
    for row in answer["result"]:
        assert_like(json.loads(literal), row, method)


def assert_like(literal: Any, value: Any, where: str) -> None:
    """Same fields or fewer, same types; dates in the same form."""
    if isinstance(literal, dict):
        assert isinstance(value, dict), where
        for name, part in value.items() if literal else ():
            assert name in literal, f"{where}.{name} is not in the contract"
            assert_like(literal[name], part, f"{where}.{name}")
    elif isinstance(literal, list):
        for part in value:
            assert_like(literal[0], part, f"{where}[]")
    elif isinstance(literal, float):
        assert type(value) in (int, float), where
    else:
        assert type(value) is type(literal), f"{where}: {value!r}"
        if isinstance(literal, str) and re.match(r"\d{4}-\d\d-\d\d", literal):
            assert re.fullmatch(re.sub(r"\d", r"\\d", literal), value), f"{where}: {value!r}"


def test_order_and_report_answers_are_the_literal_ones(server):
    order = server.ask("GetBriefCallHistory", **PERIOD, output="csv", is_async="true")
    assert order == {"result": 1, "history_report_id": order["history_report_id"]}
    assert isinstance(order["history_report_id"], int)


# Rules of the server's own


def test_a_missing_period_is_the_last_month(server):
    rows = server.ask("GetCallHistory", count=1000)["result"]
    dates = [row["start_date"] for row in rows]
    assert min(dates) >= "2026-05-16"
    assert max(dates) > "2026-06-14"


def test_holds_are_shown_without_a_period(server):
    answer = server.ask("GetTransactionHistory", is_uncommitted="true")
    assert "error" not in answer
    assert "error" not in server.ask("GetTransactionHistoryAsync", is_uncommitted="true")


def test_dates_are_required_when_told_so(start):
    server = start("--require-dates", "--lenient-async")
    for method in ("GetCallHistory", "GetTransactionHistory", "GetACDHistory", "GetAuditLog"):
        error = server.ask(method)["error"]
        assert (error["code"], error["field_name"]) == (134, "from_date")
    # And the two other switches: unknown names are ignored, is_async alone orders a report.
    assert server.ask("GetCallHistory", **ASK, nonsense="1")["count"] == 3
    assert server.ask("GetCallHistory", **PERIOD, is_async="True")["result"] == 1


def test_the_automatic_zone_is_the_accounts_and_is_named(server):
    answer = server.ask("GetCallHistory", **ASK, timezone="auto")
    assert answer == server.ask("GetCallHistory", **ASK, timezone=answer["timezone"])
    assert answer["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize("command", ASYNC_SPELLINGS)
def test_async_spellings_order_a_report(server, command):
    assert server.ask(command, **PERIOD)["result"] == 1
    assert server.ask(command, **PERIOD, output="csv", is_async="false")["result"] == 1
    assert server.code(command, **PERIOD, output="json") == 105


def test_a_brief_history_needs_its_format_and_has_no_synchronous_form(server):
    assert server.code("GetBriefCallHistory", **PERIOD) == 134
    assert server.code("GetBriefCallHistory", **PERIOD, output="json") == 105
    assert server.code("GetBriefCallHistory", **PERIOD, output="csv", is_async="0") == 101
    assert server.code("GetBriefCallHistory", **PERIOD, output="csv") is None


def test_a_report_may_have_more_rows_than_a_page(server):
    order = {"output": "csv", "is_async": "true", "count": "5000", "offset": "20000"}
    assert server.code("GetCallHistory", **PERIOD, **order) is None


@pytest.mark.parametrize("method", GOLDEN)
def test_csv_comes_as_a_plain_file_in_the_dialect(server, method):
    params = GOLDEN[method][0]
    answer = server.call(method, **params, output="csv")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    header, *rows = csv.reader(io.StringIO(answer.text), delimiter=";")
    assert rows
    assert all(len(row) == len(header) for row in rows)
    assert answer.content.startswith(b'"')
    assert b"\r" not in answer.content.split(b"\n", 1)[0]
    without = server.call(method, **params, output="csv", with_header="false")
    assert answer.text == answer.text.split("\n", 1)[0] + "\n" + without.text


YEAR = {"from_date": "2025-05-15 00:00:00", "to_date": "2026-06-15 12:00:00", "count": "1000"}
ZONES = ["Etc/GMT", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]


def table(server: Server, method: str, **params: str) -> list[dict[str, str]]:
    """The CSV's rows by column, without the zone that dates name in the header."""
    text = server.call(method, **params, output="csv").text
    zone = params.get("timezone", "Etc/GMT").replace("Etc/GMT", "UTC")
    header, *rows = csv.reader(io.StringIO(text), delimiter=";")
    assert any(name.endswith(f" ({zone})") for name in header)
    names = [name.removesuffix(f" ({zone})") for name in header]
    return [dict(zip(names, row, strict=True)) for row in rows]


def cell(value: object) -> str:
    """A value of the JSON as the CSV writes it."""
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: ""}[value]
    return f"{value:.12g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("with_calls", ["true", "false"])
def test_the_csv_of_calls_says_what_the_json_says(server, timezone, with_calls):
    params = YEAR | {"timezone": timezone, "with_calls": with_calls, "child_account_id": "all"}
    rows = table(server, "GetCallHistory", **params)
    sessions = server.ask("GetCallHistory", **params)["result"]
    pairs = [(s, c) for s in sessions for c in s.get("calls") or [{}]]
    assert len(rows) == len(pairs) > 100
    for row, (session, call) in zip(rows, pairs, strict=True):
        if session["active"]:
            continue  # it may have ended between the two answers
        reason = call.get("end_reason", {})
        special = {
            "session_id": session["call_session_history_id"],
            "call_id": call.get("call_id"),
            "call_end_code": reason.get("code"),
            "call_end_details": reason.get("details"),
        }
        for name, text in row.items():
            kind, _, field = name.partition("_")
            source = session if kind == "session" else call
            assert text == cell(special.get(name, source.get(field))), (name, session, call)


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("more", [{}, {"with_extended_info": "1"}, {"is_uncommitted": "true"}])
def test_the_csv_of_transactions_says_what_the_json_says(server, timezone, more):
    params = YEAR | {"timezone": timezone, "child_account_id": "all"} | more
    expected = server.ask("GetTransactionHistory", **params)["result"]
    rows = table(server, "GetTransactionHistory", **params)
    assert len(rows) == len(expected)
    for row, transaction in zip(rows, expected, strict=True):
        for name, text in row.items():
            assert text == cell(transaction.get(name)), (name, transaction)


def test_the_csv_of_acd_and_audit_says_what_the_json_says(server):
    sessions = server.ask("GetACDHistory", **YEAR, with_events="1")["result"]
    rows = table(server, "GetACDHistory", **YEAR, with_events="1")
    pairs = [(s, e) for s in sessions for e in s["events"] or [{}]]
    assert [(r["acd_session_history_id"], r["event_id"], r["event_time"]) for r in rows] == [
        (str(s["acd_session_history_id"]), str(e["acd_session_event_id"]), e["time"])
        for s, e in pairs
    ]
    entries = server.ask("GetAuditLog", **YEAR)["result"]
    rows = table(server, "GetAuditLog", **YEAR)
    assert [(r["audit_log_id"], json.loads(r["cmd_args"])) for r in rows] == [
        (str(e["audit_log_id"]), e["cmd_args"]) for e in entries
    ]


def test_the_zone_of_utc_columns_is_called_utc(server):
    for method, column in (("GetTransactionHistory", "performed_at"), ("GetAuditLog", "requested")):
        text = server.call(method, **PERIOD, output="csv").text
        assert f'"{column} (UTC)"' in text.splitlines()[0]


def test_decimals_take_the_mark_that_is_asked_for(server):
    text = server.call("GetTransactionHistory", **PERIOD, output="csv", decimal_separator=",").text
    amounts = [row["amount"] for row in csv.DictReader(io.StringIO(text), delimiter=";")]
    assert any("," in amount for amount in amounts)
    assert not any("." in amount for amount in amounts)
    assert server.code("GetTransactionHistory", **PERIOD, decimal_separator="·") == 496


# Errors


def documented() -> dict[int, str]:
    """The example of each code in the table of docs/sandbox.md."""
    rows = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    return {int(code): example for code, example in rows}


PLAIN = {code: e.strip("`") for code, e in documented().items() if e.startswith("`Get")} | {
    code: e.strip("`") for code, e in documented().items() if e.startswith("`D")
}


@pytest.mark.parametrize("code", PLAIN)
def test_the_documented_example_gets_its_code(server, code):
    method, _, query = PLAIN[code].partition("?")
    answer = server.call(method, **dict(parse_qsl(query)))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json()["error"]
    assert error["code"] == code, error
    assert error["msg"]


def provoked(server: Server) -> dict[int, dict[str, Any]]:
    """The answers to the examples that are told in words."""
    now = int(time.time())

    def with_token(**claims: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {server.token(**claims)}"}
        return dict(server.post(f"{server.url}/GetCallHistory", headers=headers).json())

    def bare(**data: str) -> dict[str, Any]:
        return dict(server.post(f"{server.url}/GetCallHistory", data=data).json())

    unreadable = {"Authorization": "Bearer nonsense"}
    return {
        100: bare(),
        102: dict(server.post(server.url, data=server.key).json()),
        104: server.as_role("admin", "GetAuditLog"),
        161: bare(account_id=server.key["account_id"], session_id="x"),
        304: server.ask("GetTransactionHistory", payment_reference="x" * 127),
        356: not_ready(server),
        357: failed(server),
        433: with_token(kid="nobody"),
        447: dict(server.post(f"{server.url}/GetCallHistory", headers=unreadable).json()),
        454: with_token(iat=now, exp=now + 3601),
        455: with_token(iat=now + 120, exp=now + 180),
        456: with_token(iat=now - 180, exp=now - 120),
        477: server.ask("GetCallHistory", call_session_history_custom_data="x" * 201),
        562: refused_deletion(server),
    }


def not_ready(server: Server) -> dict[str, Any]:
    server.fault(kind="report_stuck", times=1)
    order = server.ask("GetCallHistoryAsync")
    return server.ask("DownloadHistoryReport", history_report_id=order["history_report_id"])


def failed(server: Server) -> dict[str, Any]:
    server.fault(kind="report_fails", times=1)
    row = server.finished_report("GetCallHistoryAsync")
    return server.ask("DownloadHistoryReport", history_report_id=row["history_report_id"])


@contextmanager
def in_own_storage(server: Server, record_id: int) -> Iterator[None]:
    """While the account's file says so of a recording; few are like that."""
    with closing(sqlite3.connect(server.home / "s.sqlite3")) as connection:
        sql = "UPDATE records SET own_storage = ? WHERE record_id = ?"
        connection.execute(sql, (1, record_id))
        connection.commit()
        yield
        connection.execute(sql, (0, record_id))
        connection.commit()


def refused_deletion(server: Server) -> dict[str, Any]:
    record_id = server.a_record()["record_id"]
    with in_own_storage(server, record_id):
        return server.ask("DeleteRecord", record_id=record_id)


def test_each_code_of_the_table_is_answered_to_its_cause(server):
    answers = provoked(server)
    assert answers.keys() | PLAIN.keys() == documented().keys()
    for code, answer in answers.items():
        assert answer["error"]["code"] == code, answer


def test_names_the_field_at_fault_and_the_value(server):
    error = server.ask("GetCallHistory", **PERIOD, user_id="12;x")["error"]
    assert error["field_name"] == "user_id"
    assert "'user_id'" in error["msg"]
    assert "'x'" in error["msg"]


def test_parameters_that_every_client_may_send_are_not_unknown(server):
    extra = {"account_name": server.accounts[0]["account_name"], "cmd": "GetCallHistory"}
    assert server.code("GetCallHistory", **ASK, **extra) is None


NAMES = sorted({name for method in METHODS.values() for name in parameters(method)})
NASTY = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"-?\d{1,30}", fullmatch=True),
    st.sampled_from(
        [
            "true", "0", "all", ";", ";;", "1;2", "null", "[]", '["1"]', '["\\ud800"]', "{}",
            "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-02-30 00:00:00",
            "2026-03-29 02:30:00", "2026-06-01 00:00:00", "\x00", "'; DROP TABLE sessions; --",
            "auto", "Asia/Kathmandu", "csv", "999999999999999999", "9223372036854775807", "１２",
        ]
    ),
)  # fmt: skip


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from([*METHODS, *ASYNC_SPELLINGS]),
    params=st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=9)), NASTY),
    as_json=st.booleans(),
)
def test_any_garbage_is_answered_in_the_words_of_the_api(strict_server, method, params, as_json):
    key = strict_server.key
    given_params = {name: text for name, text in params.items() if name not in key} | key
    body = {"json": given_params} if as_json else {"data": given_params}
    answer = requests.post(f"{strict_server.url}/{method}", timeout=10, **body)
    assert answer.status_code == 200
    if answer.headers["Content-Type"] == "application/octet-stream":
        return
    error = answer.json().get("error")
    if error is None:
        assert "result" in answer.json()
    else:
        assert error["code"] > 4, error  # the lowest ones are failures of the server
        assert error["msg"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(params=any_params(), form=st.sampled_from(["urlencoded", "query", "multipart", "JSON"]))
def test_valid_params_arrive_as_they_were_sent(strict_server, params, form):
    fields = wire.encode(params)
    url, key = f"{strict_server.url}/{params.name}", strict_server.key
    body: dict[str, Any] = {
        "urlencoded": {"data": fields | key},
        "query": {"params": fields | key},
        "multipart": {"files": {name: (None, text) for name, text in (fields | key).items()}},
        "JSON": {"json": fields | key},
    }[form]
    answer = requests.post(url, timeout=30, **body)
    [received] = strict_server.control("requests?last=1")
    assert {name: received["params"].get(name) for name in fields} == fields
    got = wire.decode(type(params), {name: [received["params"][name]] for name in fields})
    assert wire.encode(got) == fields
    if answer.headers["Content-Type"] == "application/json":
        error = answer.json().get("error", {"code": None})
        assert error["code"] in (None, 105, 134, 101, 284, 341, 355, 458), error
