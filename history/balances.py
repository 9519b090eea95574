"""Opening and closing balances: the API tells them only with a finished transaction report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from history.api import wire
from history.api.client import Client
from history.api.methods import GetHistoryReports
from history.api.replies import HistoryReportType
from history.periods import Period

LOOKED_AT = 200  # newest reports
# What a report may have been asked beside its period and still cover all of it.
_NEUTRAL = frozenset(
    (
        *("from_date", "to_date", "timezone", "desc_order", "with_total_count"),
        *("with_header", "output", "is_async", "decimal_separator", "with_extended_info"),
        *("cmd", "account_id"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Balances:
    """As a report told them: amount and currency, such as `17.4 EUR`."""

    opening: str
    closing: str
    transactions: int | None
    report_id: int
    completed: datetime


def balances_of(client: Client, period: Period) -> Balances | None:
    """What the newest report of exactly this period, without any filter, says."""
    question = GetHistoryReports(
        history_type=("transactions",), is_completed=True, desc_order=True, count=LOOKED_AT
    )
    for report in client.get_history_reports(question).result:
        if _covers(report.filters or {}, period) and (told := _told(report)):
            return told
    return None


def _covers(filters: Mapping[str, Any], period: Period) -> bool:
    if any(value for name, value in filters.items() if name not in _NEUTRAL):
        return False
    try:
        zone = wire.zone(str(filters.get("timezone", "Etc/GMT")))
        start = wire.instant(wire.parse_wall_clock(str(filters["from_date"])), zone)
        end = wire.instant(wire.parse_wall_clock(str(filters["to_date"])), zone, last=True)
    except (KeyError, ValueError):
        return False
    return (start, end) == (period.start, period.end)


def _told(report: HistoryReportType) -> Balances | None:
    data = report.calculated_data or {}
    opening, closing = data.get("start_balance"), data.get("end_balance")
    if not (opening and closing and report.completed):
        return None
    count = data.get("transaction_count")
    return Balances(
        opening=str(opening),
        closing=str(closing),
        transactions=count if type(count) is int else None,
        report_id=report.history_report_id,
        completed=report.completed,
    )
