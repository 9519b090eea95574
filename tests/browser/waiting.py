"""Waiting for what a page says of itself."""

import time

from playwright.sync_api import Page


def until(page: Page, script: str, seconds: float = 20) -> None:
    """Asks again and again from here: Playwright's own waiting evaluates text inside the page,
    which the content security policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(script):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain for {script}"
        time.sleep(0.05)
