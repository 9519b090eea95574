"""Fetching a report's file, from the byte reached on, and measuring it while it arrives."""

import fcntl
import io
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _t

from history.api.client import FileFacts, Interrupted, Refused
from history.api.errors import NOT_READY
from history.api.methods import DownloadHistoryReport
from history.connection import connect_politely
from history.models.reports import MAX_ATTEMPTS, Kind, Report, State
from history.reports import files, limits, tally
from history.reports.acd import walk
from history.reports.frame import BEAT, Settled, Turn, step
from history.reports.kinds import spec_of
from history.reports.steps import build_failed

# Codes that say that the report is not there (any more).
UNKNOWN_REPORT = (355, 557)
BUILD_FAILED = 357
OFTEN = 10  # times that a finished report is not there


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

    def tap(piece: bytes) -> None:
        # While a partial file is read again nothing arrives that could be told.
        flow.turn.beat(after=2 * BEAT)
        measure.feed(piece)

    def started(facts: FileFacts, offset: int) -> None:
        if offset == 0:
            measure.restart()
        flow.begin(facts, offset)

    try:
        with measure:
            arrived = connect_politely().download_history_report(
                DownloadHistoryReport(history_report_id=report.remote_id or 0),
                file,
                resume=resume,
                started=started,
                progress=flow.progress,
                tap=tap,
            )
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
    if "damaged" not in error.reason:
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
    """A process of its own that counts and adds up the CSV while it arrives.

    A thread would not do: counting holds Python's lock for milliseconds at a time, and a download
    needs it between any two of its steps.
    """

    def __init__(self, report: Report) -> None:
        spec = spec_of(report)
        header = (report.remote.get("filters") or {}).get("with_header") not in (False, "false")
        self._question = {
            "sum_columns": spec.sums if spec else (),
            "per_column": spec.per if spec else "",
            "session_column": spec.session if spec else "",
            "header": header,
        }
        self._fed = False
        self._told: dict[str, Any] = {}

    def __enter__(self) -> "Measure":
        self._start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    @property
    def rows(self) -> int:
        return int(self._told.get("rows", 0))

    def restart(self) -> None:
        if self._fed:
            self._stop()
            self._start()

    def feed(self, piece: bytes) -> None:
        self._fed = True
        try:
            self._pipe.write(piece)
        except BrokenPipeError:
            # Not the storage's failure, which an OSError would be taken for.
            raise self._broken() from None

    def result(self) -> dict[str, Any]:
        """What was measured, as JSON can hold it; nothing may be fed after it."""
        self._pipe.close()
        self._reader.join()
        if self.process.wait() or "csv_size" not in self._told:
            raise self._broken()
        return self._told

    def _start(self) -> None:
        self._fed, self._told = False, {}
        # Without site packages it is there in some hundredths of a second.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", tally.__file__, json.dumps(self._question)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        self._pipe = io.BufferedWriter(cast("io.RawIOBase", self.process.stdin), 1)
        widen(self._pipe.fileno())
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        with suppress(BrokenPipeError):
            self._pipe.close()

    def _listen(self) -> None:
        with cast("io.RawIOBase", self.process.stdout) as said:
            for line in said:
                self._told = json.loads(line)

    def _broken(self) -> RuntimeError:
        return RuntimeError(f"counting ended with {self.process.wait()}")


def widen(pipe: int) -> None:
    """Room for a whole block, so that neither side waits for the other; where that can be said."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1024 * 1024)


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
