"""The Recordings page: what the sessions of a period hold, and how far was looked."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from history import refine
from history.api.replies import CallSessionInfoType, RecordType
from tests.conftest import Sandbox
from tests.history.calls_of import sessions
from tests.history.pages import has_next, query_of, text

MONTH = {"from_date": "2026-05-15", "to_date": "2026-06-14", "timezone": "UTC"}


@pytest.fixture
def agent(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("agent")


def show(client: Client, **query: object) -> HttpResponse:
    return client.get("/recordings/", {**MONTH, **query})  # type: ignore[return-value]


def shown(page: Any) -> list[int]:
    """The IDs of the records a page shows, in its order."""
    return [int(found) for found in re.findall(r'data-row="\d+-(\d+)"', page.content.decode())]


def recorded() -> list[tuple[CallSessionInfoType, RecordType]]:
    """Every record of the month with its session, newest first."""
    return [
        (session, record)
        for session in sessions()
        if "2026-05-15" <= f"{session.start_date:%Y-%m-%d}" <= "2026-06-14"
        for record in session.records
    ]


def test_lists_every_recording_of_the_period_newest_first(agent: Client) -> None:
    page = show(agent)
    assert page.status_code == 200
    assert shown(page) == [record.record_id for _session, record in recorded()]


def test_says_how_many_calls_were_looked_through(agent: Client, sandbox: Sandbox) -> None:
    page = show(agent)
    in_month = [s for s in sessions() if "2026-05-15" <= f"{s.start_date:%F}" <= "2026-06-14"]
    assert f"{len(in_month)} calls were looked through" in text(page)


def test_asks_for_records_and_not_for_what_it_does_not_show(
    agent: Client, sandbox: Sandbox
) -> None:
    show(agent)
    asked = next(r["params"] for r in sandbox.requests if r["method"] == "GetCallHistory")
    assert asked["with_records"] == "true"
    assert asked["with_other_resources"] == "false"
    assert asked["from_date"] == "2026-05-15 00:00:00"


def test_adds_up_what_is_shown(agent: Client) -> None:
    page = show(agent)
    records = [record for _session, record in recorded()]
    cost = sum((record.cost or Decimal(0) for record in records), Decimal(0))
    size = sum((record.file_size or Decimal(0) for record in records), Decimal(0))
    stats = page.content.decode().split('class="stats"')[1].split('class="table-card"')[0]
    assert f'value="{cost:f}"' in stats
    assert f'value="{size:.0f}"' in stats
    assert "EUR" in stats


def test_finds_part_of_a_number(agent: Client) -> None:
    session, _record = next((s, r) for s, r in recorded() if s.calls[0].remote_number)
    digits = (session.calls[0].remote_number or "")[-4:]
    page = show(agent, contains=digits)
    wanted = [
        record.record_id
        for session, record in recorded()
        if any(
            digits in (number or "")
            for call in session.calls
            for number in (call.remote_number, call.local_number, call.diversion_number)
        )
    ]
    assert set(wanted) <= set(shown(page))
    assert len(shown(page)) < len(recorded())
    assert "Contains:" in text(page)


def test_finds_a_record_by_its_id(agent: Client) -> None:
    _session, record = recorded()[2]
    assert record.record_id in shown(show(agent, contains=record.record_id))


def test_leaves_out_shorter_ones(agent: Client) -> None:
    page = show(agent, min_length="1:30")
    assert shown(page) == [r.record_id for _s, r in recorded() if (r.duration or 0) >= 90]


def test_shows_those_with_a_transcript_only(agent: Client) -> None:
    page = show(agent, transcript="ready")
    assert shown(page) == [r.record_id for _s, r in recorded() if r.transcription_url]
    assert "Transcript: Ready" in text(page)


def test_filters_reach_the_api(agent: Client, sandbox: Sandbox) -> None:
    show(agent, remote_number="+49 30 1234567", user_id="20401")
    asked = next(r["params"] for r in reversed(sandbox.requests) if r["method"] == "GetCallHistory")
    assert asked["remote_number"] == "49301234567"
    assert asked["user_id"] == "20401"


def test_pages_go_on_where_the_last_one_ended(agent: Client) -> None:
    first = show(agent, count=5)
    following = agent.get("/recordings/", query_of(first, "next"))
    assert shown(first) + shown(following) == [r.record_id for _s, r in recorded()][:10]
    assert 'rel="prev"' in following.content.decode()


def test_looks_through_a_bounded_number_of_calls_and_says_so(
    agent: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refine, "STEP", 10)
    monkeypatch.setattr(refine, "MOST", 20)
    page = show(agent, contains="no such thing", count=5)
    assert "20 calls of the period were looked through" in text(page)
    assert "There may be more further on." in text(page)
    assert has_next(page) or "Look on" in text(page)


def test_says_that_no_call_was_recorded(agent: Client) -> None:
    page = show(agent, min_length="5000")
    assert shown(page) == []
    assert "No recording matches" in text(page)
    assert "calls were looked through, and no recording that matches was found." in text(page)


def test_a_day_without_calls_offers_a_longer_period(agent: Client) -> None:
    page = show(agent, from_date="2024-01-01", to_date="2024-01-01")
    assert "Nothing happened in this period" in text(page)


def test_rejects_a_length_that_is_none(agent: Client) -> None:
    page = show(agent, min_length="long")
    assert "“long” is not a duration" in text(page)
    assert 'value="long"' in page.content.decode()


def test_plays_in_a_player_at_the_foot(agent: Client) -> None:
    page = show(agent, playable="true")
    href = re.search(r'hx-get="(/media/[^"]+/player/)"', page.content.decode())
    assert href
    fragment = agent.get(href[1], headers={"HX-Request": "true"})
    assert "<audio" in fragment.content.decode()
    assert "Open the call" in text(fragment)


def test_says_so_when_the_api_is_down(agent: Client, sandbox: Sandbox) -> None:
    sandbox.fault("error", method="GetCallHistory", code=104, msg="Forbidden command.")
    page = show(agent, contains="44")
    assert page.status_code == 502
    assert "code 104" in text(page)
    assert 'value="44"' in page.content.decode()
