"""Single sign-on, end to end against a provider of our own on this machine."""

import io
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import Client

from dashboard.oidc import single_sign_on
from dashboard.settings import ROLES as NAMES
from dashboard.supervise import Supervisor
from history.models import TrailEntry
from history.permissions import ROLES
from tests.dashboard.provider import CLIENT, SECRET
from tests.dashboard.test_settings import manage
from tests.dashboard.test_sign_in import confirm, is_in, sign_in, text

ANN = {"sub": "4711", "preferred_username": "ann", "name": "Ann Lee", "email": "ann@example.com"}


@pytest.fixture(scope="module")
def provider_server() -> Iterator[str]:
    with Supervisor(io.StringIO()) as supervisor:
        program = supervisor.start("provider", [sys.executable, "-m", "tests.dashboard.provider"])
        yield supervisor.wait_for_line(program, r"^provider ready (\S+)$", 30)[1]


@pytest.fixture
def provider(provider_server: str, settings: Any, db: None) -> str:
    settings.OIDC_ROLE_MAP = {"voice team": "agent", "books": "finance"}
    settings.SOCIALACCOUNT_PROVIDERS = single_sign_on(provider_server, CLIENT, SECRET, "Acme")
    return provider_server


def come(provider: str, client: Client | None = None, query: str = "", **person: Any):
    """As a browser: to the provider and back with what it says of the person."""
    client = client or Client()
    requests.post(f"{provider}/_person", json=person, timeout=5)
    there = client.get(f"/accounts/oidc/sso/login/{query}")
    assert there.status_code == 302, text(there)
    back = requests.get(there.url, allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(back)
    return client, client.get(f"{parts.path}?{parts.query}")


def test_sign_in_offers_it_by_name(provider: str, client: Client) -> None:
    page = client.get("/accounts/login/?next=/calls/")
    assert "Sign in with Acme" in text(page)
    assert "/accounts/oidc/sso/login/?process=login&amp;next=%2Fcalls%2F" in page.content.decode()


def test_without_an_issuer_it_is_not_offered(db: None, client: Client) -> None:
    assert b"/oidc/" not in client.get("/accounts/login/").content
    assert client.get("/accounts/oidc/sso/login/").status_code == 404


def test_the_code_is_asked_for_with_pkce(provider: str, client: Client) -> None:
    asked = parse_qs(urlsplit(client.get("/accounts/oidc/sso/login/").url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert asked["client_id"] == [CLIENT]


def test_a_person_with_a_mapped_group_comes_in_with_its_role(provider: str) -> None:
    client, answer = come(provider, claims=ANN | {"groups": ["voice team", "tennis"]})
    assert answer.status_code == 302
    assert is_in(client)
    ann = User.objects.get(username="ann")
    assert [group.name for group in ann.groups.all()] == ["agent"]
    assert not ann.has_usable_password()


def test_afterwards_one_is_where_one_wanted_to_go(provider: str) -> None:
    _client, answer = come(provider, query="?next=/reports/", claims=ANN | {"groups": ["books"]})
    assert answer.url == "/reports/"


def test_a_way_back_to_another_site_is_not_taken(provider: str) -> None:
    claims = ANN | {"groups": ["books"]}
    _client, answer = come(provider, query="?next=https://evil.example/", claims=claims)
    assert answer.url == "/"


def test_who_has_no_mapped_group_is_refused_in_words(provider: str) -> None:
    client, answer = come(provider, claims=ANN | {"groups": ["tennis"]})
    assert answer.status_code == 403
    assert "none of your groups has a role in Voxledger" in text(answer)
    assert not is_in(client)
    assert not User.objects.filter(username="ann").exists()


def test_roles_follow_the_groups_at_each_sign_in(provider: str) -> None:
    come(provider, claims=ANN | {"groups": ["voice team"]})
    come(provider, claims=ANN | {"groups": ["books"]})
    ann = User.objects.get(username="ann")
    assert [group.name for group in ann.groups.all()] == ["finance"]
    noted = TrailEntry.objects.filter(kind="person").order_by("-number").first()
    assert noted.details["roles_before"] == ["agent"]
    assert noted.details["way"] == "single sign-on"


def test_who_loses_the_last_group_stays_out(provider: str) -> None:
    come(provider, claims=ANN | {"groups": ["books"]})
    client, answer = come(provider, claims=ANN | {"groups": []})
    assert answer.status_code == 403
    assert not is_in(client)


def test_the_deactivated_stay_out(provider: str) -> None:
    claims = ANN | {"groups": ["books"]}
    come(provider, claims=claims)
    User.objects.filter(username="ann").update(is_active=False)
    client, _answer = come(provider, claims=claims)
    assert not is_in(client)


def test_nobody_is_taken_for_somebody_of_the_same_name_or_address(
    provider: str, people: dict[str, User]
) -> None:
    User.objects.filter(username="owner").update(email="owner@example.com")
    claims = {"sub": "1", "preferred_username": "owner", "email": "owner@example.com"}
    client, _answer = come(provider, claims=claims | {"groups": ["books"]})
    assert is_in(client)
    assert client.session["_auth_user_id"] != str(people["owner"].pk)
    assert client.get("/people/").status_code == 403


@pytest.mark.parametrize("wrong", ["audience", "issuer", "expired", "token"])
def test_a_token_that_is_not_meant_for_us_lets_nobody_in(provider: str, wrong: str) -> None:
    claims = ANN | {"groups": ["books"]}
    client, answer = come(provider, claims=claims, **{"break": wrong})
    assert "Single sign-on did not work" in text(answer)
    assert not is_in(client)


def test_answers_about_two_people_are_not_mixed(provider: str) -> None:
    claims = ANN | {"groups": ["books"]}
    client, answer = come(provider, claims=claims, userinfo=claims | {"sub": "1"})
    assert "two different people" in text(answer)
    assert not is_in(client)


def test_an_answer_that_nobody_asked_for_lets_nobody_in(provider: str, client: Client) -> None:
    answer = client.get("/accounts/oidc/sso/login/callback/?code=x&state=forged")
    assert "Single sign-on did not work" in text(answer)
    assert not is_in(client)


def test_turning_back_says_so(provider: str) -> None:
    client, answer = come(provider, claims=ANN, **{"break": "denied"})
    assert answer.url == "/accounts/3rdparty/login/cancelled/"
    assert "You turned back at the provider" in text(client.get(answer.url))


def test_a_provider_that_is_down_is_a_page_in_words(provider: str, settings: Any) -> None:
    nowhere = "http://127.0.0.1:9"
    settings.SOCIALACCOUNT_PROVIDERS = single_sign_on(nowhere, CLIENT, SECRET, "Acme")
    answer = Client().get("/accounts/oidc/sso/login/")
    assert "Single sign-on did not work" in text(answer)


def test_without_a_map_only_those_come_in_who_tied_their_account(
    provider: str, people: dict[str, User], settings: Any
) -> None:
    settings.OIDC_ROLE_MAP = {}
    _client, answer = come(provider, claims=ANN)
    assert "nobody here has this account" in text(answer)
    agent = sign_in("agent")
    confirm(agent, "/accounts/3rdparty/")
    come(provider, agent, query="?process=connect", claims=ANN)
    assert SocialAccount.objects.get().user == people["agent"]
    client, _answer = come(provider, claims=ANN)
    assert client.session["_auth_user_id"] == str(people["agent"].pk)


def test_tying_an_account_asks_for_the_password_first(
    provider: str, people: dict[str, User]
) -> None:
    client = Client()
    client.force_login(people["agent"])
    _client, answer = come(provider, client, query="?process=connect", claims=ANN)
    assert answer.url.startswith("/accounts/reauthenticate/")
    assert not SocialAccount.objects.exists()


def test_a_tied_account_can_be_untied(provider: str, people: dict[str, User]) -> None:
    agent = sign_in("agent")
    assert "Tied accounts" in text(agent.get("/accounts/2fa/"))
    assert "Tie your account at Acme" in text(agent.get("/accounts/3rdparty/"))
    confirm(agent, "/accounts/3rdparty/")
    come(provider, agent, query="?process=connect", claims=ANN)
    assert "ann@example.com Untie" in text(agent.get("/accounts/3rdparty/"))
    agent.post("/accounts/3rdparty/", {"account": SocialAccount.objects.get().pk})
    assert not SocialAccount.objects.exists()
    details = [entry.details for entry in TrailEntry.objects.filter(kind="person")]
    assert [said.get("single_sign_on") for said in details] == ["untied", "tied"]


def test_the_settings_know_all_roles() -> None:
    assert list(NAMES) == list(ROLES)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("OIDC_ROLE_MAP", "books=boss", "use group=role with one of agent, supervisor, finance, "),
        ("OIDC_ROLE_MAP", "books", "use group=role with one of agent, supervisor, finance, "),
        ("OIDC_ISSUER", "http://login.example.com", "use an https address, e.g. OIDC_ISSUER="),
        ("OIDC_ISSUER", "login", "use an https address, e.g. OIDC_ISSUER="),
    ],
)
def test_a_wrong_setting_says_what_to_type(name: str, value: str, line: str, tmp_path) -> None:
    said = manage("check", data=tmp_path, **{name: value}).stderr
    assert said.startswith(f"{name}={value!r}: {line}")


def test_an_issuer_needs_a_client(tmp_path) -> None:
    said = manage("check", data=tmp_path, OIDC_ISSUER="https://login.example.com").stderr
    assert said == "OIDC_CLIENT_ID='': OIDC_ISSUER is set; set the client's id too\n"
