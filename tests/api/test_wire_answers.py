"""JSON to replies."""

import json
import pickle
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.api import wire
from history.api.replies import (
    AuditLogInfoType,
    CallSessionInfoType,
    EndReason,
    HistoryReportType,
    RecordType,
    TransactionInfoType,
)

BERLIN = ZoneInfo("Europe/Berlin")
SESSION = {"call_session_history_id": 1, "start_date": "2026-03-02 08:14:09"}
CALL = {"call_id": 7, "start_time": "2026-03-02 08:14:10"}


def session(**more: Any) -> CallSessionInfoType:
    return wire.read(CallSessionInfoType, {**SESSION, **more}, BERLIN, "result[0]")


def complaint(value: object) -> wire.BadReply:
    with pytest.raises(wire.BadReply) as caught:
        wire.read(CallSessionInfoType, value, BERLIN, "result[0]")
    return caught.value


def test_money_is_exact() -> None:
    answer = wire.loads(b'{"amount": -0.10, "whole": 3, "long": 0.1234567890123456789}')
    assert str(answer["amount"]) == "-0.10"
    assert answer["long"] == Decimal("0.1234567890123456789")
    assert type(answer["whole"]) is int


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[NaN]", b"[Infinity]", b"\xff", b"[1e99999999999999999999]", b"[" * 10**6]
)
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wire.loads(body)


def test_keeps_what_it_does_not_know() -> None:
    read = session(direction="in", calls=[{**CALL, "price_group": {"a": 1}}], account_id=None)
    assert read.extra == {"direction": "in"}
    assert read.calls[0].extra == {"price_group": {"a": 1}}
    assert session().extra == {}


def test_does_without_what_is_optional_or_null() -> None:
    read = session(duration=None, calls=None)
    assert read.duration is None
    assert read.calls == ()
    assert read.extra == {}
    assert read.start_date == datetime(2026, 3, 2, 8, 14, 9, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("value", "place", "reason", "shown"),
    [
        ({"start_date": "2026-03-02 08:14:09"}, ".call_session_history_id", "missing", ""),
        ({**SESSION, "start_date": None}, ".start_date", "missing", ""),
        (7, "", "is not an object", "7"),
        ({**SESSION, "duration": "96"}, ".duration", "is not a whole number", '"96"'),
        ({**SESSION, "duration": True}, ".duration", "is not a whole number", "true"),
        ({**SESSION, "duration": Decimal("9.5")}, ".duration", "is not a whole number", '"9.5"'),
        ({**SESSION, "duration": Decimal("1e999999")}, ".duration", "is not a whole number", ""),
        ({**SESSION, "rule_name": 1.5}, ".rule_name", "is not text", "1.5"),
        ({**SESSION, "active": 1}, ".active", "is not true or false", "1"),
        ({**SESSION, "calls": {}}, ".calls", "is not a list", "{}"),
        ({**SESSION, "calls": [CALL, 3]}, ".calls[1]", "is not an object", "3"),
        (
            {**SESSION, "calls": [CALL, {**CALL, "cost": "free"}]},
            ".calls[1].cost",
            "is not a number",
            '"free"',
        ),
        ({**SESSION, "start_date": "2026-03-02T08:14:09"}, ".start_date", "is not a date", ""),
        ({**SESSION, "start_date": "2026-02-30 08:14:09"}, ".start_date", "is not a date", ""),
        ({**SESSION, "start_date": 1772439249}, ".start_date", "is not a date", ""),
        ({**SESSION, "custom_data": ["x" * 200]}, ".custom_data", "is not text", "…"),
        (
            {**SESSION, "records": [{"record_id": 1, "expiration_date": "2026-W10-1"}]},
            ".records[0].expiration_date",
            "is not a date in the form YYYY-MM-DD",
            "",
        ),
        (
            {**SESSION, "records": [{"record_id": 1, "expiration_date": "2026-13-01"}]},
            ".records[0].expiration_date",
            "is not a date in the form YYYY-MM-DD",
            "",
        ),
    ],
)
def test_names_the_place_of_a_misfit(value: object, place: str, reason: str, shown: str) -> None:
    error = complaint(value)
    assert error.place == f"result[0]{place}"
    assert error.reason.startswith(reason)
    assert str(error).startswith(f"result[0]{place}: ")
    assert shown in str(error)
    assert len(str(error)) < 160


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert session(duration=Decimal("96.0")).duration == 96


def test_a_cost_may_be_written_without_a_point() -> None:
    cost = session(calls=[{**CALL, "cost": 0}]).calls[0].cost
    assert cost == 0
    assert type(cost) is Decimal


def test_an_account_id_is_text_or_a_number() -> None:
    transaction = {
        "transaction_id": 1,
        "performed_at": "2026-03-02 09:15:41",
        "amount": 50,
        "currency": "EUR",
        "transaction_type": "card_payment",
    }
    for given_id in ("48211", 48211):
        read = wire.read(TransactionInfoType, {**transaction, "account_id": given_id}, UTC, "")
        assert read.account_id == "48211"


def test_end_reasons_come_as_objects_or_as_text() -> None:
    def reason(value: object) -> EndReason | None:
        return session(calls=[{**CALL, "end_reason": value}]).calls[0].end_reason

    assert reason({"code": 200, "details": "Normal call clearing"}) == EndReason(
        code=200, details="Normal call clearing"
    )
    assert reason({"code": "200"}) == EndReason(code=None, details="")
    assert reason("User offline") == EndReason(code=None, details="User offline")


def test_dates_without_a_time_have_none() -> None:
    read = session(records=[{"record_id": 5, "expiration_date": "2026-06-02"}])
    assert read.records[0].expiration_date == date(2026, 6, 2)


def test_mappings_stay_as_they_are() -> None:
    entry = {"audit_log_id": 1, "requested": "2026-03-04 12:20:05", "cmd_name": "BindSkill"}
    arguments = {"user_id": [20417], "bind": True}
    read = wire.read(AuditLogInfoType, {**entry, "cmd_args": arguments}, UTC, "")
    assert read.cmd_args == arguments
    with pytest.raises(wire.BadReply, match=r"cmd_args: \[\] is not an object"):
        wire.read(AuditLogInfoType, {**entry, "cmd_args": []}, UTC, "result[0]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    numbers: tuple[int, ...] = ()
    amounts: tuple[Decimal, ...] = ()
    words: tuple[str, ...] = ()
    switches: tuple[bool, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


def test_lists_of_plain_values_are_read_too() -> None:
    answer = {"numbers": [1], "amounts": [Decimal("0.1"), 2], "words": ["a"], "switches": [True]}
    assert wire.read(Lists, answer, UTC, "") == Lists(
        numbers=(1,), amounts=(Decimal("0.1"), Decimal(2)), words=("a",), switches=(True,)
    )
    with pytest.raises(wire.BadReply, match=r"words\[1\]: true is not text"):
        wire.read(Lists, {"words": ["a", True]}, UTC, "")


def test_replies_can_be_compared_kept_and_not_changed() -> None:
    read = session(calls=[{**CALL, "cost": Decimal("0.01")}], direction="in")
    assert pickle.loads(pickle.dumps(read)) == read
    assert read == session(calls=[{**CALL, "cost": Decimal("0.01")}], direction="in")
    with pytest.raises(AttributeError):
        read.duration = 5  # type: ignore[misc]


def test_a_session_costs_what_its_parts_cost() -> None:
    parts = session(
        calls=[{**CALL, "cost": Decimal("0.013652")}, CALL],
        records=[{"record_id": 5, "cost": Decimal("0.0008")}],
        other_resource_usage=[{"resource_usage_id": 9, "cost": Decimal("0.002")}],
    )
    assert parts.cost == Decimal("0.016452")
    assert session().cost is None
    assert session(calls=[CALL]).cost is None


# Zones


def test_every_moment_of_a_session_is_in_the_zone_of_the_answer() -> None:
    body = {
        "result": [{**SESSION, "calls": [CALL]}],
        "timezone": "America/New_York",
        "count": 1,
        "warnings": ["No to_date: now is taken."],
    }
    page = wire.read_page(CallSessionInfoType, body, "Etc/GMT")
    (read,) = page.result
    assert read.start_date.isoformat() == "2026-03-02T08:14:09-05:00"
    assert read.calls[0].start_time.isoformat() == "2026-03-02T08:14:10-05:00"
    assert (page.timezone, page.count, page.total_count) == ("America/New_York", 1, None)
    assert page.warnings == ("No to_date: now is taken.",)


def test_moments_can_be_moved_to_another_zone() -> None:
    body = {"result": [{**SESSION, "calls": [CALL]}], "timezone": "Etc/GMT", "total_count": 9}
    page = wire.read_page(CallSessionInfoType, body, "Etc/GMT", shown_in="Europe/Berlin")
    assert page.result[0].start_date.isoformat() == "2026-03-02T09:14:09+01:00"
    assert (page.timezone, page.count, page.total_count) == ("Europe/Berlin", 1, 9)


def test_an_hour_that_comes_twice_is_told_apart_only_when_asked_in_utc() -> None:
    def starts(zone: str, *texts: str) -> list[str]:
        rows = [{**SESSION, "start_date": text} for text in texts]
        body = {"result": rows, "timezone": zone}
        page = wire.read_page(CallSessionInfoType, body, zone, shown_in="Europe/Berlin")
        return [row.start_date.isoformat() for row in page.result]

    assert starts("Etc/GMT", "2026-10-25 00:30:00", "2026-10-25 01:30:00") == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
    ]
    # A wall clock alone cannot say which of the two: the first one is taken.
    assert starts("Europe/Berlin", "2026-10-25 02:30:00") == ["2026-10-25T02:30:00+02:00"]


@pytest.mark.parametrize("zone", ["auto", "Mars/Olympus", "", 7, None])
def test_an_answer_in_no_zone_we_know_cannot_be_read(zone: object) -> None:
    with pytest.raises(wire.BadReply, match=r"timezone: .*is not a time zone"):
        wire.read_page(CallSessionInfoType, {"result": [], "timezone": zone}, "Etc/GMT")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "result"),
        ({"result": {}}, "result"),
        ({"result": [SESSION, {}]}, "result[1].call_session_history_id"),
        ({"result": [], "count": "1"}, "count"),
        ({"result": [], "total_count": None}, "total_count"),
    ],
)
def test_names_the_place_of_a_misfit_in_the_envelope(body: dict[str, Any], place: str) -> None:
    with pytest.raises(wire.BadReply) as caught:
        wire.read_page(CallSessionInfoType, body, "Etc/GMT")
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("wall_clock", "zone", "first", "last"),
    [
        (datetime(2026, 3, 2, 8), "Etc/GMT", "08:00", "08:00"),
        (datetime(2026, 7, 1, 8), "Europe/Berlin", "06:00", "06:00"),
        (datetime(2026, 10, 25, 2, 30), "Europe/Berlin", "00:30", "01:30"),  # comes twice
        (datetime(2026, 3, 29, 2, 30), "Europe/Berlin", "01:30", "01:30"),  # is skipped
    ],
)
def test_a_wall_clock_stands_for_one_moment_or_two(
    wall_clock: datetime, zone: str, first: str, last: str
) -> None:
    moments = [wire.instant(wall_clock, wire.zone(zone), last=last) for last in (False, True)]
    assert [f"{moment:%H:%M}" for moment in moments] == [first, last]
    assert {moment.tzinfo for moment in moments} == {UTC}


def test_unknown_zones_are_refused() -> None:
    with pytest.raises(ValueError, match="'Mars' is not a time zone"):
        wire.zone("Mars")
    assert wire.is_zone("auto")
    assert not wire.is_zone("Mars")


def test_wall_clocks_are_written_as_the_api_writes_them() -> None:
    moment = datetime(987, 1, 1, 12, tzinfo=UTC)
    assert wire.format_wall_clock(moment, UTC) == "0987-01-01 12:00:00"
    summer = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert wire.format_wall_clock(summer, BERLIN) == "2026-07-01 14:00:00"


# Anything at all

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(sorted(CallSessionInfoType.__dataclass_fields__))


@given(st.dictionaries(fields, json_values, max_size=5))
def test_any_json_is_read_or_named(row: dict[str, Any]) -> None:
    body = wire.loads(json.dumps({"result": [{**SESSION, **row}]}))
    try:
        read: object = wire.read_page(CallSessionInfoType, body, "Etc/GMT")
    except wire.BadReply as error:
        read = error
    if isinstance(read, wire.BadReply):
        assert read.place.startswith("result[0].")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_any_amount_survives(amount: Decimal) -> None:
    body = wire.loads(f'{{"record_id": 1, "cost": {amount}}}')
    assert wire.read(RecordType, body, UTC, "").cost == amount


def test_a_report_is_read_whole() -> None:
    report = {
        "history_report_id": 4410,
        "history_type": "calls",
        "created": "2026-03-08 06:00:02",
        "file_size": 20480,
        "store_until": "2026-04-07",
        "filters": {"with_calls": True},
    }
    read = wire.read(HistoryReportType, report, UTC, "")
    assert read.store_until == date(2026, 4, 7)
    assert read.filters == {"with_calls": True}
    assert read.file_size == 20480
