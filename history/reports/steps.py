"""The steps before there is a file: order a report, and ask until the platform has built it."""

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

# Newest reports among which a lost order is looked for.
LOOKED_THROUGH = 200


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
    if report.asked is None:
        newest = {**report.progress, "newest": _newest(client, report)}
        report.beat(asked=timezone.now(), progress=newest)
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


def _newest(client: Client, report: Report) -> int:
    """The number of the platform's newest report of that kind; 0 where there is none."""
    return next((listed.history_report_id for listed in _reports(client, report, count=1)), 0)


def _lost_order(client: Client, report: Report) -> int | None:
    """The report an order with a lost answer made, if it made one: it says what we asked, and
    its number is higher than all there were before. Numbers need no clocks to agree."""
    method = SPECS[report.kind].method
    for listed in _reports(client, report, count=LOOKED_THROUGH):
        if listed.history_report_id <= report.progress.get("newest", 0):
            return None
        if same_question(method, report.params, listed.filters or {}):
            return listed.history_report_id
    return None


def _reports(client: Client, report: Report, count: int) -> tuple[HistoryReportType, ...]:
    """The newest of that kind on the platform, the newest first."""
    kind = SPECS[report.kind].history_type
    question = GetHistoryReports(history_type=(kind,), desc_order=True, count=count)
    page = client.get_history_reports(question)
    return tuple(sorted(page.result, key=lambda r: r.history_report_id, reverse=True))


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
