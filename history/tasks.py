"""What the workers do. Messages carry ids only; every task may run twice and leaves quietly when
there is nothing left to do, since the state lives in the row and not in a queue."""

import logging
from datetime import timedelta

from celery import Task, shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from history.deletions import tasks as deletions
from history.models.reports import Report, State
from history.reports import copies, downloads, files, schedules, steps, storing

logger = logging.getLogger(__name__)


@shared_task
def order_report(report_id: int) -> None:
    """Orders a report from the platform."""
    _follow(steps.order(report_id))


@shared_task
def poll_report(report_id: int) -> None:
    """Asks whether the platform has finished it."""
    _follow(steps.poll(report_id))


@shared_task
def download_report(report_id: int) -> None:
    """Fetches its file, or walks its periods."""
    _follow(downloads.download(report_id))


@shared_task
def verify_report(report_id: int) -> None:
    """Proves the file and keeps it."""
    _follow(storing.verify(report_id))


_NEXT: dict[str, Task[[int], None]] = {
    State.ORDERED: order_report,
    State.BUILDING: poll_report,
    State.DOWNLOADING: download_report,
    State.VERIFYING: verify_report,
}


def _follow(report: Report | None) -> None:
    if report is not None:
        send(report)


def send(report: Report) -> None:
    """Sends the next step of a report once the row is committed.

    Without a broker nothing is lost: the sweeper finds the row when there is one again.
    """
    task = _NEXT.get(report.state)
    if task is None:
        return

    def publish() -> None:
        wait = (report.due - timezone.now()).total_seconds()
        try:
            task.apply_async((report.pk,), countdown=max(0, wait))
        except task.OperationalError as error:
            logger.warning("Report %s waits for a broker: %s", report.pk, error)

    transaction.on_commit(publish)


@shared_task
def make_copy(copy_id: int) -> None:
    """Makes a report's file in another format."""
    copies.make(copy_id)


def send_copy(copy_id: int) -> None:
    def publish() -> None:
        try:
            make_copy.delay(copy_id)
        except make_copy.OperationalError as error:
            logger.warning("Copy %s waits for a broker: %s", copy_id, error)

    transaction.on_commit(publish)


# What beat asks for. A tick that finds a worker busy is of no use later: it expires.


@shared_task
def sweep() -> None:
    """Picks up what stopped moving: a worker killed, a queue emptied, a machine rebooted; and the
    deletions whose time has come.

    One message for all, since each takes a turn of a worker that also downloads.
    """
    grace = timedelta(seconds=settings.REPORT_SWEEP_SECONDS)
    for report in Report.stalled(grace):
        logger.info("Report %s stopped %s: picked up", report.pk, report.state)
        report.due = timezone.now()
        send(report)
    for copy_id in copies.stalled():
        send_copy(copy_id)
    deletions.run_due()


@shared_task
def expire_reports() -> None:
    """Deletes files whose time is over, and what cancelled reports left behind."""
    files.clear_leftovers()
    if expired := storing.expire_files():
        logger.info("%s report files were deleted: their time is over", expired)


@shared_task
def run_schedules() -> None:
    """Orders what the calendar says, and what it said while nobody listened."""
    for report in schedules.run_due(timezone.now()):
        send(report)
