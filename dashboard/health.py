"""Whether what an installation stands on is there: for /readyz, /metrics and `manage.py doctor`.

A check returns when all is well and raises Wanting, in words that tell a stranger nothing of
addresses, when it is not.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import redis
from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor

from dashboard import heartbeats

# Probes come often and from several sides; strangers may ask, too.
REMEMBERED = 3.0  # seconds

NO_DATABASE = "does not answer"
FULL = "is full"


class Wanting(Exception):
    """What is wrong, in a few words that go on from the name of the part."""


def database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        raise Wanting(NO_DATABASE) from None


def migrations() -> None:
    try:
        waiting = pending_migrations()
    except (DatabaseError, InterfaceError):
        raise Wanting("unknown: the database does not answer") from None
    if waiting:
        raise Wanting(f"{len(waiting)} not applied, first {waiting[0]}; run manage.py migrate")


def pending_migrations() -> list[str]:
    """Names of the migrations that this version brings and the database has not seen."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def broker() -> None:
    _writes(heartbeats.broker())


def cache() -> None:
    with redis.Redis.from_url(
        settings.CACHE_URL, socket_connect_timeout=2, socket_timeout=2
    ) as server:
        _writes(server)


def _writes(server: redis.Redis) -> None:
    try:
        # A ping is answered by one that is full as well.
        server.set("voxledger:ready", 1, ex=60)
    except redis.RedisError as error:
        raise Wanting(redis_words(error)) from None


def redis_words(error: redis.RedisError) -> str:
    match error:
        case redis.OutOfMemoryError():
            return FULL
        case redis.AuthenticationError():
            return "does not accept the password"
        case redis.ConnectionError() | redis.TimeoutError():
            return "does not answer"
    return "refuses to write"


def storage() -> None:
    """Looks, and writes nothing: doctor writes."""
    home = storages["reports"]
    if isinstance(home, FileSystemStorage):
        _writable(Path(home.location))
    else:
        try:
            home.exists("readyz")
        except Exception:  # what the libraries below raise has no common root
            raise Wanting("the bucket does not answer") from None
    _writable(settings.REPORTS_PARTIAL_DIR)


def _writable(folder: Path) -> None:
    # Made when the first file comes.
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise Wanting("the folder cannot be written to")
    if shutil.disk_usage(there).free < settings.REPORTS_SPARE_BYTES:
        raise Wanting("the disk is full")


def workers() -> None:
    try:
        ages = heartbeats.ages()
    except redis.RedisError:
        raise Wanting("unknown: the broker does not answer") from None
    names = [*(queue.name for queue in settings.CELERY_TASK_QUEUES), heartbeats.BEAT]
    silent = [name for name in names if ages.get(name, heartbeats.LATE + 1) > heartbeats.LATE]
    if silent:
        raise Wanting(f"not heard for {heartbeats.LATE:.0f} s: {', '.join(silent)}")


CHECKS: Mapping[str, Callable[[], None]] = {
    "database": database,
    "migrations": migrations,
    "broker": broker,
    "cache": cache,
    "storage": storage,
    "workers": workers,
}


class Findings:
    """What the checks found, not older than a few seconds; "ok" or words for each."""

    def __init__(self) -> None:
        self._until = 0.0
        self._found: dict[str, str] = {}
        # Applied migrations stay applied, and looking costs most of all checks.
        self._migrated = False

    def now(self) -> dict[str, str]:
        if time.monotonic() >= self._until:
            self._found = {name: self._find(name, check) for name, check in CHECKS.items()}
            self._migrated = self._found["migrations"] == "ok"
            self._until = time.monotonic() + REMEMBERED
        return self._found

    def _find(self, name: str, check: Callable[[], None]) -> str:
        if name == "migrations" and self._migrated:
            return "ok"
        try:
            check()
        except Wanting as wanting:
            return str(wanting)
        return "ok"


findings = Findings()
