"""Two hundred agents who look, think and look again; and how many pages a second there can be.

The floor of pages a second is a bare Django view that asks the same and returns the JSON.
"""

import random
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from benchmarks.figures import p50, p95, tell
from benchmarks.world import Site, programs, start_bare_view, start_dashboard, start_sandbox

SESSIONS = 100_000
AGENTS, SECONDS, THINKING = 200, 120, 30  # agents, length, and the mean of a pause
AT_ONCE, BURST, BURSTS = 8, 5, 3  # requests, seconds, times
END = datetime.combine(datetime.now(UTC).date() - timedelta(days=3), clock())
chance = random.Random(1)


def address() -> str:
    """The Calls page of 20 rows, of a period that nobody has looked at yet."""
    last = END - timedelta(seconds=chance.randrange(300 * 24 * 3600))
    period = {"from_date": last - timedelta(days=20), "to_date": last}
    query = {name: moment.isoformat() for name, moment in period.items()}
    return f"/calls/?{urlencode({**query, 'timezone': 'UTC', 'count': 20})}"


def browser(site: Site) -> requests.Session:
    """Signed in. As browsers do, it asks again where a connection kept open was just closed."""
    session = requests.Session()
    session.cookies.update(site.session.cookies)
    session.mount("http://", HTTPAdapter(max_retries=Retry(1)))
    return session


def agent(site: Site, until: float, taken: list[float], failed: list[str]) -> None:
    session = browser(site)
    time.sleep(chance.uniform(0, THINKING))
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            answer = session.get(f"{site.url}{address()}", timeout=60)
            if answer.status_code != 200 or b"data-row=" not in answer.content:
                failed.append(f"HTTP {answer.status_code}")
        except requests.RequestException as error:
            failed.append(type(error).__name__)
        taken.append((time.monotonic() - began) * 1000)
        time.sleep(max(0.0, min(chance.expovariate(1 / THINKING), until - time.monotonic())))


def together(count: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def rate(site: Site) -> float:
    """Pages a second, with AT_ONCE requests always under way."""
    done: list[int] = []
    until = time.monotonic() + BURST

    def ask() -> None:
        session = browser(site)
        while time.monotonic() < until:
            session.get(f"{site.url}{address()}", timeout=60).raise_for_status()
            done.append(1)

    began = time.monotonic()
    together(AT_ONCE, ask)
    return len(done) / (time.monotonic() - began)


def main() -> None:
    with programs() as supervisor:
        api = start_sandbox(supervisor, SESSIONS)
        site = start_dashboard(supervisor, api, workers=2)
        bare = start_bare_view(supervisor, api, workers=2)
        rates = [(rate(site), rate(bare)) for _ in range(BURSTS + 1)][1:]
        ours, floors = zip(*rates, strict=True)
        tell("load_pages_a_second", p50(ours), "pages/s", floor=p50(floors), n=BURSTS)
        taken: list[float] = []
        failed: list[str] = []
        until = time.monotonic() + SECONDS
        together(AGENTS, lambda: agent(site, until, taken, failed))
        if failed:
            print(*failed, *site.program.lines, sep="\n", file=sys.stderr)
        tell(f"load_{AGENTS}_agents_errors", len(failed), "errors", n=len(taken))
        tell(f"load_{AGENTS}_agents_page", p50(taken), "ms", n=len(taken))
        tell(f"load_{AGENTS}_agents_page_p95", p95(taken), "ms", n=len(taken))


if __name__ == "__main__":
    main()
