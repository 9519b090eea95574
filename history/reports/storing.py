"""Proving a downloaded file, keeping it, and deleting it again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _t

from history.models.people import language_of
from history.models.reports import MAX_ATTEMPTS, Kind, Report, State
from history.reports import files, limits
from history.reports.checks import checks, proven
from history.reports.frame import Turn, step


@step(State.VERIFYING)
def verify(report: Report) -> None:
    """Compares what arrived with what the platform says, and keeps the file."""
    limits.take_slot(report.account, report.pk)
    found = report.progress.get("found")
    path = files.partial(report)
    beat = Turn(report).beat
    if not found or not (path.exists() or _stored_already(report)):
        # Downloaded on a machine that is gone, or lost with its disk.
        report.go(State.DOWNLOADING, progress={}, bytes_done=0)
        return
    results = checks(report, found)
    if path.exists():
        # A download was read back while it arrived.
        if (found.get("on_disk") or files.digest(path, beat)[0]) != found["sha256"]:
            files.discard(report)
            report.go(State.DOWNLOADING, progress={}, bytes_done=0)
            return
        results.append(
            proven("disk", _t("Read back from the disk, the file is what arrived (SHA-256)."))
        )
    if _worth_another(report, found, results):
        return
    kept = _keep(report, found, beat)
    now = timezone.now()
    report.go(
        State.STORED,
        file=kept.name,
        size=kept.size,
        sha256=kept.sha256,
        csv_size=found["csv_size"],
        rows_done=found["rows"],
        bytes_done=kept.size,
        checks=results,
        sums=found["sums"],
        progress={"columns": found["columns"]},
        stored=now,
        ended=now,
        expires=now + timedelta(days=settings.REPORT_KEEP_DAYS),
    )
    files.discard(report)


class Stored(NamedTuple):
    name: str
    size: int
    sha256: str


def _worth_another(report: Report, found: dict[str, Any], results: list[dict[str, str]]) -> bool:
    """Whether to download once more because something differs: until two files are the same,
    for then it is the platform's file and not the way here."""
    if not any(result["result"] == "differs" for result in results):
        return False
    if report.kind == Kind.ACD or found["sha256"] in report.progress.get("seen", []):
        return False
    if report.damaged + 1 >= MAX_ATTEMPTS:
        return False
    files.discard(report)
    report.go(
        State.DOWNLOADING,
        progress={"seen": [*report.progress.get("seen", []), found["sha256"]]},
        bytes_done=0,
        damaged=report.damaged + 1,
    )
    return True


def _keep(report: Report, found: dict[str, Any], beat: Callable[[], object]) -> Stored:
    if found["encoding"] == "gzip":
        sha256, size, path = found["sha256"], found["size"], files.partial(report)
    else:
        path = files.partial(report, "gz")
        files.make_room(found["size"] // 2)
        files.compress(files.partial(report), path, beat)
        sha256, size = files.digest(path, beat)
    name = files.store(path, files.stored_name(report, "csv.gz", sha256), size)
    return Stored(name=name, size=size, sha256=sha256)


def _stored_already(report: Report) -> bool:
    found = report.progress.get("found") or {}
    if found.get("encoding") != "gzip":
        return False
    name = files.stored_name(report, "csv.gz", found["sha256"])
    home = files.storage()
    return home.exists(name) and home.size(name) == found["size"]


# Ends


def cancel(report: Report) -> bool:
    """Stops working for it. The platform's own report cannot be stopped; it expires there."""
    if not report.cancel():
        return False
    limits.free_slot(report.account, report.pk)
    with suppress(files.Busy), _nobody_writes(report):
        files.discard(report)
    return True


@contextmanager
def _nobody_writes(report: Report) -> Iterator[None]:
    if not files.partial(report).exists():
        yield
        return
    with files.open_partial(report, keep=True):
        yield


def delete_file(report: Report, words: str) -> bool:
    """Deletes the stored file and its copies; the row stays."""
    if not report.expire(words):
        return False
    for name in [report.file, *report.copies.values_list("file", flat=True)]:
        files.delete(name)
    report.copies.all().delete()
    Report.objects.filter(pk=report.pk).update(file="")
    return True


def expire_files() -> int:
    """Deletes the files whose time is over; how many."""
    over = Report.objects.filter(state=State.STORED, expires__lte=timezone.now())
    return sum(_expire(report) for report in over)


def _expire(report: Report) -> bool:
    with translation.override(language_of(report.owner)):
        words = _t("Kept for %(days)d days, then deleted.") % {"days": _days(report)}
    return delete_file(report, words)


def _days(report: Report) -> int:
    return (report.expires - report.stored).days if report.expires and report.stored else 0
