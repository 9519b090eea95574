"""A bucket that fails the way a folder does: with an OSError that says why."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
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


class Bucket(S3Storage):  # type: ignore[misc] # it carries no types
    exists = _told(S3Storage.exists)
    size = _told(S3Storage.size)
    delete = _told(S3Storage.delete)
    _save = _told(S3Storage._save)

    @_told
    def _open(self, name: str, mode: str = "rb") -> Any:
        file = super()._open(name, mode)
        # Fetched now, so that what fails does so here; what is large waits on the disk.
        file.open()
        return file
