"""Whole jobs with the keyboard alone, from the first Tab on: no mouse, no focus put anywhere."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from history.models import Deletion, TrailEntry
from history.models.deletions import State
from history.models.reports import Report
from history.models.trail import Action
from tests.browser.waiting import until
from tests.conftest import Sandbox
from tests.history.calls_of import address, can_be_heard, session_where
from tests.history.reports import SPRING

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

MOST_STOPS = 120
FOCUSED = "element => element === document.activeElement"
# Where one is must be seen: a ring around it, its field or its bar, within the window.
SEEN = """() => {
  const here = document.activeElement, box = here.getBoundingClientRect();
  const drawn = [here, here.closest(".field-shell"), here.querySelector(".bar-hit")];
  const ring = drawn.filter((one) => one).some((one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
      || style.boxShadow !== "none" || style.stroke !== "none";
  });
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  // Beyond the end of a page come the browser's own bars.
  return (ring && inside) || here === document.body ? "" : here.outerHTML.slice(0, 160);
}"""


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Goes on from stop to stop until the target has the focus; each stop can be seen."""
    expect(target).to_be_attached()
    for _stop in range(MOST_STOPS):
        page.keyboard.press(key)
        end = time.monotonic() + 10  # a frame or two on an idle machine
        while lost := page.evaluate(SEEN):
            assert time.monotonic() < end, f"the focus cannot be seen on {lost}"
        if target.evaluate(FOCUSED):
            return
    pytest.fail(f"{target} is not within {MOST_STOPS} stops")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    tab_to(page, target)
    page.keyboard.press(key)


def test_an_agent_filters_opens_and_plays_a_call(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    session = session_where(can_be_heard)
    day = f"{session.start_date:%Y-%m-%d}"
    page = page_as("agent")
    page.goto(f"/calls/?from_date={day}&to_date={day}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, page.get_by_role("link", name="With recording", exact=True))
    expect(page).to_have_url(re.compile("only=recorded"))

    row = page.locator(f'[data-row="{session.call_session_history_id}"] .row-link')
    press(page, row)
    drawer = page.locator("#drawer")
    expect(drawer.locator("#verdict")).to_be_visible()
    press(page, drawer.get_by_role("button", name="Play", exact=True).first)
    until(page, "() => (document.querySelector('audio')?.currentTime ?? 0) > 0.3")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(row).to_be_focused()


def test_finance_chooses_a_period_and_orders_a_report(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    page = page_as("finance")
    page.goto(f"/transactions/?{SPRING}")
    press(page, page.locator("#period > summary"))
    tab_to(page, page.locator("#period").get_by_label("From"))
    page.keyboard.type("05052026")  # part by part, in whatever order the browser has them
    press(page, page.get_by_role("button", name="Show this period"))
    expect(page).to_have_url(re.compile("from_date=2026-05-05"))
    press(page, page.get_by_role("link", name="Export"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Export")
    press(page, page.get_by_role("button", name="Order the report"))
    expect(page).to_have_url(re.compile(r"/reports/\d+/"))
    assert Report.objects.get().params["from_date"].startswith("2026-05-05")


def test_an_admin_deletes_and_cancels(sandbox: Sandbox, page_as: Callable[[str], Page]) -> None:
    page = page_as("admin")
    page.goto(address(session_where(can_be_heard)))
    press(page, page.get_by_role("link", name="Delete…").first)
    expect(page.get_by_role("heading", name="Delete 1 recording")).to_be_visible()
    tab_to(page, page.get_by_label("Reason"))
    page.keyboard.type("The customer asked for it")
    press(page, page.get_by_role("button", name="Delete 1 recording"))
    press(page, page.get_by_role("button", name="Cancel the deletion"))
    expect(page.locator("#deletion-live")).to_contain_text("Cancelled")
    assert Deletion.objects.get().state == State.CANCELLED


def test_who_sees_masked_numbers_reveals_those_of_a_call(
    sandbox: Sandbox, page_as: Callable[[str], Page], settings: Any
) -> None:
    settings.MASKED_ROLES = frozenset({"agent"})
    session = session_where(
        lambda one: one.calls and len(one.calls[0].remote_number or "") > 9 and can_be_heard(one)
    )
    number = (session.calls[0].remote_number or "")[-4:]
    page = page_as("agent")
    page.goto(address(session))
    expect(page.locator("h1 .masked").first).to_be_visible()
    press(page, page.locator(".reveal > summary"))
    tab_to(page, page.get_by_label("Why do you need the numbers of this call?"))
    page.keyboard.type("The client asked us to call back")
    press(page, page.get_by_role("button", name="Show numbers", exact=True))
    expect(page.get_by_text("The numbers of this call are shown to you until")).to_be_visible()
    expect(page.locator("h1 .masked")).to_have_count(0)
    expect(page.locator("h1")).to_contain_text(number[-2:])
    told = TrailEntry.objects.get(action=Action.REVEAL)
    assert told.details["reason"] == "The client asked us to call back"


def test_keys_of_the_dialog_stay_inside_and_the_focus_comes_back(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    page = page_as("agent")
    page.goto(f"/calls/?{SPRING}")
    opener = page.get_by_role("button", name="Keyboard shortcuts")
    press(page, opener)
    dialog = page.locator("#help")
    expect(dialog).to_be_visible()
    for _stop in range(6):
        page.keyboard.press("Tab")
        # Beyond its end the browser offers its own bars, and then the dialog again.
        assert page.evaluate("() => !document.activeElement.closest('.app')")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
