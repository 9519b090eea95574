"""Looking through rows: bounded, resumable, and nothing found is lost when the API fails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from history import refine
from history.api.client import Unreachable
from history.api.methods import GetCallHistory
from history.api.replies import CallSessionInfoType, Page

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
QUESTION = GetCallHistory(from_date=datetime(2026, 6, 1), to_date=datetime(2026, 6, 30))


def api(total: int, fails_at: int | None = None) -> Callable[[GetCallHistory], Page]:  # type: ignore[type-arg]
    """An API with `total` sessions, a second apart, that fails from the offset `fails_at` on."""

    def ask(params: GetCallHistory) -> Page[CallSessionInfoType]:
        if fails_at is not None and params.offset >= fails_at:
            raise Unreachable("GetCallHistory", "no answer", sent=True)
        numbers = range(params.offset, min(total, params.offset + (params.count or 20)))
        sessions = tuple(
            CallSessionInfoType(
                call_session_history_id=number + 1, start_date=BEGIN + timedelta(seconds=number)
            )
            for number in numbers
        )
        return Page(result=sessions, count=len(sessions), timezone="Etc/GMT")

    return ask


def look(ask: Callable[[GetCallHistory], Page], every: int, rows: int = 50) -> refine.Found:  # type: ignore[type-arg]
    return refine.look(
        ask,
        QUESTION,
        lambda session: session.call_session_history_id % every == 0,
        lambda session: session.start_date,
        rows=rows,
    )


def test_stops_when_the_page_is_full_and_says_where_to_go_on() -> None:
    found = look(api(10_000), every=10)
    assert [row.call_session_history_id for row in found.rows] == list(range(10, 510, 10))
    assert (found.looked_at, found.position, found.finished) == (500, 500, False)


def test_says_when_it_saw_everything() -> None:
    found = look(api(1200), every=100)
    assert (len(found.rows), found.looked_at, found.finished) == (12, 1200, True)


def test_ends_at_its_bound_with_what_it_has() -> None:
    found = look(api(9000), every=4000)
    assert (len(found.rows), found.looked_at, found.finished) == (1, refine.MOST, False)


def test_keeps_what_it_found_when_the_api_fails_on_the_way() -> None:
    found = look(api(9000, fails_at=1000), every=100)
    assert (len(found.rows), found.looked_at, found.finished) == (10, 1000, False)
    assert "no answer" in str(found.stopped)
    assert found.tail[-1] == BEGIN + timedelta(seconds=999)


def test_a_failure_of_the_first_step_is_the_pages() -> None:
    with pytest.raises(Unreachable):
        look(api(9000, fails_at=0), every=100)
