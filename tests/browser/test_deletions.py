"""An admin deletes a recording in the browser; what was heard of one is in the trail."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from history.deletions import running
from history.models import Deletion, TrailEntry
from history.models.trail import Action
from tests.conftest import Sandbox
from tests.history.calls_of import address, can_be_heard, session_where

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

NOW_PLAYING = "document.querySelector('audio')?.currentTime ?? 0"


def wait_until(page: Page, is_so: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < give_up, f"never: {what}"
        page.wait_for_timeout(100)


def test_deletes_a_recording_from_the_page_of_its_call(
    sandbox: Sandbox, page_as: Callable[[str], Page], settings: Any
) -> None:
    settings.DELETION_DELAY_MINUTES = 0
    session = session_where(lambda s: can_be_heard(s) and len(s.records) == 1)
    page = page_as("admin")
    page.goto(address(session))
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 1 recording")).to_be_visible()
    page.get_by_label("Reason").fill("The customer asked for it")
    page.get_by_role("button", name="Delete 1 recording").click()
    expect(page).to_have_url(re.compile(r"/deletions/\d+/"))
    expect(page.get_by_text("Until then nothing is lost")).to_be_visible()

    # No worker runs beside this test: its step is taken here, and the page notices by itself.
    running.step(Deletion.objects.get().pk)
    expect(page.get_by_role("link", name="Certificate")).to_be_visible()
    page.get_by_role("link", name="Certificate").click()
    expect(page.get_by_role("heading", name="Proof")).to_be_visible()
    page.goto(address(session))
    expect(page.locator("#recordings")).to_contain_text(re.compile("was deleted|expired"))
    expect(page.locator("audio")).to_have_count(0)


def test_several_are_chosen_in_the_list(sandbox: Sandbox, page_as: Callable[[str], Page]) -> None:
    page = page_as("admin")
    page.goto("/recordings/?from_date=2026-05-15&to_date=2026-06-14")
    expect(page.locator("#delete-chosen")).to_be_hidden()
    for box in page.get_by_role("checkbox", name="Choose recording").all()[:2]:
        box.check()
    expect(page.locator("#delete-chosen")).to_contain_text("2 chosen")
    page.locator("#delete-chosen").get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 2 recordings")).to_be_visible()
    page.get_by_label("Reason").fill("Both were asked for")
    page.get_by_label("Type 2 to confirm").fill("3")
    page.get_by_role("button", name="Delete 2 recordings").click()
    expect(page.locator("#form-errors")).to_contain_text("“3” is not “2”")
    expect(page.get_by_label("Reason")).to_have_value("Both were asked for")


def test_cancels_in_the_delay(sandbox: Sandbox, page_as: Callable[[str], Page]) -> None:
    session = session_where(can_be_heard)
    page = page_as("admin")
    page.goto(address(session))
    page.get_by_role("link", name="Delete…").first.click()
    page.get_by_label("Reason").fill("The customer asked for it")
    page.get_by_role("button", name="Delete 1 recording").click()
    page.get_by_role("button", name="Cancel the deletion").click()
    expect(page.locator("#deletion-live")).to_contain_text("Cancelled")
    assert not [r for r in sandbox.requests if r["method"] == "DeleteRecord"]


def test_the_seconds_that_were_heard_are_in_the_trail(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    session = session_where(
        lambda s: any((r.duration or 0) > 60 for r in s.records if not r.is_removed)
    )
    page = page_as("agent")
    page.goto(address(session))
    page.get_by_role("button", name="Play", exact=True).first.click()
    wait_until(page, lambda: page.evaluate(NOW_PLAYING) > 1.3, "it plays")
    page.evaluate("document.querySelector('audio').currentTime = 30")
    wait_until(page, lambda: page.evaluate(NOW_PLAYING) > 31.3, "it plays on")
    page.get_by_role("button", name="Pause").first.click()
    heard = TrailEntry.objects.filter(action=Action.HEARD)
    wait_until(page, heard.exists, "the trail knows")
    (first, second) = heard.get().details["seconds"]
    assert first[0] == 0
    assert 1 <= first[1] <= 4
    assert second[0] == 30
    assert 31 <= second[1] <= 35
    page.reload()
    expect(page.get_by_text("Heard by 1 person.")).to_be_visible()
