"""Pages are drawn while the API answers, and whatever fails meanwhile is told as what it is."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from history.ahead import Answered, sent
from history.api.errors import Unreachable
from history.models.trail import TrailEntry
from tests.conftest import Sandbox
from tests.history.pages import rows, text

MONTH = {"from_date": "2026-05-15", "to_date": "2026-06-14", "timezone": "Europe/Berlin"}


@pytest.fixture
def agent(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("agent")


def show(client: Client, **query: object) -> HttpResponse:
    return client.get("/calls/", {**MONTH, **query})  # type: ignore[return-value]


def test_the_search_is_in_the_trail_before_the_api_has_answered(
    agent: Client, sandbox: Sandbox
) -> None:
    sandbox.fault(kind="delay", seconds=1, method="GetCallHistory")
    began = time.time()
    page = show(agent, count=20)
    assert time.time() - began > 1
    assert len(rows(page)) == 20
    entry = TrailEntry.objects.get(action="search")
    assert entry.at.timestamp() - began < 1


def test_a_question_that_is_sent_again_draws_one_page(agent: Client, sandbox: Sandbox) -> None:
    sandbox.fault(kind="error", code=340, method="GetCallHistory", times=1)
    page = show(agent, count=20)
    assert len(rows(page)) == 20
    assert page.content.decode().count('id="list"') == 1
    assert TrailEntry.objects.filter(action="search").count() == 1


def test_without_any_answer_the_page_says_so(agent: Client, settings: Any) -> None:
    settings.VOX_API_URL, settings.VOX_RETRY_SECONDS = "http://127.0.0.1:9/platform_api", 0
    page = show(agent)
    assert page.status_code == 502
    assert "no connection" in text(page)
    assert 'id="filters"' in page.content.decode()


def part(said: Mapping[str, Any]) -> str:
    return str(said)


def test_draws_once_the_question_is_sent_and_asks_once() -> None:
    order = []

    def ask() -> int:
        order.append("asks")
        sent()
        sent()  # a second request of the same question
        order.append("reads")
        return 7

    def draw() -> str:
        order.append("draws")
        return f"[{answered.later(part)}]"

    answered = Answered(ask, lambda found: {"found": found})
    assert answered.page(draw) == "[{'found': 7}]"
    assert order == ["asks", "draws", "reads"]
    sent()  # nobody's any more
    assert order == ["asks", "draws", "reads"]


def test_draws_also_where_nothing_had_to_be_sent() -> None:
    answered = Answered(lambda: 7, lambda found: {"found": found})
    assert answered.page(lambda: f"[{answered.later(part)}]") == "[{'found': 7}]"


def test_what_fails_while_drawing_is_no_failure_of_the_api() -> None:
    """Not even if it looks like one."""

    def ask() -> None:
        sent()

    def draw() -> str:
        raise ConnectionResetError("of the database, say")

    answered: Answered[None] = Answered(ask, lambda _: {})
    with pytest.raises(ConnectionResetError):
        answered.page(draw)


def test_what_the_answer_cannot_be_made_of_is_trouble() -> None:
    def ask() -> None:
        sent()
        raise Unreachable("GetCallHistory", "no answer within 5 s")

    answered: Answered[None] = Answered(ask, lambda _: {})
    page = answered.page(lambda: f"[{answered.later(lambda said: said['trouble'].happened)}]")
    assert "no answer within 5 s" in page
    assert answered.status == 502
