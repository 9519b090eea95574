"""Deletions of recordings: the order, what it names, what became of each, and what nothing may
delete.

An order's row is the one home of its state. It moves by conditional updates; whoever works on it
holds a lease.
"""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from history.models import accounts
from history.models.accounts import OfAccount

LEASE = timedelta(seconds=90)


class LostOrder(Exception):
    """Somebody else took the order over, or it was cancelled."""


class State(models.TextChoices):
    FINDING = "finding", _("Looking for recordings")
    DRAFT = "draft", _("To be confirmed")
    UNAPPROVED = "unapproved", _("Waits for approval")
    WAITING = "waiting", _("Waits to begin")
    RUNNING = "running", _("Deleting")
    STOPPING = "stopping", _("Being stopped")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    LOST = "lost", _("Nothing could be found")


# States out of which an order can still be cancelled.
STOPPABLE = (State.FINDING, State.DRAFT, State.UNAPPROVED, State.WAITING, State.RUNNING)
# States in which workers have something to do.
MOVING = (State.FINDING, State.WAITING, State.RUNNING, State.STOPPING)
ORDERED = (State.UNAPPROVED, State.WAITING, State.RUNNING)


class Scope(models.TextChoices):
    CHOSEN = "chosen", _("Chosen recordings")
    NUMBER = "number", _("All of a number")
    APPLICATION = "application", _("All of an application")
    PERIOD = "period", _("All of a period")


class Fate(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DELETED = "deleted", _("Deleted")
    GONE = "gone", _("Already gone")
    REFUSED = "refused", _("Refused")
    HELD = "held", _("On legal hold")
    FAILED = "failed", _("Failed")
    ELSEWHERE = "elsewhere", _("In another order")
    STAYED = "stayed", _("Not deleted")


# What can be tried once more.
RETRIABLE = (Fate.REFUSED, Fate.FAILED)


class RetentionRule(OfAccount):
    """Recordings older than `keep_days` go; of one application, or of all where it is empty."""

    application = models.CharField(max_length=200, blank=True)
    keep_days = models.PositiveIntegerField()
    reason = models.CharField(max_length=500)
    enabled = models.BooleanField(default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(default=timezone.now)
    next_run = models.DateTimeField(default=timezone.now)
    # What was recorded before this moment was looked through; empty: nothing yet, or once more.
    searched = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["application", "pk"]

    def __str__(self) -> str:
        return f"{self.application or '*'}: {self.keep_days} days"

    def claim(self, following: datetime) -> bool:
        """Takes the run that is due; false when another beat was first."""
        mine = RetentionRule.objects.filter(pk=self.pk, next_run=self.next_run, enabled=True)
        return mine.update(next_run=following) == 1


class Deletion(OfAccount):
    """An order to delete recordings.

    `number` is the Voximplant account it was made for: should the key come to open another one,
    the order does nothing there.
    `numbers` are telephone numbers as the platform stores them; they are cut to their last
    digits when the order is over, for then even the order need not know whose they were.
    """

    key = models.CharField(max_length=64, unique=True, default=secrets.token_hex)
    number = models.BigIntegerField()
    scope = models.CharField(max_length=12, choices=Scope, default=Scope.CHOSEN)
    numbers = models.JSONField(default=list)
    application = models.CharField(max_length=200, blank=True)
    from_date = models.DateTimeField(null=True)
    to_date = models.DateTimeField(null=True)
    rule = models.ForeignKey(
        RetentionRule, null=True, on_delete=models.SET_NULL, related_name="orders"
    )
    dry = models.BooleanField(default=False)
    reason = models.CharField(max_length=500, blank=True)

    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    note = models.TextField(blank=True)
    looked_at = models.PositiveIntegerField(default=0)
    lease = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    due = models.DateTimeField(default=timezone.now)

    # Names stay when people go.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    ordered_by = models.CharField(max_length=150, blank=True)
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_by = models.CharField(max_length=150, blank=True)
    cancelled_by = models.CharField(max_length=150, blank=True)

    created = models.DateTimeField(default=timezone.now)
    ordered = models.DateTimeField(null=True)
    approved = models.DateTimeField(null=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    certificate = models.JSONField(null=True)

    class Meta:
        ordering: ClassVar = ["-created", "-pk"]
        indexes: ClassVar = [models.Index(fields=["state", "due"], name="deletion_due")]

    def __str__(self) -> str:
        return f"deletion {self.pk}"

    @property
    def moving(self) -> bool:
        return self.state in MOVING

    def claim(self, old: str | Collection[str], new: str, **fields: Any) -> bool:
        """Moves the order if it is still in `old`; whether it was us who moved it."""
        states = [old] if isinstance(old, str) else list(old)
        changes = {"state": new, "lease": "", "lease_until": None, **fields}
        moved = Deletion.objects.filter(pk=self.pk, state__in=states).update(**changes) == 1
        if moved:
            self.refresh_from_db()
        return moved

    @classmethod
    def ready(cls) -> "QuerySet[Deletion]":
        """Orders with work to do that nobody works on."""
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        return cls.objects.filter(free, due__lte=now, state__in=MOVING)

    @classmethod
    def take(cls, pk: int) -> Self | None:
        """The order with a lease, if there is work on it and nobody else has it."""
        token = secrets.token_hex(8)
        until = timezone.now() + LEASE
        taken = cls.ready().filter(pk=pk).update(lease=token, lease_until=until)
        return cls.objects.get(pk=pk) if taken else None

    def hold(self, **fields: Any) -> None:
        """Keeps the lease and writes these fields. Raises LostOrder."""
        changes = {"lease_until": timezone.now() + LEASE, **fields}
        mine = Deletion.objects.filter(pk=self.pk, state=self.state, lease=self.lease)
        if mine.update(**changes) != 1:
            raise LostOrder
        for name, value in changes.items():
            setattr(self, name, value)

    def lay_down(self, seconds: float = 0, **fields: Any) -> None:
        """Ends the lease; there is more to do after `seconds`."""
        due = timezone.now() + timedelta(seconds=seconds)
        self.hold(due=due, **fields)
        Deletion.objects.filter(pk=self.pk, lease=self.lease).update(lease="", lease_until=None)


class DeletionItem(models.Model):
    """A recording that an order names, as it was when it was found.

    `numbers` are those of its call, for legal holds put on later; they are forgotten as soon as
    its fate is known. `asked` says that a request left for it whose answer we may have missed.
    """

    order = models.ForeignKey(Deletion, on_delete=models.CASCADE, related_name="items")
    record_id = models.BigIntegerField()
    session_id = models.BigIntegerField()
    session_start = models.DateTimeField()
    duration = models.PositiveIntegerField(null=True)
    size = models.BigIntegerField(null=True)
    transcript = models.BooleanField(default=False)
    numbers = models.JSONField(default=list)
    peaks = models.CharField(max_length=80, blank=True)  # where the cache has its waveform
    digest = models.CharField(max_length=64)
    fate = models.CharField(max_length=10, choices=Fate, default=Fate.WAITING)
    note = models.TextField(blank=True)
    asked = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    settled = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-session_start", "record_id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "record_id"], name="deletion_item_once")
        ]
        indexes: ClassVar = [models.Index(fields=["record_id"], name="deletion_item_record")]

    def __str__(self) -> str:
        return f"recording {self.record_id}"

    def settle(self, fate: Fate, note: str = "") -> bool:
        """Writes down what became of it, once."""
        changes = {
            "fate": fate,
            "note": note,
            "settled": timezone.now(),
            # Still needed where it may be tried again: a hold may be put on until then.
            **({} if fate in RETRIABLE else {"numbers": []}),
        }
        waiting = DeletionItem.objects.filter(pk=self.pk, fate=Fate.WAITING)
        return waiting.update(**changes) == 1


class LegalHold(OfAccount):
    """Nothing deletes a recording that is named here: by itself, its session or a number."""

    class Kind(models.TextChoices):
        RECORD = "record", _("Recording")
        SESSION = "session", _("Call session")
        NUMBER = "number", _("Telephone number")

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.RECORD)
    value = models.CharField(max_length=80)
    reason = models.CharField(max_length=500)
    put_by = models.CharField(max_length=150)
    put = models.DateTimeField(default=timezone.now)
    lifted_by = models.CharField(max_length=150, blank=True)
    lifted = models.DateTimeField(null=True)
    lift_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-put", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "kind", "value"],
                condition=Q(lifted=None),
                name="legal_hold_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    @property
    def words(self) -> str:
        """Why a recording stays; another account's reason is none of this one's business."""
        if self.account != accounts.slug():
            return _t("Legal hold, in another account.")
        return _t("Legal hold: %(reason)s") % {"reason": self.reason}


class Holds:
    """The legal holds in force, to ask of many recordings.

    One on a recording or session counts in every account: a parent reaches its children's.
    """

    def __init__(self) -> None:
        Kind, own = LegalHold.Kind, Q(account=accounts.slug())
        counting = own | Q(kind__in=(Kind.RECORD, Kind.SESSION))
        self._held: dict[tuple[str, str], LegalHold] = {
            (hold.kind, hold.value): hold
            # The own ones last: theirs are the words that are told.
            for hold in LegalHold.objects.filter(counting, lifted=None)
            .annotate(own=own)
            .order_by("own")
        }

    def on(self, item: DeletionItem) -> LegalHold | None:
        """The hold that keeps this recording, if one does."""
        names = [
            (LegalHold.Kind.RECORD, str(item.record_id)),
            (LegalHold.Kind.SESSION, str(item.session_id)),
            *((LegalHold.Kind.NUMBER, number) for number in item.numbers),
        ]
        return next((self._held[name] for name in names if name in self._held), None)


def totals(items: "QuerySet[DeletionItem]") -> dict[str, int]:
    """Count, sessions, seconds and transcripts of items."""
    sums = items.aggregate(
        count=models.Count("pk"),
        sessions=models.Count("session_id", distinct=True),
        seconds=Sum("duration"),
        transcripts=models.Count("pk", filter=Q(transcript=True)),
    )
    return {name: value or 0 for name, value in sums.items()}
