"""Who may change whom, and that somebody is always left who can.

Owners and admins manage people. What an owner is and has, only owners change: otherwise an admin
could make himself one, or take an owner's account over with a link for a new password.
"""

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _t

from dashboard.models import Invitation
from history.permissions import ROLES, Right, may

OWNERS = Q(is_superuser=True) | Q(groups__name="owner")


def roles_of(person: User) -> list[str]:
    """In the order of the table."""
    names = {group.name for group in person.groups.all()}
    return [role for role in ROLES if role in names]


def is_owner(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and (user.is_superuser or "owner" in roles_of(user))


def may_change(by: AbstractBaseUser | AnonymousUser, person: User) -> bool:
    return may(by, Right.PEOPLE) and (is_owner(by) or not is_owner(person))


def demand_change(by: AbstractBaseUser | AnonymousUser, person: User) -> None:
    if not may_change(by, person):
        raise PermissionDenied(_t("Only an owner may change an owner."))


def roles_to_give(by: AbstractBaseUser | AnonymousUser) -> list[str]:
    return [role for role in ROLES if role != "owner" or is_owner(by)]


def give_roles(person: User, roles: Iterable[str]) -> None:
    """Exactly these of the table; groups that are no roles stay."""
    others = person.groups.exclude(name__in=ROLES)
    given = [Group.objects.get_or_create(name=role)[0] for role in roles]
    person.groups.set([*others, *given])


def others_than(person: User) -> QuerySet[User]:
    # Locked, so that the last two cannot remove each other at the same moment.
    list(Group.objects.select_for_update().filter(name__in=("owner", "admin")))
    return User.objects.filter(is_active=True).exclude(pk=person.pk)


def last_as(person: User) -> str | None:
    """The role that nobody else who is active could stand in for; within a transaction."""
    others = others_than(person)
    if others.filter(OWNERS).exists() or not person.is_active:
        return None
    if is_owner(person):
        return "owner"
    alone = "admin" in roles_of(person) and not others.filter(groups__name="admin").exists()
    return "admin" if alone else None


def withdraw_links_of(person: User) -> None:
    """Who no longer manages people leaves no way in behind."""
    if not may(User.objects.get(pk=person.pk), Right.PEOPLE):
        Invitation.open_ones().filter(by_id=person.pk).delete()
