"""What an order is about: the recordings it names, frozen as they are found."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.utils import timezone
from django.utils.translation import gettext as _t

from history.api.client import Client, Refused
from history.api.methods import GetCallHistory
from history.api.replies import CallSessionInfoType, RecordType
from history.connection import connect_politely
from history.models import accounts
from history.models.deletions import ORDERED, Deletion, DeletionItem, Fate, Holds, Scope
from history.numbers import as_stored
from history.recordings import peaks_key

# Recordings live at most three years on the platform.
EVER = timedelta(days=3 * 366)
BATCH = 200


def item_of(session: CallSessionInfoType, record: RecordType) -> DeletionItem:
    """A recording as an order remembers it; not saved, and of no order yet."""
    numbers = {
        as_stored(number)
        for call in session.calls
        for number in (call.remote_number, call.local_number)
        if number
    }
    item = DeletionItem(
        record_id=record.record_id,
        session_id=session.call_session_history_id,
        session_start=session.start_date,
        duration=record.duration,
        size=int(record.file_size) if record.file_size is not None else None,
        transcript=bool(record.transcription_url),
        numbers=sorted(numbers),
        peaks=peaks_key(record.record_url) if record.record_url else "",
    )
    item.digest = _digest(item, record.record_name or "")
    if record.is_removed:
        item.fate, item.note = Fate.GONE, _t("It was gone when it was looked for.")
        item.numbers, item.settled = [], timezone.now()
    return item


def _digest(item: DeletionItem, name: str) -> str:
    """SHA-256 of what the platform told of the recording, as a JSON list: see docs/security.md."""
    started = item.session_start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = [item.record_id, item.session_id, started, item.duration, item.size, name]
    return sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def find(order: Deletion) -> None:
    """Fills an order with everything it means; it may begin anew at any time."""
    order.items.all().delete()
    looked_at = 0
    batch: list[DeletionItem] = []
    for session in _sessions(connect_politely(), order):
        looked_at += 1
        batch += [item_of(session, r) for r in session.records if not r.is_removed]
        if len(batch) >= BATCH or looked_at % 1000 == 0:
            _keep(order, batch, looked_at)
            batch = []
    _keep(order, batch, looked_at)


def _keep(order: Deletion, batch: Iterable[DeletionItem], looked_at: int) -> None:
    order.hold(looked_at=looked_at)
    for item in batch:
        item.order = order
    DeletionItem.objects.bulk_create(batch, ignore_conflicts=True)


def _sessions(client: Client, order: Deletion) -> Iterator[CallSessionInfoType]:
    """The sessions an order is about; a number is looked for in child accounts too."""
    question = _question(order)
    if order.scope != Scope.NUMBER:
        return client.iterate_call_history(question)
    try:
        client.get_call_history(replace(question, child_account_id="all", count=1))
    except Refused:
        # An account without children may refuse to be asked for them.
        return client.iterate_call_history(question)
    return client.iterate_call_history(replace(question, child_account_id="all"))


def _question(order: Deletion) -> GetCallHistory:
    now = timezone.now()
    return GetCallHistory(
        from_date=_wall(order.from_date or now - EVER),
        to_date=_wall(order.to_date or now + timedelta(days=1)),
        application_name=order.application or None,
        with_calls=True,
        with_records=True,
        with_other_resources=False,
        with_total_count=False,
        remote_number=tuple(order.numbers),
        count=None,
    )


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def marked(items: Iterable[DeletionItem], order: Deletion | None = None) -> list[DeletionItem]:
    """The items with what keeps each from being deleted: a hold, or another order."""
    holds, items = Holds(), list(items)
    elsewhere = _ordered_elsewhere([item.record_id for item in items], order)
    for item in items:
        if item.fate != Fate.WAITING:
            continue
        hold = holds.on(item)
        if hold is not None:
            item.fate = Fate.HELD
            item.note = hold.words
        elif other := elsewhere.get(item.record_id):
            item.fate = Fate.ELSEWHERE
            item.note = _t("It is being deleted already, by order %(id)d.") % {"id": other}
    return items


def _ordered_elsewhere(record_ids: list[int], order: Deletion | None) -> dict[int, int]:
    others = DeletionItem.objects.filter(
        record_id__in=record_ids,
        fate=Fate.WAITING,
        order__state__in=ORDERED,
        order__account=accounts.slug(),
    )
    if order is not None:
        others = others.exclude(order=order)
    return dict(others.values_list("record_id", "order_id"))
