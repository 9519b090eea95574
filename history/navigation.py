"""The places of the dashboard, in the order of the rail."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.addresses import url
from history.permissions import Right


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    label: StrOrPromise
    name: str  # of its address
    icon: str
    right: Right | None = None  # without it the place is not offered

    @property
    def url(self) -> str:
        return url(self.name)

    def holds(self, request: HttpRequest) -> bool:
        """Whether the page belongs here. Those of one's own sign-in have addresses below that of
        Accounts and belong nowhere."""
        if self.name == "home":
            return request.path == self.url
        match = request.resolver_match
        is_sign_in = match is not None and match.func.__module__.startswith("allauth.")
        return request.path.startswith(self.url) and not is_sign_in


PLACES = (
    Place(label=_("Home"), name="home", icon="home"),
    Place(label=_("Calls"), name="calls", icon="phone", right=Right.CALLS),
    Place(label=_("Recordings"), name="recordings", icon="mic", right=Right.RECORDINGS),
    Place(label=_("Transactions"), name="transactions", icon="wallet", right=Right.TRANSACTIONS),
    Place(label=_("ACD"), name="acd", icon="queue", right=Right.ACD),
    Place(label=_("Audit log"), name="audit", icon="shield", right=Right.AUDIT),
    Place(label=_("Reports"), name="reports", icon="file", right=Right.EXPORT),
    Place(label=_("Deletions"), name="deletions", icon="trash", right=Right.TRAIL),
    Place(label=_("Trail"), name="trail", icon="eye", right=Right.TRAIL),
    Place(label=_("People"), name="people", icon="user", right=Right.PEOPLE),
    Place(label=_("Accounts"), name="accounts", icon="key", right=Right.ACCOUNTS),
    Place(label=_("Settings"), name="settings", icon="settings"),
)


class Stop(NamedTuple):
    """A place as the rail shows it."""

    place: Place
    current: bool


def rail(request: HttpRequest, allowed: Collection[Right]) -> tuple[Stop, ...]:
    """The places that are offered to who is signed in."""
    return tuple(
        Stop(place, place.holds(request))
        for place in PLACES
        if place.right is None or place.right in allowed
    )
