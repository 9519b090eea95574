"""Periods: calendar days of a zone, and exact questions on the days the clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from history.periods import PRESETS, Period, preset

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(*clock: int, fold: int = 0) -> datetime:
    return datetime(*clock, tzinfo=BERLIN, fold=fold)  # type: ignore[arg-type, misc]


def test_a_day_that_loses_an_hour_has_23() -> None:
    period = preset("today", "Europe/Berlin", berlin(2026, 3, 29, 12))
    assert period.hours == 23
    assert period.start == berlin(2026, 3, 29)
    assert period.end == berlin(2026, 3, 29, 23, 59, 59)


def test_a_day_that_gains_an_hour_has_25() -> None:
    assert preset("today", "Europe/Berlin", berlin(2026, 10, 25, 12)).hours == 25


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_ends_after_it_begins(name: str) -> None:
    period = preset(name, "America/New_York", datetime(2026, 11, 1, 6, 30, tzinfo=UTC))
    assert period.start < period.end
    assert period.zone == "America/New_York"


def test_last_month_is_the_calendar_month_before() -> None:
    period = preset("last_month", "Europe/Berlin", berlin(2026, 1, 15, 8))
    assert (period.start, period.end) == (berlin(2025, 12, 1), berlin(2025, 12, 31, 23, 59, 59))


def test_last_24_hours_are_24_hours_across_a_clock_change() -> None:
    period = preset("last_24_hours", "Europe/Berlin", berlin(2026, 10, 25, 12))
    assert period.length == timedelta(hours=24)


def test_asks_on_the_wall_clock_of_the_chosen_zone() -> None:
    period = Period(
        start=berlin(2026, 3, 2), end=berlin(2026, 3, 2, 23, 59, 59), zone="Europe/Berlin"
    )
    assert period.asked() == {
        "from_date": datetime(2026, 3, 2),
        "to_date": datetime(2026, 3, 2, 23, 59, 59),
        "timezone": "Europe/Berlin",
    }


def test_asks_in_gmt_where_an_hour_of_the_period_comes_twice() -> None:
    period = preset("today", "Europe/Berlin", berlin(2026, 10, 25, 12))
    assert period.asked() == {
        "from_date": datetime(2026, 10, 24, 22),
        "to_date": datetime(2026, 10, 25, 22, 59, 59),
        "timezone": "Etc/GMT",
    }


def test_asks_in_gmt_where_two_clock_changes_cancel_out() -> None:
    period = Period(start=berlin(2026, 1, 1), end=berlin(2026, 12, 31), zone="Europe/Berlin")
    assert period.asked()["timezone"] == "Etc/GMT"


def test_the_period_before_is_as_long_and_ends_where_this_begins() -> None:
    period = preset("last_7_days", "Europe/Berlin", berlin(2026, 7, 15, 12))
    before = period.before()
    assert before.length == period.length
    assert before.end + timedelta(seconds=1) == period.start
