"""What is certified of a deletion: which recordings, what became of each, who ordered it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from django.utils.translation import gettext as _t

from history.models.deletions import Deletion, DeletionItem, State
from history.models.trail import TrailEntry


def items_of(order: Deletion) -> Iterator[dict[str, Any]]:
    """The recordings as the certificate lists them, by their IDs."""
    for item in order.items.order_by("record_id").iterator(chunk_size=500):
        yield _item(item)


def _item(item: DeletionItem) -> dict[str, Any]:
    return {
        "record_id": item.record_id,
        "call_session_history_id": item.session_id,
        "session_start": _moment(item.session_start),
        "duration_seconds": item.duration,
        "file_size_bytes": item.size,
        "had_transcript": item.transcript,
        "sha256_of_description": item.digest,
        "result": item.fate,
        "note": item.note,
        "at": _moment(item.settled),
    }


def items_digest(order: Deletion) -> str:
    """SHA-256 over the list, one JSON object a line with sorted keys: it stands in the trail."""
    digest = sha256()
    for item in items_of(order):
        line = json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def certificate(order: Deletion, entry: TrailEntry, results: dict[str, int]) -> dict[str, Any]:
    """All but the list of recordings, which stays in its rows; `entry` is the trail's, `results`
    how many recordings met which fate. An order that was stopped says by whom."""
    return {
        "certificate": "Voxledger deletion",
        "version": 1,
        "order": order.pk,
        "account_id": order.number,
        "what": order.get_scope_display(),
        "numbers": order.numbers,
        "application": order.application,
        "from": _moment(order.from_date),
        "to": _moment(order.to_date),
        "reason": order.reason,
        "ordered_by": order.ordered_by,
        "ordered_at": _moment(order.ordered),
        "approved_by": order.approved_by,
        "approved_at": _moment(order.approved),
        "started_at": _moment(order.started),
        "cancelled_by": order.cancelled_by,
        "cancelled_because": order.note if order.state == State.STOPPING else "",
        "results": results,
        "ended_at": _moment(order.ended),
        "items_sha256": entry.details["items_sha256"],
        "trail": {"entry": entry.number, "hash": entry.hash},
        "not_erased": not_erased(),
    }


def not_erased() -> list[str]:
    """What no order can erase, since the API offers no way."""
    return [
        _t("The call detail record: times, numbers, costs and custom data of the call."),
        _t("Session logs, which the platform itself deletes after one month."),
        _t("Billing transactions, which name the recording as an item."),
        _t("The platform's audit log, which will say that the recording was deleted."),
        _t("Recordings in a storage of your own, outside the platform."),
        _t("Files that people downloaded or exported before."),
    ]


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
