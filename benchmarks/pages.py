"""The Calls page against the bare call to the API that it makes, at first and at second look.

A page's address is new at each first look, so that no answer is at hand. The floor is one pooled
`requests` call and `json.loads`, or a Django view that makes it and returns its JSON.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import count
from urllib.parse import urlencode

from benchmarks.figures import alternate, p50, tell
from benchmarks.world import (
    Api,
    Asker,
    Site,
    programs,
    start_bare_view,
    start_dashboard,
    start_sandbox,
)
from history.api.methods import GetCallHistory

SESSIONS = 1_000_000
END = datetime.combine(datetime.now(UTC).date() - timedelta(days=3), time())
LATENCY = 0.15
TURNS = {20: 50, 1000: 7}
# Each of the eight threads of a web server has connections of its own to open.
WARM_UP = {20: 10, 1000: 1}


class Looks:
    """Ways to ask for `rows` sessions, each time of a slightly other period."""

    def __init__(self, rows: int, ask: Asker, page: Site, bare: Site) -> None:
        self.rows, self.ask, self.page, self.bare = rows, ask, page, bare
        self._for_ask, self._for_page, self._for_bare = (self._periods() for _ in range(3))
        self._last = ""

    def _periods(self) -> Iterator[tuple[datetime, datetime]]:
        for turn in count():
            yield END - timedelta(days=20, seconds=self.rows), END - timedelta(hours=turn)

    def call(self) -> None:
        first, last = next(self._for_ask)
        self.ask(
            GetCallHistory(
                from_date=first,
                to_date=last,
                with_calls=True,
                with_records=True,
                with_total_count=False,
                desc_order=True,
                count=self.rows,
            )
        )

    def first(self) -> None:
        self._last = self._address(next(self._for_page))
        self.page.get(self._last)

    def alone(self) -> None:
        """The list without the page around it, as htmx asks for it after a filter has changed."""
        asked = {"HX-Request": "true", "HX-Target": "list"}
        self.page.get(self._address(next(self._for_page)), **asked)

    def second(self) -> None:
        self.page.get(self._last)

    def view(self) -> None:
        self.bare.get(self._address(next(self._for_bare)))

    def _address(self, period: tuple[datetime, datetime]) -> str:
        first, last = (moment.isoformat() for moment in period)
        query = {"from_date": first, "to_date": last, "timezone": "UTC", "count": self.rows}
        return f"/calls/?{urlencode(query)}"


def measure(looks: Looks, latency: str) -> float:
    """Milliseconds of the page at first look."""
    calls, views, firsts, seconds, alones = alternate(
        TURNS[looks.rows],
        *(looks.call, looks.view, looks.first, looks.second, looks.alone),
        warm_up=WARM_UP[looks.rows],
    )
    name, n = f"page_{looks.rows}_rows{latency}", len(calls)
    tell(f"{name}_over_call", p50(firsts), "ms", floor=p50(calls), n=n)
    tell(f"{name}_over_view", p50(firsts), "ms", floor=p50(views), n=n)
    tell(f"{name}_list_alone_over_call", p50(alones), "ms", floor=p50(calls), n=n)
    tell(f"{name}_list_alone_over_view", p50(alones), "ms", floor=p50(views), n=n)
    tell(f"{name}_again_over_call", p50(seconds), "ms", floor=p50(calls), n=n)
    tell(f"{name}_again_over_first", p50(seconds), "ms", floor=p50(firsts), n=n)
    return p50(firsts)


def measure_processor(looks: Looks) -> None:
    """The web server's own processor time of a page, beside the bare view's and a second look's."""

    def used(site: Site, way: Callable[[], None]) -> float:
        before = site.processor_seconds()
        for _turn in range(TURNS[looks.rows]):
            way()
        return (site.processor_seconds() - before) * 1000 / TURNS[looks.rows]

    name, n = f"page_{looks.rows}_rows_processor", TURNS[looks.rows]
    bare = used(looks.bare, looks.view)
    tell(f"{name}_over_view", used(looks.page, looks.first), "ms", floor=bare, n=n)
    tell(f"{name}_again_over_view", used(looks.page, looks.second), "ms", floor=bare, n=n)


def main() -> None:
    with programs() as supervisor:
        api: Api = start_sandbox(supervisor, SESSIONS)
        sites = start_dashboard(supervisor, api), start_bare_view(supervisor, api)
        few, many = (Looks(rows, api.asker(), *sites) for rows in (20, 1000))
        small, large = measure(few, ""), measure(many, "")
        tell("page_cost_per_row_1000_to_20", large / 1000, "ms", floor=small / 20, n=TURNS[1000])
        measure_processor(few)
        measure_processor(many)
        api.delay(LATENCY)
        measure(few, "_150_ms")
        measure(many, "_150_ms")


if __name__ == "__main__":
    main()
