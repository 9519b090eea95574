"""Reading, filtering, ordering a report and downloading work where no script runs."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings as configured
from playwright.sync_api import Browser, Page, expect

from history.models.reports import Report
from tests.history.reports import SPRING, carried_out

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plain(browser: Browser, live_server, client_as, sandbox) -> Iterator[Page]:
    """The tab of an owner whose browser runs no scripts."""
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    cookie = client_as("owner").cookies[configured.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield context.new_page()
    context.close()


def test_reads_and_filters(plain: Page) -> None:
    plain.goto(f"/calls/?{SPRING}")
    rows = plain.locator("[data-row]").count()
    plain.get_by_role("link", name="Failed", exact=True).click()
    expect(plain).to_have_url(re.compile("only=failed"))
    assert 0 < plain.locator("[data-row]").count() < rows
    plain.locator("#filters-panel > summary").click()
    plain.get_by_role("textbox", name="User IDs").fill("999999")
    plain.get_by_role("button", name="Apply filters").click()
    expect(plain.get_by_role("heading", name="Nothing matches these filters")).to_be_visible()

    plain.goto(f"/calls/?{SPRING}")
    plain.get_by_role("link", name="Show the chart").click()
    expect(plain.get_by_role("heading", name="Calls per week", level=1)).to_be_visible()
    plain.go_back()
    plain.locator(".row-link").first.click()
    expect(plain.locator("#verdict")).to_be_visible()


def test_orders_a_report_and_downloads_it(plain: Page) -> None:
    plain.goto(f"/transactions/?{SPRING}")
    plain.get_by_role("link", name="Export").click()
    plain.get_by_role("button", name="Order the report").click()
    expect(plain).to_have_url(re.compile(r"/reports/\d+/"))
    carried_out(Report.objects.get())
    plain.reload()
    with plain.expect_download() as download:
        plain.get_by_role("link", name="CSV, as Voximplant wrote it").click()
    assert download.value.path().stat().st_size > 1000


def test_a_statement_on_paper_says_its_period(plain: Page) -> None:
    plain.emulate_media(media="print")
    plain.goto(f"/transactions/?{SPRING}")
    said = plain.get_by_text("1 Apr 2026 – 31 May 2026, Europe/Berlin", exact=True)
    expect(said.first).to_be_visible()
    expect(plain.locator(".rail")).to_be_hidden()
    expect(plain.locator("#filters")).to_be_hidden()
    assert plain.locator("[data-row]").last.is_visible()
