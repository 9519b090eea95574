"""A bucket that fails the way a folder does, with an OSError that says why, and is read as a file
is: from where somebody seeks, as far as they read."""

import io
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage


class BucketError(OSError):
    """The bucket cannot be reached, is not there, or does not let us in."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.strerror = str(error)


def _told[**P, R](work: Callable[P, R]) -> Callable[P, R]:
    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise BucketError(error) from error

    return run


# Pages wait for the bucket. How often its client tries again is its own AWS_MAX_ATTEMPTS.
WAITS = Config(connect_timeout=5, read_timeout=30)
BLOCK = 256 * 1024


class Bucket(S3Storage):  # type: ignore[misc] # it carries no types
    def __init__(self, **options: Any) -> None:
        super().__init__(client_config=WAITS, **options)

    exists = _told(S3Storage.exists)
    size = _told(S3Storage.size)
    delete = _told(S3Storage.delete)
    _save = _told(S3Storage._save)

    @_told
    def _open(self, name: str, mode: str = "rb") -> Any:
        if mode != "rb":
            return super()._open(name, mode)
        # Asks for its size, so that one that is not there fails here.
        found = super()._open(name, mode).obj
        return File(io.BufferedReader(Reading(found), BLOCK), name)


class Reading(io.RawIOBase):
    """An object of a bucket. S3File would fetch all of it before the first byte can be read, which
    for a report of a gigabyte outlasts the reader's patience."""

    def __init__(self, found: Any) -> None:
        self._object = found
        self._size: int = found.content_length
        self._place = 0
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if start + offset != self._place:
            self._place = start + offset
            self._hang_up()
        return self._place

    @_told
    def readinto(self, buffer: Any) -> int:
        if self._place >= self._size:
            return 0
        if self._body is None:
            # The object that was found, should another one have taken its name meanwhile.
            same = {"IfMatch": self._object.e_tag}
            self._body = self._object.get(Range=f"bytes={self._place}-", **same)["Body"]
        part: bytes = self._body.read(len(buffer))
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _hang_up(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
