"""What the dashboard remembers for a person: settings, saved views, recent searches."""

from typing import ClassVar
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, User
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dashboard.prepared import Prepared
from history.api import wire
from history.models import accounts
from history.models.accounts import OfAccount

PAGES = (
    ("calls", _("Calls")),
    ("recordings", _("Recordings")),
    ("transactions", _("Transactions")),
    ("acd", _("ACD")),
    ("audit", _("Audit log")),
)
# Where one is in a list, not which list: the page, the row open beside it, asked anew.
POSITION = ("offset", "after", "skipped", "call", "transaction", "session", "fresh")


class Preferences(models.Model):
    """A person's settings; a person who never changed any has none, and gets the defaults."""

    THEMES = (("auto", _("As the system")), ("light", _("Light")), ("dark", _("Dark")))
    DENSITIES = (("comfortable", _("Comfortable")), ("compact", _("Compact")))

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences"
    )
    zone = models.CharField(max_length=64, blank=True)
    rows = models.PositiveSmallIntegerField(default=50)
    theme = models.CharField(max_length=5, choices=THEMES, default="auto")
    density = models.CharField(max_length=11, choices=DENSITIES, default="comfortable")
    region = models.CharField(max_length=2, blank=True)
    language = models.CharField(max_length=5, blank=True, choices=settings.LANGUAGES)

    def __str__(self) -> str:
        return f"preferences of {self.user}"

    @property
    def zone_name(self) -> str:
        """The zone times are shown in: the person's own, else the installation's."""
        return self.zone if self.zone and wire.is_zone(self.zone) else settings.TIME_ZONE


def language_of(user: User | None) -> str:
    """What a worker writes its notes for somebody in: their language, else the installation's."""
    prefs = Preferences.objects.filter(user=user).first() if user else None
    return (prefs.language if prefs else "") or settings.LANGUAGE_CODE


class SavedView(OfAccount):
    """A named query of a page: filters, columns, order and rows, for oneself or for all."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    page = models.CharField(max_length=20, choices=PAGES)
    name = models.CharField(max_length=60)
    query = models.TextField(blank=True)
    shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "account", "page", "name"], name="saved_view_name"
            ),
            models.UniqueConstraint(
                fields=["owner", "account", "page"],
                condition=Q(is_default=True),
                name="saved_view_one_default",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def seen_by(cls, user: AbstractBaseUser, page: str) -> "list[SavedView]":
        """The views of a page that `user` may open: the own and the shared ones."""
        return _seen(account=accounts.slug(), person=user.pk, page=page)

    @classmethod
    def keep(
        cls,
        user: AbstractBaseUser,
        page: str,
        name: str,
        query: str,
        *,
        shared: bool,
        is_default: bool,
    ) -> "SavedView":
        """Saves a view under its name, in place of an own one of that name."""
        with transaction.atomic():
            if is_default:
                cls.here.filter(owner_id=user.pk, page=page).update(is_default=False)
            view, _created = cls.objects.update_or_create(
                owner_id=user.pk,
                account=accounts.slug(),
                page=page,
                name=name,
                defaults={
                    "query": without_position(query),
                    "shared": shared,
                    "is_default": is_default,
                },
            )
        return view


_seen = Prepared(
    lambda account, person, page: SavedView.objects.filter(
        Q(owner_id=person) | Q(shared=True), account=account, page=page
    ),
    account=str,
    person=int,
    page=str,
)


class RecentSearch(OfAccount):
    """A filtered page somebody looked at, newest first, at most KEPT a person and account."""

    KEPT = 20

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recent_searches"
    )
    page = models.CharField(max_length=20, choices=PAGES)
    query = models.TextField()
    words = models.CharField(max_length=300)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [models.Index(fields=["user", "-at"], name="recent_search_newest")]

    def __str__(self) -> str:
        return self.words

    @classmethod
    def note(cls, user: AbstractBaseUser, page: str, query: str, words: str) -> None:
        """Puts this search on top of the person's list; a repeated one moves up."""
        query = without_position(query)
        changed = cls.here.filter(user_id=user.pk, page=page, query=query).first()
        if changed:
            changed.save(update_fields=["at"])
            return
        cls.objects.create(user_id=user.pk, page=page, query=query, words=words[:300])
        kept = cls.here.filter(user_id=user.pk).values_list("pk", flat=True)[: cls.KEPT]
        cls.here.filter(user_id=user.pk).exclude(pk__in=list(kept)).delete()


def without_position(query: str) -> str:
    """A query string without the place in the list."""
    return urlencode([(n, v) for n, v in parse_qsl(query) if n not in POSITION])
