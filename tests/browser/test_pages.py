"""Every page in every width and both themes: it fits, stays still, and is accessible.

What was seen is kept in var/screenshots/, named for page, width and theme.
"""

import gzip
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import brotli
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from history.api.replies import CallSessionInfoType
from history.deletions import running
from history.models import Deletion
from tests.browser.waiting import until
from tests.dashboard.test_people import invited
from tests.history.calls_of import address, can_be_heard, is_written, session_where
from tests.history.reports import stored
from tests.history.test_permissions import READING

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
WIDTHS = (390, 768, 1024, 1440)
NARROW = WIDTHS[0]
HIGHEST = 6000  # pixels of a picture
MOST_SHIFT = 0.02
MOST_BYTES = 100_000
# Everything at the wide end in the light; at the narrow end in the dark what differs there.
AXE = {
    "light": {},
    "dark": {"runOnly": ["color-contrast", "scrollable-region-focusable", "target-size"]},
}

# Its lines out of sight keep the old theme's colours until they come into it.
LOG = ".log"

SPRING = "from_date=2026-05-15&to_date=2026-06-14&timezone=Europe/Berlin"

# Every page by its address's name, and a state of it after a space. {0} is a World.
PAGES: dict[str, dict[str, str]] = {
    "lists": {
        "home": "/",
        "calls": f"/calls/?{SPRING}&count=8&user_id=&columns=from&columns=to&columns=cost",
        "calls all-columns": f"/calls/?{SPRING}&count=8&only=failed",
        "calls empty": f"/calls/?{SPRING}&user_id=999999",
        "calls invalid": "/calls/?from_date=soon&user_id=x",
        "calls_chart": f"/calls/chart/?{SPRING}&chart=cost",
        "recordings": f"/recordings/?{SPRING}&count=8",
        "transactions": f"/transactions/?{SPRING}&count=8&child_account_id=all",
        "transactions_chart": f"/transactions/chart/?{SPRING}",
        "acd": f"/acd/?{SPRING}&count=8",
        "audit": f"/audit/?{SPRING}&count=8",
        "search": "/search/?q=915004471",
    },
    "calls": {
        "call": "{0.call}",
        "call unknown": "/calls/1/",
        "call drawer": f"/calls/?{SPRING}&count=8&call={{0.session}}",
        "reveal": "/calls/{0.session}/reveal/",
        "recordings drawer": f"/recordings/?{SPRING}&count=8&recording={{0.recording}}",
        "transaction": "/transactions/{0.transaction}/charged/",
        "transactions drawer": f"/transactions/?{SPRING}&count=8&transaction={{0.transaction}}",
        "acd_session": "/acd/{0.queued}/",
        "settings": "/settings/",
        "tokens": "/settings/tokens/",
    },
    "reports": {
        "reports empty": "/reports/",
        "report": "/reports/{0.report}/",
        "home with reports": "/",
        "reports": "/reports/",
        "report_new": f"/reports/new/?kind=calls&{SPRING}",
        "report_platform": "/reports/platform/",
        "schedules": "/reports/schedules/",
        "schedule_new": "/reports/schedules/new/?kind=calls&period=last_month",
    },
    "deletions": {
        "deletions empty": "/deletions/",
        "deletion_new": "/deletions/new/",
        "deletion_new one": "/deletions/new/?record={0.heard}",
        "deletion": "/deletions/{0.deletion}/",
        "deletions": "/deletions/",
        "certificate": "/deletions/{0.deletion}/certificate/",
        "holds": "/deletions/holds/",
        "retention": "/deletions/retention/",
        "trail": "/trail/",
    },
    "people": {
        "people": "/people/",
        "person": "/people/{0.person}/",
        "accounts": "/accounts/",
        "accounts_add": "/accounts/add/",
        "accounts_one": "/accounts/@default/",
        "mfa_index": "/accounts/2fa/",
        "mfa_app": "/accounts/2fa/totp/activate/",
        "usersessions": "/accounts/sessions/",
        "password": "/accounts/password/change/",
        "styleguide": "/styleguide/",
    },
}
# What the browser's console says where we mean it.
COMPLAINING = {
    "calls invalid": "does not conform to the required format",
    "call unknown": "404 (Not Found)",
}
# What is read and is no page: parts of pages, files, and addresses that lead on.
PARTS = {
    *("calls_total", "call_panel", "call_charges", "call_others", "recording_panel"),
    *("media", "media_renew", "waveform", "player", "transcript", "session_log", "heard_by"),
    *("transactions_total", "transactions_balances", "transaction_panel"),
    *("acd_total", "acd_session_panel", "audit_total", "zones", "accounts_look"),
    *("deletion_live", "certificate_json", "trail_file"),
    *("report_row", "report_live", "report_tray", "report_now", "report_file", "report_copy"),
}


def test_every_page_is_in_the_list() -> None:
    names = {key.partition(" ")[0] for pages in PAGES.values() for key in pages}
    assert READING.keys() - PARTS <= names


@dataclass
class World:
    """What pages are about; made when the first path asks for it."""

    owner: Client
    people: dict[str, object]
    made: list[str] = field(default_factory=list)

    @cached_property
    def _heard(self) -> CallSessionInfoType:
        return session_where(lambda s: can_be_heard(s) and is_written(s))

    @property
    def call(self) -> str:
        return address(self._heard)

    @property
    def session(self) -> int:
        return self._heard.call_session_history_id

    @property
    def heard(self) -> str:
        record = next(r for r in self._heard.records if r.record_url and not r.is_removed)
        return f"{self.session}-{record.record_id}"

    recording = heard

    @property
    def transaction(self) -> int:
        calls = self._heard.calls
        return next(call.transaction_id for call in calls if call.transaction_id)

    @property
    def queued(self) -> str:
        page = self.owner.get(f"/acd/?{SPRING}").content.decode()
        return page.partition('data-row="')[2].partition('"')[0]

    @cached_property
    def report(self) -> int:
        return stored("transactions", SPRING, owner=self.people["owner"]).pk

    @cached_property
    def deletion(self) -> int:
        hold = {"kind": "number", "value": "+4930555000", "reason": "Court case 7 O 12/26"}
        self.owner.post("/deletions/holds/", hold)
        form = {"record": [self.heard], "reason": "The customer asked for it"}
        self.owner.post("/deletions/new/", form)
        found = Deletion.objects.get()
        while running.step(found.pk) is not None:
            pass
        return found.pk

    @cached_property
    def person(self) -> int:
        invited(self.owner, "agent", note="Ann Example, customer care")
        return self.people["agent"].pk


# Elements that reach over the right edge without a box of their own to scroll in.
OVERFLOWING = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const boxes = ".table-scroll, .tabs, .twin-scroll, .log, pre, .hidden-text, .skip, svg *";
  if (element.closest(boxes)) return false;
  if (element.closest("details:not([open])") && !element.closest("summary")) return false;
  const box = element.getBoundingClientRect();
  const card = element.closest(".card")?.getBoundingClientRect();
  return box.width > 0 && box.right > (card ? card.right : innerWidth) + 1;
}).map((element) => element.outerHTML.slice(0, 120))"""

WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
# Parts that come by themselves have come, and what moved has moved.
ALL_THERE = """() => !document.querySelector('[hx-trigger="load"], .htmx-request')
  && document.readyState === "complete" """
TWO_FRAMES = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"


@cache
def packed(name: str) -> int:
    """The length of a static file as production sends it."""
    path = finders.find(name)
    assert path, name
    return len(brotli.compress(Path(path).read_bytes()))


@dataclass
class Eye:
    """Looks at pages in a browser and notes what is wrong with them."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def look(self, name: str, path: str) -> None:
        """At a page in every width and both themes, loaded once."""
        self.show("light", NARROW)
        shift = self.load(name, path)
        if shift >= MOST_SHIFT:
            # A starved machine can draw half of a page; one that is built to move moves again.
            shift = min(shift, self.load(name, path))
        if shift >= MOST_SHIFT:
            self.wrong.append(f"{name}: shifts by {shift:.3f}")
        for theme, widths in (("light", WIDTHS), ("dark", reversed(WIDTHS))):
            for width in widths:
                self.show(theme, width)
                self.measure(f"{name} {width} {theme}", width)
                self.picture(f"{name.replace(' ', '-')}-{width}-{theme}.png")
            self.judge(f"{name} {width} {theme}", **AXE[theme])

    def load(self, name: str, path: str) -> float:
        """How far a page moved until all of it was there."""
        answer = self.page.goto(path)
        assert answer
        self.weigh(name, answer.text())
        until(self.page, ALL_THERE)
        self.page.evaluate(TWO_FRAMES)
        return self.page.evaluate("window.shifted")

    def weigh(self, name: str, text: str) -> None:
        """What a first visit transfers: the page, and all that its text names, packed."""
        names = set(re.findall(r'(?:href|src)="/static/([^"]+)"', text))
        weight = len(gzip.compress(text.encode(), 6)) + sum(map(packed, names))
        if weight > MOST_BYTES or not names:
            self.wrong.append(f"{name}: {weight} bytes at first")

    def show(self, theme: str, width: int) -> None:
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.evaluate(TWO_FRAMES)

    def measure(self, what: str, width: int) -> None:
        widest, over = self.page.evaluate(
            f"[document.documentElement.scrollWidth, ({OVERFLOWING})()]"
        )
        if widest > width or over:
            self.wrong.append(f"{what}: {widest} pixels wide {over}")

    def judge(self, what: str, **options: object) -> None:
        found = self.page.evaluate(
            "([without, how]) => axe.run({ exclude: [without] }, how).then((r) => r.violations)",
            [LOG, {"resultTypes": ["violations"], **options}],
        )
        for rule in found:
            self.wrong += [f"{what}: {rule['id']}: {n['html'][:160]}" for n in rule["nodes"]]

    def picture(self, name: str) -> None:
        """All of the page. Chromium's own command, at a third of the time of Playwright's."""
        if not hasattr(self, "chromium"):
            self.chromium = self.page.context.new_cdp_session(self.page)
        size = self.chromium.send("Page.getLayoutMetrics")["cssContentSize"]
        size["height"] = min(size["height"], HIGHEST)
        shot = self.chromium.send(
            "Page.captureScreenshot",
            {"captureBeyondViewport": True, "optimizeForSpeed": True, "clip": {**size, "scale": 1}},
        )
        (SCREENSHOTS / name).write_bytes(b64decode(shot["data"]))


@pytest.fixture
def eye(context: BrowserContext) -> Iterator[Eye]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    context.add_init_script(WATCH_SHIFTS)
    context.add_init_script(Axe().axe_script)
    eye = Eye(context.new_page())
    yield eye
    assert not eye.wrong, "\n".join(eye.wrong)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", PAGES)
def test_pages_fit_stay_still_and_are_accessible(
    group, eye, context, live_server, client_as, people, sandbox, settings, complaints
):
    settings.DELETION_DELAY_MINUTES = 0
    settings.VOX_REQUESTS_PER_SECOND = 100
    owner = client_as("owner")
    cookie = owner.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    world = World(owner, people)
    for name, path in PAGES[group].items():
        eye.look(name, path.format(world))
        if name in COMPLAINING:
            complaints.expect(COMPLAINING[name])


def test_pages_outside_and_errors_fit_too(
    eye, context, live_server, client_as, people, sandbox, complaints
):
    link = invited(client_as("owner"), "agent")
    eye.look("sign-in", "/accounts/login/")
    eye.look("join", link)
    eye.look("join closed", "/accounts/join/?key=none")
    cookie = client_as("agent").cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    eye.look("403", "/transactions/")
    eye.look("404", "/nowhere/")
    eye.look("agent home", "/")
    eye.look("agent calls", f"/calls/?{SPRING}&count=8")
    sandbox.fault("http_status", status=502)
    eye.look("calls api-down", f"/calls/?{SPRING}")
    eye.look("call api-down", "/calls/1/")
    for status in ("403 (Forbidden)", "404 (Not Found)", "410 (Gone)", "502 (Bad Gateway)"):
        complaints.expect(f"status of {status}")


@pytest.mark.parametrize("name", ["400", "500", "503"])
def test_pages_that_know_no_reader_fit_too(name, eye, live_server):
    """They are answers to what a test cannot do to the server: their text is put into a tab."""
    text = render_to_string(f"{name}.html", {"request_id": "4f1c0a9be2d37768"})
    eye.page.route("**/broken/", lambda route: route.fulfill(body=text, content_type="text/html"))
    eye.look(name, "/broken/")
