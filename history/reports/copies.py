"""A stored report in other formats: made when somebody asks, kept beside the report."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _t

from history.masking import hidden_rows
from history.models.people import language_of
from history.models.reports import Copy, Report, State
from history.reports import files
from history.spreadsheets import rows_of, write_excel_csv, write_xlsx

logger = logging.getLogger(__name__)

# Made while the person waits; what has more rows is made by a worker.
AT_ONCE_ROWS = 10_000
BEAT = 1.0

WRITERS = {
    Copy.Format.XLSX: write_xlsx,
    Copy.Format.EXCEL_CSV: write_excel_csv,
    Copy.Format.XLSX_MASKED: write_xlsx,
    Copy.Format.EXCEL_CSV_MASKED: write_excel_csv,
}
SUFFIX = {
    Copy.Format.XLSX: "xlsx",
    Copy.Format.EXCEL_CSV: "excel.csv",
    Copy.Format.XLSX_MASKED: "masked.xlsx",
    Copy.Format.EXCEL_CSV_MASKED: "masked.excel.csv",
}


def wanted(report: Report, format: str) -> tuple[Copy, bool]:
    """The copy, and whether it must be made by somebody now."""
    copy, made = Copy.objects.get_or_create(report=report, format=format)
    if not made and copy.state == Copy.State.FAILED:
        made = copy.claim(Copy.State.FAILED, Copy.State.MAKING, note="", rows_done=0)
        copy.refresh_from_db()
    return copy, made


def make(copy_id: int) -> None:
    """Makes the copy, unless somebody else is at it or has made it."""
    copy = _take(copy_id)
    if copy is None:
        return
    format = Copy.Format(copy.format)
    path = files.partial(copy.report, f"{copy.pk}.{format}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.make_room(copy.report.size)
        with (
            translation.override(language_of(copy.report.owner)),
            files.open_text(copy.report.file) as text,
        ):
            rows = hidden_rows(rows_of(text)) if format.is_masked else rows_of(text)
            WRITERS[format](copy.report, rows, path, Progress(copy))
        sha256, size = files.digest(path, lambda: None)
        name = files.stored_name(copy.report, SUFFIX[format], sha256)
        kept = files.store(path, name, size)
    except OSError as error:
        logger.error("Copy %s of report %s: %s", copy.pk, copy.report_id, error)
        with translation.override(language_of(copy.report.owner)):
            why = _reason(error)
        copy.claim(Copy.State.MAKING, Copy.State.FAILED, note=why, lease_until=None)
        return
    finally:
        path.unlink(missing_ok=True)
    done = {"file": kept, "size": size, "sha256": sha256, "lease_until": None}
    if not copy.claim(Copy.State.MAKING, Copy.State.READY, **done):
        files.delete(kept)  # the report's file was deleted meanwhile, and its copies with it


def _reason(error: OSError) -> str:
    if isinstance(error, files.DiskFull):
        return _t("The disk is full. When there is room again, ask for it once more.")
    return _t("The file could not be written: %(why)s.") % {
        "why": error.strerror or type(error).__name__
    }


def _take(copy_id: int) -> Copy | None:
    now = timezone.now()
    lease = timedelta(seconds=settings.REPORT_LEASE_SECONDS)
    taken = Copy.objects.filter(
        Q(lease_until=None) | Q(lease_until__lt=now) | Q(lease_until__gt=now + 2 * lease),
        pk=copy_id,
        state=Copy.State.MAKING,
        report__state=State.STORED,
    ).update(lease_until=now + lease, updated=now)
    return Copy.objects.select_related("report__owner").get(pk=copy_id) if taken else None


def stalled() -> "QuerySet[Copy, int]":
    """Ids of copies that nobody is making."""
    now = timezone.now()
    late = now - timedelta(seconds=settings.REPORT_SWEEP_SECONDS)
    free = Q(lease_until__lt=now) | Q(lease_until=None, updated__lt=late)
    return Copy.objects.filter(free, state=Copy.State.MAKING).values_list("pk", flat=True)


class Progress:
    """Tells the row how many rows are written, and keeps it ours."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.told = time.monotonic()

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self.told < BEAT:
            return
        self.told = time.monotonic()
        until = timezone.now() + timedelta(seconds=settings.REPORT_LEASE_SECONDS)
        Copy.objects.filter(pk=self.copy.pk).update(
            rows_done=rows, lease_until=until, updated=timezone.now()
        )
