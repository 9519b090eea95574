"""Around every step: taking the row, looking after failures, telling that one is alive."""

import errno
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _t

from history.api.client import Refused, RemoteError
from history.api.errors import CREDENTIAL_CODES
from history.models import accounts
from history.models.people import language_of
from history.models.reports import LostReport, Report, State
from history.reports import files, limits
from history.trouble import trouble

logger = logging.getLogger(__name__)

type Work = Callable[[Report], None]
type Step = Callable[[int], Report | None]

# How often the row hears of progress; also how soon a cancelled download stops.
BEAT = 1.0
OUR_FAULTS = 3  # attempts after an error that is our own


class Settled(Exception):
    """The step has moved the row already and has nothing more to do."""


class Yielded(Exception):
    """Others wait for this worker: the download goes on later, from where it is."""


def step(*states: str) -> Callable[[Work], Step]:
    """A step that a row in one of `states` may take, with its failures looked after."""

    def decorate(work: Work) -> Step:
        @wraps(work)
        def run(pk: int) -> Report | None:
            report = Report.take(pk, states)
            if report is None:
                return None
            try:
                # Notes and checks are written once, in the owner's language.
                language = language_of(report.owner)
                with accounts.using(report.account), translation.override(language):
                    _guarded(work, report)
            except LostReport:
                _let_go(pk)
                return None
            if not report.active:
                limits.free_slot(report.account, report.pk)
            return report

        return run

    return decorate


def _guarded(work: Work, report: Report) -> None:
    try:
        work(report)
    except RemoteError as error:
        _endure(report, error)
    except Settled:
        pass
    except files.Busy:
        report.pause(settings.REPORT_LEASE_SECONDS)
    except Yielded:
        report.pause(0, rate=None)
    except OSError as error:
        _out_of_storage(report, error)
    except LostReport:
        raise
    except Exception:
        logger.exception("Report %s: %s", report.pk, report.state)
        _own_fault(report)


def _let_go(pk: int) -> None:
    """The row moved on without us. What a cancelled one leaves behind is cleared away."""
    report = Report.objects.filter(pk=pk).first()
    if report is None:
        return
    if not report.active:
        limits.free_slot(report.account, pk)
        if report.state == State.CANCELLED:
            files.discard(report)


# Failures


def _endure(report: Report, error: RemoteError) -> None:
    """Waits for better times, or fails in words."""
    if _may_pass(error):
        _wait(report, error.reason, least=error.retry_after or 0)
    else:
        words = trouble(error)
        report.fail(f"{words.title}. {words.happened}")


def _wait(report: Report, words: str, *, least: float = 0, **fields: Any) -> None:
    """Lays the row down, for longer each time, until our patience is over."""
    if report.waited >= settings.REPORT_PATIENCE_SECONDS:
        report.fail(
            _t("Given up after %(time)s of trying. The last answer: %(words)s")
            % {"time": time_in_words(report.waited), "words": words},
            **fields,
        )
        return
    attempts = report.attempts + 1
    note = _t("Trying again, attempt %(n)d: %(words)s") % {"n": attempts, "words": words}
    report.pause(max(_backoff(attempts), least), attempts=attempts, note=note, rate=None, **fields)


def _may_pass(error: RemoteError) -> bool:
    """Whether waiting may help. A key that is not accepted may be a clock that is wrong or a key
    that is being replaced: what was ordered is not thrown away for that."""
    return error.retryable or (isinstance(error, Refused) and error.code in CREDENTIAL_CODES)


def _backoff(attempts: int) -> float:
    first, most = settings.REPORT_POLL_SECONDS, settings.REPORT_POLL_MOST_SECONDS
    return float(min(most, first * 2 ** min(attempts - 1, 20)))


def time_in_words(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return _t("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _t("%(minutes)d min") % {"minutes": minutes}
    return _t("%(seconds)d s") % {"seconds": round(seconds)}


def _out_of_storage(report: Report, error: OSError) -> None:
    """Waits for room, or for the storage to come back: nobody needs to press a button then."""
    logger.error("Report %s cannot be kept: %s", report.pk, error)
    full = isinstance(error, files.DiskFull) or error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
    )
    if not full:
        words = _t("The file cannot be kept: %(reason)s. An administrator must see to the storage.")
        _wait(report, words % {"reason": error.strerror or type(error).__name__})
        return
    # What is half there takes room that others need.
    files.discard(report)
    words = _t("The disk is full. Nothing half was kept.")
    if isinstance(error, files.DiskFull):
        needed = {"needed": _megabytes(error.needed), "free": _megabytes(error.free)}
        words += " " + _t("Needed are %(needed)s MB, free are %(free)s MB.") % needed
    _wait(report, words, progress={}, bytes_done=0)


def _megabytes(size: int) -> int:
    return -(-size // 1_000_000)


def _own_fault(report: Report) -> None:
    if report.attempts + 1 < OUR_FAULTS:
        report.pause(_backoff(report.attempts + 2), attempts=report.attempts + 1, rate=None)
        return
    report.fail(
        _t("An error in the dashboard itself; its log names report %(id)d. Tell an administrator.")
        % {"id": report.pk}
    )


# Long steps


class Turn:
    """Keeps the lease while something long goes on, and gives way to others that wait too long."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.beaten = time.monotonic()
        self.ends = self.beaten + settings.REPORT_SLICE_SECONDS

    def beat(self, *, after: float = BEAT, **fields: Any) -> None:
        """Tells the row, unless that was done less than `after` seconds ago. Raises LostReport."""
        now = time.monotonic()
        if now - self.beaten >= after:
            self.beaten = now
            self.report.beat(**fields)
            limits.take_slot(self.report.account, self.report.pk)

    def offer(self) -> None:
        """Raises Yielded if the turn is over and others wait."""
        if time.monotonic() > self.ends and _others_wait(self.report):
            raise Yielded


# A step that is so late found no worker.
LATE = timedelta(seconds=2)


def _others_wait(report: Report) -> bool:
    return Report.stalled(LATE).exclude(pk=report.pk).exists()
