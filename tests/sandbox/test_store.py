"""The store finds, counts and writes rows as a plain search through all of them would."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from history.api import wire
from history.api.methods import (
    TRANSACTION_TYPES,
    GetACDHistory,
    GetAuditLog,
    GetCallHistory,
    GetTransactionHistory,
)
from history.api.replies import (
    ACDSessionInfoType,
    AuditLogInfoType,
    CallSessionInfoType,
    TransactionInfoType,
)
from sandbox import facets, world
from sandbox.facets import EVERYTHING, Condition, Search
from sandbox.schema import Facet
from sandbox.seed import seed
from sandbox.store import Account, Store

NOW = datetime(2026, 6, 15, 14, 30, 7, tzinfo=UTC)
BEGIN = datetime(2025, 5, 15, 14, 30, 7)
WIDE: dict[str, Any] = {"from_date": datetime(2025, 1, 1), "to_date": datetime(2027, 1, 1)}
ZONES = ("Etc/GMT", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham")
PARENT, CHILDREN = 48_211, (48_340, 48_355, 48_377)

searching = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "account.sqlite3"
    seed(path, sessions=700, seed=11, now=NOW)
    return path


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def store(path: Path, clock: Clock) -> Store:
    return Store(path, base_url="https://sandbox.example", clock=clock)


@pytest.fixture
def changed(store: Store, clock: Clock) -> Iterator[Store]:
    """The store, for tests that change it or its time."""
    yield store
    clock.now = NOW
    store.restore()


@pytest.fixture(scope="module")
def everything(store: Store, parent: Account) -> list[dict[str, Any]]:
    """All sessions of all accounts with all their parts, dates in UTC."""
    params = GetCallHistory(**WIDE, child_account_id="all", with_calls=True, with_records=True)
    return list(store.sessions(parent, params, limit=None))


@pytest.fixture(scope="module")
def ledger(store: Store, parent: Account) -> list[dict[str, Any]]:
    """All transactions of all accounts, dates in UTC."""
    params = GetTransactionHistory(**WIDE, child_account_id="all", with_extended_info=True)
    return list(store.transactions(parent, params, limit=None))


def table(path: Path, name: str, until: str) -> list[dict[str, Any]]:
    """The past rows of a table, as they lie in the file."""
    with closing(sqlite3.connect(path)) as file:
        file.row_factory = sqlite3.Row
        rows = file.execute(
            f"SELECT * FROM {name} WHERE {until} <= ? ORDER BY 1", (NOW.timestamp(),)
        )
        return [dict(row) for row in rows]


def lists(values: list, *, unknown: Any, size: int = 3) -> st.SearchStrategy[tuple]:
    """Lists of values that occur, and now and then of one that does not."""
    return st.lists(st.sampled_from([*values, unknown]), min_size=1, max_size=size).map(tuple)


def some(optional: dict[str, st.SearchStrategy]) -> st.SearchStrategy[dict[str, Any]]:
    """A few of these parameters: with many nothing would ever match."""
    names = st.lists(st.sampled_from(sorted(optional)), max_size=3, unique=True)
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: optional[name] for name in chosen})
    )


periods = st.one_of(
    st.just(WIDE),
    st.tuples(
        st.datetimes(BEGIN - timedelta(days=9), datetime(2026, 7, 9)),
        st.integers(0, 200 * 86_400),
    ).map(
        lambda pair: {
            "from_date": pair[0].replace(microsecond=0),
            "to_date": pair[0].replace(microsecond=0) + timedelta(seconds=pair[1]),
        }
    ),
)
paging = {"desc_order": st.booleans(), "offset": st.integers(0, 30)}


def page_of(rows: list, params: Any, limit: int | None) -> list:
    ordered = rows[::-1] if params.desc_order else rows
    return list(islice(ordered, params.offset, None if limit is None else params.offset + limit))


def lies_within(moment: datetime, params: Any, zone: Any) -> bool:
    first = params.from_date.replace(tzinfo=zone, fold=0).astimezone(UTC)
    last = max(params.to_date.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first <= moment <= last


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# GetCallHistory


def matches_session(row: dict[str, Any], params: GetCallHistory) -> bool:
    named = CHILDREN if params.child_account_id == "all" else params.child_account_id
    accounts = set(named or CHILDREN) if params.children_calls_only else {PARENT, *named}
    by_application = params.application_id is not None or params.application_name is not None
    numbers = set(params.remote_number_list or params.remote_number)
    durations = [call["duration"] for call in row["calls"] if "duration" in call]
    low, high = params.min_duration, params.max_duration
    return all(
        (
            lies_within(utc(row["start_date"]), params, ZoneInfo(params.timezone)),
            row["account_id"] in accounts,
            params.call_session_history_id == ()
            or row["call_session_history_id"] in params.call_session_history_id,
            params.application_id in (None, row["application_id"]),
            params.application_name in (None, row["application_name"]),
            not by_application or params.rule_name in (None, row["rule_name"]),
            params.user_id == () or row.get("user_id") in params.user_id,
            not numbers or {call["remote_number"] for call in row["calls"]} & numbers,
            params.local_number == ()
            or {call["local_number"] for call in row["calls"]} & set(params.local_number),
            params.call_session_history_custom_data in (None, row.get("custom_data")),
            (low is None and high is None)
            or any((low or 0) <= d <= (10**9 if high is None else high) for d in durations),
        )
    )


@pytest.fixture(scope="module")
def session_params(everything: list[dict[str, Any]]) -> st.SearchStrategy[GetCallHistory]:
    calls = [call for row in everything for call in row["calls"]]
    frequent = [call["remote_number"] for call in calls]
    applications = [a.application_id for a in world.APPLICATIONS]
    by_id = {"application_id": st.sampled_from([*applications, 5])}
    by_name = {"application_name": st.sampled_from([a.name for a in world.APPLICATIONS] + ["x"])}
    others = {
        "call_session_history_id": lists(
            [row["call_session_history_id"] for row in everything], unknown=7, size=60
        ),
        "user_id": lists([u.user_id for users in world.USERS.values() for u in users], unknown=9),
        "rule_name": st.sampled_from([rule.name for rule in world.RULES] + ["x"]),
        "remote_number": lists(frequent, unknown="1"),
        "remote_number_list": lists(frequent, unknown="1", size=300),
        "local_number": lists([call["local_number"] for call in calls], unknown="2"),
        "call_session_history_custom_data": st.sampled_from(
            [row["custom_data"] for row in everything if "custom_data" in row] + ["x"]
        ),
        "child_account_id": st.one_of(st.just("all"), lists(list(CHILDREN), unknown=3)),
        "children_calls_only": st.booleans(),
        "min_duration": st.integers(0, 300),
        "max_duration": st.integers(0, 900),
        "timezone": st.sampled_from(ZONES),
        **paging,
    }
    chosen = st.one_of(some(others | by_id), some(others | by_name))
    return st.builds(lambda period, more: GetCallHistory(**period, **more), periods, chosen)


@searching
@given(data=st.data())
def test_finds_the_sessions_that_a_plain_search_finds(
    data, store, parent, everything, session_params
):
    params = data.draw(session_params)
    limit = data.draw(st.one_of(st.none(), st.integers(1, 50)))
    expected = [row for row in everything if matches_session(row, params)]

    found = list(store.sessions(parent, params, limit=limit))

    assert [row["call_session_history_id"] for row in found] == [
        row["call_session_history_id"] for row in page_of(expected, params, limit)
    ]
    assert store.count_sessions(parent, params) == len(expected)


def test_sessions_come_with_what_was_asked_for(store, parent):
    bare = GetCallHistory(**WIDE, with_other_resources=False)
    full = GetCallHistory(**WIDE, with_calls=True, with_records=True)
    parts = {"calls", "records", "other_resource_usage"}

    assert not any(parts & row.keys() for row in store.sessions(parent, bare, limit=None))
    rows = list(store.sessions(parent, full, limit=None))
    assert all({"calls", "other_resource_usage"} <= row.keys() for row in rows)
    assert any(row["other_resource_usage"] == [] for row in rows)
    assert 0 < sum("records" in row for row in rows) < len(rows)
    assert all(row.get("records") != [] for row in rows)


@pytest.mark.parametrize("zone", ZONES)
def test_all_sessions_can_be_read_as_replies(store, parent, everything, zone):
    params = GetCallHistory(
        **WIDE, child_account_id="all", with_calls=True, with_records=True, timezone=zone
    )
    rows = list(store.sessions(parent, params, limit=None))

    assert len(rows) == len(everything)
    for row, in_utc in zip(rows, everything, strict=True):
        reply = wire.read(
            CallSessionInfoType, json_of(row), wire.zone(zone), "GetCallHistory.result"
        )
        assert reply.extra == {}
        moment = utc(in_utc["start_date"]).astimezone(ZoneInfo(zone))
        assert row["start_date"] == moment.strftime("%Y-%m-%d %H:%M:%S")


def json_of(row: dict[str, Any]) -> Any:
    """The row after its way over the wire; no value in it may be null."""
    text = json.dumps(row, default=lambda amount: float(amount))
    assert "null" not in text.replace("null,", "")
    return wire.loads(text)


def test_amounts_are_exact_decimals(everything):
    costs = [part["cost"] for row in everything for part in row["calls"] if "cost" in part]

    assert all(type(cost) is Decimal for cost in costs)
    assert {"0"} < {str(cost) for cost in costs}
    assert any(cost.as_tuple().exponent == -6 for cost in costs)
    assert not any("E" in str(cost) for cost in costs)


def test_a_running_session_has_no_end_yet(everything):
    running = [row for row in everything if row["active"]]

    assert len(running) >= 5
    for row in running:
        assert not {"duration", "finish_reason"} & row.keys()
        going_on = [call for call in row["calls"] if "end_reason" not in call]
        assert going_on
        assert not any({"duration", "cost", "transaction_id"} & call.keys() for call in going_on)
    assert all("duration" in row for row in everything if not row["active"])


def test_a_log_is_kept_for_a_month(everything):
    for row in everything:
        is_young = utc(row["start_date"]) > NOW - timedelta(days=30)
        assert ("log_file_url" in row) == is_young


def test_links_of_secure_applications_say_so(everything):
    secure = {
        application.application_id for application in world.APPLICATIONS if application.secure
    }
    for row in everything:
        links = [row.get("log_file_url"), *(r.get("record_url") for r in row.get("records", ()))]
        for link in filter(None, links):
            assert link.startswith("https://sandbox.example/vox-")
            assert ("-secure/" in link) == (row["application_id"] in secure)


def test_numbers_may_be_given_with_a_plus(store, parent):
    plain = GetCallHistory(**WIDE, local_number=("493055501234",))
    plus = GetCallHistory(**WIDE, local_number=("+493055501234",))

    assert store.count_sessions(parent, plain) == store.count_sessions(parent, plus) > 0


def test_a_child_sees_only_its_own(store):
    child = store.account("nordlicht-us")
    params = GetCallHistory(**WIDE, child_account_id="all")

    assert {row["account_id"] for row in store.sessions(child, params, limit=None)} == {48_355}


def test_pages_put_together_are_the_whole_list(store, parent, everything):
    for descending in (False, True):
        pages: list[int] = []
        while True:
            params = GetCallHistory(
                **WIDE, child_account_id="all", offset=len(pages), desc_order=descending
            )
            page = [
                row["call_session_history_id"] for row in store.sessions(parent, params, limit=37)
            ]
            if not page:
                break
            pages += page
        expected = [row["call_session_history_id"] for row in everything]
        assert pages == (expected[::-1] if descending else expected)


def test_both_passes_of_the_repeated_hour_are_found(store, parent):
    params = GetCallHistory(
        from_date=datetime(2025, 10, 26, 2, 0, 0),
        to_date=datetime(2025, 10, 26, 2, 59, 59),
        timezone="Europe/Berlin",
    )
    walls = [row["start_date"] for row in store.sessions(parent, params, limit=None)]

    assert "2025-10-26 02:30:00" in walls
    assert len(walls) > len(set(walls))
    assert all(wall.startswith("2025-10-26 02:") for wall in walls)


# GetTransactionHistory


def matches_transaction(row: dict[str, Any], params: GetTransactionHistory) -> bool:
    named = CHILDREN if params.child_account_id == "all" else params.child_account_id
    accounts = set(named or CHILDREN) if params.children_transactions_only else {PARENT, *named}
    if params.use_accounting_dates:
        day = datetime.fromisoformat(row["accounting_date"]).date()
        in_period = params.from_date.date() <= day <= params.to_date.date()
    else:
        in_period = lies_within(utc(row["performed_at"]), params, ZoneInfo(params.timezone))
    return in_period and all(
        (
            int(row["account_id"]) in accounts,
            params.transaction_id == () or row["transaction_id"] in params.transaction_id,
            params.transaction_type == () or row["transaction_type"] in params.transaction_type,
            params.payment_reference in (None, row.get("payment_reference")),
            params.application_id in (None, row.get("application_id")),
            params.application_name in (None, row.get("application_name")),
            params.subscription_id == () or row.get("subscription_id") in params.subscription_id,
            params.subscription_name == ()
            or row.get("subscription_name") in params.subscription_name,
            params.resource_type == () or row.get("resource_type") in params.resource_type,
            params.price_group_name == () or row.get("price_group_name") in params.price_group_name,
        )
    )


@pytest.fixture(scope="module")
def transaction_params(ledger: list[dict[str, Any]]) -> st.SearchStrategy[GetTransactionHistory]:
    def seen(name: str) -> list:
        return sorted({row[name] for row in ledger if name in row})

    optional = {
        "transaction_id": lists(seen("transaction_id"), unknown=7, size=40),
        "transaction_type": lists(seen("transaction_type"), unknown="gift"),
        "child_account_id": st.one_of(st.just("all"), lists(list(CHILDREN), unknown=3)),
        "children_transactions_only": st.booleans(),
        "payment_reference": st.sampled_from([*seen("payment_reference"), "x"]),
        "application_id": st.sampled_from([*seen("application_id"), 5]),
        "application_name": st.sampled_from([*seen("application_name"), "x"]),
        "subscription_id": lists(seen("subscription_id"), unknown=8),
        "subscription_name": lists(seen("subscription_name"), unknown="x"),
        "resource_type": lists(seen("resource_type"), unknown="x"),
        "price_group_name": lists(seen("price_group_name"), unknown="x", size=9),
        "use_accounting_dates": st.booleans(),
        "timezone": st.sampled_from(ZONES),
        **paging,
    }
    return st.builds(
        lambda period, more: GetTransactionHistory(**period, **more), periods, some(optional)
    )


@searching
@given(data=st.data())
def test_finds_the_transactions_that_a_plain_search_finds(
    data, store, parent, ledger, transaction_params
):
    params = data.draw(transaction_params)
    limit = data.draw(st.one_of(st.none(), st.integers(1, 50)))
    expected = [row for row in ledger if matches_transaction(row, params)]

    found = list(store.transactions(parent, params, limit=limit))

    assert [row["transaction_id"] for row in found] == [
        row["transaction_id"] for row in page_of(expected, params, limit)
    ]
    assert store.count_transactions(parent, params) == len(expected)


def test_finds_the_transactions_of_users(store, parent, path):
    rows = table(path, "transactions", "performed_at")
    own = [row for row in rows if row["account_id"] == PARENT]
    someone = world.USERS[PARENT][0].user_id

    of_users = GetTransactionHistory(**WIDE, users_transactions_only=True)
    of_one = GetTransactionHistory(**WIDE, user_id=(someone, 1))

    assert [row["transaction_id"] for row in store.transactions(parent, of_users, limit=None)] == [
        row["transaction_id"] for row in own if row["user_id"]
    ]
    assert [row["transaction_id"] for row in store.transactions(parent, of_one, limit=None)] == [
        row["transaction_id"] for row in own if row["user_id"] == someone
    ]


def test_all_transactions_can_be_read_as_replies(ledger):
    for row in ledger:
        reply = wire.read(TransactionInfoType, json_of(row), UTC, "GetTransactionHistory.result")
        assert reply.extra.keys() <= {"accounting_date"}
        assert reply.transaction_type in TRANSACTION_TYPES
        assert type(row["account_id"]) is str
        assert reply.currency == ("USD" if reply.account_id == "48355" else "EUR")


def test_extended_fields_come_only_when_asked_for(store, parent):
    bare = store.transactions(parent, GetTransactionHistory(**WIDE), limit=None)

    assert not any({"application_id", "price_group_name"} & row.keys() for row in bare)


def test_a_charge_names_what_it_is_for(store, parent, everything, ledger):
    charges = {row["transaction_id"]: row for row in ledger}
    wrong = 0
    for row in everything:
        for call in row["calls"]:
            if "transaction_id" in call:
                charge = charges.get(call["transaction_id"])
                wrong += charge is None or charge["amount"] != -call["cost"]
                if charge:
                    assert charge["transaction_description"].endswith(str(call["call_id"]))
    assert wrong == 2, "the listed anomalies"


def test_holds_are_shown_apart(store, parent, ledger):
    params = GetTransactionHistory(**WIDE, is_uncommitted=True, child_account_id="all")
    held = list(store.transactions(parent, params, limit=None))

    assert {row["transaction_type"] for row in held} == {"resource_charge", "phone_number_charge"}
    assert len(held) == store.count_transactions(parent, params)
    assert not {row["transaction_id"] for row in held} & {row["transaction_id"] for row in ledger}
    assert all(utc(row["performed_at"]) <= NOW for row in held)
    moments = [row["performed_at"] for row in held]
    assert moments == sorted(moments)


def test_holds_can_be_filtered_and_paged(store, parent):
    def ids(**more):
        params = GetTransactionHistory(**WIDE, is_uncommitted=True, **more)
        return [row["transaction_id"] for row in store.transactions(parent, params, limit=2)]

    every = ids() + ids(offset=2) + ids(offset=4) + ids(offset=6)
    assert len(set(every)) == len(every) > 3
    assert ids(desc_order=True) == every[::-1][:2]
    assert ids(transaction_id=(every[1], 5)) == [every[1]]
    assert ids(transaction_type=("gift",)) == []
    assert ids(transaction_type=("phone_number_charge",)) == every[:1]


def test_a_hold_becomes_a_charge_when_the_call_ends(changed, parent, clock):
    params = GetTransactionHistory(
        **WIDE, is_uncommitted=True, transaction_type=("resource_charge",)
    )
    held = {row["transaction_id"] for row in changed.transactions(parent, params, limit=None)}
    clock.now = NOW + timedelta(hours=4)

    charged = GetTransactionHistory(**WIDE, transaction_id=tuple(held))
    assert changed.count_transactions(parent, charged) == len(held)
    still = {row["transaction_id"] for row in changed.transactions(parent, params, limit=None)}
    assert not still & held


def test_balances_add_up_with_the_transactions_between(store, parent, ledger):
    own = [row for row in ledger if row["account_id"] == str(PARENT)]
    for first, last in ((BEGIN, NOW), (datetime(2025, 9, 1), datetime(2025, 10, 1))):
        first, last = first.replace(tzinfo=UTC), last.replace(tzinfo=UTC)
        between = sum(row["amount"] for row in own if first <= utc(row["performed_at"]) < last)
        start, end = store.balance_at(PARENT, first), store.balance_at(PARENT, last)
        assert start + between == end
    assert store.balance_at(PARENT, datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert store.balance_at(PARENT, datetime(2030, 1, 1, tzinfo=UTC)) == store.balance_at(
        PARENT, NOW + timedelta(seconds=1)
    )


# GetACDHistory


@pytest.fixture(scope="module")
def queued(path: Path) -> list[dict[str, Any]]:
    rows = table(path, "acd_sessions", "begin_time")
    return [row for row in rows if row["account_id"] == PARENT]


@pytest.fixture(scope="module")
def acd_params(queued: list[dict[str, Any]]) -> st.SearchStrategy[GetACDHistory]:
    def seen(name: str) -> list:
        return [row[name] for row in queued if row[name] is not None]

    optional = {
        "acd_session_history_id": lists(seen("acd_session_history_id"), unknown=1, size=30),
        "acd_request_id": lists(seen("acd_request_id"), unknown="x"),
        "acd_queue_id": lists([318, 319, 320], unknown=1),
        "user_id": lists(seen("user_id"), unknown=1),
        "operator_hangup": st.booleans(),
        "unserviced": st.booleans(),
        "rejected": st.booleans(),
        "min_waiting_time": st.integers(0, 120),
        "callerid": st.sampled_from([*seen("caller_id"), "x"]),
        "custom_data": st.sampled_from([*seen("custom_data"), "x"]),
        **paging,
    }
    return st.builds(lambda period, more: GetACDHistory(**period, **more), periods, some(optional))


def matches_queued(row: dict[str, Any], params: GetACDHistory) -> bool:
    return all(
        (
            lies_within(datetime.fromtimestamp(row["begin_time"], UTC), params, UTC),
            params.acd_session_history_id == ()
            or row["acd_session_history_id"] in params.acd_session_history_id,
            params.acd_request_id == () or row["acd_request_id"] in params.acd_request_id,
            params.acd_queue_id == () or row["acd_queue_id"] in params.acd_queue_id,
            params.user_id == () or row["user_id"] in params.user_id,
            params.operator_hangup in (None, row["operator_hangup"]),
            params.unserviced in (None, row["unserviced"]),
            params.rejected in (None, row["rejected"]),
            row["waiting_duration"] >= (params.min_waiting_time or 0),
            params.callerid in (None, row["caller_id"]),
            params.custom_data in (None, row["custom_data"]),
        )
    )


@searching
@given(data=st.data())
def test_finds_the_queued_callers_that_a_plain_search_finds(
    data, store, parent, queued, acd_params
):
    params = data.draw(acd_params)
    limit = data.draw(st.one_of(st.none(), st.integers(1, 50)))
    expected = [row for row in queued if matches_queued(row, params)]

    found = list(store.acd_sessions(parent, params, limit=limit))

    assert [row["acd_session_history_id"] for row in found] == [
        row["acd_session_history_id"] for row in page_of(expected, params, limit)
    ]
    assert store.count_acd_sessions(parent, params) == len(expected)


def test_all_queued_callers_can_be_read_as_replies(store, parent):
    params = GetACDHistory(**WIDE, with_events=True)
    for row in store.acd_sessions(parent, params, limit=None):
        reply = wire.read(ACDSessionInfoType, json_of(row), UTC, "GetACDHistory.result")
        assert reply.extra == {}
        times = [event.time for event in reply.events]
        assert times == sorted(times)
        assert reply.events[0].type == "queued"
        assert reply.events[0].time == reply.begin_time


def test_events_come_only_when_asked_for(store, parent):
    rows = store.acd_sessions(parent, GetACDHistory(**WIDE), limit=None)

    assert not any("events" in row for row in rows)


# GetAuditLog


@pytest.fixture(scope="module")
def trail(path: Path) -> list[dict[str, Any]]:
    rows = table(path, "audit_log", "requested")
    return [row for row in rows if row["account_id"] == PARENT]


def every_leaf(value: Any) -> set[str]:
    """All values in nested JSON, by its text alone."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return {leaf for element in value for leaf in every_leaf(element)}
    return {value if isinstance(value, str) else json.dumps(value)}


@pytest.fixture(scope="module")
def audit_params(trail: list[dict[str, Any]]) -> st.SearchStrategy[GetAuditLog]:
    found = sorted({leaf for row in trail for leaf in every_leaf(json.loads(row["cmd_args"]))})
    optional = {
        "audit_log_id": lists([row["audit_log_id"] for row in trail], unknown=1, size=30),
        "filtered_admin_user_id": st.sampled_from(["118", "121;122", "131;", "5", "x"]),
        "filtered_ip": lists([row["ip"] for row in trail], unknown="1.1.1.1"),
        "filtered_cmd": lists([row["cmd_name"] for row in trail], unknown="x"),
        "advanced_filters": st.sampled_from([*found, "true", "1", "x"]),
        "timezone": st.sampled_from(ZONES),
        **paging,
    }
    return st.builds(lambda period, more: GetAuditLog(**period, **more), periods, some(optional))


def matches_audited(row: dict[str, Any], params: GetAuditLog) -> bool:
    moment = datetime.fromtimestamp(row["requested"], UTC)
    admins = params.filtered_admin_user_id
    values = every_leaf([json.loads(row["cmd_args"]), json.loads(row["cmd_result"])])
    return all(
        (
            lies_within(moment, params, ZoneInfo(params.timezone)),
            params.audit_log_id == () or row["audit_log_id"] in params.audit_log_id,
            admins is None or (row["subuser_id"] and str(row["subuser_id"]) in admins.split(";")),
            params.filtered_ip == () or row["ip"] in params.filtered_ip,
            params.filtered_cmd == () or row["cmd_name"] in params.filtered_cmd,
            params.advanced_filters is None or params.advanced_filters in values,
        )
    )


@searching
@given(data=st.data())
def test_finds_the_entries_that_a_plain_search_finds(data, store, parent, trail, audit_params):
    params = data.draw(audit_params)
    limit = data.draw(st.one_of(st.none(), st.integers(1, 50)))
    expected = [row for row in trail if matches_audited(row, params)]

    found = list(store.audit_log(parent, params, limit=limit))

    assert [row["audit_log_id"] for row in found] == [
        row["audit_log_id"] for row in page_of(expected, params, limit)
    ]
    assert store.count_audit_log(parent, params) == len(expected)


def test_all_entries_can_be_read_as_replies(store, parent):
    for row in store.audit_log(parent, GetAuditLog(**WIDE), limit=None):
        reply = wire.read(AuditLogInfoType, json_of(row), UTC, "GetAuditLog.result")
        assert reply.extra == {}
        assert isinstance(row["cmd_args"], dict)


def test_a_new_entry_is_found_in_every_way(changed, parent):
    before = changed.count_audit_log(parent, GetAuditLog(**WIDE))
    new = {
        changed.add_audit(
            parent,
            subuser_id=118,
            subuser_name="release-robot",
            ip="192.0.2.99",
            cmd_name="DeleteRecord",
            cmd_args={"record_id": 551_200 + n},
            cmd_result={"result": 1},
        )
        for n in range(3)
    }

    assert len(new) == 3
    assert changed.count_audit_log(parent, GetAuditLog(**WIDE)) == before + 3
    for filters in ({"filtered_ip": ("192.0.2.99",)}, {"audit_log_id": tuple(new)}):
        params = GetAuditLog(**WIDE, **filters)
        assert {row["audit_log_id"] for row in changed.audit_log(parent, params, limit=9)} == new
    params = GetAuditLog(**WIDE, advanced_filters="551202", filtered_admin_user_id="118")
    [row] = changed.audit_log(parent, params, limit=None)
    assert row["cmd_args"] == {"record_id": 551_202}
    assert row["requested"] == "2026-06-15 14:30:07"


def test_counts_stay_right_when_entries_come_before_known_ones(changed, parent, clock):
    clock.now = NOW + timedelta(days=13)
    before = changed.count_audit_log(parent, GetAuditLog(**WIDE))
    clock.now = NOW - timedelta(days=200)
    for n in range(300):
        changed.add_audit(
            parent,
            subuser_id=None,
            subuser_name=None,
            ip="192.0.2.1",
            cmd_name="X",
            cmd_args={"n": n},
        )
        clock.now += timedelta(seconds=n % 2)
    clock.now = NOW + timedelta(days=13)

    assert changed.count_audit_log(parent, GetAuditLog(**WIDE)) == before + 300
    assert len(list(changed.audit_log(parent, GetAuditLog(**WIDE), limit=None))) == before + 300
    changed.restore()
    assert changed.count_audit_log(parent, GetAuditLog(**WIDE)) == before


# Recordings and logs


def a_record(everything: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    return next(
        record
        for row in everything
        for record in row.get("records", ())
        if "record_url" in record
        and all(record.get(name) == value for name, value in wanted.items())
    )


def test_a_recording_is_found_by_id_and_by_its_link(store, everything):
    listed = a_record(everything, transcription_status="Complete")
    record = store.record(listed["record_id"])

    assert record.url == listed["record_url"]
    assert record.transcription_url == listed["transcription_url"]
    assert (record.duration, record.file_size) == (listed["duration"], listed["file_size"])
    assert store.record_by_url(record.url) == record
    path = urlsplit(record.url)
    elsewhere = path._replace(scheme="http", netloc="127.0.0.1:8080").geturl()
    assert store.record_by_url(elsewhere) == record


@pytest.mark.parametrize(
    "url", ["", "x", "https://a/b?record_id=", "https://a/b?record_id=٣", "https://a/?record_id=1"]
)
def test_other_links_name_no_recording(store, url):
    assert store.record_by_url(url) is None


def test_the_link_of_another_recording_does_not_do(store, everything):
    record = a_record(everything)
    other = record["record_url"].replace(
        f"record_id={record['record_id']}", f"record_id={record['record_id'] + 1}"
    )

    assert store.record_by_url(other) is None


def test_a_removed_recording_is_gone_for_good(changed, parent, everything):
    listed = a_record(everything, transcription_status="Complete")
    assert changed.remove_record(listed["record_id"])

    assert not changed.remove_record(listed["record_id"])
    assert changed.record(listed["record_id"]).removed
    session = next(r for r in everything if listed in r.get("records", ()))
    params = GetCallHistory(
        **WIDE,
        child_account_id="all",
        call_session_history_id=(session["call_session_history_id"],),
        with_calls=True,
        with_records=True,
    )
    [row] = changed.sessions(parent, params, limit=None)
    [record] = (r for r in row["records"] if r["record_id"] == listed["record_id"])
    assert record["is_removed"]
    assert not {"record_url", "transcription_url"} & record.keys()
    assert listed["record_url"] not in [call.get("record_url") for call in row["calls"]]
    changed.restore()
    assert list(changed.sessions(parent, params, limit=None)) == [session]


def test_recordings_expire(changed, clock, everything):
    listed = a_record(everything)
    clock.now = datetime.fromisoformat(listed["expiration_date"]).replace(tzinfo=UTC)

    assert changed.record(listed["record_id"]).removed
    assert not changed.remove_record(listed["record_id"])
    clock.now -= timedelta(seconds=1)
    assert not changed.record(listed["record_id"]).removed


def test_a_transcript_takes_its_time(changed, clock, path):
    with closing(sqlite3.connect(path)) as file:
        record_id, done = file.execute(
            "SELECT record_id, transcribed_at FROM records WHERE transcribed_at IS NOT NULL"
        ).fetchone()
    clock.now = datetime.fromtimestamp(done - 1, UTC)
    assert changed.record(record_id).transcription_status == "In progress"
    assert changed.record(record_id).transcription_url is None
    clock.now = datetime.fromtimestamp(done, UTC)
    assert changed.record(record_id).transcription_status == "Complete"


def test_there_is_no_recording_of_a_call_that_goes_on(store, path):
    with closing(sqlite3.connect(path)) as file:
        future = file.execute(
            "SELECT record_id FROM records WHERE start_time + duration > ?", (NOW.timestamp(),)
        ).fetchone()[0]

    assert store.record(future) is None


def test_a_log_belongs_to_a_young_session(changed, clock, everything):
    young = next(row for row in everything if "log_file_url" in row)
    old = next(row for row in everything if "log_file_url" not in row)
    session_id = young["call_session_history_id"]

    assert changed.session_for_log(session_id).session == young
    assert changed.session_for_log(old["call_session_history_id"]) is None
    assert changed.session_for_log(5) is None
    clock.now = NOW + timedelta(days=31)
    assert changed.session_for_log(session_id) is None


# Time, threads, who there is


def test_time_brings_new_sessions_and_ends_those_that_were_going_on(changed, parent, clock):
    params = GetCallHistory(**WIDE, child_account_id="all")
    before = changed.count_sessions(parent, params)
    going_on = [
        row["call_session_history_id"]
        for row in changed.sessions(parent, params, limit=None)
        if row["active"]
    ]
    clock.now = NOW + timedelta(days=2)

    assert changed.count_sessions(parent, params) > before == 700
    ids = GetCallHistory(**WIDE, child_account_id="all", call_session_history_id=tuple(going_on))
    ended = list(changed.sessions(parent, ids, limit=None))
    assert len(ended) == len(going_on)
    assert not any(row["active"] for row in ended)


def test_threads_share_a_store(store, parent):
    counts: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: counts.append(store.count_sessions(parent, GetCallHistory(**WIDE)))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(counts) == 8
    assert len(set(counts)) == 1


def test_a_long_answer_and_a_change_do_not_hinder_each_other(changed, parent):
    rows = changed.sessions(parent, GetCallHistory(**WIDE), limit=None)
    first = next(rows)
    changed.add_audit(
        parent, subuser_id=None, subuser_name=None, ip="192.0.2.1", cmd_name="X", cmd_args={}
    )

    assert 1 + sum(1 for _ in rows) == changed.count_sessions(parent, GetCallHistory(**WIDE))
    assert first["account_id"] == PARENT


def test_accounts_are_known_by_id_name_and_email(store):
    account = store.account(PARENT)

    assert account == store.account("nordlicht") == store.account("billing@nordlicht.example")
    assert store.account(1) is store.account("nobody") is None
    assert [child.account_id for child in store.children(account)] == list(CHILDREN)
    assert {a.account_id for a in store.applications(account)} == {PARENT}
    assert len(store.users(account)) == 13


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Store(tmp_path / "nowhere")


# How rows are found

LONG = tuple(f"49{n}" for n in range(40))
CONDITIONS = {
    "session": [
        EVERYTHING,
        Condition(Facet.APPLICATION, (70_315,)),
        Condition(Facet.RULE, (90_411,)),
        Condition(Facet.USER, (20_401, 20_405)),
        Condition(Facet.REMOTE_NUMBER, LONG),
        Condition(Facet.LOCAL_NUMBER, ("493055501234",)),
        Condition(Facet.CUSTOM_DATA, ("voicemail",)),
        Condition(Facet.DURATION, range(4, 12)),
    ],
    "transaction": [
        EVERYTHING,
        Condition(Facet.TYPE, TRANSACTION_TYPES),
        Condition(Facet.APPLICATION, (70_315,)),
        Condition(Facet.USER, (20_401,)),
        Condition(Facet.BY_USER, (1,)),
        Condition(Facet.SUBSCRIPTION, (5_201,)),
        Condition(Facet.RESOURCE_TYPE, ("ASR",)),
        Condition(Facet.PRICE_GROUP, ("Germany mobile", "Recording")),
        Condition(Facet.PAYMENT_REFERENCE, ("x",)),
    ],
    "acd": [
        Condition(facet, (1,))
        for facet in (
            Facet.REQUEST,
            Facet.QUEUE,
            Facet.USER,
            Facet.CALLER,
            Facet.CUSTOM_DATA,
            Facet.OPERATOR_HANGUP,
            Facet.UNSERVICED,
            Facet.REJECTED,
            Facet.WAITING,
        )
    ],
    "audit": [
        Condition(facet, ("x", "y"))
        for facet in (Facet.ADMIN_USER, Facet.IP, Facet.COMMAND, Facet.LEAF)
    ],
}


@pytest.mark.parametrize("accounts", [(PARENT,), (PARENT, *CHILDREN)])
@pytest.mark.parametrize(
    ("noun", "condition"),
    [(noun, condition) for noun, conditions in CONDITIONS.items() for condition in conditions],
)
def test_every_filter_reads_its_page_in_order_from_an_index(path, noun, condition, accounts):
    also = [] if condition is EVERYTHING else [CONDITIONS[noun][0], condition]
    with closing(sqlite3.connect(path)) as file:
        for conditions in ([condition], also or [condition]):
            search = Search(
                noun=noun, accounts=accounts, conditions=conditions, low=0, high=2**62, now=0
            )
            sql, values = facets.statement(file, search)
            plan = file.execute(f"EXPLAIN QUERY PLAN {sql} ORDER BY id DESC LIMIT 20", values)
            steps = [row[3] for row in plan]
            assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]


def test_ids_are_looked_up_one_by_one(path):
    search = Search(
        noun="session", accounts=(PARENT,), conditions=[EVERYTHING], low=0, high=2**62, now=0,
        among=(4, 5, 6),
    )  # fmt: skip
    with closing(sqlite3.connect(path)) as file:
        sql, values = facets.statement(file, search)
        steps = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {sql} ORDER BY id", values)]

    assert steps == ["SEARCH f USING PRIMARY KEY (facet=? AND account_id=? AND value=? AND id=?)"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM sessions WHERE session_id IN (1, 2)",
        "SELECT * FROM calls WHERE session_id IN (1, 2)",
        "SELECT * FROM records WHERE session_id IN (1, 2)",
        "SELECT * FROM usages WHERE session_id IN (1, 2)",
        "SELECT * FROM acd_events WHERE acd_session_history_id IN (1, 2)",
        "SELECT transaction_id FROM transactions WHERE held_at BETWEEN 1 AND 2"
        " AND performed_at > 2 ORDER BY held_at, transaction_id",
    ],
)
def test_parts_of_a_page_are_read_from_an_index(path, sql):
    with closing(sqlite3.connect(path)) as file:
        steps = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {sql}")]

    assert len(steps) == 1
    assert steps[0].startswith("SEARCH")
