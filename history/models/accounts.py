"""Voximplant accounts, who may open which, and the one that is active.

Exactly one account is active while a request is answered or a task works, as one time zone is:
rows that are made belong to it, and `here` finds its rows alone. Where nobody activated one, it is
that of the settings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from dashboard.prepared import Prepared

# The account that the settings name, and what rows from before there were others say.
DEFAULT = "default"
HUES = 6


class Account(models.Model):
    """One Voximplant account.

    `slug` is what addresses and rows call it, so it never changes. `secret` is its key, sealed
    (history/sealing.py); the account of the settings has none. `number` and `email` are the
    platform's. `methods` holds what the key was told when it was tested: 0, or the code of the
    refusal. `children` are the child accounts known so far, their IDs with a name or "".
    """

    class State(models.TextChoices):
        ON = "on", _("On")
        OFF = "off", _("Switched off")
        REMOVED = "removed", _("Removed")

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=60)
    letter = models.CharField(max_length=1, blank=True)
    hue = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=7, choices=State, default=State.ON)
    is_default = models.BooleanField(default=False)
    secret = models.TextField(blank=True)
    number = models.BigIntegerField(null=True)
    email = models.CharField(max_length=254, blank=True)
    methods = models.JSONField(default=dict)
    tested = models.DateTimeField(null=True)
    children = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="account_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def from_settings(self) -> bool:
        return self.slug == DEFAULT

    @property
    def sign(self) -> str:
        return self.letter or self.name[:1].upper()

    @property
    def exists(self) -> bool:
        """Whether there is such an account at all; see `find`."""
        return self.from_settings or bool(self.pk)


# What a request that changes nothing has found of them.
_found: ContextVar[list[Account] | None] = ContextVar("found", default=None)


@contextmanager
def looked_up_once() -> Iterator[None]:
    """Within, the accounts are looked up at most once: for requests that change none."""
    token = _found.set([])
    try:
        yield
    finally:
        _found.reset(token)


def all_of_them() -> list[Account]:
    """Every account, the default one first: that of the settings too, where they name one or
    there is no other."""
    found = _found.get()
    if found is None:
        return _all_of_them()
    if not found:
        found += _all_of_them()
    return list(found)


def _all_of_them() -> list[Account]:
    rows = _every()
    named = in_settings()
    if not any(row.from_settings for row in rows) and (named or not rows):
        rows.append(_unkept(DEFAULT))
    return sorted(rows, key=lambda one: (not one.is_default, not (one.from_settings and named)))


_every = Prepared(lambda: Account.objects.all())


def in_settings() -> bool:
    """Whether the settings name an account."""
    return settings.VOX_CREDENTIALS is not None or bool(settings.VOX_ACCOUNT_ID)


def find(slug: str | None = None) -> Account:
    """The account, or the default one; one that never was is not `exists`, and has no key."""
    if slug is None:
        return all_of_them()[0]
    return Account.objects.filter(slug=slug).first() or _unkept(slug)


def _unkept(slug: str) -> Account:
    return Account(slug=slug, name=str(_("Main account")) if slug == DEFAULT else slug)


# The active one

_active: ContextVar[Any] = ContextVar("account", default=None)


def current() -> Account:
    active: Account | None = _active.get()
    return _unkept(DEFAULT) if active is None else active


def slug() -> str:
    """What rows of the active account say."""
    return current().slug


@contextmanager
def using(account: Account | str | None) -> Iterator[None]:
    """Activates an account, or the one with that slug; None stands for the default one."""
    if isinstance(account, Account):
        chosen: Any = account
    else:
        # Looked up when it is needed: an answer about health needs no database.
        chosen = SimpleLazyObject(lambda: find(account))
    token = _active.set(chosen)
    try:
        yield
    finally:
        _active.reset(token)


# What belongs to accounts


class _Here[M: models.Model](models.Manager[M]):
    """The rows of the active account alone."""

    def get_queryset(self) -> "QuerySet[M]":
        return super().get_queryset().filter(account=slug())


class OfAccount(models.Model):
    """A row of one account, the active one unless it says another. Pages look it up by `here`."""

    account = models.CharField(max_length=64, default=slug)

    objects = models.Manager()
    here = _Here()

    class Meta:
        abstract = True


class Grant(models.Model):
    """A role in one account alone; groups are roles in every account."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=20)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "account", "role"], name="grant_once")
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.role} in {self.account}"
