"""Signing in as people do it: an app's code, and a passkey that Chromium plays."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from dashboard.management.commands.demo import PASSWORD
from tests.dashboard.test_sign_in import code_of

# Whoever is in sees the home page, which asks the API.
pytestmark = pytest.mark.usefixtures("sandbox")


def sign_in(page: Page, name: str = "agent") -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def sign_out(page: Page) -> None:
    page.locator("#user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


@pytest.fixture
def keys(page: Page) -> Iterator[Page]:
    """A page whose browser has a key with a fingerprint that always fits."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield page
    devtools.send("WebAuthn.disable")


def test_sets_up_an_app_and_signs_in_with_its_code(page: Page, people: dict[str, User]) -> None:
    sign_in(page)
    page.locator("#user-menu summary").click()
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("link", name="Set up an app").click()
    confirm(page)
    expect(page.get_by_role("img", name="QR code for the app")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    secret = page.locator("#totp-secret").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret, -1))
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    sign_out(page)
    sign_in(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.locator("#user-menu")).to_be_visible()


def test_adds_a_passkey_and_signs_in_with_nothing_else(keys: Page, people: dict[str, User]) -> None:
    sign_in(keys)
    keys.goto("/accounts/2fa/webauthn/add/")
    confirm(keys)
    keys.get_by_role("button", name="Add the key").click()
    expect(keys.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(keys)
    keys.get_by_role("button", name="Sign in with a passkey").click()
    expect(keys).to_have_url(re.compile(r"/$"))
    expect(keys.locator("#user-menu")).to_be_visible()


def test_a_key_is_the_second_factor_after_the_password(keys: Page, people: dict[str, User]) -> None:
    sign_in(keys)
    keys.goto("/accounts/2fa/webauthn/add/")
    confirm(keys)
    keys.get_by_role("checkbox", name="Sign in with this key alone").uncheck()
    keys.get_by_role("button", name="Add the key").click()
    expect(keys.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(keys)
    sign_in(keys)
    keys.get_by_role("button", name="Use a passkey or security key").click()
    expect(keys.locator("#user-menu")).to_be_visible()


def test_a_passkey_that_is_not_there_is_said_on_the_page(
    keys: Page, people: dict[str, User]
) -> None:
    keys.goto("/accounts/login/")
    keys.get_by_role("button", name="Sign in with a passkey").click()
    expect(keys.get_by_role("alert")).to_contain_text("The key was not used")
