"""Who may do what: one table of roles, and the one check that views make.

A role is a Django group of the same name; a person may have several. Nothing is allowed that
no role of the person allows. A right is checked in the view, never around a piece of a page:
what a template hides is only tidied away.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import wraps
from typing import Concatenate, cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise


class Right(StrEnum):
    """One thing a role can allow."""

    CALLS = "calls"
    COSTS = "costs"
    RECORDINGS = "recordings"
    LISTEN = "listen"
    DOWNLOAD_MEDIA = "download_media"
    TRANSACTIONS = "transactions"
    ACD = "acd"
    AUDIT = "audit"
    EXPORT = "export"
    ALL_REPORTS = "all_reports"
    SHARE_VIEWS = "share_views"
    DELETE = "delete"
    APPROVE = "approve"
    HOLD = "hold"
    TRAIL = "trail"
    PEOPLE = "people"

    @property
    def words(self) -> StrOrPromise:
        """What it allows, as the end of “You may not …”."""
        return _WORDS[self]


_WORDS: Mapping[Right, StrOrPromise] = {
    Right.CALLS: _("see calls"),
    Right.COSTS: _("see what calls cost"),
    Right.RECORDINGS: _("see recordings"),
    Right.LISTEN: _("listen to recordings or read transcripts and logs"),
    Right.DOWNLOAD_MEDIA: _("download recordings"),
    Right.TRANSACTIONS: _("see transactions"),
    Right.ACD: _("see call queues"),
    Right.AUDIT: _("see the audit log"),
    Right.EXPORT: _("order and download reports"),
    Right.ALL_REPORTS: _("see the reports of others"),
    Right.SHARE_VIEWS: _("share views with others"),
    Right.DELETE: _("delete recordings"),
    Right.APPROVE: _("approve the deletions of others"),
    Right.HOLD: _("put recordings on legal hold"),
    Right.TRAIL: _("see who did what"),
    Right.PEOPLE: _("manage people and their roles"),
}

_EVERYTHING = frozenset(Right)
_CALLS = frozenset({Right.CALLS, Right.RECORDINGS, Right.ACD})

# One row a role. What each is for stands in docs/security.md.
ROLES: Mapping[str, frozenset[Right]] = {
    "agent": _CALLS | {Right.LISTEN, Right.COSTS},
    "supervisor": _CALLS
    | {Right.LISTEN, Right.COSTS, Right.DOWNLOAD_MEDIA, Right.EXPORT, Right.SHARE_VIEWS},
    "finance": frozenset(
        {Right.CALLS, Right.COSTS, Right.TRANSACTIONS, Right.EXPORT, Right.SHARE_VIEWS}
    ),
    "admin": _EVERYTHING,
    "auditor": frozenset(
        {Right.AUDIT, Right.CALLS, Right.COSTS, Right.EXPORT, Right.ALL_REPORTS, Right.TRAIL}
    ),
    "owner": _EVERYTHING,
}


def rights(user: AbstractBaseUser | AnonymousUser) -> frozenset[Right]:
    """All that the person's roles allow together."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return _EVERYTHING
    known: frozenset[Right] | None = getattr(user, "_rights", None)
    if known is None:
        names = user.groups.values_list("name", flat=True)
        known = frozenset().union(*(ROLES.get(name, frozenset()) for name in names))
        user._rights = known  # type: ignore[attr-defined]
    return known


def may(user: AbstractBaseUser | AnonymousUser, right: Right) -> bool:
    return right in rights(user)


class NotAllowed(PermissionDenied):
    """A right is missing; the 403 page says which, and which roles have it."""

    def __init__(self, right: Right) -> None:
        roles = ", ".join(name for name, allowed in ROLES.items() if right in allowed)
        super().__init__(
            _t("You may not %(do)s. These roles may: %(roles)s. Ask an administrator for one.")
            % {"do": right.words, "roles": roles}
        )
        self.right = right


def demand(user: AbstractBaseUser | AnonymousUser, right: Right) -> None:
    """Raises NotAllowed unless the person has the right."""
    if not may(user, right):
        raise NotAllowed(right)


def needs[**P, R: HttpRequest, A: HttpResponseBase](
    right: Right,
) -> Callable[[Callable[Concatenate[R, P], A]], Callable[Concatenate[R, P], A]]:
    """A view that only people with the right reach."""

    def decorate(view: Callable[Concatenate[R, P], A]) -> Callable[Concatenate[R, P], A]:
        @wraps(view)
        def checked(request: R, *args: P.args, **kwargs: P.kwargs) -> A:
            demand(request.user, right)
            return view(request, *args, **kwargs)

        checked.right = right  # type: ignore[attr-defined]
        return cast(Callable[Concatenate[R, P], A], checked)

    return decorate
