"""Who may do what: one table of roles, and the one check that views make.

A role is a Django group of the same name; a person may have several. A group counts in every
account, a grant in one. Nothing is allowed that no role of the person allows. A right is checked
in the view, never around a piece of a page: what a template hides is only tidied away.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import wraps
from typing import Concatenate, cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from history.models import accounts
from history.models.accounts import Account, Grant


class Right(StrEnum):
    """One thing a role can allow."""

    CALLS = "calls"
    COSTS = "costs"
    FULL_NUMBERS = "full_numbers"
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
    ACCOUNTS = "accounts"

    @property
    def words(self) -> StrOrPromise:
        """What it allows, as the end of “You may not …”."""
        return _WORDS[self]


_WORDS: Mapping[Right, StrOrPromise] = {
    Right.CALLS: _("see calls"),
    Right.COSTS: _("see what calls cost"),
    Right.FULL_NUMBERS: _("see whole telephone numbers"),
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
    Right.ACCOUNTS: _("manage Voximplant accounts and their keys"),
}

_EVERYTHING = frozenset(Right)
# Of the installation, not of an account: a role in one account does not bring them.
_EVERYWHERE = frozenset({Right.PEOPLE, Right.ACCOUNTS})
_CALLS = frozenset({Right.CALLS, Right.RECORDINGS, Right.ACD, Right.FULL_NUMBERS})

# One row a role. What each is for stands in docs/security.md. Those that MASKED_ROLES names
# lack FULL_NUMBERS all the same: ask `allowed`.
ROLES: Mapping[str, frozenset[Right]] = {
    "agent": _CALLS | {Right.LISTEN, Right.COSTS},
    "supervisor": _CALLS
    | {Right.LISTEN, Right.COSTS, Right.DOWNLOAD_MEDIA, Right.EXPORT, Right.SHARE_VIEWS},
    "finance": frozenset(
        {
            *(Right.CALLS, Right.COSTS, Right.FULL_NUMBERS),
            *(Right.TRANSACTIONS, Right.EXPORT, Right.SHARE_VIEWS),
        }
    ),
    "admin": _EVERYTHING,
    "auditor": frozenset(
        {
            *(Right.AUDIT, Right.CALLS, Right.COSTS, Right.FULL_NUMBERS),
            *(Right.EXPORT, Right.ALL_REPORTS, Right.TRAIL),
        }
    ),
    "owner": _EVERYTHING,
}


_NAMES: Mapping[str, StrOrPromise] = {
    "agent": pgettext_lazy("role", "agent"),
    "supervisor": pgettext_lazy("role", "supervisor"),
    "finance": pgettext_lazy("role", "finance"),
    "admin": pgettext_lazy("role", "admin"),
    "auditor": pgettext_lazy("role", "auditor"),
    "owner": pgettext_lazy("role", "owner"),
}


def role_name(role: str) -> StrOrPromise:
    """What people call a role; settings and tables call it the same in every language."""
    return _NAMES.get(role, role)


def allowed(role: str) -> frozenset[Right]:
    """What a role allows here; nothing for a name that is no role's."""
    row = ROLES.get(role, frozenset())
    return row - {Right.FULL_NUMBERS} if role in settings.MASKED_ROLES else row


def rights(user: AbstractBaseUser | AnonymousUser) -> frozenset[Right]:
    """All that the person's roles allow together in the active account."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return _EVERYTHING
    # A page asks a dozen times.
    known: dict[object, frozenset[Right]] = user.__dict__.setdefault("_known_rights", {})
    key = (accounts.slug(), settings.MASKED_ROLES)
    if key not in known:
        everywhere, here = _roles(user)
        known[key] = _of(everywhere) | (_of(here.get(accounts.slug(), ())) - _EVERYWHERE)
    return known[key]


def rights_everywhere(user: AbstractBaseUser | AnonymousUser) -> frozenset[Right]:
    """What the person may do whatever the account."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    return _EVERYTHING if user.is_superuser else _of(_roles(user)[0])


def may_open(user: AbstractBaseUser | AnonymousUser, account: Account) -> bool:
    """Whether the person has any role in the account, if there is such an account."""
    if not account.exists or not isinstance(user, User) or not user.is_active:
        return False
    everywhere, here = _roles(user)
    return user.is_superuser or bool(everywhere) or account.slug in here


def roles_anywhere(user: User) -> frozenset[str]:
    """The person's roles, be it everywhere or in a single account."""
    everywhere, here = _roles(user)
    return frozenset(everywhere).union(*here.values())


def _of(roles: Iterable[str]) -> frozenset[Right]:
    return frozenset().union(*(allowed(role) for role in roles))


type Roles = tuple[list[str], dict[str, list[str]]]


def _roles(user: User) -> Roles:
    """The person's roles everywhere, and those in single accounts by slug; read once."""
    known: Roles | None = getattr(user, "_known_roles", None)
    if known is None:
        known = [], {}
        with connection.cursor() as cursor:
            cursor.execute(_ROLES_OF, [user.pk, user.pk])
            for slug, role in cursor:
                if slug is not None:
                    known[1].setdefault(slug, []).append(role)
                elif role in ROLES:
                    known[0].append(role)
        user._known_roles = known  # type: ignore[attr-defined]
    return known


# By hand, since every request asks it: to put the like together takes Django fifty times as long
# as a database takes to answer it.
_ROLES_OF = f"""
    SELECT NULL, g.name FROM {Group._meta.db_table} g
    JOIN {User.groups.through._meta.db_table} m ON m.group_id = g.id WHERE m.user_id = %s
    UNION ALL
    SELECT a.slug, r.role FROM {Grant._meta.db_table} r
    JOIN {Account._meta.db_table} a ON a.id = r.account_id WHERE r.person_id = %s
"""  # noqa: S608


def may(user: AbstractBaseUser | AnonymousUser, right: Right) -> bool:
    return right in rights(user)


class NotAllowed(PermissionDenied):
    """A right is missing; the 403 page says which, and which roles have it."""

    def __init__(self, right: Right) -> None:
        roles = ", ".join(str(role_name(name)) for name in ROLES if right in allowed(name))
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
