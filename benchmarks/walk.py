"""All rows of a period that offsets cannot reach: the client's walk, alone and four pages at once.

The floor is a loop of bare requests for pages of 1000, which begins again at the last moment seen
when offsets end, as anybody would write it. Each answer takes 50 ms more than the sandbox needs.
"""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from benchmarks.figures import alternate, p50, tell
from benchmarks.world import Asker, programs, start_sandbox
from history.api.client import Client
from history.api.methods import MAX_OFFSET, GetCallHistory

LATENCY = 0.05
END = datetime.combine(datetime.now(UTC).date() - timedelta(days=3), time())
MONTH = GetCallHistory(
    from_date=END - timedelta(days=30), to_date=END, count=1000, with_total_count=False
)
SESSIONS = 300_000


def by_hand(ask: Asker) -> set[int]:
    seen: set[int] = set()
    params = MONTH
    while True:
        rows = ask(params).json()["result"]
        seen.update(row["call_session_history_id"] for row in rows)
        if len(rows) < 1000:
            return seen
        if params.offset < MAX_OFFSET:
            params = replace(params, offset=params.offset + 1000)
        else:
            last = datetime.fromisoformat(rows[-1]["start_date"])
            params = replace(params, from_date=last, offset=0)


def by_client(client: Client, parallel: int) -> set[int]:
    params = replace(MONTH, count=None)
    rows = client.iterate_call_history(params, parallel=parallel)
    return {row.call_session_history_id for row in rows}


def main() -> None:
    with programs() as supervisor:
        api = start_sandbox(supervisor, SESSIONS, "--workers", "2")
        ask, client = api.asker(), api.client()
        rows = by_hand(ask)
        assert by_client(client, 4) == rows, "the walk and the floor differ"
        api.delay(LATENCY)
        floor, alone, four = alternate(
            3, lambda: by_hand(ask), lambda: by_client(client, 1), lambda: by_client(client, 4)
        )
        for name, times in (("walk_alone", alone), ("walk_4_at_once", four)):
            rates = (len(rows) * 1000 / p50(one) for one in (times, floor))
            value, bare = rates
            tell(name, value, "rows/s", floor=bare, n=len(floor))


if __name__ == "__main__":
    main()
