"""What the workers do for deletions. Messages carry ids only; the state lives in the rows."""

import logging
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from history.deletions import retention, running
from history.models.deletions import Deletion, State

logger = logging.getLogger(__name__)

KEEP_DRAFTS = timedelta(days=1)
SOON = timedelta(minutes=1)


@shared_task
def work(order_id: int) -> None:
    """The next step of an order: look for recordings, or delete some."""
    order = running.step(order_id)
    if order is not None:
        send(order)


def send(order: Deletion) -> None:
    """Sends an order's next step if it is soon; a later one is picked up by `run_due`."""
    wait = order.due - timezone.now()
    if wait > SOON:
        return

    def publish() -> None:
        try:
            work.apply_async((order.pk,), countdown=max(0, wait.total_seconds()))
        except work.OperationalError as error:
            logger.warning("Deletion %s waits for a broker: %s", order.pk, error)

    transaction.on_commit(publish)


def run_due() -> None:
    """Picks up what is due, and what a killed worker left; clears drafts nobody confirmed."""
    for order in Deletion.ready():
        send(order)
    drafts = Deletion.objects.filter(state__in=(State.DRAFT, State.LOST), ordered=None)
    drafts.filter(created__lt=timezone.now() - KEEP_DRAFTS).delete()


@shared_task
def apply_retention() -> None:
    """Makes the orders that the retention rules want today."""
    for order in retention.run_due(timezone.now()):
        send(order)
