"""Lists beyond the offset limit, against the plain answer, over HTTP."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from history.api.answers import Body, NoAnswers
from history.api.client import (
    ApiKey,
    Client,
    Plan,
    Reach,
    TooManyRows,
    Unreachable,
    Window,
)
from history.api.methods import GetACDHistory, GetAuditLog, GetCallHistory, GetTransactionHistory
from tests.api.remote import Remote, as_json, serving
from tests.api.rows import RowsApi, moments

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = {"from_date": datetime(2026, 3, 2), "to_date": datetime(2026, 3, 2, 23, 59, 59)}


@pytest.fixture(scope="module")
def place() -> Iterator[Remote]:
    with serving() as remote:
        yield remote


@pytest.fixture(scope="module")
def clients(place: Remote) -> Iterator[Callable[[Reach], Client]]:
    """A client for each reach, kept: hypothesis asks for many."""
    made: dict[Reach, Client] = {}

    def client(reach: Reach) -> Client:
        if reach not in made:
            made[reach] = Client(place.url, ApiKey(1, "key"), retry_for=0, reach=reach)
        return made[reach]

    yield client
    for one in made.values():
        one.close()


def ids(rows: list[tuple[datetime, int]], *, desc: bool = False) -> list[int]:
    return [number for _, number in sorted(rows, reverse=desc)]


# Random data

reaches = st.builds(Reach, page=st.integers(1, 7), offset=st.integers(0, 12))
# Few seconds and many rows: most cases share seconds, some too many.
crowded = st.lists(st.integers(0, 12), max_size=60)
sparse = st.lists(st.integers(0, 86_399), max_size=60)


@settings(
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seconds=crowded | sparse,
    reach=reaches,
    desc=st.booleans(),
    parallel=st.sampled_from([1, 3]),
    count=st.none() | st.integers(1, 70),
    offset=st.integers(0, 70),
)
def test_every_row_comes_once_and_in_order(
    place: Remote,
    clients: Callable[[Reach], Client],
    seconds: list[int],
    reach: Reach,
    desc: bool,
    parallel: int,
    count: int | None,
    offset: int,
) -> None:
    rows = moments(START, seconds)
    place.respond = RowsApi(rows, max_count=reach.page, max_offset=reach.offset)
    params = GetCallHistory(**DAY, desc_order=desc, count=count, offset=offset)
    expected = ids(rows, desc=desc)[offset:][:count]
    got = []
    try:
        for session in clients(reach).iterate_call_history(params, parallel=parallel):
            got.append(session.call_session_history_id)
    except TooManyRows:
        most = max(seconds.count(second) for second in seconds)
        assert most > reach.rows
        assert got == expected[: len(got)]
    else:
        assert got == expected


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seconds=crowded | sparse, reach=reaches, desc=st.booleans(), size=st.none() | st.integers(1))
def test_a_plan_holds_every_row_once(
    place: Remote,
    clients: Callable[[Reach], Client],
    seconds: list[int],
    reach: Reach,
    desc: bool,
    size: int | None,
) -> None:
    rows = moments(START, seconds)
    place.respond = RowsApi(rows, max_count=reach.page, max_offset=reach.offset)
    walk = clients(reach).walk_acd(GetACDHistory(**DAY, desc_order=desc))
    try:
        plan = walk.plan(size)
    except TooManyRows:
        assert max(seconds.count(second) for second in seconds) > reach.rows
        return
    stored = Plan(windows=tuple(Window.load(window.dump()) for window in plan.windows))
    assert stored == plan
    assert plan.total_count == len(rows)
    got = []
    for window in stored.windows:
        part = [row.acd_session_history_id for row in walk.window_rows(window)]
        assert len(part) == window.count
        got += part
    assert got == ids(rows, desc=desc)


@settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    minutes=st.lists(st.integers(0, 8 * 60), max_size=40),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "auto"]),
    spring=st.booleans(),
    desc=st.booleans(),
    parallel=st.sampled_from([1, 2]),
)
def test_hours_that_come_twice_or_never_lose_nothing(
    place: Remote,
    clients: Callable[[Reach], Client],
    minutes: list[int],
    zone: str,
    spring: bool,
    desc: bool,
    parallel: int,
) -> None:
    name = "Europe/Berlin" if zone == "auto" else zone
    days = {
        ("Europe/Berlin", True): datetime(2026, 3, 29),
        ("Europe/Berlin", False): datetime(2026, 10, 25),
        ("America/New_York", True): datetime(2026, 3, 8),
        ("America/New_York", False): datetime(2026, 11, 1),
        ("Australia/Lord_Howe", True): datetime(2026, 10, 4),
        ("Australia/Lord_Howe", False): datetime(2026, 4, 5),
    }
    day = days[name, spring]
    midnight = day.replace(tzinfo=ZoneInfo(name)).astimezone(UTC)
    rows = moments(midnight, [minute * 60 for minute in minutes])
    reach = Reach(page=4, offset=40)
    place.respond = RowsApi(rows, max_count=4, max_offset=40, location=name)
    params = GetAuditLog(
        from_date=day,
        to_date=day + timedelta(hours=23, minutes=59, seconds=59),
        timezone=zone,
        desc_order=desc,
    )
    got = list(clients(reach).iterate_audit_log(params, parallel=parallel))
    assert [(row.requested.astimezone(UTC), row.audit_log_id) for row in got] == sorted(
        rows, reverse=desc
    )
    assert all(str(row.requested.tzinfo) == name for row in got)


# Single cases


def test_a_day_of_25_hours_is_read_to_its_end(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    # In Cairo the clocks go back at midnight: 23:59:59 comes twice.
    end = datetime(2026, 10, 29, 23, 59, 59, tzinfo=ZoneInfo("Africa/Cairo"), fold=1)
    remote.respond = RowsApi([(end.astimezone(UTC), 1)])
    params = GetCallHistory(
        from_date=datetime(2026, 10, 29),
        to_date=datetime(2026, 10, 29, 23, 59, 59),
        timezone="Africa/Cairo",
    )
    (session,) = connect().iterate_call_history(params)
    assert session.start_date.isoformat() == "2026-10-29T23:59:59+02:00"


def test_says_which_second_has_too_many_rows(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = RowsApi(moments(START, [3, *([4] * 9)]), max_count=2, max_offset=6)
    client = connect(reach=Reach(page=2, offset=6))
    with pytest.raises(TooManyRows, match=r"more than 8 rows at 2026-03-02 00:00:04 UTC") as error:
        list(client.iterate_call_history(GetCallHistory(**DAY)))
    assert "order a report" in str(error.value)
    assert not error.value.retryable


def test_reads_a_second_with_just_as_many_rows_as_can_be_reached(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = RowsApi(moments(START, [3, *([4] * 8), 5]), max_count=2, max_offset=6)
    client = connect(reach=Reach(page=2, offset=6))
    assert len(list(client.iterate_call_history(GetCallHistory(**DAY)))) == 10


def test_reads_the_documented_limits_and_beyond(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = rows = RowsApi(moments(START, [n * 3 for n in range(12_500)]))
    got = [row.transaction_id for row in connect().iterate_transactions(transactions())]
    assert got == list(range(1, 12_501))
    assert len(rows.asked) == 13  # a page each, nothing counted
    assert {asked["with_total_count"] for asked in rows.asked} == {"false"}


def test_a_deep_offset_costs_a_request_for_each_window_passed(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = rows = RowsApi(moments(START, [n * 3 for n in range(25_000)]))
    params = GetTransactionHistory(**DAY, offset=24_000, count=20)
    got = [row.transaction_id for row in connect().iterate_transactions(params)]
    assert got == list(range(24_001, 24_021))
    assert len(rows.asked) == 4


def test_a_deep_offset_into_a_crowded_second_is_found(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = RowsApi(moments(START, [1, *([2] * 8), 3]), max_count=2, max_offset=6)
    client = connect(reach=Reach(page=2, offset=6))
    params = GetCallHistory(**DAY, offset=8, count=1)
    (row,) = client.iterate_call_history(params)
    assert row.call_session_history_id == 9


def test_a_short_question_is_one_short_request(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = rows = RowsApi(moments(START, list(range(100))))
    assert len(list(connect().iterate_call_history(GetCallHistory(**DAY, count=20)))) == 20
    assert [asked["count"] for asked in rows.asked] == ["20"]


def test_asks_only_for_what_is_taken(remote: Remote, connect: Callable[..., Client]) -> None:
    remote.respond = rows = RowsApi(moments(START, [n * 3 for n in range(12_500)]))
    first = islice(connect().iterate_transactions(transactions()), 5)
    assert len(list(first)) == 5
    assert len(rows.asked) == 1


def test_parallel_walks_ask_no_more_than_a_few_pages_ahead(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = rows = RowsApi(moments(START, [n * 3 for n in range(25_000)]))
    walk = connect().iterate_transactions(transactions(), parallel=2)
    assert next(walk).transaction_id == 1
    del walk
    assert len(rows.asked) <= 2 + 4 + 1  # two windows to know the first, four pages, one refill


def test_a_limit_that_nobody_documented_cuts_nothing_off(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = RowsApi(moments(START, list(range(40))), cap=7)
    assert len(list(connect().iterate_acd(GetACDHistory(**DAY)))) == 40
    assert len(list(connect().iterate_audit_log(GetAuditLog(**DAY)))) == 40


def test_transactions_by_accounting_date_are_read_up_to_the_limit(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    params = GetTransactionHistory(**DAY, use_accounting_dates=True)
    client = connect(reach=Reach(page=2, offset=6))
    remote.respond = rows = RowsApi(moments(START, list(range(8))), max_count=2, max_offset=6)
    assert len(list(client.iterate_transactions(params))) == 8
    assert len(list(client.iterate_transactions(params, parallel=2))) == 8
    assert client.walk_transactions(params).plan().total_count == 8
    rows.rows = moments(START, list(range(9)))
    with pytest.raises(TooManyRows, match="by accounting date"):
        list(client.iterate_transactions(params))
    with pytest.raises(TooManyRows, match="by accounting date"):
        client.walk_transactions(params).plan()


# Planned and fetched at once


def test_pages_do_not_wait_for_the_plan_and_none_is_asked_for_in_vain(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = rows = RowsApi(moments(START, list(range(100))), max_count=5, max_offset=43)
    client = connect(reach=Reach(page=5, offset=43))
    assert len(list(client.iterate_call_history(GetCallHistory(**DAY), parallel=2))) == 100
    counts = [asked["count"] for asked in rows.asked]
    # Each page begins with the last row of the one before: 40 rows are ten pages.
    assert counts[:8] == ["1", *["5"] * 7]
    assert (counts.count("1"), counts.count("5")) == (3, 10 + 10 + 5)


class Kept(NoAnswers):
    """Notes the questions whose answers could be kept."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def get[P](self, question: str, ask: Callable[[], Body], read: Callable[[Body], P]) -> P:
        self.questions.append(question)
        return super().get(question, ask, read)


def test_pages_of_a_walk_are_not_kept_for_a_second_look(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.respond = RowsApi(moments(START, list(range(100))))
    kept = Kept()
    client = connect(answers=kept)
    for parallel in (1, 2):
        assert (
            len(list(client.iterate_call_history(GetCallHistory(**DAY), parallel=parallel))) == 100
        )
    assert kept.questions == []
    client.get_call_history(GetCallHistory(**DAY))
    assert len(kept.questions) == 1


# Rows that come and go meanwhile


def test_rows_that_appear_on_top_are_not_read_and_none_comes_twice(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    rows = RowsApi(moments(START, list(range(100))), max_count=5, max_offset=30)

    def more() -> None:
        rows.rows += [(START + timedelta(seconds=200 + n), 1000 + n) for n in range(3)]

    for parallel in (1, 3):
        rows.asked, rows.changes = [], {4: more}
        remote.respond = rows
        client = connect(reach=Reach(page=5, offset=30))
        params = GetCallHistory(**DAY, desc_order=True)
        got = [
            row.call_session_history_id
            for row in client.iterate_call_history(params, parallel=parallel)
        ]
        assert len(got) == len(set(got))
        assert set(range(1, 101)) <= set(got)
        rows.rows = rows.rows[:100]


@pytest.mark.parametrize("when", range(3, 20))
def test_rows_that_vanish_take_no_others_with_them(
    remote: Remote, connect: Callable[..., Client], when: int
) -> None:
    rows = RowsApi(moments(START, [n // 2 for n in range(60)]), max_count=5, max_offset=20)

    def fewer() -> None:
        rows.rows = [row for row in rows.rows if row[1] not in (2, 3, 30)]

    rows.changes = {when: fewer}
    remote.respond = rows
    client = connect(reach=Reach(page=5, offset=20))
    params = GetTransactionHistory(**DAY, is_uncommitted=True)
    got = [row.transaction_id for row in client.iterate_transactions(params, parallel=3)]
    assert len(got) == len(set(got))
    assert set(range(1, 61)) - set(got) <= {2, 3, 30}


def test_rows_that_arrive_in_a_planned_window_are_read_too(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    rows = RowsApi(moments(START, list(range(20))), max_count=5, max_offset=30)

    def more() -> None:
        rows.rows += [(START + timedelta(seconds=300 + n), 1000 + n) for n in range(20)]

    rows.changes = {2: more}
    remote.respond = rows
    client = connect(reach=Reach(page=5, offset=30))
    assert len(list(client.iterate_call_history(GetCallHistory(**DAY), parallel=2))) == 40


# An API that breaks its word


@pytest.mark.parametrize(
    ("dates", "desc"),
    [
        (["2026-03-01 00:00:00"], False),
        (["2026-03-03 00:00:00"], True),
        (["2026-03-02 00:00:01", "2026-03-02 00:00:00"], False),
        (["2026-03-02 00:00:01", "2026-03-02 00:00:02"], True),
        (["2026-03-02 00:00:01", "2026-03-02 00:00:03", "2026-03-02 00:00:02"], False),
    ],
)
def test_says_so_when_the_rows_are_not_in_order(
    remote: Remote, connect: Callable[..., Client], dates: list[str], desc: bool
) -> None:
    rows = [{"start_date": day, "call_session_history_id": n} for n, day in enumerate(dates)]
    remote.will(as_json({"result": rows, "count": len(rows)}))
    with pytest.raises(Unreachable, match="not those of the period, in the order asked for"):
        list(connect().iterate_call_history(GetCallHistory(**DAY, desc_order=desc)))


def test_says_so_when_a_total_was_asked_for_and_is_missing(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    remote.will(as_json({"result": [], "count": 0}))
    with pytest.raises(Unreachable, match="total_count"):
        connect().walk_call_history(GetCallHistory(**DAY)).plan()


def test_a_failure_in_the_middle_reaches_the_caller(
    remote: Remote, connect: Callable[..., Client]
) -> None:
    rows = RowsApi(moments(START, list(range(50))), max_count=5, max_offset=30)
    remote.respond = lambda received: (
        as_json({"error": {"code": 4, "msg": "Database error"}})
        if len(rows.asked) == 6
        else rows(received)
    )
    client = connect(reach=Reach(page=5, offset=30))
    for parallel in (1, 2):
        rows.asked = []
        with pytest.raises(Exception, match="code 4: Database error"):
            list(client.iterate_call_history(GetCallHistory(**DAY), parallel=parallel))


def transactions() -> GetTransactionHistory:
    return GetTransactionHistory(**DAY)
