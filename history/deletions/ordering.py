"""From a wish to an order, and what people do with it: confirm, approve, cancel, retry."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from history.deletions.finding import marked
from history.models.deletions import (
    RETRIABLE,
    STOPPABLE,
    Deletion,
    DeletionItem,
    Fate,
    State,
)
from history.models.trail import Action
from history.trail import masked, note


class OwnOrder(Exception):
    """Nobody approves an own order."""


class TooLate(Exception):
    """The order has moved on: somebody else was first."""


def place(order: Deletion, by: HttpRequest | User | None, reason: str) -> None:
    """Makes a draft an order: what is held or ordered elsewhere stays out. Raises TooLate."""
    needs_approval = settings.DELETION_NEEDS_APPROVAL
    with transaction.atomic():
        ordered = order.claim(
            State.DRAFT,
            State.UNAPPROVED if needs_approval else State.WAITING,
            reason=reason,
            ordered=timezone.now(),
            due=timezone.now() if needs_approval else _begin(),
        )
        if not ordered:
            raise TooLate
        leave_out(order, order.items.filter(fate=Fate.WAITING))
        note(
            by,
            Action.DELETE_ORDERED,
            "deletion",
            order.pk,
            recordings=order.items.filter(fate=Fate.WAITING).count(),
            scope=order.scope,
            reason=masked(reason),
            rule=order.rule_id,
        )


def leave_out(order: Deletion, items: Iterable[DeletionItem]) -> None:
    for item in marked(items, order):
        if item.fate != Fate.WAITING:
            item.settle(Fate(item.fate), item.note)


def _begin() -> datetime:
    return timezone.now() + timedelta(minutes=settings.DELETION_DELAY_MINUTES)


def approve(order: Deletion, request: HttpRequest, user: User) -> None:
    """The second person agrees: the delay begins. Raises OwnOrder, TooLate."""
    if order.owner_id == user.pk:
        raise OwnOrder
    with transaction.atomic():
        approved = order.claim(
            State.UNAPPROVED,
            State.WAITING,
            approver=user,
            approved_by=user.get_username(),
            approved=timezone.now(),
            due=_begin(),
        )
        if not approved:
            raise TooLate
        note(request, Action.DELETE_APPROVED, "deletion", order.pk)


def cancel(order: Deletion, request: HttpRequest, user: User) -> None:
    """Nothing more is deleted; what is gone is gone, and will be certified. Raises TooLate."""
    by = {"cancelled_by": user.get_username(), "ended": timezone.now()}
    with transaction.atomic():
        if order.claim(State.RUNNING, State.STOPPING, note="", **by):
            Deletion.objects.filter(pk=order.pk).update(due=_answered(order))
            order.refresh_from_db()
        elif not order.claim(STOPPABLE, State.CANCELLED, numbers=_cut(order), **by):
            raise TooLate
        order.items.filter(fate=Fate.WAITING).update(numbers=[])
        if order.ordered:
            note(request, Action.DELETE_CANCELLED, "deletion", order.pk)


def _cut(order: Deletion) -> list[str]:
    """Its numbers as an order keeps them that is over."""
    return [masked(number) for number in order.numbers]


def _answered(order: Deletion) -> datetime:
    """When a request that is on its way now has its answer, if there may be one."""
    is_asked = order.items.filter(fate=Fate.WAITING, asked=True).exists()
    return timezone.now() + timedelta(seconds=settings.VOX_TIMEOUT + 5 if is_asked else 0)


def retry(order: Deletion, request: HttpRequest) -> int:
    """Tries once more what failed or was refused; how many. Raises TooLate."""
    with transaction.atomic():
        if not order.claim(State.DONE, State.RUNNING, due=timezone.now(), ended=None, note=""):
            raise TooLate
        again = order.items.filter(fate__in=RETRIABLE).update(
            fate=Fate.WAITING, note="", settled=None, attempts=0
        )
        note(request, Action.DELETE_ORDERED, "deletion", order.pk, recordings=again, again=True)
    return again
