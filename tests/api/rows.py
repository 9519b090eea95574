"""A list API over rows in memory: the plain answer that splitting is compared with.

It knows the four list methods, sorts by date and id, and refuses what lies beyond its limits.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.api.remote import Answer, Received, as_json

NAMES = {  # method: (id, date, whether it has with_total_count and what that defaults to)
    "GetCallHistory": ("call_session_history_id", "start_date", True),
    "GetTransactionHistory": ("transaction_id", "performed_at", True),
    "GetACDHistory": ("acd_session_history_id", "begin_time", None),
    "GetAuditLog": ("audit_log_id", "requested", False),
}
REST = {
    "GetCallHistory": {},
    "GetTransactionHistory": {"amount": 1, "currency": "EUR", "transaction_type": "gift"},
    "GetACDHistory": {},
    "GetAuditLog": {"cmd_name": "AddUser"},
}


@dataclass
class RowsApi:
    """Rows are (moment, id). `max_count` and `max_offset` are refused beyond, `cap` cuts pages
    short without a word. `after(n, change)` changes the rows once n pages were asked for."""

    rows: list[tuple[datetime, int]] = field(default_factory=list)
    max_count: int = 1000
    max_offset: int = 10_000
    cap: int | None = None
    location: str = "Asia/Yekaterinburg"
    asked: list[dict[str, str]] = field(default_factory=list)
    changes: dict[int, Any] = field(default_factory=dict)

    def __call__(self, received: Received) -> Answer:
        method = received.path.rpartition("/")[2]
        given = {name: texts[-1] for name, texts in received.fields.items()}
        self.asked.append(given)
        if change := self.changes.pop(len(self.asked), None):
            change()
        return self.answer(method, given)

    def answer(self, method: str, given: dict[str, str]) -> Answer:
        count, offset = int(given.get("count", 20)), int(given.get("offset", 0))
        if count > self.max_count or offset > self.max_offset:
            return as_json({"error": {"code": 497, "msg": "Out of range."}})
        key, date, counts = NAMES[method]
        name = given.get("timezone", "Etc/GMT")
        zone = ZoneInfo(self.location if name == "auto" else name)
        start, end = (datetime.fromisoformat(given[name]) for name in ("from_date", "to_date"))
        matching = sorted(
            (moment, number)
            for moment, number in self.rows
            if start <= moment.astimezone(zone).replace(tzinfo=None) <= end
        )
        if given.get("desc_order") == "true":
            matching.reverse()
        page = matching[offset : offset + min(count, self.cap or count)]
        answer: dict[str, Any] = {
            "result": [
                {
                    **REST[method],
                    key: number,
                    date: f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                }
                for moment, number in page
            ],
            "count": len(page),
        }
        if counts is not None:
            answer["timezone"] = str(zone)
        if counts is None or given.get("with_total_count", str(counts).lower()) == "true":
            answer["total_count"] = len(matching)
        return as_json(answer)


def moments(start: datetime, seconds: list[int]) -> list[tuple[datetime, int]]:
    """Rows at these seconds after `start`, numbered from 1."""
    return [
        (start.astimezone(UTC) + timedelta(seconds=second), number)
        for number, second in enumerate(seconds, 1)
    ]
