"""Reports by the calendar: when, for which days, once each, and made up for when missed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from history.models.reports import Report, Schedule
from history.reports.schedules import covers, next_run, run_due
from tests.history.reports import carried_out


@pytest.fixture(autouse=True)
def _sandbox(sandbox, settings):
    settings.REPORT_POLL_SECONDS = 0.2


def schedule(**said) -> Schedule:
    values = {"kind": "transactions", "cadence": "monthly", "hour": 6, "zone": "Europe/Berlin"}
    return Schedule(**{**values, **said})


def kept(people, **said) -> Schedule:
    one = schedule(owner=people["finance"], **said)
    one.save()
    return one


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_monthly_run_is_on_the_first_in_the_owners_zone():
    assert next_run(schedule(), at("2026-03-15T12:00:00")) == at("2026-04-01T04:00:00")
    assert next_run(schedule(hour=0), at("2026-01-15T12:00:00")) == at("2026-01-31T23:00:00")


def test_a_weekly_run_is_on_monday():
    assert next_run(schedule(cadence="weekly"), at("2026-03-04T12:00:00")) == at(
        "2026-03-09T05:00:00"
    )


def test_runs_keep_their_hour_across_a_change_of_clock():
    daily = schedule(cadence="daily", hour=2)
    before = next_run(daily, at("2026-03-28T12:00:00"))
    # There is no 02:00 in Berlin on 29 March: the run is an hour later by the wall.
    assert before == at("2026-03-29T01:00:00")
    assert next_run(daily, before) == at("2026-03-30T00:00:00")
    autumn = next_run(daily, at("2026-10-24T12:00:00"))
    assert next_run(daily, autumn) - autumn == timedelta(hours=25)


def test_each_run_covers_the_period_before_it():
    run = at("2026-03-01T05:00:00")
    assert covers(schedule(), run) == (date(2026, 2, 1), date(2026, 2, 28))
    assert covers(schedule(cadence="daily"), run) == (date(2026, 2, 28), date(2026, 2, 28))
    monday = at("2026-03-09T05:00:00")
    assert covers(schedule(cadence="weekly"), monday) == (date(2026, 3, 2), date(2026, 3, 8))


def test_a_due_run_orders_the_month_before_and_sets_the_next(people):
    one = kept(people, next_run=at("2026-05-01T04:00:00"))
    (report,) = run_due(at("2026-05-01T04:00:30"))
    assert report.owner == people["finance"]
    assert report.params["from_date"] == "2026-04-01 00:00:00"
    assert report.params["to_date"] == "2026-04-30 23:59:59"
    one.refresh_from_db()
    assert one.next_run == at("2026-06-01T04:00:00")
    assert one.last_run == at("2026-05-01T04:00:00")
    assert carried_out(report).verified


def test_missed_runs_are_made_up_for_once_each(people):
    kept(people, next_run=at("2026-02-01T05:00:00"))
    made = list(run_due(at("2026-05-02T00:00:00")))
    assert [report.params["from_date"][:7] for report in made] == [
        "2026-01",
        "2026-02",
        "2026-03",
        "2026-04",
    ]
    assert list(run_due(at("2026-05-02T00:01:00"))) == []


def test_two_beats_order_a_run_once(people):
    one = kept(people, next_run=at("2026-05-01T04:00:00"))
    assert one.claim(one.next_run, at("2026-06-01T04:00:00"))
    assert not one.claim(at("2026-05-01T04:00:00"), at("2026-06-01T04:00:00"))
    assert list(run_due(at("2026-05-01T05:00:00"))) == []
    assert not Report.objects.exists()


def test_a_paused_schedule_does_not_run(people):
    kept(people, next_run=at("2026-05-01T04:00:00"), enabled=False)
    assert list(run_due(at("2026-05-02T00:00:00"))) == []


def test_filters_of_a_schedule_that_became_invalid_are_named(people):
    one = kept(people, next_run=at("2026-05-01T04:00:00"), query="user_id=x")
    assert list(run_due(at("2026-05-01T05:00:00"))) == []
    one.refresh_from_db()
    assert not one.enabled
    assert "user_id" in one.note


def test_a_schedule_is_made_paused_and_deleted_on_its_page(client_as, people):
    finance, admin = client_as("finance"), client_as("admin")
    page = "/reports/schedules/new/?kind=transactions&transaction_type=resource_charge&period=today"
    form = {"cadence": "monthly", "hour": "7", "zone": "Europe/Madrid"}
    assert finance.get(page).status_code == 200
    assert finance.post(page, form).status_code == 302
    one = Schedule.objects.get()
    assert one.query == "transaction_type=resource_charge"
    assert one.next_run > timezone.now()
    assert "Europe/Madrid" in finance.get("/reports/schedules/").content.decode()
    finance.post(f"/reports/schedules/{one.pk}/pause/")
    one.refresh_from_db()
    assert not one.enabled
    assert admin.post(f"/reports/schedules/{one.pk}/delete/").status_code == 404
    finance.post(f"/reports/schedules/{one.pk}/delete/")
    assert not Schedule.objects.exists()
