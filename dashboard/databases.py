"""DATABASE_URL and REDIS_URL as Django wants them."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# WAL: pages are read while a worker writes. synchronous=NORMAL cannot corrupt a WAL
# database; the last commits before a power cut may be lost.
SQLITE_START = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728"


def database(url: str, max_age: int) -> dict[str, Any]:
    """One entry of DATABASES, from `sqlite:///path` or `postgresql://user:password@host:port/name`.

    `max_age` (seconds) is how long a connection is kept for the next requests; what stands after
    `?` goes to libpq as it is, e.g. `?sslmode=verify-full`.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path.removeprefix("/"))), max_age)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": max_age,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **dict(parse_qsl(parts.query))},
    }


def _sqlite(path: Path, max_age: int) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path.absolute(),
        # To open the file and read its schema costs as much as five queries.
        "CONN_MAX_AGE": max_age,
        "OPTIONS": {
            # Web, worker and beat write to one file: take the write lock at the start of a
            # transaction and wait for it, rather than fail in the middle.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": SQLITE_START,
        },
    }


def next_database(redis_url: str) -> str:
    """The same Redis, one database number on: `redis://host:6379/0` → `redis://host:6379/1`."""
    parts = urlsplit(redis_url)
    number = int(parts.path.removeprefix("/") or 0)
    return parts._replace(path=f"/{number + 1}").geturl()
