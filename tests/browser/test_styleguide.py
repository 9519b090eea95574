"""The style guide in a real browser: every component, every width, both themes."""

import re
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
WIDTHS = (1440, 1024, 768, 390)

# Elements that reach over the right edge without a box of their own to scroll in.
OVERFLOWING = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const boxes = ".table-scroll, .tabs, .twin-scroll, .log, pre, .hidden-text, .skip";
  if (element.closest(boxes)) return false;
  if (element.closest("details:not([open])") && !element.closest("summary")) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.right > innerWidth + 1;
}).map((element) => element.outerHTML.slice(0, 120))"""


type Open = Callable[..., Page]


@pytest.fixture
def opened(page: Page, live_server: LiveServer) -> Open:
    def open_guide(width: int = 1440, theme: str = "light") -> Page:
        page.set_viewport_size({"width": width, "height": 900})
        page.context.add_cookies([{"name": "theme", "value": theme, "url": live_server.url}])
        page.goto("/styleguide/")
        expect(page.locator("#total")).to_contain_text("8,214")
        return page

    return open_guide


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_fits_and_is_accessible(opened, width, theme):
    page = opened(width, theme)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"styleguide-{width}-{theme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []
    assert violations(page) == []


@pytest.mark.parametrize("width", [1440, 720])
def test_fits_with_letters_twice_as_large(opened, width):
    page = opened(width)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_open_menus_are_accessible(opened, theme):
    page = opened(theme=theme)
    for menu in ("#filters-panel", "#period", "#columns", "#tray-menu", ".raw"):
        page.locator(f"{menu} > summary").click()
        assert violations(page) == []


def test_closes_a_menu_on_escape_and_returns_the_focus(opened):
    page = opened()
    page.locator("#period > summary").click()
    page.keyboard.press("Escape")
    expect(page.locator("#period")).not_to_have_attribute("open", "")
    expect(page.locator("#period > summary")).to_be_focused()


def test_opens_a_row_in_the_drawer_with_an_address_of_its_own(opened):
    page = opened()
    page.locator(".row-link").first.click()
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("#drawer-title")).to_have_text("Call 915004471")
    assert page.url.endswith("?call=915004471")
    assert violations(page) == []
    page.go_back()
    expect(page.locator("#drawer")).to_be_hidden()
    assert not page.url.endswith("?call=915004471")
    expect(page.locator(".row-link").first).to_be_focused()


def test_opens_the_drawer_of_a_link_that_was_sent(opened):
    page = opened()
    page.goto("/styleguide/?call=915004434")
    expect(page.locator("#drawer-title")).to_have_text("Call 915004434")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    assert "call=" not in page.url


def test_goes_back_and_forth_between_lists_and_the_drawer(opened):
    page = opened()
    page.locator("#filters select[name=application]").select_option("support")
    page.wait_for_url(re.compile("application=support"))
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


def test_walks_rows_by_keyboard_inside_the_drawer(opened):
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


def test_opens_the_full_page_of_a_row_by_keyboard(opened):
    page = opened()
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url(re.compile("page=915004471"))


def test_keeps_the_focus_in_the_drawer(opened):
    page = opened()
    page.locator(".row-link").first.click()
    expect(page.locator("#panel")).to_be_visible()
    for _press in range(30):
        page.keyboard.press("Tab")
        # Between the last and the first element the browser's own bars have their turn.
        assert page.evaluate("document.activeElement.matches('body, #drawer, #drawer *')")


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


def test_focuses_the_search_on_a_slash(opened):
    page = opened()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_copies_and_says_so(opened):
    page = opened()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy Session ID", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()") == "915004471"
    expect(page.locator("#live")).to_have_text("Copied: Session ID")


def test_plays_seeks_and_follows_the_transcript(opened):
    page = opened()
    page.locator("[data-seek='2']").click()
    expect(page.locator(".line.is-now")).to_contain_text("Good afternoon")
    page.wait_for_function("document.querySelector('#player audio').currentTime > 2.2")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url(re.compile(r"#t=\d"))
    page.locator("#player .player-seek").focus()
    page.keyboard.press(" ")
    page.wait_for_function("!document.querySelector('#player audio').paused")
    page.keyboard.press(">")
    assert page.evaluate("document.querySelector('#player audio').playbackRate") == 1.25


def test_searches_and_filters_the_log(opened):
    page = opened()
    page.get_by_label("Search the log").fill("callUser")
    expect(page.locator(".log-line:visible")).to_have_count(2)
    expect(page.locator("[data-log-found]")).to_have_text("2 of 10 lines")
    page.get_by_label("Search the log").fill("")
    page.get_by_label("Debug").uncheck()
    expect(page.locator(".log-line[data-level=debug]:visible")).to_have_count(0)


def test_keeps_the_theme_for_the_next_page_without_a_flash(opened):
    page = opened()
    page.evaluate("document.cookie = 'theme=dark; path=/'")
    answer = page.request.get("/styleguide/")
    assert 'data-theme="dark"' in answer.text()


def test_leaves_empty_fields_out_of_the_address(opened):
    page = opened()
    page.get_by_label("Platform numbers").first.wait_for(state="attached")
    page.locator("#filters select[name=application]").select_option("support")
    page.wait_for_url(re.compile(r"[?&]application=support"))
    assert "remote_number" not in page.url
    assert "session=" not in page.url


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


def test_loads_less_than_100_kb_at_first(page):
    """As the server sends it in production: compressed with brotli."""
    answers = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto("/styleguide/", wait_until="networkidle")
    sizes = {
        answer.url: len(brotli.compress(answer.body()))
        for answer in answers
        if "/peaks/" not in answer.url
    }
    assert len(sizes) > 15
    assert sum(sizes.values()) < 100_000, sizes


def test_is_hidden_where_a_real_account_is_shown(client, settings):
    settings.VOX_API_URL = "https://api.voximplant.com/platform_api"
    assert client.get("/styleguide/").status_code == 404
