"""The call page in a real browser: what arrives later, what opens, what is copied, what leaks."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from history.api.replies import CallSessionInfoType
from tests.conftest import Sandbox
from tests.history.calls_of import address, can_be_heard, is_written, session_where

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

MONTH = "from_date=2026-05-15&to_date=2026-06-14&timezone=UTC"


@pytest.fixture
def page(sandbox: Sandbox, page_as: Callable[[str], Page]) -> Page:
    return page_as("agent")


def in_month(session: CallSessionInfoType) -> bool:
    day = session.start_date.replace(tzinfo=None)
    return datetime(2026, 5, 16) <= day < datetime(2026, 6, 14)


def test_opens_from_the_list_into_a_drawer_that_back_closes(page: Page) -> None:
    page.goto(f"/calls/?{MONTH}")
    row = page.locator("tr[data-row]").nth(2)
    session = row.get_attribute("data-row")
    row.locator(".row-link").click()
    drawer = page.locator("#drawer")
    expect(drawer.locator("#verdict")).to_be_visible()
    expect(drawer.locator("#drawer-title")).to_have_text(f"Call {session}")
    expect(page).to_have_url(re.compile(f"call={session}"))
    page.go_back()
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("call="))


def test_keys_go_from_call_to_call_and_to_the_full_page(page: Page) -> None:
    page.goto(f"/calls/?{MONTH}")
    rows = page.locator("tr[data-row]")
    ids = [rows.nth(n).get_attribute("data-row") for n in range(2)]
    rows.nth(0).locator(".row-link").click()
    title = page.locator("#drawer-title")
    expect(title).to_have_text(f"Call {ids[0]}")
    page.keyboard.press("j")
    expect(title).to_have_text(f"Call {ids[1]}")
    page.keyboard.press("k")
    expect(title).to_have_text(f"Call {ids[0]}")
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile(rf"/calls/{ids[0]}/"))
    expect(page.locator("#verdict")).to_be_visible()


def test_the_rest_arrives_as_one_reads_on(page: Page) -> None:
    session = session_where(lambda s: is_written(s) and s.log_file_url and s.cost)
    page.goto(address(session))
    expect(page.locator(".transcript")).to_be_visible()
    page.locator("#charges").scroll_into_view_if_needed()
    expect(page.locator("#charges")).to_contain_text("Agrees with the transactions")
    page.get_by_role("button", name="Open the log").click()
    expect(page.locator(".log-line").first).to_contain_text("started on")
    page.locator("#others").scroll_into_view_if_needed()
    expect(page.locator("#other-calls")).to_be_visible()


def test_searches_the_log_and_hides_levels(page: Page) -> None:
    session = session_where(lambda s: s.finish_reason == "JS session error" and s.log_file_url)
    page.goto(address(session))
    page.get_by_role("button", name="Open the log").click()
    lines = page.locator(".log-line:visible")
    expect(lines.first).to_be_visible()
    page.get_by_label("Search the log").fill("ReferenceError")
    expect(lines).to_have_count(1)
    page.get_by_label("Search the log").fill("")
    page.get_by_label("Errors").uncheck()
    expect(page.locator('.log-line[data-level="error"]:visible')).to_have_count(0)


def test_copies_the_link_and_the_diagnostics(page: Page) -> None:
    session = session_where(can_be_heard)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(address(session))
    page.get_by_role("button", name="Copy link").click()
    copied = "navigator.clipboard.readText()"
    assert page.evaluate(copied).endswith(address(session))
    page.get_by_role("button", name="Copy diagnostics").click()
    expect(page.locator("#live")).to_have_text("Diagnostics copied")
    assert f"Session: {session.call_session_history_id}" in page.evaluate(copied)


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_is_readable_by_all(page: Page, width: int, theme: str) -> None:
    session = session_where(lambda s: is_written(s) and s.log_file_url and len(s.calls) > 1)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(address(session))
    page.locator("[hx-get*='/transcript/']").first.scroll_into_view_if_needed()
    expect(page.locator(".transcript")).to_be_visible()
    page.get_by_role("button", name="Open the log").click()
    expect(page.locator(".log-line").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
