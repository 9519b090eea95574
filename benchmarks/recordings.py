"""A three-hour recording through the dashboard and straight from the storage, and fifty players.

The first byte of a seek to a random place is what a person waits for, from storage on this machine
and from one that is LATENCY away. A bare Django view that passes the same bytes on says how much of
that is the way through any server. A player stalls when a piece of sound takes longer to arrive
than it plays.
"""

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import requests
from django.contrib.auth import get_user_model
from django.urls import reverse

from benchmarks.figures import alternate, p50, p95, tell
from benchmarks.world import (
    Api,
    Site,
    programs,
    start_bare_view,
    start_dashboard,
    start_sandbox,
)
from history.api.methods import GetCallHistory
from history.api.replies import RecordType
from history.media import MOST_AT_ONCE, Kind, Purpose, Reference

SESSIONS = 20_000
SEEKS = 25
LATENCY = 0.05
PLAYERS, LISTEN = 50, 20  # seconds
chance = random.Random(1)


def longest(api: Api) -> tuple[int, datetime, RecordType]:
    """Session and recording of three hours: the account has one, forty days old."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    asked = GetCallHistory(
        from_date=now - timedelta(days=50),
        to_date=now,
        with_records=True,
        min_duration=3 * 3600 - 600,
        count=100,
    )
    found = [
        (record.duration or 0, session.call_session_history_id, session.start_date, record)
        for session in api.client().get_call_history(asked).result
        for record in session.records
        if record.record_url
    ]
    return max(found, key=lambda one: one[0])[1:]


def first_byte(session: requests.Session, url: str, size: int, **headers: str) -> None:
    asked = {**headers, "Range": f"bytes={chance.randrange(size)}-"}
    with session.get(url, headers=asked, stream=True, timeout=30) as answer:
        assert answer.status_code == 206, answer.status_code
        assert answer.raw.read(1)


def play(site: Site, path: str, size: int, a_second: float, waits: list[float]) -> None:
    """Listens from a random place: a piece at a time, each fetched while the last one plays."""
    session = requests.Session()
    session.cookies.update(site.session.cookies)
    place, until = chance.randrange(size // 2), time.monotonic() + LISTEN
    while time.monotonic() < until:
        began = time.monotonic()
        asked = {"Range": f"bytes={place}-{place + MOST_AT_ONCE // 8 - 1}"}
        piece = session.get(f"{site.url}{path}", headers=asked, timeout=60).content
        waited = time.monotonic() - began
        plays = len(piece) / a_second
        waits.append(waited / plays)
        place += len(piece)
        time.sleep(max(0.0, plays - waited))


def main() -> None:
    with programs() as supervisor:
        api = start_sandbox(supervisor, SESSIONS)
        site = start_dashboard(supervisor, api)
        number, started, record = longest(api)
        size, seconds = int(record.file_size or 0), record.duration or 1
        reference = Reference(
            kind=Kind.RECORDING,
            purpose=Purpose.SHOW,
            url=record.record_url or "",
            user_id=get_user_model().objects.get(username="owner").pk,
            session_id=number,
            on=f"{started:%Y-%m-%d}",
            record_id=record.record_id,
            seconds=seconds,
        )
        path = reverse("media", args=[reference.sealed()])
        view = start_bare_view(supervisor, api)
        passed_on = f"{view.url}/sound/?{urlencode({'url': reference.url})}"
        storage, account = requests.Session(), api.asker().account
        ways = (
            lambda: first_byte(storage, reference.url, size, **account.headers()),
            lambda: first_byte(view.session, passed_on, size),
            lambda: first_byte(site.session, f"{site.url}{path}", size),
        )
        for latency, name in ((0, ""), (LATENCY, "_50_ms")):
            api.delay(latency)
            direct, bare, proxied = alternate(SEEKS, *ways)
            tell(f"recording_seek{name}", p50(proxied), "ms", floor=p50(direct), n=SEEKS)
            tell(f"recording_seek{name}_p95", p95(proxied), "ms", floor=p95(direct), n=SEEKS)
            tell(f"recording_seek{name}_bare_view", p50(bare), "ms", floor=p50(direct), n=SEEKS)
        api.delay(0)
        waits: list[float] = []
        threads = [
            threading.Thread(target=play, args=(site, path, size, size / seconds, waits))
            for _ in range(PLAYERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stalls = sum(wait > 1 for wait in waits)
        tell(f"recording_{PLAYERS}_players_stalls", stalls, "pieces", n=len(waits))
        # The longest wait for a piece, in parts of the time that it plays.
        tell(
            f"recording_{PLAYERS}_players_longest_wait",
            max(waits) * 100,
            "% of a piece",
            n=len(waits),
        )


if __name__ == "__main__":
    main()
