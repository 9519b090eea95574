"""An installation examined from its settings to a live question, which changes nothing there."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from secrets import token_hex
from shutil import disk_usage
from typing import Any, Literal

import redis
import requests
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.checks import run_checks
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.utils import timezone

from dashboard import health, heartbeats
from history.accounts_keys import BadKey, attempt
from history.models.accounts import all_of_them
from history.trouble import ROLES_OF_METHODS

# A service account's proof of itself lives for minutes, and periods end now.
SKEW_MINDED, SKEW_ILL = 5, 60  # seconds
SCARCE = 0.1  # of the disk


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look said: `mind` works, but somebody should know; `mend` says what to do."""

    part: str
    state: Literal["well", "mind", "ill"]
    words: str
    mend: str = ""


class _Part:
    """Findings of one part."""

    def __init__(self, name: str) -> None:
        self.name = name

    def well(self, words: str) -> Finding:
        return Finding(part=self.name, state="well", words=words)

    def mind(self, words: str, mend: str) -> Finding:
        return Finding(part=self.name, state="mind", words=words, mend=mend)

    def ill(self, words: str, mend: str) -> Finding:
        return Finding(part=self.name, state="ill", words=words, mend=mend)


def examine() -> Iterator[Finding]:
    """Every look there is, in the order in which one stands on the other."""
    for name, look in LOOKS.items():
        yield from look(_Part(name))


def _settings(part: _Part) -> Iterator[Finding]:
    others = sorted(set(settings.ALLOWED_HOSTS) - set(settings.THIS_MACHINE))
    if not others:
        yield part.mind(
            "only this machine reaches the pages",
            "Set ALLOWED_HOSTS to the name under which browsers come.",
        )
    elif settings.DEBUG:
        yield part.ill(
            "DEBUG is on where others come: an error shows them the settings", "Unset DEBUG."
        )
    elif not settings.HTTPS_ONLY:
        yield part.ill(
            "passwords and cookies travel in the open", "Unset HTTPS_ONLY; let a proxy speak https."
        )
    else:
        yield part.well(f"https for {', '.join(others)}; cookies are secure")
    warnings = run_checks(include_deployment_checks=True) if others else run_checks()
    for warning in warnings:
        yield part.mind(f"{warning.id}: {warning.msg}", warning.hint or "See Django's checks.")


def _database(part: _Part) -> Iterator[Finding]:
    mend = "See that it runs and that DATABASE_URL is right."
    yield _checked(part, health.database, connection.vendor, mend)
    yield _checked(part, health.migrations, "all migrations are applied", "manage.py migrate")
    if connection.vendor == "sqlite" and set(settings.ALLOWED_HOSTS) - set(settings.THIS_MACHINE):
        yield part.mind(
            "SQLite is for one machine and a few people", "Use PostgreSQL: set DATABASE_URL."
        )


def _redis(part: _Part) -> Iterator[Finding]:
    for name, check in (("REDIS_URL", health.broker), ("CACHE_URL", health.cache)):
        mend = f"See that it runs, has room, and that {name} is right."
        yield _checked(part, check, f"{name} answers and writes", mend, f"{name} ")
    if settings.REDIS_URL == settings.CACHE_URL:
        yield part.ill(
            "queues and cache share a database: emptying the cache would empty the queues",
            "Give CACHE_URL another number.",
        )
    try:
        policy = heartbeats.broker().info("memory").get("maxmemory_policy", "noeviction")
    except redis.RedisError:
        return
    if policy != "noeviction":
        yield part.mind(
            f"when it is full it throws away messages ({policy})",
            "Set maxmemory-policy noeviction.",
        )


def _storage(part: _Part) -> Iterator[Finding]:
    home, name, content = storages["reports"], f"doctor/{token_hex(8)}", token_hex(32).encode()
    mend = "See to DATA_DIR, or to REPORTS_BUCKET, its endpoint and keys."
    try:
        kept = home.save(name, ContentFile(content))
        with home.open(kept, "rb") as file:
            same = file.read() == content
        home.delete(kept)
    except Exception as error:  # what the libraries below raise has no common root
        yield part.ill(f"a file could not be written, read and deleted: {error}", mend)
        return
    yield (
        part.well("a file was written, read and deleted")
        if same
        else part.ill("a file came back otherwise than it was written", mend)
    )
    disk = disk_usage(settings.DATA_DIR)
    words = f"{disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB are free for DATA_DIR"
    if disk.free < settings.REPORTS_SPARE_BYTES:
        yield part.ill(words, "Make room: no report can be downloaded.")
    elif disk.free < disk.total * SCARCE:
        yield part.mind(words, "Make room, or shorten REPORT_KEEP_DAYS.")
    else:
        yield part.well(words)


def _workers(part: _Part) -> Iterator[Finding]:
    try:
        ages = heartbeats.ages()
    except redis.RedisError:
        yield part.ill("unknown: the broker does not answer", "See to Redis first.")
        return
    for queue in settings.CELERY_TASK_QUEUES:
        mend = f"Start one: celery -A dashboard worker -Q {queue.name}"
        yield _heard(part, f"queue {queue.name}", ages.get(queue.name), mend)
    mend = "Start it, once: celery -A dashboard beat"
    yield _heard(part, "beat", ages.get(heartbeats.BEAT), mend)


def _heard(part: _Part, who: str, age: float | None, mend: str) -> Finding:
    if age is None or age > heartbeats.LATE:
        since = "was never heard" if age is None else f"was last heard {age:.0f} s ago"
        return part.ill(f"{who} {since}", mend)
    return part.well(f"{who} was heard {age:.0f} s ago")


def _static(part: _Part) -> Iterator[Finding]:
    home: Any = staticfiles_storage
    if not isinstance(home, ManifestFilesMixin) or settings.DEBUG:
        yield part.mind("style sheets are not collected in this setup", "For development alone.")
        return
    try:
        there = Path(settings.STATIC_ROOT, home.stored_name("css/base.css")).is_file()
    except ValueError:
        there = False
    if there:
        yield part.well(f"style sheets are in {settings.STATIC_ROOT}")
    else:
        yield part.ill(f"no style sheets in {settings.STATIC_ROOT}", "manage.py collectstatic")


def _platform(part: _Part) -> Iterator[Finding]:
    sent = time.time()
    try:
        answer = requests.get(
            settings.VOX_API_URL,
            timeout=settings.VOX_TIMEOUT,
            allow_redirects=False,
            verify=str(settings.VOX_CA_BUNDLE) if settings.VOX_CA_BUNDLE else True,
        )
    except requests.RequestException as error:
        yield part.ill(
            f"{settings.VOX_API_URL} does not answer ({type(error).__name__})",
            "See to VOX_API_URL, the network, and a proxy's certificates (VOX_CA_BUNDLE).",
        )
        return
    if "Date" in answer.headers:
        theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        # The header has no fractions, and the answer took its time.
        ahead = (sent + time.time()) / 2 - theirs - 0.5
        yield _clock(part, ahead)
    try:
        accounts = [one for one in all_of_them() if one.exists]
    except DatabaseError:
        yield part.ill("the accounts are in the database, which does not answer", "See above.")
        return
    for account in accounts:
        try:
            tried = attempt(account)
        except BadKey as error:
            yield part.ill(f"account {account}: {error}", "See to its key and its roles.")
            continue
        for method, code in tried.methods.items():
            if code == 0:
                yield part.well(f"account {account}: {method} answers")
            else:
                roles = " or ".join(ROLES_OF_METHODS.get(method, ())) or "another role"
                yield part.mind(
                    f"account {account}: {method} is refused with code {code}",
                    f"If its pages are wanted, give the service account the role {roles}.",
                )


def _clock(part: _Part, ahead: float) -> Finding:
    words = f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} it"
    mend = "Let NTP set the clock: a key's proof of itself is valid for minutes."
    if abs(ahead) > SKEW_ILL:
        return part.ill(words, mend)
    if abs(ahead) > SKEW_MINDED:
        return part.mind(words, mend)
    return part.well(f"this machine's clock agrees with it; here it is {timezone.now():%H:%M} UTC")


def _checked(
    part: _Part, check: Callable[[], None], words: str, mend: str, name: str = ""
) -> Finding:
    try:
        check()
    except health.Wanting as wanting:
        return part.ill(f"{name}{wanting}", mend)
    return part.well(words)


LOOKS: dict[str, Callable[[_Part], Iterator[Finding]]] = {
    "settings": _settings,
    "database": _database,
    "redis": _redis,
    "storage": _storage,
    "workers": _workers,
    "static files": _static,
    "platform": _platform,
}
