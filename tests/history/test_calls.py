"""The Calls page, from the browser's request to the sandbox's answer and back."""

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.http import HttpResponse
from django.test import Client

from history.connection import connect
from history.models import SavedView
from tests.conftest import Sandbox

# The made-up account ends on 2026-06-15; this is one of its busy days.
DAY = {"from_date": "2026-06-11", "to_date": "2026-06-11", "timezone": "Europe/Berlin"}
MONTH = {"from_date": "2026-05-15", "to_date": "2026-06-14", "timezone": "Europe/Berlin"}


@pytest.fixture
def agent(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("agent")


def rows(page: Any) -> list[int]:
    """The IDs of the sessions a page shows, in its order."""
    return [int(found) for found in re.findall(r'<tr data-row="(\d+)"', page.content.decode())]


def text(page: Any) -> str:
    """What a page says, without its markup and with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def query_of(page: Any, rel: str) -> dict[str, str]:
    """The query of the pager's link to the `next` or `prev` page."""
    found = re.search(rf'rel="{rel}" href="\?([^"]+)"', page.content.decode())
    assert found, f"no link to the {rel} page"
    return {name: values[0] for name, values in parse_qs(html.unescape(found[1])).items()}


def asked(sandbox: Sandbox) -> dict[str, str]:
    """The newest question for calls, as it came over the wire."""
    questions = [r for r in sandbox.requests if r["method"] == "GetCallHistory"]
    return dict(questions[-1]["params"])


def show(client: Client, **query: object) -> HttpResponse:
    return client.get("/calls/", {**MONTH, **query})  # type: ignore[return-value]


def test_shows_the_sessions_of_the_period_newest_first(agent: Client) -> None:
    page = show(agent, count=20)
    assert page.status_code == 200
    assert len(rows(page)) == 20
    assert rows(page) == sorted(rows(page), reverse=True)
    assert "Europe/Berlin" in text(page)


def test_shows_the_oldest_first_when_asked(agent: Client) -> None:
    shown = rows(show(agent, count=20, order="oldest"))
    assert shown == sorted(shown)


def test_asks_for_rows_first_and_for_the_total_afterwards(agent: Client, sandbox: Sandbox) -> None:
    page = show(agent, count=20)
    assert asked(sandbox)["with_total_count"] == "false"
    assert "/calls/total/?" in page.content.decode()
    total = agent.get("/calls/total/", {**MONTH, "count": 20})
    assert re.search(r"of \d+", text(total))
    assert "with_total_count" not in asked(sandbox)  # the server's own default is true


def test_filters_reach_the_api(agent: Client, sandbox: Sandbox) -> None:
    show(
        agent,
        remote_number="+49 30 5550-9876\n0044 20 7946 0018",
        user_id="1, 2",
        call_session_history_custom_data="ticket; 7, ü",
        min_duration="1:30",
        children_calls_only="on",
        child_account_id="all",
    )
    assert {
        "remote_number": "493055509876;442079460018",
        "user_id": "1;2",
        "call_session_history_custom_data": "ticket; 7, ü",
        "min_duration": "90",
        "children_calls_only": "true",
        "child_account_id": "all",
        "timezone": "Europe/Berlin",
        "from_date": "2026-05-15 00:00:00",
        "to_date": "2026-06-14 23:59:59",
    }.items() <= asked(sandbox).items()


def test_pages_show_every_session_once(agent: Client) -> None:
    seen: list[int] = []
    page = show(agent, count=20)
    while True:
        seen += rows(page)
        if 'rel="next"' not in page.content.decode():
            break
        page = agent.get("/calls/", query_of(page, "next"))  # type: ignore[assignment]
    assert len(seen) == len(set(seen))
    assert seen == rows(show(agent, count=1000))


def test_walks_on_past_what_the_api_can_skip(agent: Client, sandbox: Sandbox) -> None:
    everything = rows(show(agent, count=1000))
    # As if 9 990 rows had been passed already: the next page would need more than the limit.
    start = show(agent, count=20)
    after = query_of(start, "next") | {"offset": "9990"}
    assert agent.get("/calls/", after).status_code == 200
    first, second = everything[:20], everything[20:40]
    from django.http import QueryDict

    from history.forms import CallsForm, Defaults
    from history.paging import onward

    form = CallsForm(QueryDict(urlencode({**MONTH, "count": 20})), Defaults())
    assert form.is_valid()
    page = connect().get_call_history(form.params())
    moments = [session.start_date for session in page.result]
    assert [s.call_session_history_id for s in page.result] == first
    walked = {n: v[0] for n, v in parse_qs(onward(form, 10_001, moments)[1:]).items()}
    onward_page = agent.get("/calls/", walked)
    assert rows(onward_page)[:20] == second
    assert "10,0" in text(onward_page)  # it goes on counting where the walk began


def test_says_how_many_sessions_a_refinement_looked_at(agent: Client) -> None:
    page = show(agent, only="failed", count=1000)
    total = len(rows(show(agent, count=1000)))
    assert f"so {total} sessions of the period were looked through. These are all." in text(page)
    assert 0 < len(rows(page)) < total


def test_finds_calls_by_the_last_digits_of_a_number(agent: Client) -> None:
    everything = show(agent, count=1000)
    numbers = re.findall(r"\+\d[\d \-]+\d", text(everything))
    digits = re.sub(r"\D", "", numbers[0])[-4:]
    found = show(agent, contains=digits, count=1000)
    assert rows(found)
    assert set(rows(found)) <= set(rows(everything))


def test_chosen_columns_are_shown(agent: Client) -> None:
    page = show(agent, columns=["session", "custom_data"], count=20)
    assert "Custom data" in text(page)
    assert 'data-label="Cost"' not in page.content.decode()


def test_says_when_nothing_matches_and_offers_a_way_on(agent: Client) -> None:
    page = show(agent, user_id="999999999")
    assert "Nothing matches these filters" in text(page)
    assert "Clear the filters" in text(page)


def test_says_when_nothing_happened_in_the_period(agent: Client) -> None:
    page = agent.get("/calls/", {"from_date": "2031-01-01", "to_date": "2031-01-02"})
    assert "Nothing happened in this period" in text(page)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"timezone": "Mars/Olympus"}, "“Mars/Olympus” is not a time zone"),
        ({"from_date": "2026-06-15"}, "before it begins"),
        ({"call_session_history_id": "12;1x"}, "“1x” is not an ID"),
        ({"count": "1001"}, "“1001” rows cannot be shown"),
        ({"offset": "10001"}, "“10001” rows cannot be skipped"),
    ],
)
def test_bad_input_is_explained_and_the_filters_are_kept(
    agent: Client, sandbox: Sandbox, query: dict[str, str], words: str
) -> None:
    page = show(agent, application_name="front.example", **query)
    assert page.status_code == 200
    assert words in text(page)
    assert 'value="front.example"' in page.content.decode()
    assert not sandbox.requests


def test_names_what_it_left_out_of_an_old_link(agent: Client) -> None:
    page = show(agent, phone="4930")
    assert "“phone=4930” is not a filter of this page" in text(page)
    assert rows(page)


def test_a_wrong_key_is_explained_with_the_filters_kept(
    agent: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.VOX_ACCOUNT_ID, settings.VOX_API_KEY = 1, "wrong"
    page = show(agent, user_id="7")
    assert page.status_code == 502
    assert "Voximplant does not accept the key" in text(page)
    assert "7</textarea>" in page.content.decode()


def test_a_broken_key_file_is_explained(
    agent: Client, sandbox: Sandbox, settings: Any, tmp_path: Path
) -> None:
    settings.VOX_CREDENTIALS = tmp_path / "credentials.json"
    settings.VOX_CREDENTIALS.write_text("{}")
    page = show(agent, user_id="7")
    assert page.status_code == 502
    assert "The Voximplant account is not set up" in text(page)
    assert "7</textarea>" in page.content.decode()
    assert "the credentials have no account_id" in text(agent.get("/calls/chart/"))


def test_says_so_when_the_api_is_down(agent: Client, sandbox: Sandbox, settings: Any) -> None:
    settings.VOX_API_URL = "http://127.0.0.1:9/platform_api"
    page = show(agent, user_id="7")
    assert page.status_code == 502
    assert "Voximplant cannot be reached" in text(page)
    assert "Your filters are kept" in text(page)
    assert "7</textarea>" in page.content.decode()


def test_says_so_when_the_api_answers_html(agent: Client, sandbox: Sandbox) -> None:
    sandbox.fault(kind="http_status", method="GetCallHistory", status=502)
    page = show(agent, user_id="7")
    assert page.status_code == 502
    assert "Voximplant cannot be reached" in text(page)
    assert "Traceback" not in text(page)


def test_a_day_of_25_hours_is_whole(agent: Client, sandbox: Sandbox) -> None:
    page = agent.get(
        "/calls/",
        {"from_date": "2025-10-26", "to_date": "2025-10-26", "timezone": "Europe/Berlin"},
    )
    assert "25 hours" in text(page)
    assert asked(sandbox)["from_date"] == "2025-10-25 22:00:00"
    assert asked(sandbox)["to_date"] == "2025-10-26 22:59:59"
    assert asked(sandbox).get("timezone", "Etc/GMT") == "Etc/GMT"


def test_auto_means_the_accounts_zone(agent: Client) -> None:
    page = agent.get("/calls/", {**MONTH, "timezone": "auto"})
    assert page.status_code == 200
    assert "Europe/Berlin" in text(page)


def test_opens_with_the_default_view(agent: Client, people: dict[str, Any]) -> None:
    SavedView.keep(people["agent"], "calls", "Mine", "period=today", shared=False, is_default=True)
    answer = agent.get("/calls/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/calls/?period=today"
    assert agent.get("/calls/?view=none").status_code == 200


def test_a_stranger_is_sent_to_the_sign_in_page(db: None, client: Client) -> None:
    answer = client.get("/calls/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_htmx_gets_the_list_without_the_page_around_it(agent: Client, sandbox: Sandbox) -> None:
    whole = agent.get("/calls/", DAY)
    alone = agent.get("/calls/", DAY, headers={"HX-Request": "true", "HX-Target": "list"})
    assert rows(alone) == rows(whole) != []
    assert text(alone).startswith("Calls · Voxledger")
    for mark in ('id="rail"', 'id="drawer"', "<html"):
        assert mark in whole.content.decode()
        assert mark not in alone.content.decode()
    # The browser must not keep one for the other.
    for answer in (whole, alone):
        assert {"HX-Request", "HX-Target"} <= set(answer.headers["Vary"].split(", "))
    # What replaces something else, or all of a page, is cut from a page.
    other = agent.get("/calls/", DAY, headers={"HX-Request": "true", "HX-Target": "main"})
    assert 'id="rail"' in other.content.decode()


def test_the_dialog_about_keys_says_whether_they_are_on(agent: Client) -> None:
    assert "data-keys-switch checked>" in show(agent).content.decode()
    agent.cookies["keys"] = "off"
    page = show(agent).content.decode()
    assert "data-keys-switch>" in page
    assert 'data-keys="off"' in page
