"""Reports: orders for long exports, the files that come of them, and orders made by the calendar.

A row is the one home of a report's state. Whoever works on it holds a lease, takes every step
with a conditional UPDATE and notices when the row has moved on without him.
"""

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.api import wire
from history.models.accounts import OfAccount
from history.periods import Period

# A pause longer than any of ours: a due date or a lease beyond it was written by a clock that
# has been set back since.
LONGEST_PAUSE = timedelta(minutes=15)
# A message may arrive a moment before the time its sender wrote into the row.
EARLY = timedelta(seconds=1)

MAX_ATTEMPTS = 3  # downloads of a file that arrives damaged


class LostReport(Exception):
    """The row is no longer ours: cancelled, or taken over after our lease ran out."""


class Kind(models.TextChoices):
    CALLS = "calls", _("Calls")
    CALLS_BRIEF = "calls_brief", _("Calls, brief")
    TRANSACTIONS = "transactions", _("Transactions")
    TRANSACTIONS_ON_HOLD = "transactions_on_hold", _("Transactions on hold")
    ACD = "acd", _("ACD")
    AUDIT = "audit", _("Audit log")
    REMOTE = "remote", _("Made elsewhere")


class State(models.TextChoices):
    ORDERED = "ordered", _("Ordered")
    BUILDING = "building", _("Being built")
    DOWNLOADING = "downloading", _("Downloading")
    VERIFYING = "verifying", _("Verifying")
    STORED = "stored", _("Stored")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Deleted")


ACTIVE = (State.ORDERED, State.BUILDING, State.DOWNLOADING, State.VERIFYING)
# States in which the platform works for us; how many may be at once is limited.
AT_WORK = (State.BUILDING, State.DOWNLOADING, State.VERIFYING)


class Report(OfAccount):
    """One report: what was asked, how far it is, what was proven, where its file lies.

    `params` are the fields of the wire. Sizes are bytes; `size` is the stored, compressed file
    and `csv_size` what it unpacks to. `waited` counts the seconds of our own pauses in a state,
    so that a limit on waiting does not depend on anybody's clock.
    """

    kind = models.CharField(max_length=24, choices=Kind)
    params = models.JSONField(default=dict)
    query = models.TextField(blank=True)
    columns = models.JSONField(default=list)
    zone = models.CharField(max_length=64, default="Etc/GMT")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="reports",
    )
    shared = models.BooleanField(default=False)
    schedule = models.ForeignKey(
        "history.Schedule", null=True, on_delete=models.SET_NULL, related_name="reports"
    )
    # One press of a button, or one run of a schedule: a second row of that name cannot be made.
    order_key = models.CharField(max_length=64, null=True)  # noqa: DJ001

    state = models.CharField(max_length=12, choices=State, default=State.ORDERED)
    note = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    damaged = models.PositiveSmallIntegerField(default=0)
    waited = models.FloatField(default=0)

    remote_id = models.BigIntegerField(null=True)
    remote_type = models.CharField(max_length=24, blank=True)
    remote = models.JSONField(default=dict)
    progress = models.JSONField(default=dict)

    bytes_done = models.BigIntegerField(default=0)
    bytes_expected = models.BigIntegerField(null=True)
    rows_done = models.BigIntegerField(default=0)
    rows_expected = models.BigIntegerField(null=True)
    rate = models.BigIntegerField(null=True)

    file = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(null=True)
    csv_size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    checks = models.JSONField(default=list)
    sums = models.JSONField(default=dict)

    created = models.DateTimeField(default=timezone.now)
    asked = models.DateTimeField(null=True)
    accepted = models.DateTimeField(null=True)
    built = models.DateTimeField(null=True)
    downloaded = models.DateTimeField(null=True)
    stored = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)
    updated = models.DateTimeField(default=timezone.now)

    due = models.DateTimeField(default=timezone.now)
    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-created"], name="report_owner_newest"),
            models.Index(fields=["state", "due"], name="report_state_due"),
            models.Index(fields=["account", "kind", "-created"], name="report_kind_newest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "order_key"], name="report_ordered_once")
        ]

    def __str__(self) -> str:
        return f"report {self.pk}: {self.kind}, {self.state}"

    # Questions

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def period(self) -> Period | None:
        """The period asked for, in the report's zone; ACD is asked in UTC."""
        if "from_date" not in self.params:
            return None
        asked = wire.zone("Etc/GMT" if self.kind == Kind.ACD else self.zone)
        start, end = (
            wire.parse_wall_clock(self.params[name]).replace(tzinfo=asked)
            for name in ("from_date", "to_date")
        )
        here = wire.zone(self.zone)
        return Period(start=start.astimezone(here), end=end.astimezone(here), zone=self.zone)

    @property
    def percent(self) -> int | None:
        """How much of the present state is done; `None` where nobody can know."""
        if self.state == State.DOWNLOADING and self.kind == Kind.ACD:
            done, whole = self.rows_done, self.rows_expected
        elif self.state in (State.DOWNLOADING, State.VERIFYING):
            done, whole = self.bytes_done, self.bytes_expected
        else:
            return None
        return min(100, done * 100 // whole) if whole else None

    @property
    def seconds_left(self) -> int | None:
        """Of the download, at the rate of the last seconds."""
        if self.state != State.DOWNLOADING or not (self.rate and self.bytes_expected):
            return None
        return max(0, self.bytes_expected - self.bytes_done) // self.rate

    @property
    def verified(self) -> bool:
        return self.state == State.STORED and not self.differences

    @property
    def differences(self) -> list[dict[str, str]]:
        return [check for check in self.checks if check["result"] == "differs"]

    @property
    def claims_slot(self) -> bool:
        return self.state in AT_WORK

    @property
    def ahead(self) -> int:
        """How many reports of the account are served before this one."""
        mine = Q(created__lt=self.created) | Q(created=self.created, pk__lt=self.pk)
        return Report.objects.filter(
            mine, account=self.account, state=State.ORDERED, asked=None
        ).count()

    @classmethod
    def same_as(
        cls, account: str, kind: str, params: dict[str, str], now: datetime
    ) -> "QuerySet[Report]":
        """Stored, still valid reports that answer the same question in full."""
        return cls.objects.filter(
            account=account,
            kind=kind,
            params=params,
            state__in=(State.STORED, *ACTIVE),
        ).exclude(expires__lte=now)

    # Moves anybody may make

    def claim(self, old: str | Collection[str], new: str, **fields: Any) -> bool:
        """Moves the row if it is still in `old`; whether it was us who moved it.

        Whoever held it is told at his next step that he lost it.
        """
        states = [old] if isinstance(old, str) else list(old)
        changes = {
            "lease": "",
            "lease_until": None,
            "waited": 0,
            "attempts": 0,
            "due": timezone.now(),
            **fields,
        }
        return self._update(Q(state__in=states), {"state": new, **changes})

    def cancel(self) -> bool:
        return self.claim(ACTIVE, State.CANCELLED, ended=timezone.now(), note="", rate=None)

    def retry(self) -> bool:
        """Goes on where it stopped: a report that the platform knows is not ordered again."""
        again = State.BUILDING if self.remote_id else State.ORDERED
        return self.claim(
            (State.FAILED, State.CANCELLED), again, ended=None, note="", damaged=0, rate=None
        )

    def expire(self, words: StrOrPromise) -> bool:
        """The row outlives its file; the caller deletes the file."""
        return self.claim(State.STORED, State.EXPIRED, ended=timezone.now(), note=str(words))

    # Moves of whoever works on it

    @classmethod
    def take(cls, pk: int, states: Iterable[str]) -> Self | None:
        """The row, if it is in one of the states, due, and nobody else works on it."""
        now = timezone.now()
        token = secrets.token_hex(8)
        free = Q(lease_until=None) | Q(lease_until__lt=now) | _beyond("lease_until", now)
        due = Q(due__lte=now + EARLY) | _beyond("due", now)
        taken = cls.objects.filter(free, due, pk=pk, state__in=list(states)).update(
            lease=token, lease_until=now + _lease(), updated=now
        )
        return cls.objects.get(pk=pk) if taken else None

    def beat(self, **fields: Any) -> None:
        """Keeps the lease and tells how far the work is. Raises LostReport."""
        if not self._hold({"lease_until": timezone.now() + _lease(), **fields}):
            raise LostReport

    def go(self, new: str, **fields: Any) -> None:
        """The worker's move to the next state, where the next step is due at once."""
        changes = {"lease": "", "lease_until": None, "waited": 0, "attempts": 0, "note": ""}
        if not self._hold({"state": new, "due": timezone.now(), **changes, **fields}):
            raise LostReport

    def pause(self, seconds: float, **fields: Any) -> None:
        """Lays the row down for the next step to take up after `seconds`."""
        due = timezone.now() + timedelta(seconds=seconds)
        waited = F("waited") + seconds
        if not self._hold(
            {"due": due, "waited": waited, "lease": "", "lease_until": None, **fields}
        ):
            raise LostReport
        self.refresh_from_db(fields=["waited"])

    def fail(self, words: StrOrPromise, **fields: Any) -> None:
        self.go(State.FAILED, ended=timezone.now(), rate=None, **{"note": str(words), **fields})

    def _hold(self, changes: dict[str, Any]) -> bool:
        return self._update(Q(state=self.state, lease=self.lease), changes)

    def _update(self, still: Q, changes: dict[str, Any]) -> bool:
        changes = {"updated": timezone.now(), **changes}
        if Report.objects.filter(still, pk=self.pk).update(**changes) != 1:
            return False
        for name, value in changes.items():
            if not isinstance(value, models.expressions.Combinable):
                setattr(self, name, value)
        return True

    # Sweeping

    @classmethod
    def stalled(cls, grace: timedelta) -> "QuerySet[Report]":
        """Active rows whose next step is overdue although nobody works on them."""
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now) | _beyond("lease_until", now)
        overdue = Q(due__lt=now - grace) | _beyond("due", now)
        return cls.objects.filter(free, overdue, state__in=ACTIVE)


def _beyond(field: str, now: datetime) -> Q:
    return Q(**{f"{field}__gt": now + LONGEST_PAUSE})


def _lease() -> timedelta:
    return timedelta(seconds=settings.REPORT_LEASE_SECONDS)


class Copy(models.Model):
    """A stored report in another format, made on demand and kept as long as the report."""

    class Format(models.TextChoices):
        XLSX = "xlsx", _("Excel workbook")
        EXCEL_CSV = "excel", _("CSV for Excel")
        # For who may not see whole telephone numbers.
        XLSX_MASKED = "xlsx-masked", _("Excel workbook, numbers masked")
        EXCEL_CSV_MASKED = "excel-masked", _("CSV for Excel, numbers masked")

        @property
        def is_masked(self) -> bool:
            return self in (self.XLSX_MASKED, self.EXCEL_CSV_MASKED)

        @classmethod
        def open_to(cls, *, masked: bool) -> "list[Copy.Format]":
            """Those for who sees numbers masked, or whole."""
            return [format for format in cls if format.is_masked == masked]

    class State(models.TextChoices):
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="copies")
    format = models.CharField(max_length=12, choices=Format)
    state = models.CharField(max_length=6, choices=State, default=State.MAKING)
    note = models.TextField(blank=True)
    file = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    rows_done = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "format"], name="copy_one_a_format")
        ]

    def __str__(self) -> str:
        return f"{self.format} of report {self.report_id}"

    def claim(self, old: str, new: str, **fields: Any) -> bool:
        changes = {"state": new, "updated": timezone.now(), **fields}
        return Copy.objects.filter(pk=self.pk, state=old).update(**changes) == 1


class Schedule(OfAccount):
    """A report made by the calendar: the period before each run, at an hour of the owner's zone.

    Daily runs cover the day before, weekly ones (on Mondays) the week before, monthly ones (on
    the 1st) the month before.
    """

    class Cadence(models.TextChoices):
        DAILY = "daily", _("Every day")
        WEEKLY = "weekly", _("Every Monday")
        MONTHLY = "monthly", _("Every 1st of the month")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="schedules"
    )
    kind = models.CharField(max_length=24, choices=Kind)
    query = models.TextField(blank=True)
    columns = models.JSONField(default=list)
    cadence = models.CharField(max_length=7, choices=Cadence, default=Cadence.MONTHLY)
    hour = models.PositiveSmallIntegerField(default=6)
    zone = models.CharField(max_length=64, default="Etc/GMT")
    shared = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now)
    last_run = models.DateTimeField(null=True)
    next_run = models.DateTimeField()
    note = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["next_run", "pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.cadence}"

    def claim(self, run: datetime, following: datetime) -> bool:
        """Takes the run that is due; false when another beat was first."""
        return (
            Schedule.objects.filter(pk=self.pk, next_run=run, enabled=True).update(
                next_run=following, last_run=run, note=""
            )
            == 1
        )
