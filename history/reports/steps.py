"""The steps before there is a file: order a report, and ask until the platform has built it."""

from datetime import UTC, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _t

from history.api.client import Client, Refused, Unreachable
from history.api.methods import GetHistoryReports
from history.api.replies import HistoryReportType
from history.connection import connect_politely
from history.models.reports import Kind, Report, State
from history.reports import limits
from history.reports.frame import step, time_in_words
from history.reports.kinds import SPECS, params_of, same_question

# How far the platform's clock and ours may be apart when a lost order is looked for.
CLOCKS_APART = timedelta(minutes=10)


@step(State.ORDERED)
def order(report: Report) -> None:
    """Orders the report unless the platform has it already."""
    if not limits.take_slot(report.account, report.pk):
        report.pause(settings.REPORT_POLL_SECONDS, waited=0)
        return
    if report.kind == Kind.ACD:
        report.go(State.DOWNLOADING, asked=timezone.now(), accepted=timezone.now())
        return
    client = connect_politely()
    remote_id = _lost_order(client, report) if report.asked else None
    if remote_id is None:
        remote_id = _order(client, report)
    report.go(State.BUILDING, remote_id=remote_id, accepted=timezone.now())


def _order(client: Client, report: Report) -> int:
    send = SPECS[report.kind].order
    if send is None:
        raise ValueError(f"{report.kind} cannot be ordered")
    params = params_of(report)
    # Before anything is sent: should this process die now, the next one looks first.
    report.beat(asked=report.asked or timezone.now())
    try:
        return send(client, params).history_report_id
    except Refused:
        report.beat(asked=None)
        raise
    except Unreachable as error:
        if not error.sent:
            report.beat(asked=None)
            raise
        # It may have been heard. What is on its way should have arrived when we look for it.
        error.retry_after = max(settings.REPORT_SETTLE_SECONDS, error.retry_after or 0)
        error.retryable = True
        raise


def _lost_order(client: Client, report: Report) -> int | None:
    """The report an order with a lost answer made, if it made one."""
    assert report.asked is not None  # noqa: S101 - the caller looked
    spec = SPECS[report.kind]
    since = (report.asked - CLOCKS_APART).astimezone(UTC).replace(tzinfo=None)
    question = GetHistoryReports(
        history_type=(spec.history_type,), created_from=since, desc_order=True, count=100
    )
    taken = set(
        Report.objects.filter(account=report.account, created__lt=report.asked)
        .exclude(pk=report.pk)
        .exclude(remote_id=None)
        .values_list("remote_id", flat=True)
    )
    for listed in client.get_history_reports(question).result:
        known = listed.history_report_id in taken
        if not known and same_question(spec.method, report.params, listed.filters or {}):
            return listed.history_report_id
    return None


# Poll


@step(State.BUILDING)
def poll(report: Report) -> None:
    """Asks whether the platform has finished; the pauses grow with the time waited."""
    limits.take_slot(report.account, report.pk)  # renews ours
    listed = _listed(report)
    if listed is None:
        report.fail(
            _t(
                "The platform no longer has the report %(id)d: it keeps reports for a limited time."
                " Run it again."
            )
            % {"id": report.remote_id},
            remote_id=None,
            asked=None,
        )
    elif listed.error is not None:
        build_failed(report, str(listed.error.get("msg") or ""))
    elif listed.completed is not None:
        report.go(State.DOWNLOADING, **_facts(listed))
    elif report.waited >= settings.REPORT_PATIENCE_SECONDS:
        report.fail(
            _t("The platform did not finish the report within %(time)s.")
            % {"time": time_in_words(report.waited)}
        )
    else:
        report.pause(_next_look(report.waited), attempts=0, note="")


def _next_look(waited: float) -> float:
    first, most = settings.REPORT_POLL_SECONDS, settings.REPORT_POLL_MOST_SECONDS
    return float(min(most, max(first, waited / 4)))


def _listed(report: Report) -> HistoryReportType | None:
    question = GetHistoryReports(history_report_id=report.remote_id, history_type="all")
    page = connect_politely().get_history_reports(question)
    return next((r for r in page.result if r.history_report_id == report.remote_id), None)


def _facts(listed: HistoryReportType) -> dict[str, Any]:
    """What the platform says of a finished report, for the row."""
    size = listed.download_size
    return {
        "remote_type": listed.history_type,
        "remote": {
            "created": listed.created.isoformat(),
            "completed": listed.completed.isoformat() if listed.completed else None,
            "file_name": listed.file_name,
            "download_size": int(size) if size is not None else None,
            "store_until": listed.store_until.isoformat() if listed.store_until else None,
            "filters": dict(listed.filters or {}),
            "calculated_data": dict(listed.calculated_data or {}),
        },
        "bytes_expected": int(size) if size is not None else None,
        "built": timezone.now(),
    }


def build_failed(report: Report, words: str) -> None:
    # Retry means a new order: the old one will not come to anything.
    report.fail(
        _t("The platform could not build the report. %(words)s Try again, or a shorter period.")
        % {"words": words},
        remote_id=None,
        asked=None,
    )
