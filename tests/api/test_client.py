"""Each remote method: what is sent and what is made of the answer.

The JSON is that of the contract, word for word.
"""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from history.api.client import Client, Unreachable
from history.api.methods import (
    DeleteRecord,
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
)
from history.api.replies import (
    ACDSessionInfoType,
    AuditLogInfoType,
    CallInfoType,
    CallSessionInfoType,
    EndReason,
    HistoryReportType,
    Order,
    Page,
    RecordType,
    ResourceUsageType,
    TransactionInfoType,
)
from tests.api.remote import Answer, Remote, as_json

DAY = {"from_date": datetime(2026, 3, 2), "to_date": datetime(2026, 3, 2, 23, 59, 59)}
DAY_SENT = {"from_date": ["2026-03-02 00:00:00"], "to_date": ["2026-03-02 23:59:59"]}
WHO = {"account_id": ["48211"], "api_key": ["made-up-key"]}
RECORD_URL = "https://storage.example/vox-records/2026/03/02/QXVkaW8?record_id=551200"

CALL_HISTORY = b"""{
  "result": [
    {
      "call_session_history_id": 915004471,
      "account_id": 48211,
      "application_id": 70315,
      "application_name": "frontdesk.nordlicht.example",
      "rule_name": "inbound",
      "user_id": 20417,
      "start_date": "2026-03-02 08:14:09",
      "duration": 96,
      "initiator_address": "192.0.2.41",
      "media_server_address": "198.51.100.7",
      "log_file_url": "https:\\/\\/storage.example\\/vox-logs\\/Qm9ndXM?sessionid=915004471",
      "finish_reason": "Normal termination",
      "audio_quality": "Standard",
      "custom_data": "ticket-5521",
      "calls": [
        {
          "call_id": 3310078821,
          "start_time": "2026-03-02 08:14:10",
          "duration": 91,
          "local_number": "493055501234",
          "remote_number": "493055509876",
          "remote_number_type": "pstn",
          "incoming": true,
          "successful": true,
          "transaction_id": 662200417,
          "record_url": "https://storage.example/vox-records/2026/03/02/QXVkaW8?record_id=551200",
          "media_server_address": "198.51.100.7",
          "cost": 0.013652,
          "end_reason": {"code": 200, "details": "Normal call clearing"}
        },
        {
          "call_id": 3310078822,
          "start_time": "2026-03-02 08:14:31",
          "local_number": "frontdesk",
          "remote_number": "operator7",
          "remote_number_type": "user",
          "incoming": false,
          "successful": false,
          "media_server_address": "198.51.100.7",
          "cost": 0,
          "end_reason": {"code": 480, "details": "User offline"}
        }
      ],
      "records": [
        {
          "record_id": 551200,
          "start_time": "2026-03-02 08:14:12",
          "duration": 88,
          "cost": 0.0008,
          "record_url": "https://storage.example/vox-records/2026/03/02/QXVkaW8?record_id=551200",
          "transaction_id": 662200418,
          "file_size": 176400,
          "transcription_status": "Not required"
        }
      ],
      "other_resource_usage": [
        {
          "resource_usage_id": 88120034,
          "resource_type": "VOICEMAILDETECTION",
          "cost": 0.002,
          "used_at": "2026-03-02 08:14:31",
          "transaction_id": 662200419,
          "resource_quantity": 1,
          "unit": "piece",
          "ref_call_id": 3310078822
        }
      ]
    }
  ],
  "total_count": 1,
  "count": 1,
  "timezone": "Etc/GMT"
}"""


def at(hour: int, minute: int, second: int, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def as_answer(body: bytes) -> Answer:
    return Answer(body=body, headers={"Content-Type": "application/json"})


def test_get_call_history(remote: Remote, api: Client) -> None:
    remote.will(as_answer(CALL_HISTORY))
    page = api.get_call_history(
        GetCallHistory(**DAY, application_id=70315, with_calls=True, with_records=True, count=2)
    )
    assert remote.last.path == "/platform_api/GetCallHistory"
    assert remote.last.fields == {
        **DAY_SENT,
        **WHO,
        "application_id": ["70315"],
        "with_calls": ["true"],
        "with_records": ["true"],
        "count": ["2"],
    }
    session = CallSessionInfoType(
        call_session_history_id=915004471,
        account_id=48211,
        application_id=70315,
        application_name="frontdesk.nordlicht.example",
        rule_name="inbound",
        user_id=20417,
        start_date=at(8, 14, 9),
        duration=96,
        initiator_address="192.0.2.41",
        media_server_address="198.51.100.7",
        log_file_url="https://storage.example/vox-logs/Qm9ndXM?sessionid=915004471",
        finish_reason="Normal termination",
        audio_quality="Standard",
        custom_data="ticket-5521",
        calls=(
            CallInfoType(
                call_id=3310078821,
                start_time=at(8, 14, 10),
                duration=91,
                local_number="493055501234",
                remote_number="493055509876",
                remote_number_type="pstn",
                incoming=True,
                successful=True,
                transaction_id=662200417,
                record_url=RECORD_URL,
                media_server_address="198.51.100.7",
                cost=Decimal("0.013652"),
                end_reason=EndReason(code=200, details="Normal call clearing"),
            ),
            CallInfoType(
                call_id=3310078822,
                start_time=at(8, 14, 31),
                local_number="frontdesk",
                remote_number="operator7",
                remote_number_type="user",
                incoming=False,
                successful=False,
                media_server_address="198.51.100.7",
                cost=Decimal(0),
                end_reason=EndReason(code=480, details="User offline"),
            ),
        ),
        records=(
            RecordType(
                record_id=551200,
                start_time=at(8, 14, 12),
                duration=88,
                cost=Decimal("0.0008"),
                record_url=RECORD_URL,
                transaction_id=662200418,
                file_size=Decimal(176400),
                transcription_status="Not required",
            ),
        ),
        other_resource_usage=(
            ResourceUsageType(
                resource_usage_id=88120034,
                resource_type="VOICEMAILDETECTION",
                cost=Decimal("0.002"),
                used_at=at(8, 14, 31),
                transaction_id=662200419,
                resource_quantity=1,
                unit="piece",
                ref_call_id=3310078822,
            ),
        ),
    )
    assert page == Page(result=(session,), count=1, timezone="Etc/GMT", total_count=1)


def test_get_transaction_history(remote: Remote, api: Client) -> None:
    remote.will(
        as_answer(b"""{
  "result": [
    {"transaction_id": 662200417, "account_id": "48211", "performed_at": "2026-03-02 09:15:41",
     "amount": -0.013652, "currency": "EUR", "transaction_type": "resource_charge",
     "transaction_description": "Incoming call 3310078821"},
    {"transaction_id": 662207001, "account_id": "48211", "performed_at": "2026-03-05 11:02:00",
     "amount": 50, "currency": "EUR", "transaction_type": "card_payment"}
  ],
  "total_count": 2,
  "timezone": "Europe/Berlin",
  "count": 2
}""")
    )
    page = api.get_transaction_history(
        GetTransactionHistory(
            from_date=datetime(2026, 3, 1),
            to_date=datetime(2026, 3, 31, 23, 59, 59),
            transaction_type=("card_payment", "resource_charge"),
            timezone="Europe/Berlin",
        )
    )
    assert remote.last.fields == {
        **WHO,
        "from_date": ["2026-03-01 00:00:00"],
        "to_date": ["2026-03-31 23:59:59"],
        "transaction_type": ["card_payment;resource_charge"],
        "timezone": ["Europe/Berlin"],
    }
    berlin = ZoneInfo("Europe/Berlin")
    assert page.result == (
        TransactionInfoType(
            transaction_id=662200417,
            account_id="48211",
            performed_at=datetime(2026, 3, 2, 9, 15, 41, tzinfo=berlin),
            amount=Decimal("-0.013652"),
            currency="EUR",
            transaction_type="resource_charge",
            transaction_description="Incoming call 3310078821",
        ),
        TransactionInfoType(
            transaction_id=662207001,
            account_id="48211",
            performed_at=datetime(2026, 3, 5, 11, 2, tzinfo=berlin),
            amount=Decimal(50),
            currency="EUR",
            transaction_type="card_payment",
        ),
    )
    assert (page.total_count, page.count, page.timezone) == (2, 2, "Europe/Berlin")


def test_get_history_reports(remote: Remote, api: Client) -> None:
    remote.will(
        as_answer(b"""{
  "result": [
    {
      "history_report_id": 4410,
      "history_type": "calls",
      "created": "2026-03-08 06:00:02",
      "format": "csv",
      "completed": "2026-03-08 06:00:19",
      "file_name": "calls_4410.csv",
      "file_size": 20480,
      "download_size": 3120,
      "download_count": 1,
      "last_downloaded": "2026-03-08 06:03:44",
      "store_until": "2026-04-07",
      "filters": {"from_date": "2026-03-01 00:00:00", "to_date": "2026-03-07 23:59:59",
                  "timezone": "Etc/GMT", "application_id": 70315, "with_calls": true},
      "calculated_data": {"session_count": 212, "total_session_count": 212, "timezone": "Etc/GMT"}
    },
    {"history_report_id": 4412, "history_type": "calls", "created": "2026-03-08 06:04:40",
     "format": "csv"}
  ],
  "total_count": 2,
  "count": 2
}""")
    )
    page = api.get_history_reports(GetHistoryReports(history_type="all", is_completed=False))
    assert remote.last.fields == {**WHO, "history_type": ["all"], "is_completed": ["false"]}
    finished, ordered = page.result
    assert finished == HistoryReportType(
        history_report_id=4410,
        history_type="calls",
        created=at(6, 0, 2, day=8),
        format="csv",
        completed=at(6, 0, 19, day=8),
        file_name="calls_4410.csv",
        file_size=Decimal(20480),
        download_size=Decimal(3120),
        download_count=1,
        last_downloaded=at(6, 3, 44, day=8),
        store_until=date(2026, 4, 7),
        filters={
            "from_date": "2026-03-01 00:00:00",
            "to_date": "2026-03-07 23:59:59",
            "timezone": "Etc/GMT",
            "application_id": 70315,
            "with_calls": True,
        },
        calculated_data={"session_count": 212, "total_session_count": 212, "timezone": "Etc/GMT"},
    )
    assert ordered.completed is None
    assert page.timezone == "Etc/GMT"


def test_get_acd_history(remote: Remote, api: Client) -> None:
    remote.will(
        as_answer(b"""{
  "result": [
    {"acd_session_history_id": 60117, "acd_request_id": "f2c1a0de-77", "account_id": 48211,
     "begin_time": "2026-03-02 08:14:12", "priority": 1, "acd_queue_id": 318, "user_id": 20417,
     "waiting_duration": 12, "in_service_duration": 70, "after_service_duration": 15}
  ],
  "total_count": 1,
  "count": 1
}""")
    )
    page = api.get_acd_history(GetACDHistory(**DAY, acd_queue_id=(318,), unserviced=False))
    assert remote.last.fields == {
        **DAY_SENT,
        **WHO,
        "acd_queue_id": ["318"],
        "unserviced": ["false"],
    }
    session = ACDSessionInfoType(
        acd_session_history_id=60117,
        acd_request_id="f2c1a0de-77",
        account_id=48211,
        begin_time=at(8, 14, 12),
        priority=1,
        acd_queue_id=318,
        user_id=20417,
        waiting_duration=12,
        in_service_duration=70,
        after_service_duration=15,
    )
    assert page == Page(result=(session,), count=1, timezone="Etc/GMT", total_count=1)


def test_get_audit_log(remote: Remote, api: Client) -> None:
    remote.will(
        as_answer(b"""{
  "result": [
    {"audit_log_id": 7719, "account_id": 48211, "subuser_id": 118, "subuser_name": "release-robot",
     "requested": "2026-03-04 12:20:05", "ip": "203.0.113.9", "cmd_name": "BindSkill",
     "cmd_args": {"user_id": [20417], "skill_id": [311], "bind": true},
     "cmd_result": {"result": 1}}
  ],
  "count": 1,
  "timezone": "Etc/GMT"
}""")
    )
    page = api.get_audit_log(GetAuditLog(**DAY, filtered_cmd=("BindSkill", "AddUser")))
    assert remote.last.fields == {
        **DAY_SENT,
        **WHO,
        "filtered_cmd": ["BindSkill;AddUser"],
        "with_total_count": ["false"],
    }
    entry = AuditLogInfoType(
        audit_log_id=7719,
        account_id=48211,
        subuser_id=118,
        subuser_name="release-robot",
        requested=at(12, 20, 5, day=4),
        ip="203.0.113.9",
        cmd_name="BindSkill",
        cmd_args={"user_id": [20417], "skill_id": [311], "bind": True},
        cmd_result={"result": 1},
    )
    assert page == Page(result=(entry,), count=1, timezone="Etc/GMT", total_count=None)


def test_get_brief_call_history(remote: Remote, api: Client) -> None:
    remote.will(as_answer(b'{"result": 1, "history_report_id": 4411}'))
    order = api.get_brief_call_history(
        GetBriefCallHistory(
            from_date=datetime(2026, 3, 1), to_date=datetime(2026, 3, 7, 23, 59, 59)
        )
    )
    assert order == Order(history_report_id=4411)
    assert remote.last.path == "/platform_api/GetBriefCallHistory"
    assert remote.last.fields == {
        **WHO,
        "from_date": ["2026-03-01 00:00:00"],
        "to_date": ["2026-03-07 23:59:59"],
        "output": ["csv"],
        "is_async": ["true"],
    }


ORDERED = {**DAY_SENT, **WHO, "output": ["csv"], "is_async": ["true"]}


@pytest.mark.parametrize(
    ("ask", "method", "fields"),
    [
        (lambda c: c.order_call_history(GetCallHistory(**DAY)), "GetCallHistory", ORDERED),
        (
            lambda c: c.order_transaction_history(GetTransactionHistory(**DAY)),
            "GetTransactionHistory",
            ORDERED,
        ),
        (
            lambda c: c.order_audit_log(GetAuditLog(**DAY)),
            "GetAuditLog",
            {**ORDERED, "with_total_count": ["false"]},
        ),
        (
            lambda c: c.get_call_history_async(GetCallHistory(**DAY)),
            "GetCallHistoryAsync",
            {**DAY_SENT, **WHO},
        ),
        (
            lambda c: c.get_transaction_history_async(GetTransactionHistory(**DAY)),
            "GetTransactionHistoryAsync",
            {**DAY_SENT, **WHO},
        ),
        (
            lambda c: c.get_audit_log_async(GetAuditLog(**DAY)),
            "GetAuditLogAsync",
            {**DAY_SENT, **WHO},
        ),
    ],
)
def test_orders(
    remote: Remote,
    api: Client,
    ask: Callable[[Client], Order],
    method: str,
    fields: dict[str, list[str]],
) -> None:
    remote.will(as_answer(b'{"result": 1, "history_report_id": 4413}'))
    assert ask(api) == Order(history_report_id=4413)
    assert remote.last.path == f"/platform_api/{method}"
    assert remote.last.fields == fields


def test_an_order_without_a_number_is_no_answer(remote: Remote, api: Client) -> None:
    remote.will(as_json({"result": 1}))
    with pytest.raises(Unreachable, match="history_report_id is not a whole number"):
        api.order_call_history(GetCallHistory(**DAY))


def test_delete_record(remote: Remote, api: Client) -> None:
    remote.will(as_answer(b'{"result": 1}'))
    assert api.delete_record(DeleteRecord(record_id=551200)) == 1
    assert remote.last.path == "/platform_api/DeleteRecord"
    assert remote.last.fields == {**WHO, "record_id": ["551200"]}


def test_rows_are_not_asked_for_as_csv(remote: Remote, api: Client) -> None:
    for params in (GetCallHistory(**DAY, output="csv"), GetCallHistory(**DAY, is_async=True)):
        with pytest.raises(ValueError, match="download a CSV, or order a report"):
            api.get_call_history(params)
    assert remote.received == []


def test_a_csv_is_downloaded_at_once(remote: Remote, api: Client) -> None:
    remote.will(Answer(body=b'"a";"b"\n', headers={"Content-Type": "application/octet-stream"}))
    into = io.BytesIO()
    done = api.download_csv(GetACDHistory(**DAY, with_events=True), into)
    assert into.getvalue() == b'"a";"b"\n'
    assert done.stored == 8
    assert remote.last.fields == {**DAY_SENT, **WHO, "output": ["csv"], "with_events": ["true"]}


def test_the_zone_of_the_account_is_asked_for_once(remote: Remote, api: Client) -> None:
    remote.will(as_json({"result": [], "count": 0, "timezone": "Asia/Yekaterinburg"}))
    walk = api.walk_call_history(GetCallHistory(**DAY, timezone="auto"))
    assert remote.last.fields["timezone"] == ["auto"]
    assert remote.last.fields["count"] == ["1"]
    assert walk.timezone == "Asia/Yekaterinburg"
    assert walk.period.from_date == datetime(2026, 3, 1, 19, tzinfo=UTC)
