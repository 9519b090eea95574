"""An admin's job: a recording is gone; who deleted it, when, and from where?"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from history.api.methods import DeleteRecord, GetCallHistory
from history.api.wire import parse_wall_clock
from history.connection import connect
from tests.conftest import Sandbox


@pytest.fixture
def deleted(sandbox: Sandbox) -> int:
    """The ID of a recording that has just been deleted."""
    page = connect().get_call_history(
        GetCallHistory(
            from_date=parse_wall_clock("2026-05-01 00:00:00"),
            to_date=parse_wall_clock("2026-06-14 23:59:59"),
            with_records=True,
            count=1000,
        )
    )
    records = [record for session in page.result for record in session.records if record.record_url]
    connect().delete_record(DeleteRecord(record_id=records[-1].record_id))
    return records[-1].record_id


def test_finds_who_deleted_a_recording(deleted: int, page_as: Callable[[str], Page]) -> None:
    page = page_as("owner")
    page.goto("/audit/?from_date=2026-06-01&to_date=2026-06-20")
    page.get_by_role("textbox", name="Related to").fill(str(deleted))
    page.get_by_role("textbox", name="Related to").press("Enter")
    expect(page).to_have_url(re.compile(f"advanced_filters={deleted}"))
    entry = page.locator("tr", has_text=f"Deleted recording {deleted}")
    expect(entry).to_contain_text("Deletion")
    expect(entry).to_contain_text("127.0.0.1")

    entry.locator("summary").click()
    expect(entry.locator("dl").first).to_contain_text("record_id")

    # All of what was deleted, by a click on the command; filters stay in the address.
    entry.get_by_role("link", name="DeleteRecord").click()
    expect(page).to_have_url(re.compile("filtered_cmd=DeleteRecord"))
    expect(page.locator("#chips")).to_contain_text("DeleteRecord")


def test_risky_entries_by_keyboard_alone(sandbox: Sandbox, page_as: Callable[[str], Page]) -> None:
    page = page_as("owner")
    page.goto("/audit/?from_date=2026-01-01&to_date=2026-06-14")
    page.get_by_role("link", name="Risky", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("only=risky"))
    expect(page.locator("#list")).to_contain_text("were looked through")
    first = page.locator(".entry summary").first
    first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".entry").first).to_have_attribute("open", "")


def test_a_caller_in_a_queue_opens_beside_the_list(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    page = page_as("supervisor")
    page.goto("/acd/?from_date=2026-05-15&to_date=2026-06-14")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("Joined the queue")
    expect(page).to_have_url(re.compile(r"session=\d+"))
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
