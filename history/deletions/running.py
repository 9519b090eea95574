"""Carrying an order out: each step is short, may be killed at any moment, and may run twice."""

import logging
import time
from datetime import UTC, timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _t

from history.api.client import Client, Refused, RemoteError, Unreachable
from history.api.errors import CREDENTIAL_CODES, FORBIDDEN, NotSetUp
from history.api.methods import DeleteRecord, GetCallHistory
from history.connection import connect_politely
from history.deletions import ordering
from history.deletions.certificate import certificate, items_digest
from history.deletions.finding import find
from history.models import accounts
from history.models.deletions import (
    RETRIABLE,
    Deletion,
    DeletionItem,
    Fate,
    Holds,
    LostOrder,
    RetentionRule,
    State,
)
from history.models.people import language_of
from history.models.trail import Action
from history.trail import masked, note
from history.trouble import trouble

logger = logging.getLogger(__name__)

NO_SUCH_RECORD = 341
# A worker is free for others after so long.
SLICE, MOST_AT_ONCE = 20, 200  # seconds, recordings
ATTEMPTS = 4
BACKOFF = (2, 10, 60)  # seconds before the next attempts
GIVE_UP_FINDING = 3600
# What was on its way when an order was stopped is asked about for so long.
PATIENCE = timedelta(hours=1)


def step(pk: int) -> Deletion | None:
    """The next step of an order; the order, if there is more to do."""
    order = Deletion.take(pk)
    if order is None:
        return None
    try:
        with accounts.using(order.account), translation.override(language_of(order.owner)):
            if order.state == State.STOPPING:
                _stop(order)
            elif _is_elsewhere(order):
                return order if order.moving else None
            elif order.state == State.FINDING:
                _find(order)
            else:
                _run(order)
    except NotSetUp as error:
        # Its account was switched off or lost its key: the order waits.
        order.lay_down(BACKOFF[-1], note=error.reason)
        return order
    except LostOrder:
        return None
    return order if order.moving else None


def _is_elsewhere(order: Deletion) -> bool:
    """IDs mean something only in the account where they were found."""
    account = connect_politely().account_id
    if account == order.number:
        return False
    words = _t(
        "The order was made for the account %(then)d, and the dashboard asks %(now)d by now:"
        " nothing more is deleted."
    ) % {"then": order.number, "now": account}
    if order.started:
        order.hold(state=State.STOPPING, note=words, ended=timezone.now())
        order.lay_down()
    else:
        order.hold(state=State.CANCELLED, note=words, ended=timezone.now())
    return True


# Finding


def _find(order: Deletion) -> None:
    try:
        find(order)
    except RemoteError as error:
        waited = (timezone.now() - order.created).total_seconds()
        words = trouble(error)
        if not error.retryable or waited > GIVE_UP_FINDING:
            order.hold(state=State.LOST, note=f"{words.title}. {words.happened}")
        else:
            order.lay_down(error.retry_after or BACKOFF[1], note=str(words.title))
        return
    order.hold(state=State.DRAFT, note="")
    Deletion.objects.filter(pk=order.pk).update(lease="", lease_until=None)
    if order.rule_id and not order.dry:
        _order_by_rule(order)


def _order_by_rule(order: Deletion) -> None:
    """A rule confirms itself; an order about nothing is not kept."""
    if order.items.exists():
        ordering.place(order, order.owner, order.reason)
        return
    if order.rule is not None:
        RetentionRule.objects.filter(pk=order.rule.pk).update(searched=order.to_date)
    order.delete()


# Deleting


def _run(order: Deletion) -> None:
    if order.state == State.WAITING:
        order.hold(state=State.RUNNING, started=order.started or timezone.now())
    client, until = connect_politely(), time.monotonic() + SLICE
    for item in order.items.filter(fate=Fate.WAITING)[:MOST_AT_ONCE]:
        try:
            _delete(client, order, item)
        except RemoteError as error:
            if _endure(order, item, error):
                return
        if time.monotonic() > until:
            break
    if order.items.filter(fate=Fate.WAITING).exists():
        order.lay_down()
    else:
        _finish(order)


def _delete(client: Client, order: Deletion, item: DeletionItem) -> None:
    """Raises RemoteError where it is not known, or not final, what became of the recording."""
    if hold := Holds().on(item):
        item.settle(Fate.HELD, hold.words)
        return
    asked_before = item.asked
    _remember(item, asked=True, attempts=item.attempts + 1)
    try:
        # Whoever cancels it from here on sees that something is on its way.
        order.hold()
    except LostOrder:
        _remember(item, asked=asked_before)
        raise
    try:
        client.delete_record(DeleteRecord(record_id=item.record_id))
    except Refused as error:
        _remember(item, asked=asked_before)
        if error.code == NO_SUCH_RECORD:
            _settle_missing(order, item, asked_before=asked_before)
            return
        if error.retryable or error.code in CREDENTIAL_CODES or error.code == FORBIDDEN:
            raise
        item.settle(Fate.REFUSED, _t("The platform refused it: %(msg)s") % {"msg": error.msg})
    except Unreachable as error:
        if not error.sent:
            _remember(item, asked=asked_before)
        raise
    else:
        _settle_deleted(order, item, "")


def _remember(item: DeletionItem, **fields: object) -> None:
    DeletionItem.objects.filter(pk=item.pk).update(**fields)
    for name, value in fields.items():
        setattr(item, name, value)


def _settle_missing(order: Deletion, item: DeletionItem, *, asked_before: bool) -> None:
    if asked_before:
        _settle_deleted(
            order, item, _t("The first answer was lost; asked again, the platform says it is gone.")
        )
    else:
        item.settle(Fate.GONE, _t("The platform had no such recording any more."))
        _forget(item)


def _settle_deleted(order: Deletion, item: DeletionItem, words: str) -> None:
    with transaction.atomic():
        if item.settle(Fate.DELETED, words):
            note(
                order.owner,
                Action.DELETED,
                "recording",
                item.record_id,
                session=item.session_id,
                order=order.pk,
                ordered_by=order.ordered_by,
            )
    _forget(item)


def _forget(item: DeletionItem) -> None:
    """Nothing of a deleted recording stays in the cache."""
    if item.peaks:
        cache.delete_many([item.peaks, f"{item.peaks}:making"])


def _endure(order: Deletion, item: DeletionItem, error: RemoteError) -> bool:
    """Whether the order is laid down for a while, or ended; else the next item is tried."""
    words = trouble(error)
    said = f"{words.title}. {words.happened}"
    if isinstance(error, Refused) and not error.retryable:
        # The key itself is refused: it would be for all the others too.
        for waiting in order.items.filter(fate=Fate.WAITING):
            waiting.settle(Fate.FAILED, said)
        _finish(order)
        return True
    if item.attempts >= ATTEMPTS:
        item.settle(Fate.FAILED, said)
        return False
    wait = max(BACKOFF[min(item.attempts, len(BACKOFF)) - 1], error.retry_after or 0)
    order.lay_down(wait, note=_t("Trying again: %(words)s") % {"words": words.title})
    return True


# Stopping on the way


def _stop(order: Deletion) -> None:
    """Certifies what a cancelled order has deleted by then, and what it has not."""
    for item in order.items.filter(fate=Fate.WAITING, asked=True):
        # The request had left when the order was stopped, and its answer never came.
        order.hold()
        try:
            is_gone = _is_gone(order, item)
        except RemoteError as error:
            if error.retryable and timezone.now() < (order.ended or order.created) + PATIENCE:
                order.lay_down(BACKOFF[-1])
                return
            is_gone = None
        if is_gone:
            _settle_deleted(order, item, _t("The answer was lost; the platform says it is gone."))
        elif is_gone is None:
            item.settle(Fate.FAILED, _t("It was asked for, and nobody knows what became of it."))
    words = order.note or _t("The order was cancelled before its turn.")
    for item in order.items.filter(fate=Fate.WAITING):
        item.settle(Fate.STAYED, words)
    _finish(order, State.CANCELLED)


def _is_gone(order: Deletion, item: DeletionItem) -> bool | None:
    """Whether the platform has the recording no more; None where that cannot be asked."""
    if connect_politely().account_id != order.number:
        return None
    day = item.session_start.astimezone(UTC).replace(tzinfo=None)
    question = GetCallHistory(
        from_date=day - timedelta(days=1),
        to_date=day + timedelta(days=1),
        call_session_history_id=(item.session_id,),
        with_records=True,
        with_total_count=False,
        count=1,
    )
    found = connect_politely().get_call_history(question).result
    records = [r for session in found for r in session.records if r.record_id == item.record_id]
    return all(record.is_removed for record in records) if records else None


def _finish(order: Deletion, state: State = State.DONE) -> None:
    """Certifies the order; its numbers are cut, for it need not know any more whose they were."""
    now = timezone.now()
    with transaction.atomic():
        fates = {fate: order.items.filter(fate=fate).count() for fate in Fate.values}
        entry = note(
            order.owner,
            Action.DELETE_DONE,
            "deletion",
            order.pk,
            items_sha256=items_digest(order),
            **{fate: count for fate, count in fates.items() if count},
        )
        order.numbers = [masked(number) for number in order.numbers]
        order.ended = now
        order.hold(
            state=state,
            note=order.note if state == State.CANCELLED else "",
            ended=now,
            numbers=order.numbers,
            certificate=certificate(order, entry, {f: n for f, n in fates.items() if n}),
        )
        Deletion.objects.filter(pk=order.pk).update(lease="", lease_until=None)
        if state != State.DONE or order.rule is None:
            return
        if not order.items.filter(fate__in=RETRIABLE).exists():
            RetentionRule.objects.filter(pk=order.rule.pk).update(searched=order.to_date)
