"""What an attacker tries: forged forms, ways to other sites, large bodies, curious error pages."""

import gzip
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.management.commands.demo import PASSWORD
from dashboard.middleware import POWERS
from tests.conftest import Sandbox
from tests.dashboard.test_settings import manage, show
from tests.dashboard.test_sign_in import is_in, set_up_app, sign_in, text

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "http://testserver@evil.example/",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_signing_in_leads_to_no_other_site(people: dict[str, User], url: str) -> None:
    form = {"login": "agent", "password": PASSWORD, "next": url}
    answer = Client().post("/accounts/login/", form)
    assert answer.status_code == 302
    assert answer.url == "/"


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/accounts/logout/", {}),
        ("/accounts/reauthenticate/", {"password": PASSWORD}),
    ],
)
def test_no_other_form_leads_to_another_site(
    people: dict[str, User], path: str, form: dict[str, str], url: str
) -> None:
    answer = sign_in("agent").post(path, form | {"next": url})
    assert answer.status_code == 302
    assert answer.url.startswith("/")
    assert "evil" not in answer.url


@pytest.mark.parametrize("header", [{}, {"HX-Request": "true"}])
def test_a_form_from_elsewhere_changes_nothing(
    people: dict[str, User], header: dict[str, str]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["admin"])
    url = f"/people/{people['agent'].pk}/roles/"
    answer = client.post(url, {"roles": ["admin"]}, headers=header)
    assert answer.status_code == 403
    assert "This form is too old" in text(answer)
    assert not people["agent"].groups.filter(name="admin").exists()


def test_htmx_sends_the_token_of_its_page(people: dict[str, User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["admin"])
    page = client.get("/people/").content.decode()
    token = re.search(r"""hx-headers='\{"x-csrftoken": "(\w+)"\}'""", page)[1]
    url = f"/people/{people['agent'].pk}/roles/"
    answer = client.post(
        url, {"roles": ["admin"]}, headers={"HX-Request": "true", "x-csrftoken": token}
    )
    assert answer.status_code == 302


def test_cookies_are_kept_from_scripts_and_other_sites(people: dict[str, User]) -> None:
    client = sign_in("agent")
    client.get("/accounts/password/change/")
    session, csrf = client.cookies["sessionid"], client.cookies["csrftoken"]
    assert session["httponly"] is True
    assert session["samesite"] == csrf["samesite"] == "Lax"


def test_the_cookie_of_forms_is_sent_once(people: dict[str, User]) -> None:
    client = sign_in("agent")
    assert len(client.cookies["csrftoken"].value) == 32
    assert "csrftoken" not in client.get("/settings/").cookies
    del client.cookies["csrftoken"]
    assert "csrftoken" in client.get("/settings/").cookies
    client.cookies["csrftoken"] = "no token"
    assert "csrftoken" in client.get("/settings/").cookies


def test_in_production_cookies_travel_encrypted_only(tmp_path: Any) -> None:
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"):
        assert show(name, tmp_path, ALLOWED_HOSTS="voxledger.example.com") == "True"


def test_every_page_says_what_browsers_may_do(client: Client, db: None) -> None:
    headers = client.get("/accounts/login/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == POWERS
    assert "microphone=()" in POWERS


def test_packed_pages_are_the_same_pages_and_hide_their_length(client: Client, db: None) -> None:
    plain = client.get("/accounts/login/")
    assert "Content-Encoding" not in plain.headers
    lengths = set()
    for _look in range(8):
        packed = client.get("/accounts/login/", headers={"Accept-Encoding": "gzip, br"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert int(packed.headers["Content-Length"]) == len(packed.content)
        page = gzip.decompress(packed.content).decode()
        assert _without_secrets(page) == _without_secrets(plain.content.decode())
        lengths.add(len(packed.content))
    assert len(lengths) > 1


def _without_secrets(page: str) -> str:
    """A page without what each of its answers makes anew."""
    return re.sub(r'((?:nonce|value)="|csrftoken": ")[^"]+', r"\1", page)


def test_a_body_too_large_is_refused(people: dict[str, User]) -> None:
    client = sign_in("agent")
    answer = client.post("/settings/", {"zone": "x" * 1024 * 1024 * 2})
    assert answer.status_code == 400
    assert "The server did not understand this request" in text(answer)


def test_a_file_too_large_is_refused_before_it_is_read(people: dict[str, User]) -> None:
    file = io.BytesIO(b"x" * 1024 * 1024 * 2)
    for path in ("/settings/", "/accounts/login/"):
        answer = sign_in("agent").post(path, {"file": file})
        assert answer.status_code == 400
        assert "The server did not understand this request" in text(answer)
        file.seek(0)


def test_pages_of_errors_name_nobody(people: dict[str, User], sandbox: Sandbox) -> None:
    client = sign_in("agent")
    client.raise_request_exception = False
    sandbox.fault("http_status", status=500)
    for path in ("/nowhere/?number=%2B442079460958", "/transactions/?user_name=Jane"):
        page = client.get(path).content.decode()
        assert "442079460958" not in page
        assert "Jane" not in page


def test_forms_that_fail_name_nobody(client: Client, db: None) -> None:
    """A person that exists and one that does not are refused in the same words."""
    User.objects.create_user("agent", password=PASSWORD)
    answers = [
        text(client.post("/accounts/login/", {"login": name, "password": "wrong"}))
        for name in ("agent", "nobody")
    ]
    assert answers[0] == answers[1].replace("nobody", "agent")


# Roles that must have a second factor


def test_a_role_that_needs_a_second_factor_sets_it_up_first(
    people: dict[str, User], settings: Any
) -> None:
    settings.MFA_REQUIRED_ROLES = frozenset({"admin"})
    client = sign_in("admin")
    answer = client.get("/people/")
    assert answer.url == "/accounts/2fa/"
    page = client.get(answer.url).content.decode()
    assert "Your role needs a second factor." in page
    set_up_app(client)
    assert client.get("/people/").status_code == 200


def test_other_roles_go_on_without_one(people: dict[str, User], settings: Any) -> None:
    settings.MFA_REQUIRED_ROLES = frozenset({"admin"})
    assert is_in(sign_in("agent"))


def test_parts_of_pages_lead_there_too(people: dict[str, User], settings: Any) -> None:
    settings.MFA_REQUIRED_ROLES = frozenset({"admin"})
    answer = sign_in("admin").get("/people/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/accounts/2fa/"
    assert answer.content == b""


def test_a_role_that_is_none_is_named(tmp_path: Any) -> None:
    said = manage("check", data=tmp_path, MFA_REQUIRED_ROLES="admin,boss").stderr
    assert said.startswith("MFA_REQUIRED_ROLES='boss': use names of roles: agent, supervisor,")


@pytest.mark.parametrize("role", ["admin"])
def test_signing_out_stays_possible(
    people: dict[str, User], settings: Any, role: str, client_as: Callable[[str], Client]
) -> None:
    settings.MFA_REQUIRED_ROLES = frozenset({role})
    client = client_as(role)
    assert client.post("/accounts/logout/").url == "/accounts/login/"
