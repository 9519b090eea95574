"""The components in a real browser, on the page that has all of them.

How it fits and whether it is accessible is seen with the other pages: tests/browser/test_pages.py.
"""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_pages import OVERFLOWING
from tests.browser.waiting import until

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

type Open = Callable[..., Page]


@pytest.fixture
def opened(page: Page, live_server: LiveServer) -> Open:
    def open_guide(query: str = "") -> Page:
        page.goto(f"/styleguide/{query}")
        expect(page.locator("#total")).to_contain_text("8,214")
        return page

    return open_guide


def violations(page: Page, part: str) -> list[str]:
    found = Axe().run(page, context=part).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def test_fits_with_letters_twice_as_large(opened):
    page = opened()
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for width in (1440, 720):
        page.set_viewport_size({"width": width, "height": 900})
        # What depends on the width moves a moment later.
        fits = f"document.documentElement.scrollWidth <= {width}"
        until(page, f"{fits} && ({OVERFLOWING})().length === 0")


def test_menus_are_accessible_and_close_on_escape(opened):
    page = opened()
    for menu in ("#filters-panel", "#period", "#columns", "#tray-menu", ".raw"):
        page.locator(f"{menu} > summary").click()
        assert violations(page, menu) == []
    page.locator("#period > summary").click()
    page.keyboard.press("Escape")
    expect(page.locator("#period")).not_to_have_attribute("open", "")
    expect(page.locator("#period > summary")).to_be_focused()


def test_the_drawer_has_an_address_keeps_the_focus_and_gives_it_back(opened):
    page = opened("?call=915004434")
    expect(page.locator("#drawer-title")).to_have_text("Call 915004434")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    assert "call=" not in page.url

    page.locator(".row-link").first.click()
    expect(page.locator("#drawer-title")).to_have_text("Call 915004471")
    expect(page.locator("#panel")).to_be_visible()
    assert page.url.endswith("?call=915004471")
    assert violations(page, "#drawer") == []
    for _press in range(30):
        page.keyboard.press("Tab")
        # Between the last and the first element the browser's own bars have their turn.
        assert page.evaluate("document.activeElement.matches('body, #drawer, #drawer *')")
    page.go_back()
    expect(page.locator("#drawer")).to_be_hidden()
    assert not page.url.endswith("?call=915004471")
    expect(page.locator(".row-link").first).to_be_focused()


def test_goes_back_and_forth_between_lists_and_the_drawer(opened):
    page = opened()
    page.locator("#filters select[name=application]").select_option("support")
    page.wait_for_url(re.compile(r"[?&]application=support"))
    assert "remote_number" not in page.url  # empty fields are left out
    assert "session=" not in page.url
    page.locator(".row-link").first.click()
    expect(page.locator("#drawer")).to_be_visible()
    page.go_back()
    expect(page.locator("#drawer")).to_be_hidden()
    page.go_back()
    page.wait_for_url(re.compile("/styleguide/$"))
    page.go_forward()
    page.wait_for_url(re.compile("application=support"))
    page.go_forward()
    expect(page.locator("#drawer-title")).to_have_text("Call 915004471")


def test_rows_and_search_by_single_letters(opened):
    page = opened()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer-title")).to_have_text("Call 915004434")
    page.keyboard.press("j")
    expect(page.locator("#drawer-title")).to_have_text("Call 915004397")
    page.keyboard.press("k")
    page.keyboard.press("k")
    expect(page.locator("#drawer-title")).to_have_text("Call 915004471")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    expect(page.locator(".row-link").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.locator(".row-link").first.focus()
    page.keyboard.press("o")
    page.wait_for_url(re.compile("page=915004471"))


def test_leaves_single_letters_alone_when_they_are_switched_off(opened):
    page = opened()
    page.keyboard.press("?")
    page.get_by_label("Single-letter keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(".row-link").first).not_to_be_focused()
    page.reload()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_hidden()


def test_copies_plays_and_searches_the_log(opened):
    page = opened()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy Session ID", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()") == "915004471"
    expect(page.locator("#live")).to_have_text("Copied: Session ID")

    page.get_by_label("Search the log").fill("callUser")
    expect(page.locator(".log-line:visible")).to_have_count(2)
    expect(page.locator("[data-log-found]")).to_have_text("2 of 10 lines")
    page.get_by_label("Search the log").fill("")
    page.get_by_label("Debug").uncheck()
    expect(page.locator(".log-line[data-level=debug]:visible")).to_have_count(0)

    page.locator("[data-seek='2']").click()
    expect(page.locator(".line.is-now")).to_contain_text("Good afternoon")
    until(page, "document.querySelector('#player audio').currentTime > 2.2")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url(re.compile(r"#t=\d"))
    page.locator("#player .player-seek").focus()
    page.keyboard.press(" ")
    until(page, "!document.querySelector('#player audio').paused")
    page.keyboard.press(">")
    assert page.evaluate("document.querySelector('#player audio').playbackRate") == 1.25


def test_shows_a_toast_for_a_reply_that_never_came(opened, complaints):
    page = opened()
    page.route("**/styleguide/?**", lambda route: route.abort())
    with page.expect_console_message(lambda message: "Failed to load" in message.text):
        page.locator("#filters select[name=application]").select_option("support")
    expect(page.locator(".toast-error", has_text="cannot be reached").last).to_be_visible()
    complaints.expect("Failed to load resource")
    complaints.expect("htmx:")


def test_reads_without_scripts(browser, live_server):
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/styleguide/")
    expect(page.locator(".table [data-row]")).to_have_count(8)
    expect(page.locator("#player audio")).to_be_visible()
    expect(page.get_by_role("button", name="Copy Session ID", exact=True)).to_be_hidden()
    page.locator("#period > summary").click()
    expect(page.get_by_role("link", name="Last 30 days").first).to_be_visible()
    context.close()


def test_keeps_the_theme_for_the_next_page_without_a_flash(client):
    client.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in client.get("/styleguide/").content.decode()


def test_is_hidden_where_a_real_account_is_shown(client, settings):
    settings.VOX_API_URL = "https://api.voximplant.com/platform_api"
    assert client.get("/styleguide/").status_code == 404
