"""The player in a real browser: sound that really plays, seeks, and survives an old page."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Complaints, Sandbox
from tests.history.calls_of import address, can_be_heard, is_written, session_where, sessions

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

NOW_PLAYING = "document.querySelector('audio')?.currentTime ?? 0"


@pytest.fixture
def page(sandbox: Sandbox, page_as: Callable[[str], Page]) -> Page:
    return page_as("agent")


def wait_until(page: Page, script: str) -> None:
    """Playwright's own waiting evaluates text in the page, which its policy forbids."""
    give_up = time.monotonic() + 15
    while not page.evaluate(script):
        assert time.monotonic() < give_up, f"never: {script}"
        page.wait_for_timeout(100)


def play(page: Page) -> None:
    page.get_by_role("button", name="Play", exact=True).first.click()
    wait_until(page, f"({NOW_PLAYING}) > 0.3")


def test_plays_a_recording(page: Page) -> None:
    page.goto(address(session_where(can_be_heard)))
    play(page)
    first = page.evaluate(NOW_PLAYING)
    wait_until(page, f"({NOW_PLAYING}) > {first}")
    page.get_by_role("button", name="Pause").click()
    assert page.evaluate("document.querySelector('audio').paused")
    expect(page).to_have_url(re.compile(r"#t=\d+"))


def test_knows_the_length_and_seeks_into_what_was_not_fetched(page: Page) -> None:
    session = session_where(
        lambda s: any((r.duration or 0) > 60 for r in s.records if not r.is_removed)
    )
    page.goto(address(session))
    play(page)
    length = page.evaluate("document.querySelector('audio').duration")
    assert abs(length - (session.records[0].duration or 0)) < 3
    page.evaluate(f"document.querySelector('audio').currentTime = {length - 20}")
    wait_until(page, f"({NOW_PLAYING}) > {length - 20}")


def test_seeks_by_keys_and_buttons(page: Page) -> None:
    session = session_where(
        lambda s: any((r.duration or 0) > 40 for r in s.records if not r.is_removed)
    )
    page.goto(address(session))
    play(page)
    page.get_by_role("button", name="Forward 10 seconds").click()
    wait_until(page, f"({NOW_PLAYING}) > 10")
    page.get_by_label("Position").press("ArrowLeft")
    wait_until(page, f"({NOW_PLAYING}) < 9")
    page.get_by_label("Speed").select_option("2")
    assert page.evaluate("document.querySelector('audio').playbackRate") == 2


def test_draws_the_waveform_when_it_is_first_played(page: Page) -> None:
    # Not the newest one, whose waveform the test before may still be asking for.
    session = [session for session in sessions() if can_be_heard(session)][1]
    page.goto(address(session))
    player = page.locator("[data-player-root]").first
    expect(player).not_to_have_attribute("data-waves", "")
    play(page)
    expect(player).to_have_attribute("data-waves", "")
    page.reload()
    expect(page.locator("[data-player-root]").first).to_have_attribute("data-waves", "")


def test_a_line_of_the_transcript_plays_from_there(page: Page) -> None:
    session = session_where(
        lambda s: is_written(s) and any((r.duration or 0) > 30 for r in s.records)
    )
    page.goto(address(session))
    line = page.locator(".line").nth(1)
    start = float(line.get_attribute("data-start") or 0)
    line.locator(".line-time").click()
    wait_until(page, f"({NOW_PLAYING}) >= {start} && ({NOW_PLAYING}) < {start + 8}")
    expect(line).to_have_class(re.compile("is-now"))


def test_a_link_to_a_moment_begins_there(page: Page) -> None:
    session = session_where(
        lambda s: any((r.duration or 0) > 30 for r in s.records if not r.is_removed)
    )
    page.goto(f"{address(session)}#t=20")
    page.get_by_role("button", name="Play", exact=True).first.click()
    wait_until(page, f"({NOW_PLAYING}) > 20")


def test_a_page_left_open_for_hours_plays_all_the_same(page: Page, complaints: Complaints) -> None:
    session = session_where(can_be_heard)
    page.goto(address(session))
    # What the page holds is spoilt as time would spoil it: the first address fails.
    page.route(
        re.compile(r"/media/[^/]+/$"),
        lambda route: (
            route.fulfill(status=410) if route.request.method == "GET" else route.continue_()
        ),
        times=1,
    )
    page.get_by_role("button", name="Play", exact=True).first.click()
    wait_until(page, f"({NOW_PLAYING}) > 0.3")
    expect(page.locator(".player-error").first).to_be_hidden()
    complaints.expect("410")


def test_says_so_when_a_recording_cannot_be_played(
    page: Page, sandbox: Sandbox, complaints: Complaints
) -> None:
    page.goto(address(session_where(can_be_heard)))
    sandbox.fault("http_status", path="/vox-records*", status=404)
    page.get_by_role("button", name="Play", exact=True).first.click()
    expect(page.locator(".player-error").first).to_be_visible()
    complaints.expect("404")


def test_plays_row_by_row_in_the_list_and_in_the_drawer(page: Page) -> None:
    page.goto("/recordings/?from_date=2026-05-15&to_date=2026-06-14&timezone=UTC")
    buttons = page.get_by_role("button", name=re.compile(r"^Play recording \d+"))
    buttons.nth(0).click()
    wait_until(page, f"({NOW_PLAYING}) > 0.3")
    first = page.locator("#listening strong").inner_text()
    buttons.nth(1).click()
    expect(page.locator("#listening strong")).not_to_have_text(first)
    wait_until(page, f"({NOW_PLAYING}) > 0.3")
    assert page.locator("audio").count() == 1

    page.locator("tr[data-row]").nth(0).locator(".row-link").click()
    drawer = page.locator("#drawer")
    expect(drawer.locator("audio")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"recording=\d+-\d+"))
    page.go_back()
    expect(drawer).to_be_hidden()
