"""Who may do what with reports: the one place that decides it."""

from collections.abc import Mapping

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet

from history.models.reports import Kind, Report
from history.permissions import Right, may

type Person = AbstractBaseUser | AnonymousUser

# What a report shows is what its list shows.
SHOWS: Mapping[str, Right] = {
    Kind.CALLS: Right.CALLS,
    Kind.CALLS_BRIEF: Right.CALLS,
    Kind.TRANSACTIONS: Right.TRANSACTIONS,
    Kind.TRANSACTIONS_ON_HOLD: Right.TRANSACTIONS,
    Kind.AUDIT: Right.AUDIT,
    Kind.ACD: Right.ACD,
    Kind.REMOTE: Right.ALL_REPORTS,
}


def may_order(user: Person, kind: str) -> bool:
    """Whether the person may order reports of this kind, and see what is in them."""
    return kind in SHOWS and may(user, Right.EXPORT) and may(user, SHOWS[kind])


def visible(user: Person) -> "QuerySet[Report]":
    """The account's reports of kinds the person may see: the own and the shared ones, or all."""
    seen = Report.here.filter(kind__in=[kind for kind in Kind.values if may_order(user, kind)])
    if may(user, Right.ALL_REPORTS):
        return seen
    return seen.filter(Q(owner_id=user.pk) | Q(shared=True))


def may_change(user: Person, report: Report) -> bool:
    """Cancel, retry, delete its file: its owner, or who sees all."""
    return report.owner_id == user.pk or may(user, Right.ALL_REPORTS)
