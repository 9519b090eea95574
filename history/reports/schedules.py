"""When scheduled reports run, and what each run covers."""

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as day_time

from django.http import QueryDict
from django.utils import translation
from django.utils.translation import gettext as _t

from history.api import wire
from history.api.client import RemoteError
from history.connection import account_zone
from history.forms import Defaults
from history.models import accounts
from history.models.people import language_of
from history.models.reports import Report, Schedule
from history.reports.access import may_order
from history.reports.drafts import Draft

logger = logging.getLogger(__name__)

# Runs of one schedule that are made up for at once, e.g. after a long standstill.
CATCH_UP = 12
DAY = timedelta(days=1)


def next_run(schedule: Schedule, after: datetime) -> datetime:
    """The first run later than `after`. Where the clock skips the hour, it is the hour after."""
    zone = wire.zone(schedule.zone)
    day = after.astimezone(zone).date()
    while True:
        run = datetime.combine(day, day_time(schedule.hour), zone)
        # Through UTC and back: a wall clock that does not exist becomes one that does.
        run = run.astimezone(wire.zone("Etc/GMT"))
        if run > after and _runs_on(schedule, day):
            return run
        day += DAY


def _runs_on(schedule: Schedule, day: date) -> bool:
    match schedule.cadence:
        case Schedule.Cadence.MONTHLY:
            return day.day == 1
        case Schedule.Cadence.WEEKLY:
            return day.weekday() == 0
    return True


def covers(schedule: Schedule, run: datetime) -> tuple[date, date]:
    """First and last day of the period before a run, in the zone of the schedule."""
    today = run.astimezone(wire.zone(schedule.zone)).date()
    last = today - DAY
    match schedule.cadence:
        case Schedule.Cadence.MONTHLY:
            return last.replace(day=1), last
        case Schedule.Cadence.WEEKLY:
            return today - 7 * DAY, last
    return last, last


def run_due(now: datetime) -> Iterator[Report]:
    """The reports of all runs that are due, missed ones included, each made once."""
    due = Schedule.objects.filter(enabled=True, next_run__lte=now).select_related("owner")
    for schedule in due:
        for _run in range(CATCH_UP):
            run = schedule.next_run
            if run > now:
                break
            following = next_run(schedule, run)
            if not schedule.claim(run, following):
                break
            schedule.next_run, schedule.last_run = following, run
            try:
                language = language_of(schedule.owner)
                with accounts.using(schedule.account), translation.override(language):
                    report = _order(schedule, run)
            except RemoteError as error:
                # Asked again at the next tick: the run is not over.
                Schedule.objects.filter(pk=schedule.pk, next_run=following).update(next_run=run)
                logger.warning("Schedule %s waits: %s", schedule.pk, error)
                break
            if report is not None:
                yield report


def _order(schedule: Schedule, run: datetime) -> Report | None:
    draft = draft_of(schedule, run)
    if not may_order(schedule.owner, schedule.kind):
        _stop(schedule, _t("Its owner may no longer order this kind of report."))
        return None
    if not draft.valid:
        errors = [f"{name}: {' '.join(map(str, e))}" for name, e in draft.form.errors.items()]
        why = {"why": "; ".join(errors)}
        _stop(schedule, _t("Its filters are no longer valid. %(why)s") % why)
        return None
    report, made = draft.order(
        schedule.owner,
        key=f"schedule-{schedule.pk}-{run:%Y%m%dT%H%M}",
        shared=schedule.shared,
        columns=tuple(schedule.columns),
        schedule_id=schedule.pk,
    )
    return report if made else None


def _stop(schedule: Schedule, words: str) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(enabled=False, note=words)


def draft_of(schedule: Schedule, run: datetime) -> Draft:
    """The order of one run."""
    query = QueryDict(schedule.query, mutable=True)
    for name in ("period", "from_date", "to_date", "timezone"):
        query.pop(name, None)
    first, last = covers(schedule, run)
    query["from_date"], query["to_date"] = str(first), str(last)
    query["timezone"] = schedule.zone
    defaults = Defaults(zone=schedule.zone, account_zone=account_zone)
    return Draft(kind=schedule.kind, query=query, defaults=defaults, now=run)
