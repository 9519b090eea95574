"""Fetching a report's file, from the byte reached on, and measuring it while it arrives."""

import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from queue import Queue
from typing import Any, BinaryIO

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _t

from history.api.client import FileFacts, Interrupted, Refused
from history.api.errors import NOT_READY
from history.api.methods import DownloadHistoryReport
from history.connection import connect_politely
from history.models.reports import MAX_ATTEMPTS, Kind, Report, State
from history.reports import files, limits
from history.reports.acd import walk
from history.reports.frame import BEAT, Settled, Turn, step
from history.reports.kinds import spec_of
from history.reports.steps import build_failed
from history.reports.tally import Tally

# Codes that say that the report is not there (any more).
UNKNOWN_REPORT = (355, 557)
BUILD_FAILED = 357
OFTEN = 10  # times that a finished report is not there
# Pieces that counting may be behind, of a quarter of a megabyte at most.
WAITING = 32


@step(State.DOWNLOADING)
def download(report: Report) -> None:
    """Fetches the file, from the byte reached on, and measures it while it arrives."""
    limits.take_slot(report.account, report.pk)
    found = walk(report, Turn(report)) if report.kind == Kind.ACD else _download(report)
    report.go(
        State.VERIFYING,
        progress={**report.progress, "found": found},
        bytes_done=found["size"],
        rows_done=found["rows"],
        downloaded=timezone.now(),
        rate=None,
    )


def _download(report: Report) -> dict[str, Any]:
    resume = _resumable(report)
    with files.open_partial(report, keep=resume is not None) as file:
        files.make_room((report.bytes_expected or 0) - files.partial(report).stat().st_size)
        return _fetch(report, file, resume)


def _resumable(report: Report) -> FileFacts | None:
    facts = report.progress.get("facts")
    return FileFacts(**facts) if facts and files.partial(report).exists() else None


def _fetch(report: Report, file: BinaryIO, resume: FileFacts | None) -> dict[str, Any]:
    measure = Measure(report)
    flow = Flow(report, measure, file)
    read_back = files.ReadBack(file)

    def tap(piece: bytes) -> None:
        # While a partial file is read again nothing arrives that could be told.
        flow.turn.beat(after=2 * BEAT)
        measure.feed(piece)

    def started(facts: FileFacts, offset: int) -> None:
        if offset == 0:
            measure.restart()
            read_back.begin()
        flow.begin(facts, offset)

    def progress(received: int, length: int | None) -> None:
        flow.progress(received, length)
        read_back.reached(received)

    try:
        with measure, closing(read_back):
            arrived = connect_politely().download_history_report(
                DownloadHistoryReport(history_report_id=report.remote_id or 0),
                file,
                resume=resume,
                started=started,
                progress=progress,
                tap=tap,
            )
            file.flush()
            on_disk = read_back.result(arrived.stored)
            measured = measure.result()
    except Interrupted as error:
        _count_damage(report, error)
        raise
    except Refused as error:
        if error.code in (NOT_READY, BUILD_FAILED, *UNKNOWN_REPORT):
            _not_there(report, error)
        raise
    return {
        "size": arrived.stored,
        "sha256": arrived.sha256,
        "on_disk": on_disk,
        "encoding": arrived.facts.encoding,
        "length": arrived.facts.length,
        **measured,
    }


def _not_there(report: Report, error: Refused) -> None:
    """The platform takes back what it said of the report; always raises Settled."""
    files.discard(report)
    changes = {"progress": {}, "bytes_done": 0, "damaged": report.damaged + 1}
    if error.code == BUILD_FAILED:
        build_failed(report, error.msg)
    elif report.damaged >= OFTEN:
        report.fail(
            _t("The platform lists the report as finished, but does not hand it out: %(words)s")
            % {"words": error.msg}
        )
    else:
        # Looked at again: either it is not ready after all, or it has expired.
        report.go(State.BUILDING, due=_soon(), **changes)
    raise Settled


def _soon() -> datetime:
    return timezone.now() + timedelta(seconds=settings.REPORT_POLL_SECONDS)


def _count_damage(report: Report, error: Interrupted) -> None:
    if not error.damaged:
        return
    report.beat(damaged=report.damaged + 1)
    if report.damaged >= MAX_ATTEMPTS:
        files.discard(report)
        report.fail(
            _t("The file arrived damaged %(n)d times: %(words)s. The platform still has it: retry.")
            % {"n": report.damaged, "words": error.reason},
            progress={},
            bytes_done=0,
        )
        raise Settled


class Measure:
    """A thread that counts and adds up the CSV while it arrives.

    What takes time, here as in the download, lets go of Python's lock: both go on at once.
    """

    def __init__(self, report: Report) -> None:
        spec = spec_of(report)
        header = (report.remote.get("filters") or {}).get("with_header") not in (False, "false")
        self._question: dict[str, Any] = {
            "sum_columns": spec.sums if spec else (),
            "per_column": spec.per if spec else "",
            "session_column": spec.session if spec else "",
            "header": header,
        }

    def __enter__(self) -> "Measure":
        self._start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    @property
    def rows(self) -> int:
        return self._tally.rows

    def restart(self) -> None:
        self._stop()
        self._start()

    def feed(self, piece: bytes) -> None:
        self._pieces.put(piece)

    def result(self) -> dict[str, Any]:
        """What was measured, as JSON can hold it; nothing may be fed after it."""
        self._stop()
        self._counted.result()
        return self._tally.as_json()

    def _start(self) -> None:
        self._tally = Tally(**self._question)
        self._pieces: Queue[bytes | None] = Queue(WAITING)
        self._counted: Future[None] = Future()
        self._thread = threading.Thread(target=self._count, name="counting", daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        self._pieces.put(None)
        self._thread.join()

    def _count(self) -> None:
        pieces = iter(self._pieces.get, None)
        try:
            for piece in pieces:
                self._tally.feed(piece)
            self._tally.finish()
            self._counted.set_result(None)
        except Exception as error:
            self._counted.set_exception(error)
            # The download does not wait for somebody to take what it gives.
            deque(pieces, maxlen=0)


class Flow:
    """Tells the row how far a download is and how fast it is."""

    def __init__(self, report: Report, measure: Measure, file: BinaryIO) -> None:
        self.file = file
        self.report = report
        self.measure = measure
        self.turn = Turn(report)
        self.began, self.offset = time.monotonic(), 0

    def begin(self, facts: FileFacts, offset: int) -> None:
        self.began, self.offset = time.monotonic(), offset
        self.turn.beat(
            after=0,
            progress={**self.report.progress, "facts": asdict(facts)},
            bytes_done=offset,
            bytes_expected=facts.length or self.report.bytes_expected,
        )
        if facts.length:
            files.make_room(facts.length - offset)

    def progress(self, received: int, length: int | None) -> None:
        # What is told must be there for whoever takes over.
        self.file.flush()
        seconds = max(time.monotonic() - self.began, 0.001)
        self.turn.beat(
            bytes_done=received,
            rows_done=self.measure.rows,
            rate=round((received - self.offset) / seconds),
            note="",
        )
        self.turn.offer()
