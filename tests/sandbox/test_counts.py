"""Numbers of rows that meet several conditions are those that plain SQL counts."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from history.api.methods import GetACDHistory, GetCallHistory, GetTransactionHistory
from sandbox.seed import seed
from sandbox.store import Store

NOW = datetime(2026, 6, 15, 14, 30, 7, tzinfo=UTC)
PARENT, CHILDREN = 48_211, (48_340, 48_355, 48_377)

counting = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An account that is large enough to have frequent and rare values of each kind."""
    path = tmp_path_factory.mktemp("counts") / "account.sqlite3"
    seed(path, sessions=6000, seed=5, now=NOW)
    return path


@pytest.fixture(scope="module")
def file(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as file:
        yield file


@pytest.fixture(scope="module")
def store(path: Path) -> Store:
    return Store(path, clock=lambda: NOW)


def values(file: sqlite3.Connection, table: str, column: str) -> st.SearchStrategy:
    """The most frequent values of a column, and some that are rare or do not occur at all."""
    ordered = [
        row[0]
        for row in file.execute(
            f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"
            " GROUP BY 1 ORDER BY count(*) DESC, 1"
        )
    ]
    unknown = "x" if isinstance(ordered[0], str) else 1
    return st.sampled_from([*ordered[:12], *ordered[-12:], unknown])


def some_of(strategy: st.SearchStrategy, size: int = 6) -> st.SearchStrategy[tuple]:
    return st.lists(strategy, min_size=1, max_size=size).map(tuple)


def filters(optional: dict[str, st.SearchStrategy]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.lists(st.sampled_from(sorted(optional)), min_size=1, max_size=4, unique=True)
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: optional[name] for name in chosen})
    )


# Ends of periods: long ago, and while calls are under way.
moments = st.one_of(
    st.integers(0, 400 * 86_400), st.integers(0, 6 * 3600), st.just(0), st.just(400 * 86_400)
).map(lambda seconds: NOW.replace(tzinfo=None) - timedelta(seconds=seconds))
periods = st.tuples(moments, moments).map(
    lambda pair: {"from_date": min(pair), "to_date": max(pair)}
)
accounts = st.one_of(st.just(()), st.just("all"), st.sampled_from(CHILDREN).map(lambda c: (c,)))


def listed(wanted: tuple) -> str:
    """The wanted values in SQL."""
    return "(" + ", ".join(f"'{v}'" if isinstance(v, str) else str(v) for v in wanted) + ")"


def seconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def plain_count(
    file: sqlite3.Connection, table: str, when: str, params: Any, conditions: list[str]
) -> int:
    named = getattr(params, "child_account_id", ())
    accounts = (PARENT, *(CHILDREN if named == "all" else named))
    period = f"{when} BETWEEN {seconds(params.from_date)} AND {seconds(params.to_date)}"
    where = " AND ".join([period, f"account_id IN {listed(accounts)}", *conditions])
    return file.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]


@pytest.fixture(scope="module")
def session_filters(file: sqlite3.Connection) -> st.SearchStrategy[dict[str, Any]]:
    return filters(
        {
            "application_id": values(file, "sessions", "application_id"),
            "user_id": some_of(values(file, "sessions", "user_id")),
            "remote_number": some_of(values(file, "calls", "remote_number"), 20),
            "local_number": some_of(values(file, "calls", "local_number")),
            "call_session_history_custom_data": values(file, "sessions", "custom_data"),
            "min_duration": st.integers(0, 400),
            "max_duration": st.one_of(st.integers(0, 400), st.just(70_000)),
            "child_account_id": accounts,
        }
    )


def session_conditions(params: GetCallHistory) -> Iterator[str]:
    def has_call(condition: str) -> str:
        return f"session_id IN (SELECT session_id FROM calls WHERE {condition})"

    if params.application_id is not None:
        yield f"application_id = {params.application_id}"
    if params.user_id:
        yield f"user_id IN {listed(params.user_id)}"
    if params.remote_number:
        yield has_call(f"remote_number IN {listed(params.remote_number)}")
    if params.local_number:
        yield has_call(f"local_number IN {listed(params.local_number)}")
    if params.call_session_history_custom_data is not None:
        yield f"custom_data = '{params.call_session_history_custom_data}'"
    if params.min_duration is not None or params.max_duration is not None:
        low = params.min_duration or 0
        high = 10**9 if params.max_duration is None else params.max_duration
        ended = f"start_time + duration <= {NOW.timestamp()}"
        yield has_call(f"duration BETWEEN {low} AND {high} AND {ended}")


@counting
@given(data=st.data())
def test_counts_sessions_as_plain_sql_does(data, file, store, parent, session_filters):
    params = GetCallHistory(**data.draw(periods), **data.draw(session_filters))

    expected = plain_count(file, "sessions", "start_date", params, list(session_conditions(params)))
    assert store.count_sessions(parent, params) == expected


@pytest.fixture(scope="module")
def transaction_filters(file: sqlite3.Connection) -> st.SearchStrategy[dict[str, Any]]:
    return filters(
        {
            "application_id": values(file, "transactions", "application_id"),
            "transaction_type": some_of(values(file, "transactions", "transaction_type"), 3),
            "user_id": some_of(values(file, "transactions", "user_id")),
            "resource_type": some_of(values(file, "price_groups", "resource_type")),
            "price_group_name": some_of(values(file, "price_groups", "price_group_name"), 20),
            "child_account_id": accounts,
        }
    )


def transaction_conditions(params: GetTransactionHistory) -> Iterator[str]:
    def has_price(column: str, wanted: tuple[str, ...]) -> str:
        groups = f"SELECT price_group_id FROM price_groups WHERE {column} IN {listed(wanted)}"
        return f"price_group_id IN ({groups})"

    if params.application_id is not None:
        yield f"application_id = {params.application_id}"
    if params.transaction_type:
        yield f"transaction_type IN {listed(params.transaction_type)}"
    if params.user_id:
        yield f"user_id IN {listed(params.user_id)}"
    if params.resource_type:
        yield has_price("resource_type", params.resource_type)
    if params.price_group_name:
        yield has_price("price_group_name", params.price_group_name)


@counting
@given(data=st.data())
def test_counts_transactions_as_plain_sql_does(data, file, store, parent, transaction_filters):
    chosen = data.draw(transaction_filters)
    if "transaction_type" in chosen:
        chosen["transaction_type"] = tuple(t for t in chosen["transaction_type"] if t != "x")
    params = GetTransactionHistory(**data.draw(periods), **chosen)

    expected = plain_count(
        file, "transactions", "performed_at", params, list(transaction_conditions(params))
    )
    assert store.count_transactions(parent, params) == expected


@pytest.fixture(scope="module")
def acd_filters(file: sqlite3.Connection) -> st.SearchStrategy[dict[str, Any]]:
    return filters(
        {
            "acd_queue_id": some_of(values(file, "acd_sessions", "acd_queue_id"), 2),
            "user_id": some_of(values(file, "acd_sessions", "user_id")),
            "callerid": values(file, "acd_sessions", "caller_id"),
            "min_waiting_time": st.integers(0, 200),
            "unserviced": st.booleans(),
            "rejected": st.booleans(),
        }
    )


def acd_conditions(params: GetACDHistory) -> Iterator[str]:
    if params.acd_queue_id:
        yield f"acd_queue_id IN {listed(params.acd_queue_id)}"
    if params.user_id:
        yield f"user_id IN {listed(params.user_id)}"
    if params.callerid:
        yield f"caller_id = '{params.callerid}'"
    if params.min_waiting_time is not None:
        yield f"waiting_duration >= {params.min_waiting_time}"
    for name in ("unserviced", "rejected"):
        if (flag := getattr(params, name)) is not None:
            yield f"{name} = {int(flag)}"


@counting
@given(data=st.data())
def test_counts_queued_callers_as_plain_sql_does(data, file, store, parent, acd_filters):
    params = GetACDHistory(**data.draw(periods), **data.draw(acd_filters))

    expected = plain_count(file, "acd_sessions", "begin_time", params, list(acd_conditions(params)))
    assert store.count_acd_sessions(parent, params) == expected


def test_a_session_that_is_rare_in_two_ways_is_counted_once(file, store, parent):
    rare = file.execute(
        "SELECT sessions.custom_data, remote_number FROM sessions JOIN calls USING (session_id)"
        " WHERE account_id = ? AND start_date < ? AND sessions.custom_data IN"
        " (SELECT custom_data FROM sessions GROUP BY 1 HAVING count(*) < 50) AND remote_number IN"
        " (SELECT remote_number FROM calls GROUP BY 1 HAVING count(*) < 50) LIMIT 20",
        (PARENT, NOW.timestamp()),
    ).fetchall()
    [frequent] = file.execute(
        "SELECT remote_number FROM calls GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    ).fetchone()

    assert rare
    for custom_data, number in rare:
        params = GetCallHistory(
            from_date=datetime(2025, 1, 1),
            to_date=NOW.replace(tzinfo=None),
            call_session_history_custom_data=custom_data,
            remote_number=(number, frequent),
        )
        conditions = list(session_conditions(params))
        expected = plain_count(file, "sessions", "start_date", params, conditions)
        assert store.count_sessions(parent, params) == expected > 0


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (1, None), (None, 0), (60, 60), (61, 180), (200, 100), (50, 10**9)]
)
def test_counts_sessions_of_each_length_while_calls_go_on(path, parent, file, low, high):
    """Six calls are going on: each minute of the next hours ends some of them."""
    now = NOW
    moving = Store(path, clock=lambda: now)
    for minutes in range(0, 300, 30):
        now = NOW + timedelta(minutes=minutes)
        params = GetCallHistory(
            from_date=datetime(2025, 1, 1),
            to_date=now.replace(tzinfo=None),
            min_duration=low,
            max_duration=high,
        )
        expected = file.execute(
            "SELECT count(DISTINCT session_id) FROM sessions JOIN calls c USING (session_id)"
            " WHERE account_id = ? AND start_date <= ? AND c.duration BETWEEN ? AND ?"
            " AND start_time + c.duration <= ?",
            (PARENT, now.timestamp(), low or 0, 10**9 if high is None else high, now.timestamp()),
        ).fetchone()[0]
        assert moving.count_sessions(parent, params) == expected
