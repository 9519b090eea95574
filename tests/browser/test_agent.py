"""A support agent's job: from the last four digits of a number and a day to the failed call."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from history.api.methods import GetCallHistory
from history.api.wire import parse_wall_clock
from history.connection import connect
from history.verdict import Outcome, outcome
from tests.conftest import Sandbox


@pytest.fixture
def failed_call(sandbox: Sandbox) -> tuple[str, str, int]:
    """A failed call to a telephone number: its day in Berlin, the number, its session."""
    page = connect().get_call_history(
        GetCallHistory(
            from_date=parse_wall_clock("2026-05-01 00:00:00"),
            to_date=parse_wall_clock("2026-06-14 23:59:59"),
            timezone="Europe/Berlin",
            with_calls=True,
            count=1000,
        )
    )
    return next(
        (f"{session.start_date:%Y-%m-%d}", number, session.call_session_history_id)
        for session in page.result
        for number in [session.calls[0].remote_number if session.calls else None]
        if outcome(session) is Outcome.FAILED and number and number.isdigit()
    )


def test_finds_the_failed_call_and_reads_why(
    failed_call: tuple[str, str, int], page_as: Callable[[str], Page]
) -> None:
    day, number, session = failed_call
    page = page_as("agent")
    page.goto(f"/calls/?from_date={day}&to_date={day}&timezone=Europe/Berlin")
    page.get_by_role("textbox", name="Part of a number or data").fill(number[-4:])
    page.get_by_role("textbox", name="Part of a number or data").press("Enter")
    expect(page).to_have_url(re.compile(rf"contains={number[-4:]}$"))
    page.get_by_role("link", name="Failed", exact=True).click()
    expect(page).to_have_url(re.compile(rf"contains={number[-4:]}.*only=failed"))

    row = page.locator(f'[data-row="{session}"]')
    row.locator(".row-link").click()
    drawer = page.locator("#drawer")
    expect(drawer).to_be_visible()
    expect(page).to_have_url(re.compile(rf"call={session}"))
    expect(drawer.locator("#verdict")).to_contain_text(re.compile(r"Not answered|broke off"))

    page.go_back()
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("call="))


def test_filters_apply_without_leaving_the_page(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    page = page_as("agent")
    page.goto("/calls/?from_date=2026-05-15&to_date=2026-06-14&timezone=Europe/Berlin")
    page.evaluate("window.sameDocument = true")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_role("textbox", name="User IDs").fill("1;2;x")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.locator("#form-errors")).to_contain_text("“x” is not an ID")
    page.locator("#form-errors").get_by_role("link", name="User IDs").click()
    expect(page.locator("#id_user_id_error")).to_be_visible()
    page.get_by_role("textbox", name="User IDs").fill("999999")
    page.get_by_role("button", name="Apply filters").click()
    expect(page.get_by_role("heading", name="Nothing matches these filters")).to_be_visible()
    page.get_by_label("Remove User IDs: 999999").click()
    expect(page.locator("[data-row]").first).to_be_visible()
    expect(page.locator("#total")).to_contain_text("of ")
    assert page.evaluate("window.sameDocument") is True


def test_a_saved_view_brings_back_filters_and_columns(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    page = page_as("agent")
    page.goto("/calls/?period=last_12_months&timezone=Europe/Berlin&columns=session&columns=rule")
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("button", name="Save this view…").click()
    page.get_by_label("Name").fill("Rules")
    page.get_by_role("button", name="Save the view").click()
    page.goto("/calls/")
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("link", name="Rules").click()
    expect(page.get_by_role("columnheader", name="Rule")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Outcome")).to_be_hidden()
