"""Retention rules: recordings that are older than so many days go, by orders like any other."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _t

from history.api.errors import NotSetUp
from history.connection import connect
from history.deletions.finding import EVER
from history.models import accounts
from history.models.deletions import STOPPABLE, Deletion, RetentionRule, Scope, State

logger = logging.getLogger(__name__)

EVERY = timedelta(days=1)
# A recording may appear some days after its call, and an order may have met one that failed.
ONCE_MORE = timedelta(days=14)


def run_due(now: datetime) -> Iterator[Deletion]:
    """The orders of the rules whose time has come."""
    for rule in RetentionRule.objects.filter(enabled=True, next_run__lte=now):
        # One that still waits for approval would only be met again.
        is_open = rule.orders.filter(state__in=STOPPABLE, dry=False).exists()
        if rule.claim(now + EVERY) and not is_open:
            with accounts.using(rule.account):
                try:
                    order = draft(rule)
                except NotSetUp as error:
                    logger.warning("Retention rule %s rests: %s", rule.pk, error)
                    continue
            yield order


def draft(rule: RetentionRule, *, dry: bool = False) -> Deletion:
    """An order that first looks for what the rule means; a dry one waits to be confirmed."""
    now = timezone.now()
    begin = now - EVER if dry or rule.searched is None else rule.searched - ONCE_MORE
    owner = rule.owner
    return Deletion.objects.create(
        number=connect().account_id,
        scope=Scope.APPLICATION if rule.application else Scope.PERIOD,
        application=rule.application,
        from_date=begin,
        to_date=now - timedelta(days=rule.keep_days),
        rule=rule,
        dry=dry,
        state=State.FINDING,
        reason=_t("Retention: %(reason)s") % {"reason": rule.reason},
        owner=owner,
        ordered_by=owner.get_username() if owner else "",
    )
