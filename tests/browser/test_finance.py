"""Finance's job: from a charge on the statement to the call that was charged."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from history.api.methods import GetCallHistory
from history.api.replies import CallInfoType, CallSessionInfoType
from history.api.wire import parse_wall_clock
from history.connection import connect
from tests.conftest import Sandbox

type Charge = tuple[CallSessionInfoType, CallInfoType]


@pytest.fixture
def charge(sandbox: Sandbox) -> Charge:
    """A charged call and its session."""
    page = connect().get_call_history(
        GetCallHistory(
            from_date=parse_wall_clock("2026-06-01 00:00:00"),
            to_date=parse_wall_clock("2026-06-14 23:59:59"),
            timezone="Europe/Berlin",
            with_calls=True,
            count=1000,
        )
    )
    return next(
        (session, call) for session in page.result for call in session.calls if call.transaction_id
    )


def test_finds_the_call_of_a_charge(charge: Charge, page_as: Callable[[str], Page]) -> None:
    session, call = charge
    day = f"{session.start_date:%Y-%m-%d}"
    page = page_as("finance")
    page.goto(f"/transactions/?from_date={day}&to_date={day}&timezone=Europe/Berlin&count=1000")
    page.get_by_role("link", name="Charges", exact=True).click()
    expect(page).to_have_url(re.compile("transaction_type=resource_charge"))

    row = page.locator(f'[data-row="{call.transaction_id}"]')
    expect(row).to_contain_text(f"{call.call_id}")
    row.locator(".row-link").click()
    drawer = page.locator("#drawer")
    expect(drawer.get_by_role("link", name="Open the call")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"transaction={call.transaction_id}"))

    drawer.get_by_role("link", name="Open the call").click()
    expect(page).to_have_url(re.compile(rf"/calls/{session.call_session_history_id}/"))


def test_back_closes_the_drawer_and_keeps_the_list(
    charge: Charge, page_as: Callable[[str], Page]
) -> None:
    _session, call = charge
    page = page_as("finance")
    page.goto("/transactions/?from_date=2026-06-01&to_date=2026-06-14&count=1000")
    page.locator(f'[data-row="{call.transaction_id}"] .row-link').click()
    expect(page.locator("#drawer")).to_be_visible()
    page.go_back()
    expect(page.locator("#drawer")).to_be_hidden()
    expect(page.locator(f'[data-row="{call.transaction_id}"]')).to_be_visible()


def test_total_and_balances_arrive_after_the_rows(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    page = page_as("finance")
    page.goto("/transactions/?from_date=2026-05-15&to_date=2026-06-14&count=20")
    expect(page.locator("#total")).to_have_text(re.compile(r"of \d+"))
    expect(page.locator("#balances")).to_contain_text("no finished report covers")


@pytest.mark.parametrize("place", ["transactions", "acd", "audit"])
def test_nothing_is_wider_than_a_telephone(
    sandbox: Sandbox, page_as: Callable[[str], Page], place: str
) -> None:
    page = page_as("owner")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/{place}/?from_date=2026-05-15&to_date=2026-06-14&child_account_id=all")
    expect(page.locator("#list .table-card tbody tr").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_bar_leads_to_its_day_by_keyboard(
    sandbox: Sandbox, page_as: Callable[[str], Page]
) -> None:
    page = page_as("finance")
    page.goto("/transactions/?from_date=2026-06-01&to_date=2026-06-14&timezone=Europe/Berlin")
    bars = page.locator("#chart-out .chart-plot a")
    expect(bars).to_have_count(14)
    page.locator("#chart-out .segments a").last.focus()
    page.keyboard.press("Tab")
    expect(bars.last).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("from_date=2026-06-12.*to_date=2026-06-12"))
    expect(page.locator(".bar-current")).to_have_count(1)
