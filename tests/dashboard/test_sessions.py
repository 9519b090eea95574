"""A session ends with its time, with its row and with its person."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone


@pytest.fixture
def agent(client_as: Callable[[str], Client]) -> Client:
    return client_as("agent")


def is_known(client: Client) -> bool:
    answer = client.get("/settings/")
    if answer.status_code == 302:
        assert answer.headers["Location"].startswith("/accounts/login/")
    return answer.status_code == 200


def test_is_known_until_the_time_is_over(agent: Client) -> None:
    assert is_known(agent)
    Session.objects.update(expire_date=timezone.now() + timedelta(minutes=1))
    assert is_known(agent)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_known(agent)


def test_is_forgotten_with_its_row(agent: Client) -> None:
    Session.objects.all().delete()
    assert not is_known(agent)


def test_is_refused_who_was_let_go(agent: Client, people: dict[str, User]) -> None:
    User.objects.filter(username="agent").update(is_active=False)
    assert not is_known(agent)
    User.objects.filter(username="agent").update(is_active=True)
    assert is_known(agent)
    people["agent"].delete()
    assert not is_known(agent)


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 5000, "\x00"])
def test_a_cookie_that_is_none_of_ours_is_nobody(db: None, client: Client, cookie: str) -> None:
    client.cookies["sessionid"] = cookie
    assert not is_known(client)
