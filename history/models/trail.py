"""The trail: who did what, in rows that are only ever added, each sealed to the one before.

A row's hash covers its content and the hash before it, so that no row can be changed, left out
or put in without every later hash being wrong. docs/security.md says what that proves.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, Never

from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.prepared import Prepared
from history.models import accounts

START = "0" * 64  # what the first row of all is sealed to


class Action(models.TextChoices):
    SIGN_IN = "sign_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Failed to sign in")
    SIGN_OUT = "sign_out", _("Signed out")
    SEARCH = "search", _("Searched")
    VIEW = "view", _("Looked at")
    PLAY = "play", _("Opened to listen")
    HEARD = "heard", _("Heard")
    DOWNLOAD = "download", _("Downloaded")
    EXPORT = "export", _("Ordered an export")
    REVEAL = "reveal", _("Revealed")
    REFUSED = "refused", _("Was refused")
    DELETE_ORDERED = "delete_ordered", _("Ordered a deletion")
    DELETE_APPROVED = "delete_approved", _("Approved a deletion")
    DELETE_CANCELLED = "delete_cancelled", _("Cancelled a deletion")
    DELETED = "deleted", _("Deleted")
    DELETE_DONE = "delete_done", _("Finished a deletion")
    HOLD = "hold", _("Put on legal hold")
    HOLD_LIFTED = "hold_lifted", _("Lifted a legal hold")
    SETTINGS = "settings", _("Changed settings")
    PRUNED = "pruned", _("Pruned the trail")


class AppendOnly(Exception):
    """Rows of the trail are neither changed nor deleted."""


class _Rows(models.QuerySet["TrailEntry"]):
    """Without the ways around `TrailEntry.append`. The database refuses them once more."""

    def update(self, **kwargs: Any) -> Never:
        raise AppendOnly("rows of the trail are not changed")

    def delete(self) -> Never:
        raise AppendOnly("rows of the trail are not deleted; `prune` ends old ones")

    def bulk_create(self, *args: Any, **kwargs: Any) -> Never:
        raise AppendOnly("rows of the trail are appended one by one")

    def bulk_update(self, *args: Any, **kwargs: Any) -> Never:
        raise AppendOnly("rows of the trail are not changed")


class TrailHead(models.Model):
    """The ends of the chain, one row: the newest link, and the one that pruning left as anchor.

    Whoever appends locks it, so that no two rows follow the same one.
    """

    number = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=START)
    # The last row that was pruned; the oldest row that is kept is sealed to its hash.
    pruned = models.BigIntegerField(default=0)
    anchor = models.CharField(max_length=64, default=START)

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def locked(cls) -> "TrailHead":
        """The head, for the rest of this transaction ours alone. SQLite locks as it begins."""
        found = _head()
        if not found:
            cls.objects.get_or_create(pk=1)
            found = _head()
        return found[0]


_head = Prepared(lambda: TrailHead.objects.select_for_update().filter(pk=1))


class TrailEntry(models.Model):
    """One thing that somebody did.

    `who_id` is the person's id as it was, `who` the name: neither follows later changes.
    `kind` and `key` name the object (`recording`, `4711`), `details` are plain values without
    fractions, `ip` is an address or empty. `account` is where it was done; empty is nowhere.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    who_id = models.BigIntegerField(null=True)
    who = models.CharField(max_length=150, blank=True)
    action = models.CharField(max_length=20, choices=Action)
    kind = models.CharField(max_length=20, blank=True)
    key = models.CharField(max_length=80, blank=True)
    details = models.JSONField(default=dict)
    ip = models.CharField(max_length=45, blank=True)
    account = models.CharField(max_length=64, blank=True, default=accounts.slug)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = _Rows.as_manager()

    class Meta:
        ordering: ClassVar = ["-number"]
        indexes: ClassVar = [
            models.Index(fields=["kind", "key"], name="trail_object"),
            models.Index(fields=["who", "-number"], name="trail_who"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.who} {self.action} {self.kind} {self.key}"

    def save(self, *args: Any, **kwargs: Any) -> Never:
        raise AppendOnly("rows of the trail are made by `append` and never change")

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise AppendOnly("rows of the trail are not deleted; `prune` ends old ones")

    @classmethod
    def append(cls, **said: Any) -> "TrailEntry":
        """Adds a row after the newest one; waits for others who are adding theirs."""
        with transaction.atomic():
            head = TrailHead.locked()
            entry = cls(number=head.number + 1, at=timezone.now(), previous=head.hash, **said)
            entry.hash = entry.computed_hash()
            with connection.cursor() as cursor:
                cursor.execute(*entry._to_insert())
                cursor.execute(_MOVE_HEAD, [entry.number, entry.hash])
        return entry

    def _to_insert(self) -> tuple[str, list[Any]]:
        """Statement and values by hand, since every page writes a row: `save` takes three times
        as long."""
        fields = self._meta.concrete_fields
        values = [f.get_db_prep_save(getattr(self, f.attname), connection) for f in fields]
        names, places = (", ".join(f.attname for f in fields), ", ".join(["%s"] * len(fields)))
        return f"INSERT INTO {self._meta.db_table} ({names}) VALUES ({places})", values  # noqa: S608

    def canonical(self) -> str:
        """The text that is hashed: the fields in this order as JSON, without white space.

        The account ends the list unless it is `default`, which all rows from before there were
        others say: so their hashes hold.
        """
        moment = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        told = (self.number, moment, self.who_id, self.who, self.action, self.kind, self.key)
        where = () if self.account == accounts.DEFAULT else (self.account,)
        return json.dumps(
            [*told, self.details, self.ip, self.previous, *where],
            ensure_ascii=False,
            separators=(",", ":"),
            sort_keys=True,
        )

    def computed_hash(self) -> str:
        return sha256(self.canonical().encode()).hexdigest()


_MOVE_HEAD = f"UPDATE {TrailHead._meta.db_table} SET number = %s, hash = %s WHERE id = 1"  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The first row where the chain does not hold, and why."""

    number: int
    reason: str


def verify(known: Iterable[tuple[int, str]] = ()) -> tuple[int, Fault | None]:
    """Walks the chain from its anchor to its head: how many rows hold, and the first fault.

    `known` are numbers and hashes that were noted elsewhere earlier: whoever rewrote the whole
    chain, head and all, is found by them.
    """
    head = TrailHead.objects.filter(pk=1).first() or TrailHead()
    noted = dict(known)
    count, number, previous = 0, head.pruned, head.anchor
    for entry in _upto(head.number):
        number += 1
        if fault := _fault(entry, number, previous, noted.pop(entry.number, None)):
            return count, fault
        previous = entry.hash
        count += 1
    if number != head.number:
        return count, Fault(number=number + 1, reason="the row is missing at the end")
    if previous != head.hash:
        return count, Fault(number=number, reason="its hash is not the one the head names")
    if head.pruned and not _tells_of_pruning(head):
        return count, Fault(number=head.pruned, reason="rows are gone that no row says were ended")
    beyond = [missing for missing in noted if missing > head.number]
    if beyond:
        return count, Fault(number=min(beyond), reason="the row was noted, and is missing")
    return count, None


def _tells_of_pruning(head: TrailHead) -> bool:
    """Whether a row of the chain names the anchor: old rows end only with their last hash kept."""
    ended = {"upto": head.pruned, "hash": head.anchor}
    rows = TrailEntry.objects.filter(action=Action.PRUNED).order_by("-number")
    return any(ended.items() <= row.details.items() for row in rows)


def _upto(last: int) -> Iterator[TrailEntry]:
    return TrailEntry.objects.filter(number__lte=last).order_by("number").iterator(chunk_size=2000)


def _fault(entry: TrailEntry, number: int, previous: str, noted: str | None) -> Fault | None:
    if entry.number != number:
        return Fault(number=number, reason="the row is missing")
    if entry.previous != previous:
        return Fault(number=number, reason="it does not follow the row before it")
    if entry.computed_hash() != entry.hash:
        return Fault(number=number, reason="its content is not what was sealed")
    if noted not in (None, entry.hash):
        return Fault(number=number, reason="its hash is not the one that was noted")
    return None


def prune(before: datetime) -> int:
    """Ends rows older than `before`; how many. The chain goes on from an anchor, and says so."""
    with transaction.atomic():
        head = TrailHead.locked()
        kept = TrailEntry.objects.filter(at__gte=before).order_by("number").first()
        last = (kept.number if kept else head.number + 1) - 1
        newest = TrailEntry.objects.filter(number=last).first()
        if newest is None or last <= head.pruned:
            return 0
        count = last - head.pruned
        head.pruned, head.anchor = last, newest.hash
        # The anchor moves first: the database lets go only of what lies before it.
        head.save(update_fields=["pruned", "anchor"])
        TrailEntry._base_manager.filter(number__lte=last).delete()
        TrailEntry.append(
            action=Action.PRUNED, details={"rows": count, "upto": last, "hash": newest.hash}
        )
    return count
