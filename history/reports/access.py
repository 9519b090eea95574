"""Who may do what with reports: the one place that decides it."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet

from history.models.reports import Kind, Report

type Person = AbstractBaseUser | AnonymousUser


def may(user: Person, action: str) -> bool:
    """Whether the person may do `action`: `order <kind>`, `see all reports`, `share reports`."""
    if not (user.is_authenticated and user.is_active):
        return False
    if action == "see all reports":
        return bool(getattr(user, "is_superuser", False))
    return True


def may_order(user: Person, kind: str) -> bool:
    return may(user, f"order {kind}")


def visible(user: Person) -> "QuerySet[Report]":
    """The reports a person may see: the own, the shared of kinds he may order, or all."""
    if may(user, "see all reports"):
        return Report.objects.all()
    kinds = [kind for kind in Kind.values if may_order(user, kind)]
    return Report.objects.filter(Q(owner_id=user.pk) | Q(shared=True, kind__in=kinds))


def may_change(user: Person, report: Report) -> bool:
    """Cancel, retry, delete its file: its owner, or who sees all."""
    return report.owner_id == user.pk or may(user, "see all reports")
