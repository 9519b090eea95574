"""Limits of what one person may ask for: what they say, whom they hold up, what they keep."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from history.models import ApiToken
from tests.conftest import Sandbox
from tests.history.pages import text

DAY = "from_date=2026-06-14&to_date=2026-06-14&timezone=Europe/Berlin"


@pytest.fixture
def few(settings: Any, sandbox: Sandbox) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, "2/minute")


def test_the_third_search_says_when_to_try_again_and_keeps_its_filters(
    few: None, client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    agent, search = client_as("agent"), f"/calls/?{DAY}&contains=555"
    assert [agent.get(search).status_code for _ in range(2)] == [200, 200]
    asked = len(sandbox.requests)
    page = agent.get(search)
    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert "The limit for searches that look through calls is 2 in 60 seconds" in text(page)
    assert f'href="{search.replace("&", "&amp;")}"' in page.content.decode()
    assert len(sandbox.requests) == asked
    fragment = agent.get(search, headers={"HX-Request": "true"})
    assert fragment.status_code == 429
    assert fragment.content.lstrip().startswith(b'<div class="state state-error"')
    # Nobody else is held up, and nothing that costs little.
    assert client_as("supervisor").get(search).status_code == 200
    assert agent.get(f"/calls/?{DAY}").status_code == 200


def test_a_form_that_is_refused_can_be_sent_again_as_it_was(
    few: None, client_as: Callable[[str], Client]
) -> None:
    finance = client_as("finance")
    order = {"kind": "transactions", "from_date": "2026-06-01", "to_date": "2026-06-02"}
    for key in ("a", "b"):
        assert finance.post("/reports/new/", order | {"order_key": key}).status_code == 302
    page = finance.post("/reports/new/", order | {"order_key": "c"})
    assert page.status_code == 429
    for name, value in (order | {"order_key": "c"}).items():
        assert f'<input type="hidden" name="{name}" value="{value}">' in page.content.decode()


def test_scripts_are_told_in_their_own_way(few: None, people: Any) -> None:
    _token, secret = ApiToken.issue(people["finance"], "script", ["reports:order"])
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    answers = [
        client.post("/api/reports/", "{}", content_type="application/json") for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert answers[2].json()["error"]["code"] == "too_many"
    assert int(answers[2].headers["Retry-After"]) > 0


def test_guessing_numbers_is_slow_for_who_may_not_see_them(
    few: None, client_as: Callable[[str], Client], settings: Any
) -> None:
    settings.MASKED_ROLES = frozenset({"auditor"})
    for name, expected in (("auditor", [200, 200, 429]), ("agent", [200, 200, 200])):
        client = client_as(name)
        guesses = [f"/calls/?{DAY}&remote_number=49305550120{n}" for n in range(3)]
        assert [client.get(guess).status_code for guess in guesses] == expected


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("agent", f"/calls/chart/?{DAY}"),
        ("agent", f"/recordings/?{DAY}"),
        ("finance", f"/transactions/balances/?{DAY}"),
        ("finance", "/transactions/1/charged/"),
        ("finance", f"/reports/now/?kind=transactions&{DAY}"),
        ("admin", f"/audit/?{DAY}&only=risky"),
    ],
)
def test_each_costly_view_has_its_limit(
    few: None, client_as: Callable[[str], Client], role: str, address: str
) -> None:
    client = client_as(role)
    answers = [client.get(address) for _ in range(3)]
    for answer in answers:
        answer.close()
    assert answers[2].status_code == 429
    assert 429 not in (answers[0].status_code, answers[1].status_code)


def test_without_redis_nobody_is_held_up(
    few: None, client_as: Callable[[str], Client], settings: Any
) -> None:
    agent = client_as("agent")
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    assert [agent.get(f"/calls/?{DAY}&contains=555").status_code for _ in range(3)] == [200] * 3
