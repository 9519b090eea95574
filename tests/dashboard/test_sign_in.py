"""Second factors and sessions, as people use them: over HTTP, with an app of our own."""

import base64
import hmac
import html
import re
import struct
import time
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client

from dashboard.management.commands.demo import PASSWORD
from history.models import TrailEntry

type SignIn = Callable[..., Client]


def code_of(secret: str, later: int = 0) -> str:
    """What an authenticator app shows (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time()) // 30 + later)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def text(answer) -> str:
    """What a reader sees of a page, in one line."""
    page = re.sub(r"(?s)<(script|style|head|template).*?</\1>", " ", answer.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def sign_in(name: str, client: Client | None = None, password: str = PASSWORD) -> Client:
    client = client or Client()
    client.post("/accounts/login/", {"login": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


def confirm(client: Client, url: str) -> None:
    """The password once more, as pages about second factors ask for it."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": url})


def set_up_app(client: Client) -> str:
    url = "/accounts/2fa/totp/activate/"
    confirm(client, url)
    secret = re.search(r'id="totp-secret">([A-Z2-7]+)<', client.get(url).content.decode())[1]
    # The code of the last half minute, so that the present one is still unused.
    answer = client.post(url, {"code": code_of(secret, -1)})
    assert answer.status_code == 302, text(answer)
    return secret


def recovery_codes(client: Client) -> list[str]:
    url = "/accounts/2fa/recovery-codes/"
    confirm(client, url)
    return re.findall(r"<code>(\d{8})</code>", client.get(url).content.decode())


@pytest.mark.parametrize("path", ["password/change/", "2fa/", "sessions/"])
def test_pages_of_ones_own_sign_in_are_no_place_of_the_rail(people: dict[str, User], path: str):
    owner, current = sign_in("owner"), 'href="/accounts/" title="Accounts" aria-current'
    assert current not in owner.get(f"/accounts/{path}").content.decode()
    assert current in owner.get("/accounts/").content.decode()


def test_an_app_is_asked_for_after_the_password(people: dict[str, User]) -> None:
    secret = set_up_app(sign_in("agent"))
    client = sign_in("agent")
    assert not is_in(client)
    page = client.get("/accounts/2fa/authenticate/")
    assert "Type the code that your authenticator app shows now" in text(page)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(client)


def test_a_wrong_code_says_so_and_lets_nobody_in(people: dict[str, User]) -> None:
    set_up_app(sign_in("agent"))
    client = sign_in("agent")
    page = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "Incorrect code." in text(page)
    assert not is_in(client)


def test_a_code_works_once(people: dict[str, User]) -> None:
    secret = set_up_app(sign_in("agent"))
    code = code_of(secret)
    sign_in("agent").post("/accounts/2fa/authenticate/", {"code": code})
    thief = sign_in("agent")
    thief.post("/accounts/2fa/authenticate/", {"code": code})
    assert not is_in(thief)


def test_guesses_of_codes_are_counted(people: dict[str, User]) -> None:
    secret = set_up_app(sign_in("agent"))
    client = sign_in("agent")
    for _ in range(10):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    page = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert "Too many failed login attempts" in text(page)
    assert not is_in(client)


def test_a_recovery_code_stands_in_for_the_app_once(people: dict[str, User]) -> None:
    owner = sign_in("agent")
    set_up_app(owner)
    codes = recovery_codes(owner)
    assert len(codes) == 10
    client = sign_in("agent")
    client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert is_in(client)
    assert codes[0] not in recovery_codes(owner)
    again = sign_in("agent")
    again.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert not is_in(again)


def test_a_stolen_session_cannot_change_the_second_factor(people: dict[str, User]) -> None:
    client = Client()
    client.force_login(people["agent"])
    answer = client.get("/accounts/2fa/totp/activate/")
    assert answer.status_code == 302
    assert answer.url == "/accounts/reauthenticate/?next=%2Faccounts%2F2fa%2Ftotp%2Factivate%2F"


def test_second_factors_are_sealed_in_the_database(people: dict[str, User]) -> None:
    secret = set_up_app(sign_in("agent"))
    kept = [row.data for row in Authenticator.objects.all()]
    assert len(kept) == 2
    assert secret not in str(kept)


def test_with_another_secret_key_no_code_is_right(people: dict[str, User], settings) -> None:
    secret = set_up_app(sign_in("agent"))
    settings.SECRET_KEY = "another"
    client = sign_in("agent")
    assert client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)}).status_code == 200
    assert not is_in(client)


def test_an_old_secret_key_still_opens_second_factors(people: dict[str, User], settings) -> None:
    secret = set_up_app(sign_in("agent"))
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    client = sign_in("agent")
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(client)


def test_switching_the_app_off_takes_the_codes_along(people: dict[str, User]) -> None:
    client = sign_in("agent")
    set_up_app(client)
    client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert is_in(sign_in("agent"))


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0", "Edge 141"),
        ("curl/8.5.0", "curl/8.5.0"),
    ],
)
def test_sessions_are_listed_with_browser_and_address(
    people: dict[str, User], agent: str, words: str
) -> None:
    client = sign_in("agent", Client(headers={"user-agent": agent}))
    page = text(client.get("/accounts/sessions/"))
    assert words in page
    assert "127.0.0.1" in page
    assert "this one" in page


def test_signing_out_everywhere_else_ends_the_other_sessions(people: dict[str, User]) -> None:
    here, there, somebody = sign_in("agent"), sign_in("agent"), sign_in("finance")
    assert "Sign out everywhere else" in text(here.get("/accounts/sessions/"))
    here.post("/accounts/sessions/")
    assert is_in(here)
    assert not is_in(there)
    assert is_in(somebody)


def test_no_page_leads_to_a_forgotten_password(client_as: Callable[[str], Client]) -> None:
    page = client_as("agent").get("/accounts/password/change/").content.decode()
    assert 'name="oldpassword"' in page
    assert "Forgot your password?" not in page
    assert "password/reset" not in page


def test_a_forgotten_password_is_a_matter_for_an_administrator(client: Client, db: None) -> None:
    page = text(client.get("/accounts/login/"))
    assert "Forgot your password?" not in page
    assert "the password forgotten? Ask an administrator for a link." in page
    for path in ("password/reset/", "email/", "password/reset/key/1-abc/"):
        answer = client.post(f"/accounts/{path}", {"email": "agent@example.com"})
        assert answer.status_code == 404
        assert "Voxledger sends no mail" in text(answer)


def test_changes_of_sign_in_and_wrong_codes_are_in_the_trail(
    people: dict[str, User], django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        set_up_app(sign_in("agent"))
    thief = sign_in("agent")
    thief.post("/accounts/2fa/authenticate/", {"code": "000000"})
    wrong, *added = TrailEntry.objects.filter(kind="person")
    assert {entry.details["second_factor_added"] for entry in added} == {"totp", "recovery_codes"}
    assert {entry.who for entry in added} == {"agent"}
    assert (wrong.action, wrong.key) == ("sign_in_failed", str(people["agent"].pk))
    assert wrong.ip == "127.0.0.1"
    assert wrong.details == {"name": "agent", "wrong": "totp"}
