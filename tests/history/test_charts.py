"""The charts on Home and above the lists: what their bars say, and what they do not."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.test import Client

from history.api.methods import GetCallHistory
from history.api.wire import parse_wall_clock
from history.connection import connect
from history.daily import MOST_IN_ALL, MOST_ROWS, Span, last_days, spans_of, sums
from history.periods import preset
from tests.conftest import Sandbox
from tests.history.pages import link, text

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
WEEK = "from_date=2026-06-08&to_date=2026-06-14&timezone=Europe/Berlin"
QUESTION = GetCallHistory(from_date=NOON, to_date=NOON)


@pytest.fixture
def finance(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("finance")


def test_a_bar_is_the_count_of_the_list_it_leads_to(finance: Client) -> None:
    page = finance.get(f"/calls/chart/?{WEEK}&min_duration=30")
    thursday = link(page, "Thursday, 11 June 2026")
    assert "from_date=2026-06-11" in thursday
    assert "min_duration=30" in thursday
    total = text(finance.get(thursday.replace("/calls/?", "/calls/total/?")))
    n = total.removeprefix("of ")
    assert int(n) > 0
    assert f"Thursday, 11 June 2026: {n} call" in page.content.decode()


def test_costs_are_those_of_the_sessions(finance: Client) -> None:
    page = finance.get(f"/calls/chart/?{WEEK}&chart=cost").content.decode()
    day = GetCallHistory(
        from_date=parse_wall_clock("2026-06-11 00:00:00"),
        to_date=parse_wall_clock("2026-06-11 23:59:59"),
        timezone="Europe/Berlin",
        with_calls=True,
        with_records=True,
        with_other_resources=True,
        count=1000,
    )
    costs = [session.cost for session in connect().get_call_history(day).result]
    cost = sum((cost for cost in costs if cost is not None), Decimal(0))
    assert cost > 0
    assert f"Thursday, 11 June 2026: {cost} EUR" in page


def test_what_went_out_and_came_in_are_drawn_apart(finance: Client) -> None:
    for chart, title in (("out", "Went out per day, EUR"), ("into", "Came in per day, EUR")):
        page = finance.get(f"/transactions/chart/?{WEEK}&chart={chart}")
        assert title in text(page)
        assert "−" not in text(page).split("Show as a table")[1]


def test_a_day_that_is_over_is_asked_for_once(finance: Client, sandbox: Sandbox) -> None:
    finance.get(f"/calls/chart/?{WEEK}&chart=cost")
    asked = len(sandbox.requests)
    finance.get(f"/calls/chart/?{WEEK}&chart=cost")
    assert asked >= 7
    assert len(sandbox.requests) == asked


def test_refined_calls_are_counted_in_the_rows(finance: Client) -> None:
    failed = finance.get(f"/calls/chart/?{WEEK}&only=failed&timezone=Europe/Berlin")
    everything = finance.get(f"/calls/chart/?{WEEK}")
    assert failed.status_code == everything.status_code == 200
    assert text(failed) != text(everything)
    assert "only=failed" in link(failed, "Thursday, 11 June 2026")


def test_a_day_is_shown_among_those_around_it(finance: Client) -> None:
    page = finance.get("/calls/chart/?from_date=2026-06-03&to_date=2026-06-03").content.decode()
    assert page.count('class="bar-hit"') == 14
    assert page.count('aria-current="true"') == 2  # the bar, and the chart's name


def test_long_periods_are_counted_and_not_added_up(finance: Client) -> None:
    period = "from_date=2025-07-01&to_date=2026-06-14"
    counted = finance.get(f"/transactions/chart/?{period}&chart=transactions")
    assert "Transactions per month" in text(counted)
    added = finance.get(f"/transactions/?{period}&chart=out")
    assert "Read from the rows, and so for periods of up to 31 days." in text(added)


def test_says_so_when_the_api_fails(finance: Client, sandbox: Sandbox) -> None:
    sandbox.fault("http_status", status=502, method="GetCallHistory")
    page = finance.get(f"/calls/chart/?{WEEK}")
    assert page.status_code == 200
    assert "Try again" in text(page)


@pytest.mark.parametrize(
    ("name", "bars", "longest"),
    [("today", 14, 1), ("last_7_days", 7, 1), ("last_90_days", 14, 7), ("last_12_months", 13, 31)],
)
def test_long_periods_have_weeks_or_months(name: str, bars: int, longest: int) -> None:
    spans = spans_of(preset(name, "Europe/Berlin", NOON), NOON)
    assert len(spans) == bars
    assert max((span.last - span.first).days + 1 for span in spans) == longest
    assert all(after.first - before.last == timedelta(1) for before, after in pairwise(spans))
    assert spans[-1].last == date(2026, 6, 15)


def asked_of(rows_a_day: int) -> tuple[Callable[[GetCallHistory], Sequence[int]], list[int]]:
    """An API with so many rows each day, and the offsets it was asked for."""
    offsets: list[int] = []

    def rows(params: GetCallHistory) -> Sequence[int]:
        offsets.append(params.offset)
        assert params.count is not None
        return [1] * min(params.count, rows_a_day - params.offset)

    return rows, offsets


def added(rows: Callable[[GetCallHistory], Sequence[int]], spans: Sequence[Span]) -> object:
    def amounts(found: Sequence[int]) -> dict[str, Decimal]:
        return {"EUR": Decimal(sum(found))}

    return sums(rows, QUESTION, amounts, spans, "UTC", NOON, name="x")


def test_a_day_with_too_many_rows_is_not_added_up(sandbox: Sandbox) -> None:
    spans = last_days(1, "UTC", NOON)
    assert added(asked_of(MOST_ROWS - 1)[0], spans) == {spans[0]: {"EUR": Decimal(MOST_ROWS - 1)}}


def test_what_was_not_reached_is_read_by_the_next_request(sandbox: Sandbox) -> None:
    spans = last_days(20, "UTC", NOON)
    rows, offsets = asked_of(MOST_ROWS + 500)
    first = added(rows, spans)
    assert isinstance(first, dict)
    assert 0 < len(first) < 20
    assert set(first.values()) == {None}
    assert len(offsets) * 1000 <= MOST_IN_ALL + 4 * MOST_ROWS
    newest_first = sorted(first, key=lambda span: span.first)
    assert newest_first == spans[-len(first) :]
    second = added(rows, spans)
    assert isinstance(second, dict)
    assert len(second) > len(first)
