"""The page of one call, its panel in the drawer, and what arrives later."""

import html
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from history.api.methods import DeleteRecord
from history.api.replies import CallSessionInfoType
from history.connection import connect
from history.permissions import Right
from history.verdict import Outcome, outcome
from tests.conftest import Sandbox
from tests.history.calls_of import address, can_be_heard, is_written, session_where
from tests.history.pages import text


@pytest.fixture
def agent(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("agent")


def verdict_of(page: Any) -> str:
    found = re.search(r'id="verdict">(.*?)</div></div>', page.content.decode(), re.DOTALL)
    assert found
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split())


def panel(session: CallSessionInfoType) -> str:
    return f"/calls/{session.call_session_history_id}/panel/"


# What became of it


def test_begins_with_why_nobody_answered(agent: Client) -> None:
    busy = session_where(
        lambda s: (
            outcome(s) is Outcome.FAILED
            and s.finish_reason == "Normal termination"
            and s.calls[-1].end_reason
            and s.calls[-1].end_reason.code == 486
        )
    )
    said = verdict_of(agent.get(address(busy)))
    assert said.startswith("Not answered: the line was busy (486) after ")
    assert "cost 0.00 EUR" in said
    assert "Try again in a few minutes." in said


def test_says_how_long_was_talked_and_what_it_cost(agent: Client) -> None:
    session = session_where(lambda s: outcome(s) is Outcome.ANSWERED and s.cost)
    said = verdict_of(agent.get(address(session)))
    assert said.startswith("Answered: talked for ")
    assert f"cost {session.cost} EUR." in said


def test_names_the_error_of_a_session_that_broke_off(agent: Client) -> None:
    broken = session_where(lambda s: s.finish_reason == "JS session error")
    said = verdict_of(agent.get(address(broken)))
    assert "The session broke off after " in said
    assert "the scenario stopped with an error" in said
    assert "Read the session log." in said


def test_tells_a_session_that_is_still_running(agent: Client) -> None:
    page = agent.get(address(session_where(lambda s: s.active)))
    assert verdict_of(page).startswith("The session is still running")
    assert "Nothing is recorded so far" in text(page) or "Being recorded" in text(page)


def test_names_no_currency_that_it_cannot_know(agent: Client, sandbox: Sandbox) -> None:
    session = session_where(lambda s: outcome(s) is Outcome.ANSWERED and s.cost)
    sandbox.fault("error", method="GetTransactionHistory", code=104, msg="Forbidden command.")
    page = agent.get(address(session))
    assert page.status_code == 200
    assert f"cost {session.cost}." in verdict_of(page)
    assert "no transaction could be read that names it" in text(page)


def test_tells_costs_only_to_those_who_may_see_them(
    client_as: Callable[[str], Client], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("history.permissions.ROLES", {"auditor": frozenset({Right.CALLS})})
    session = session_where(lambda s: outcome(s) is Outcome.ANSWERED and s.cost)
    auditor = client_as("auditor")
    page = auditor.get(address(session))
    assert page.status_code == 200
    assert "cost" not in text(page).lower()
    assert str(session.cost) not in page.content.decode()
    charges = f"/calls/{session.call_session_history_id}/charges/"
    assert auditor.get(charges).status_code == 403


# What is known of it


def test_shows_facts_to_copy(agent: Client) -> None:
    session = session_where(lambda s: s.custom_data and s.application_name)
    markup = agent.get(address(session)).content.decode()
    for value in (
        str(session.call_session_history_id),
        session.custom_data,
        session.media_server_address,
        f"{session.start_date:%Y-%m-%d %H:%M:%S} UTC",
    ):
        assert f'data-copy="{html.escape(value or "")}"' in markup


def test_copies_diagnostics_with_all_legs_and_no_credential(agent: Client) -> None:
    session = session_where(lambda s: len(s.calls) > 1)
    page = agent.get(address(session)).content.decode()
    copied = next(
        html.unescape(part)
        for part in re.findall(r'data-copy="([^"]*)"', page)
        if "Session: " in part
    )
    assert f"Session: {session.call_session_history_id}" in copied
    for call in session.calls:
        assert f"Call {call.call_id}" in copied
    assert f"/calls/{session.call_session_history_id}/" in copied


def test_draws_the_legs_with_the_same_figures_as_a_table(agent: Client) -> None:
    session = session_where(lambda s: len(s.calls) > 1 and can_be_heard(s))
    page = agent.get(address(session))
    markup = page.content.decode()
    parts = sum(bool(call.duration) for call in session.calls) + len(session.records)
    assert len(re.findall(r'<rect class="span', markup)) >= parts
    assert "Show as a table" in text(page)
    assert text(page).count(str(session.calls[1].call_id)) >= 1


def test_adds_up_what_its_parts_cost(agent: Client) -> None:
    session = session_where(lambda s: s.cost and len(list(s.charged)) > 2)
    page = agent.get(address(session))
    foot = re.search(r"<tfoot>.*?</tfoot>", page.content.decode(), re.DOTALL)
    assert foot
    assert f'value="{session.cost}"' in foot[0]
    for part in session.charged:
        if part.transaction_id:
            assert f"transaction_id={part.transaction_id}" in page.content.decode()


def test_compares_the_charges_with_their_transactions(agent: Client, sandbox: Sandbox) -> None:
    session = session_where(lambda s: s.cost and len(list(s.charged)) > 2)
    ids = {part.transaction_id for part in session.charged if part.transaction_id}
    fragment = agent.get(f"/calls/{session.call_session_history_id}/charges/")
    assert set(map(int, sandbox.last_request["transaction_id"].split(";"))) == ids
    assert "Agrees with the transactions" in text(fragment)
    foot = fragment.content.decode().split("<tfoot>")[1]
    assert foot.count(f'value="{session.cost}"') == 2


def test_keeps_the_charges_when_the_transactions_cannot_be_read(
    agent: Client, sandbox: Sandbox
) -> None:
    session = session_where(lambda s: s.cost and len(list(s.charged)) > 2)
    sandbox.fault("error", method="GetTransactionHistory", code=104, msg="Forbidden command.")
    fragment = agent.get(f"/calls/{session.call_session_history_id}/charges/")
    assert fragment.status_code == 200
    assert "The transactions could not be compared." in text(fragment)
    assert f'value="{session.cost}"' in fragment.content.decode()


def test_shows_the_raw_answer_exactly_and_without_links(agent: Client) -> None:
    session = session_where(lambda s: can_be_heard(s) and s.calls[0].cost)
    page = agent.get(address(session)).content.decode()
    shown = re.search(r'<pre class="block json"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert shown
    answer = json.loads(html.unescape(shown[1]), parse_float=Decimal)
    assert answer["call_session_history_id"] == session.call_session_history_id
    assert answer["calls"][0]["cost"] == session.calls[0].cost
    assert answer["records"][0]["record_url"] == "(opened through this dashboard only)"


def test_shows_other_calls_with_the_same_number(agent: Client, sandbox: Sandbox) -> None:
    session = session_where(lambda s: s.calls and s.calls[0].remote_number)
    number = session.calls[0].remote_number
    fragment = agent.get(
        f"/calls/{session.call_session_history_id}/others/",
        {"number": number, "on": f"{session.start_date:%Y-%m-%d}"},
    )
    assert fragment.status_code == 200
    assert sandbox.last_request["remote_number"] == number
    assert f"/calls/{session.call_session_history_id}/" not in fragment.content.decode()


def test_leads_from_one_call_of_a_number_to_the_others(agent: Client) -> None:
    seen: dict[str, CallSessionInfoType] = {}

    def is_second(session: CallSessionInfoType) -> bool:
        number = session.calls[0].remote_number if session.calls else None
        other = seen.get(number or "")
        if number and (other is None or (other.start_date - session.start_date).days >= 6):
            seen[number] = session
            return False
        return bool(number)

    second = session_where(is_second)
    number = second.calls[0].remote_number or ""
    fragment = agent.get(
        f"/calls/{second.call_session_history_id}/others/",
        {"number": number, "on": f"{second.start_date:%Y-%m-%d}"},
    )
    assert f"/calls/{seen[number].call_session_history_id}/" in fragment.content.decode()
    assert "answered." in text(fragment)


# Recordings, transcripts, logs that are not there


def test_says_that_a_call_was_not_recorded_and_whom_to_ask(agent: Client) -> None:
    session = session_where(lambda s: not s.records and not s.active)
    page = text(agent.get(address(session)))
    assert "This call was not recorded" in page
    assert f"the application {session.application_name}: ask whoever develops it" in page


def test_says_when_a_recording_expired(agent: Client) -> None:
    session = session_where(lambda s: any(r.is_removed and r.expiration_date for r in s.records))
    day = session.records[0].expiration_date
    assert f"The recording expired on {day:%-d %b %Y}" in text(agent.get(address(session)))


def test_says_that_somebody_deleted_a_recording(agent: Client) -> None:
    newest = session_where(can_be_heard)
    for record in newest.records:
        connect().delete_record(DeleteRecord(record_id=record.record_id))
    page = text(agent.get(address(newest)))
    assert "The recording was deleted" in page or "The recording expired" in page
    assert "<audio" not in page


def test_says_that_no_transcript_was_ordered(agent: Client) -> None:
    session = session_where(lambda s: can_be_heard(s) and not is_written(s))
    assert "No transcript was ordered" in text(agent.get(address(session)))


def test_says_when_the_log_expired(agent: Client) -> None:
    old = session_where(lambda s: not s.log_file_url and not s.active and s.start_date.month < 5)
    page = text(agent.get(address(old)))
    assert "The log expired on" in page
    assert "The platform keeps session logs for one month" in page


def test_opens_the_log_only_on_demand(agent: Client, sandbox: Sandbox) -> None:
    session = session_where(lambda s: s.log_file_url)
    assert "Open the log" in text(agent.get(address(session)))
    assert not any("vox-logs" in str(request) for request in sandbox.requests)


# Finding it


def test_asks_only_for_the_days_around_the_one_a_link_names(
    agent: Client, sandbox: Sandbox
) -> None:
    session = session_where(can_be_heard)
    agent.get(address(session))
    asked = next(
        r["params"]
        for r in reversed(sandbox.requests)
        if r["method"] == "GetCallHistory" and r["params"].get("call_session_history_id")
    )
    assert asked["from_date"][:4] == asked["to_date"][:4] == f"{session.start_date:%Y}"


@pytest.mark.parametrize(
    "on", ["", "2020-01-01", "yesterday", "9999-99-99", "2026-06-01T00:00:00Z"]
)
def test_finds_a_call_whatever_day_the_link_names(agent: Client, on: str) -> None:
    session = session_where(can_be_heard)
    page = agent.get(f"/calls/{session.call_session_history_id}/", {"on": on})
    assert page.status_code == 200
    assert str(session.call_session_history_id) in text(page)


def test_says_what_to_do_about_an_unknown_id(agent: Client) -> None:
    page = agent.get("/calls/123456789/")
    assert page.status_code == 404
    assert "No call has the ID 123456789" in text(page)
    assert "Compare it digit by digit" in text(page)
    assert 'href="/search/?q=123456789"' in page.content.decode()


def test_says_so_when_the_api_refuses(agent: Client, sandbox: Sandbox) -> None:
    session = session_where(can_be_heard)
    sandbox.fault("error", method="GetCallHistory", code=104, msg="Forbidden command.")
    page = agent.get(address(session))
    assert page.status_code == 502
    assert "code 104" in text(page)


# The drawer


def test_panel_tells_it_in_short_with_a_player(agent: Client) -> None:
    session = session_where(can_be_heard)
    fragment = agent.get(panel(session), headers={"HX-Request": "true"})
    markup = fragment.content.decode()
    assert f'data-drawer-title="Call {session.call_session_history_id}"' in markup
    assert "<audio" in markup
    assert "Answered: talked for" in text(fragment)
    assert "<html" not in markup


def test_panel_of_a_recording_shows_that_one_first(agent: Client) -> None:
    session = session_where(can_be_heard)
    record = session.records[-1]
    fragment = agent.get(f"/recordings/{session.call_session_history_id}-{record.record_id}/panel/")
    first = re.search(r'id="player-(\d+)"', fragment.content.decode())
    assert first
    assert int(first[1]) == record.record_id


def test_panel_says_that_a_call_is_unknown(agent: Client) -> None:
    fragment = agent.get("/calls/123456789/panel/", headers={"HX-Request": "true"})
    assert fragment.status_code == 404
    assert 'data-drawer-title="Not found"' in fragment.content.decode()
