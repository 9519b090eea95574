"""What the tests of reports share: a period with rows, and a report carried out to its end."""

import time
from typing import Any

from django.http import QueryDict

from history.forms import Defaults
from history.models.reports import Report, State
from history.reports import downloads, steps, storing
from history.reports.drafts import Draft

SPRING = "from_date=2026-04-01&to_date=2026-05-31&timezone=Europe/Berlin"
STEPS = {
    State.ORDERED: steps.order,
    State.BUILDING: steps.poll,
    State.DOWNLOADING: downloads.download,
    State.VERIFYING: storing.verify,
}


def ordered(kind: str = "transactions", query: str = SPRING, **said: Any) -> Report:
    draft = Draft(kind=kind, query=QueryDict(query), defaults=Defaults())
    assert draft.valid, draft.form.errors
    return draft.order(said.pop("owner", None), **said)[0]


def carried_out(report: Report, seconds: float = 20, until: str = "\0") -> Report:
    """Takes every step as a worker would, until there is none left or its note says so."""
    deadline = time.monotonic() + seconds
    while (step := STEPS.get(State(report.state))) and time.monotonic() < deadline:
        if until in report.note:
            break
        step(report.pk)
        report.refresh_from_db()
        time.sleep(0.05)
    return report


def stored(kind: str = "transactions", query: str = SPRING, **said: Any) -> Report:
    report = carried_out(ordered(kind, query, **said))
    assert report.state == State.STORED, (report.state, report.note)
    return report
