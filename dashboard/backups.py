"""One file with everything an installation keeps: its database and its stored reports.

A tar archive: `about.json`, `database` (pg_dump's custom format, or an SQLite file), `files/…`.
Not in it are SECRET_KEY and the key files, which open what is sealed in the database; nor the
queues, since every report that moved goes on from its row.
"""

import hashlib
import io
import json
import os
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient
from django.utils import timezone
from django.utils.crypto import salted_hmac

from history.models.reports import Copy, Report
from history.models.trail import verify

ABOUT, DATABASE, FILES = "about.json", "database", "files/"


class Refused(Exception):
    """Nothing was changed; the message says why and what to do."""


# Out


def write(path: Path) -> dict[str, Any]:
    """Writes the archive, whole or not at all; what `about.json` says. Raises Refused."""
    if path.exists():
        raise Refused(f"{path} is there already. Name a new file.")
    draft = path.with_name(f"{path.name}.part")
    try:
        with (
            os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
            tarfile.open(fileobj=file, mode="w") as archive,
            tempfile.TemporaryDirectory(dir=path.parent) as folder,
        ):
            # First the rows, then the files they name: what comes in between is not missed.
            dump = Path(folder, DATABASE)
            _dump(dump)
            archive.add(dump, DATABASE)
            files, missing = _add_files(archive)
            about = {
                "version": settings.VERSION,
                "database": connection.vendor,
                "made": timezone.now().isoformat(timespec="seconds"),
                "key": _key_mark(),
                "files": files,
                "missing": missing,
            }
            text = json.dumps(about, indent=1).encode()
            entry = tarfile.TarInfo(ABOUT)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    return about


def _dump(target: Path) -> None:
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(target)) as copy:
            connection.connection.backup(copy)
        return
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={target}", *_postgresql())


def _add_files(archive: tarfile.TarFile) -> tuple[dict[str, str], list[str]]:
    """Name and SHA-256 of each stored file, and the names of those the storage has not got."""
    home, added, missing = storages["reports"], {}, []
    for name in _names():
        try:
            with home.open(name, "rb") as file:
                added[name] = _digest(file)
                file.seek(0)
                entry = tarfile.TarInfo(FILES + name)
                entry.size = home.size(name)
                archive.addfile(entry, file)
        except FileNotFoundError:
            missing.append(name)
    return added, missing


def _names() -> Iterator[str]:
    for model in (Report, Copy):
        yield from model.objects.exclude(file="").order_by("pk").values_list("file", flat=True)


# In


def read(path: Path, *, replace: bool) -> list[str]:
    """Puts back what the archive holds; what is to be known of it, in words. Raises Refused."""
    with _opened(path) as archive:
        about = json.load(_member(archive, ABOUT))
        _refuse_to_mix(about, replace)
        with tempfile.TemporaryDirectory() as folder:
            archive.extract(DATABASE, folder, filter="data")
            _load(Path(folder, DATABASE), replace)
        home = storages["reports"]
        for name, sha256 in about["files"].items():
            _put_back(home, name, sha256, _member(archive, FILES + name))
    words = [f"{len(about['files'])} files of reports, as they were."]
    words += [f"Not in the backup, since it was lost before: {name}" for name in about["missing"]]
    count, fault = verify([])
    if fault is not None:
        raise Refused(f"Row {fault.number} of the restored trail does not hold: {fault.reason}")
    words.append(f"All {count} rows of the trail hold.")
    if about["key"] != _key_mark():
        words.append(
            "SECRET_KEY is another than when the backup was made: second factors, and whatever"
            " else is sealed with it, will not open. Set the former one, or add it to"
            " SECRET_KEY_FALLBACKS."
        )
    return words


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        archive = tarfile.open(path)  # noqa: SIM115  closed below
    except (OSError, tarfile.TarError) as error:
        raise Refused(f"{path} cannot be read as a backup: {error}") from None
    with archive:
        yield archive


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        found = archive.extractfile(name)
    except KeyError:
        found = None
    if found is None:
        raise Refused(f"It is no backup, or not whole: {name} is not in it.")
    return found


def _refuse_to_mix(about: dict[str, Any], replace: bool) -> None:
    if about["database"] != connection.vendor:
        raise Refused(
            f"The backup is of {about['database']}, DATABASE_URL names {connection.vendor}."
            " A backup goes back into the kind of database it came from."
        )
    if connection.introspection.table_names() and not replace:
        raise Refused(
            "The database is not empty. Name an empty one with DATABASE_URL, or say --replace:"
            " everything in it will be gone."
        )


def _load(dump: Path, replace: bool) -> None:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(dump)) as copy:
            copy.backup(connection.connection)
        connection.close()
        return
    if replace:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    # It must not wait for a lock of ours.
    connection.close()
    *options, name = _postgresql()
    _run(
        "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction",
        *options, f"--dbname={name}", str(dump),
    )  # fmt: skip


def _put_back(home: Storage, name: str, sha256: str, file: IO[bytes]) -> None:
    if home.exists(name):
        with home.open(name, "rb") as there:
            if _digest(there) == sha256:
                return
        home.delete(name)
    kept = home.save(name, File(file, name))
    with home.open(kept, "rb") as there:
        if kept != name or _digest(there) != sha256:
            raise Refused(f"{name} did not arrive in the storage as it was. Look at its disk.")


# Below


def _postgresql() -> list[str]:
    """Options that say which server, then the name of the database; as Django tells psql."""
    return DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])[0][1:]


def _run(*command: str) -> None:
    _words, env = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    try:
        done = subprocess.run(
            command, env={**os.environ, **(env or {})}, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise Refused(
            f"{command[0]} is not installed. It comes with PostgreSQL's client programs"
            " (postgresql-client); their version must not be older than the server's."
        ) from None
    if done.returncode:
        raise Refused(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")


def _digest(file: IO[bytes] | File[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(1024 * 1024):
        digest.update(block)
    return digest.hexdigest()


def _key_mark() -> str:
    """Tells one SECRET_KEY from another and nothing else of it."""
    return salted_hmac("dashboard.backups", "which key", algorithm="sha256").hexdigest()[:16]
