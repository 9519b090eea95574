"""Home, the search box, settings and saved views, as a signed-in person meets them."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from history.models import Preferences, RecentSearch, SavedView
from tests.conftest import Sandbox
from tests.history.test_calls import text

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def agent(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("agent")


def test_home_offers_recent_searches_and_views(agent: Client, people: dict[str, User]) -> None:
    agent.get("/calls/", {"user_id": "7"})
    SavedView.keep(people["agent"], "calls", "VIP", "user_id=5", shared=False, is_default=False)
    page = agent.get("/")
    assert "Calls · User IDs: 7" in text(page)
    assert 'href="/calls/?user_id=5"' in page.content.decode()


def test_home_draws_calls_and_costs(agent: Client) -> None:
    page = agent.get("/").content.decode()
    charts = [html.unescape(url) for url in re.findall(r'hx-get="(/calls/chart/[^"]+)"', page)]
    assert [text(agent.get(url)).count("Show as a table") for url in charts] == [1, 1]


def test_the_search_box_goes_straight_to_what_is_certain(agent: Client) -> None:
    answer = agent.get("/search/", {"q": "+49 30 5550 9876"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/calls/?remote_number=493055509876&period=last_30_days"


def test_the_search_box_asks_when_a_text_can_be_several_things(agent: Client) -> None:
    page = agent.get("/search/", {"q": "915004471"})
    assert "“915004471” can be several things" in text(page)
    assert "Call session 915004471" in text(page)
    assert "Transaction 915004471" in text(page)


def test_settings_are_kept_and_obeyed(agent: Client, people: dict[str, User]) -> None:
    kept = {
        "zone": "America/New_York",
        "rows": "20",
        "theme": "dark",
        "density": "compact",
        "language": "",
        "region": "de",
    }
    assert agent.post("/settings/", kept).status_code == 302
    preferences = Preferences.objects.get(user=people["agent"])
    assert (preferences.zone, preferences.rows, preferences.region) == (
        "America/New_York",
        20,
        "DE",
    )
    page = agent.get("/calls/").content.decode()
    assert 'data-theme="dark"' in page
    assert "America/New_York" in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("zone", "Mars/Olympus", "“Mars/Olympus” is not a time zone"),
        ("zone", "auto", "Choose a zone by name"),
        ("region", "XX", "“XX” is not a country"),
    ],
)
def test_a_wrong_setting_is_explained_and_nothing_is_lost(
    agent: Client, field: str, value: str, words: str
) -> None:
    typed = {"zone": "Europe/Paris", "rows": "100", "theme": "dark", "density": "compact"}
    page = agent.post("/settings/", {**typed, "region": "", "language": "", field: value})
    assert words in text(page)
    assert f'value="{value}"' in page.content.decode()
    assert not Preferences.objects.exists()


def test_a_view_is_saved_shared_and_opened_by_others(
    agent: Client, client_as: Callable[[str], Client]
) -> None:
    view = {"page": "calls", "name": "Night", "query": "user_id=5&offset=50", "shared": "on"}
    answer = agent.post("/settings/views/", view)
    assert answer.headers["Location"] == "/calls/?user_id=5"
    page = client_as("supervisor").get("/calls/").content.decode()
    assert 'href="/calls/?user_id=5"' in page


def test_a_view_of_ones_own_stays_ones_own(
    agent: Client, client_as: Callable[[str], Client]
) -> None:
    agent.post("/settings/views/", {"page": "calls", "name": "Mine", "query": "user_id=5"})
    assert "user_id=5" not in client_as("supervisor").get("/calls/").content.decode()


def test_nobody_deletes_the_view_of_another(
    agent: Client, client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    view = SavedView.keep(people["agent"], "calls", "A", "", shared=True, is_default=False)
    assert client_as("admin").post(f"/settings/views/{view.pk}/delete/").status_code == 404
    assert agent.post(f"/settings/views/{view.pk}/delete/").status_code == 302
    assert not SavedView.objects.exists()


def test_a_view_without_a_name_is_explained(agent: Client) -> None:
    answer = agent.post(
        "/settings/views/", {"page": "calls", "name": " ", "query": "user_id=5"}, follow=True
    )
    assert "give it a name" in text(answer)
    assert answer.request["QUERY_STRING"] == "user_id=5"


def test_only_the_newest_searches_are_kept(people: dict[str, User]) -> None:
    for number in range(RecentSearch.KEPT + 5):
        RecentSearch.note(people["agent"], "calls", f"user_id={number}", f"user {number}")
    kept = RecentSearch.objects.filter(user=people["agent"])
    assert kept.count() == RecentSearch.KEPT
    assert kept.first().words == f"user {RecentSearch.KEPT + 4}"  # type: ignore[union-attr]
