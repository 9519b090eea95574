"""The sandbox at ten thousand, a hundred thousand and a million sessions, filter by filter.

Each question is for the newest 20 rows of a year, or for their number. What it filters by is taken
from a row in the middle of each account. The floor is the same question to the smallest account.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.figures import alternate, p50, p95, tell
from benchmarks.world import KEPT, Api, programs, start_sandbox
from history.api.client import Client
from history.api.methods import (
    GetACDHistory,
    GetAuditLog,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
    Method,
)

SIZES = (10_000, 100_000, 1_000_000)
TURNS = 40
REPORTS = 5
END = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(days=1)
YEAR: dict[str, Any] = {"from_date": END - timedelta(days=364), "to_date": END}
MIDDLE: dict[str, Any] = {
    "from_date": END - timedelta(days=180),
    "to_date": END - timedelta(days=150),
}
PAGE: dict[str, Any] = {"count": 20, "desc_order": True, "with_total_count": False}
COUNT: dict[str, Any] = {"count": 1, "with_total_count": True}


def questions(client: Client) -> Iterator[tuple[str, Method]]:
    """Name and question, for each filter that has an index, and for the counts."""
    for noun, method, known in (
        ("sessions", GetCallHistory, _of_sessions(client)),
        ("transactions", GetTransactionHistory, _of_transactions(client)),
        ("acd", GetACDHistory, _of_acd(client)),
        ("audit", GetAuditLog, _of_audit(client)),
    ):
        paged = PAGE if method is not GetACDHistory else {"count": 20, "desc_order": True}
        asked: Mapping[str, Mapping[str, Any]] = {"period": {}, **known}
        for name, filters in asked.items():
            yield f"{noun}_by_{name}", method(**YEAR, **paged, **filters)
            if method in (GetCallHistory, GetTransactionHistory):
                yield f"{noun}_by_{name}_count", method(**YEAR, **COUNT, **filters)


def _of_sessions(client: Client) -> dict[str, dict[str, Any]]:
    rows = client.get_call_history(GetCallHistory(**MIDDLE, with_calls=True, count=1000)).result
    row = next(r for r in rows if r.custom_data and r.user_id and r.calls and r.rule_name)
    call, others = row.calls[0], [c.remote_number for r in rows[:5] for c in r.calls[:1]]
    application = {"application_id": row.application_id}
    return {
        "application": application,
        "application_name": {"application_name": row.application_name},
        "rule": {**application, "rule_name": row.rule_name},
        "user": {"user_id": (row.user_id,)},
        "remote_number": {"remote_number": (call.remote_number,)},
        "remote_numbers": {"remote_number": tuple(filter(None, others))},
        "local_number": {"local_number": (call.local_number,)},
        "custom_data": {"call_session_history_custom_data": row.custom_data},
        "ids": {"call_session_history_id": (row.call_session_history_id,)},
        "min_duration": {"min_duration": 600},
        "durations": {"min_duration": 50, "max_duration": 100},
        "children": {"child_account_id": "all"},
        "application_and_user": {**application, "user_id": (row.user_id,)},
    }


def _of_transactions(client: Client) -> dict[str, dict[str, Any]]:
    rows = client.get_transaction_history(
        GetTransactionHistory(**MIDDLE, with_extended_info=True, count=1000)
    ).result
    row = next(r for r in rows if r.application_id and r.resource_type and r.price_group_name)
    return {
        "type": {"transaction_type": (row.transaction_type,)},
        "application": {"application_id": row.application_id},
        "resource_type": {"resource_type": (row.resource_type,)},
        "price_group": {"price_group_name": (row.price_group_name,)},
        "ids": {"transaction_id": (row.transaction_id,)},
        "users_only": {"users_transactions_only": True},
        "children": {"child_account_id": "all"},
    }


def _of_acd(client: Client) -> dict[str, dict[str, Any]]:
    rows = client.get_acd_history(GetACDHistory(**MIDDLE, count=1000)).result
    row = next(r for r in rows if r.user_id)
    return {
        "queue": {"acd_queue_id": (row.acd_queue_id,)},
        "user": {"user_id": (row.user_id,)},
        "request": {"acd_request_id": (row.acd_request_id,)},
        "waiting": {"min_waiting_time": 60},
        "unserviced": {"unserviced": True},
    }


def _of_audit(client: Client) -> dict[str, dict[str, Any]]:
    rows = client.get_audit_log(GetAuditLog(**MIDDLE, count=100)).result
    row = next(r for r in rows if r.subuser_id and r.ip)
    return {"command": {"filtered_cmd": (row.cmd_name,)}, "ip": {"filtered_ip": (row.ip,)}}


def measure(apis: list[Api]) -> None:
    askers = [api.asker() for api in apis]
    for asked in zip(*(questions(api.client()) for api in apis), strict=True):
        name = asked[0][0]

        def ways() -> Iterator[Any]:
            for ask, (_, params) in zip(askers, asked, strict=True):  # noqa: B023
                yield lambda ask=ask, params=params: ask(params)

        taken = alternate(TURNS, *ways())
        for size, times in list(zip(SIZES, taken, strict=True))[1:]:
            tell(f"{name}_{size}", p50(times), "ms", floor=p50(taken[0]), n=TURNS)
        tell(f"{name}_{SIZES[-1]}_p95", p95(taken[-1]), "ms", floor=p95(taken[0]), n=TURNS)


def measure_csv(api: Api) -> None:
    """Rows a second of a report, against SQLite's own shell writing the same rows."""
    client = api.client()
    period: dict[str, Any] = {"from_date": END - timedelta(days=29), "to_date": END}
    sessions = 0

    def report() -> None:
        nonlocal sessions
        order = client.order_call_history(GetCallHistory(**period, with_calls=True))
        asked = GetHistoryReports(history_report_id=order.history_report_id)
        while not (row := client.get_history_reports(asked).result[0]).completed:
            time.sleep(0.05)
        sessions = (row.calculated_data or {})["session_count"]

    shell = shutil.which("sqlite3")
    if shell is None:
        print("no sqlite3 on the PATH: its floor is left out", file=sys.stderr)
        [times] = alternate(REPORTS, report)
        tell("csv", sessions / p50(times) * 1000, "sessions/s", n=REPORTS)
        return
    command = [shell, "-csv", str(KEPT / str(SIZES[-1]) / "sandbox.sqlite3"), _same_rows(period)]
    ours, peer = alternate(
        REPORTS,
        report,
        lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True),
    )
    floor = sessions / p50(peer) * 1000
    tell("csv", sessions / p50(ours) * 1000, "sessions/s", floor=floor, n=REPORTS)


def _same_rows(period: Mapping[str, datetime]) -> str:
    first, last = (int(moment.replace(tzinfo=UTC).timestamp()) for moment in period.values())
    return (
        "SELECT * FROM sessions LEFT JOIN calls USING (session_id)"
        " JOIN applications USING (application_id) LEFT JOIN end_reasons USING (end_reason_id)"
        f" WHERE session_id BETWEEN ({first} - 1704067200) * 128 AND ({last} - 1704067200) * 128"
        " AND sessions.account_id = (SELECT account_id FROM accounts WHERE parent_id IS NULL)"
    )


def main() -> None:
    with programs() as supervisor:
        apis = [start_sandbox(supervisor, size, "--report-seconds", "0") for size in SIZES]
        measure(apis)
        measure_csv(apis[-1])


if __name__ == "__main__":
    main()
