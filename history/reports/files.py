"""Where files of reports are: in the making on this machine, stored wherever `reports` says.

A file in the making has one writer: a lock that the kernel lets go of when its process dies.
"""

import fcntl
import gzip
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.utils.text import slugify

from history.api.download import Inflater
from history.models.reports import ACTIVE, Kind, Report, State

BLOCK = 1024 * 1024
READ_BACK = 16 * BLOCK  # bytes that may wait to be read back
# What is left free on the disk whatever arrives: a full disk stops the database, too.
SPARE = 64 * 1024 * 1024
_PARTIAL = re.compile(r".+-(\d+)\.(?:part|csv|gz)")
LEVEL = 6  # of gzip, where the platform sent plain text


class Busy(Exception):
    """Another process on this machine is writing the file."""


class DiskFull(OSError):
    """There is less room than the file needs."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(f"{needed} bytes needed, {free} free")
        self.needed = needed
        self.free = free


def storage() -> Storage:
    return storages["reports"]


# In the making


def partial(report: Report, suffix: str = "part") -> Path:
    """The file a report is downloaded into, on this machine."""
    return Path(settings.REPORTS_PARTIAL_DIR) / f"{report.account}-{report.pk}.{suffix}"


@contextmanager
def open_partial(report: Report, *, keep: bool) -> Iterator[BinaryIO]:
    """The file in the making, for this process alone; emptied unless `keep`.

    On the way out it is on the disk, not only in its cache. Raises Busy.
    """
    path = partial(report)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        if not keep and os.fstat(descriptor).st_size:
            file.truncate()
        yield file
        file.flush()
        os.fsync(file.fileno())


class ReadBack:
    """Has the disk take what arrived, reads that back and takes its SHA-256, all while more
    arrives: after the last byte little is left to wait for."""

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor = file.fileno()
        self._worker = ThreadPoolExecutor(1, "reading back")
        self._task: Future[None] | None = None
        self.begin()

    def begin(self) -> None:
        """The file is written anew, from its first byte."""
        if self._task:
            wait([self._task])
        self._task, self._sha256, self._size = None, hashlib.sha256(), 0

    def reached(self, size: int) -> None:
        """So many bytes were written, and flushed."""
        idle = self._task is None or self._task.done()
        if idle and size - self._size >= READ_BACK:
            self._settled()
            self._task = self._worker.submit(self._read, size)

    def result(self, size: int) -> str:
        """The SHA-256 of the whole file as it is on the disk. Raises OSError."""
        self._settled()
        self._worker.submit(self._read, size).result()
        return self._sha256.hexdigest()

    def close(self) -> None:
        self._worker.shutdown()

    def _settled(self) -> None:
        if self._task:
            self._task.result()

    def _read(self, size: int) -> None:
        os.fdatasync(self._descriptor)
        while self._size < size:
            block = os.pread(self._descriptor, min(BLOCK, size - self._size), self._size)
            if not block:
                return  # begun anew meanwhile
            self._sha256.update(block)
            self._size += len(block)


def discard(report: Report) -> None:
    """Removes what is in the making; a writer that still has it open writes into nothing."""
    for suffix in ("part", "csv", "gz"):
        partial(report, suffix).unlink(missing_ok=True)


def clear_leftovers() -> int:
    """Removes what is in the making for reports that nobody makes any more; how many files."""
    folder = Path(settings.REPORTS_PARTIAL_DIR)
    found = {path: _PARTIAL.fullmatch(path.name) for path in folder.glob("*")}
    owners = {path: int(match[1]) for path, match in found.items() if match}
    going_on = Report.objects.filter(pk__in=owners.values(), state__in=(*ACTIVE, State.FAILED))
    alive = set(going_on.values_list("pk", flat=True))
    left = [path for path, owner in owners.items() if owner not in alive]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def make_room(size: int | None) -> None:
    """Raises DiskFull where a file of that many bytes, or any file, would fill the disk."""
    folder = Path(settings.REPORTS_PARTIAL_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    free = shutil.disk_usage(folder).free
    needed = (size or 0) + min(SPARE, settings.REPORTS_SPARE_BYTES)
    if free < needed:
        raise DiskFull(needed, free)


def digest(path: Path, beat: Callable[[], object]) -> tuple[str, int]:
    """SHA-256 and size of what is really on the disk."""
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            size += len(block)
            beat()
    return sha256.hexdigest(), size


def compress(source: Path, target: Path, beat: Callable[[], object]) -> None:
    with source.open("rb") as file, target.open("wb") as out:
        with gzip.GzipFile("", "wb", LEVEL, out, mtime=0) as packed:
            while block := file.read(BLOCK):
                packed.write(block)
                beat()
        out.flush()
        os.fsync(out.fileno())


# Stored


class Finished(File[bytes]):
    """A whole file on this machine; a storage of this machine takes it by renaming it."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        super().__init__(file, name=path.name)
        self.path = path

    def temporary_file_path(self) -> str:
        return str(self.path)


def store(path: Path, name: str, size: int) -> str:
    """Puts a whole file where reports are kept; the name it has there.

    A file of that name is this one, stored by a worker that died before it could say so.
    """
    home = storage()
    if home.exists(name) and home.size(name) == size:
        path.unlink(missing_ok=True)
        return name
    with path.open("rb") as file:
        kept = home.save(name, Finished(path, file))
    path.unlink(missing_ok=True)
    return kept


def stored_name(report: Report, suffix: str, sha256: str) -> str:
    kind = report.remote_type if report.kind == Kind.REMOTE else report.kind
    return f"{report.created:%Y/%m}/r{report.pk}_{slugify(kind)}_{sha256[:12]}.{suffix}"


def delete(name: str) -> None:
    if name:
        storage().delete(name)


def open_stored(name: str) -> IO[bytes]:
    """The stored bytes. Raises OSError where the storage has lost or not got them."""
    return cast("IO[bytes]", storage().open(name, "rb"))


def unpacked(file: IO[bytes]) -> Iterator[bytes]:
    """The CSV inside of an open gzip file, in blocks, in constant memory."""
    inflater = Inflater()
    while block := file.read(BLOCK // 4):
        yield from inflater.feed(block)


class Unpacked(io.RawIOBase):
    """The CSV inside as a file to read from, e.g. for the csv module."""

    def __init__(self, file: IO[bytes]) -> None:
        self._blocks = unpacked(file)
        self._file = file
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def open_text(name: str) -> io.TextIOWrapper:
    """The stored CSV as text; a mark at its beginning is no part of it."""
    return as_text(io.BufferedReader(Unpacked(open_stored(name)), BLOCK))


def as_text(file: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="")


# Names for people


def download_name(report: Report, account_id: object, suffix: str) -> str:
    """Kind, account, period, zone and the row's number, which makes it the only one."""
    kind = report.remote_type if report.kind == Kind.REMOTE else report.kind
    parts = ["voxledger", slugify(kind).replace("-", "_") or "report", str(account_id)]
    if period := report.period:
        parts += [f"{period.start:%Y-%m-%d}", f"{period.end:%Y-%m-%d}"]
        parts.append(report.zone.replace("/", "-"))
    return "_".join([*parts, f"r{report.pk}"]) + f".{suffix}"
