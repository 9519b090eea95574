"""The broker, the web server, people's clicks and clocks: whatever goes, the row stays."""

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import redis
import requests
import time_machine
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from history.models import Report
from history.reports import steps
from tests.conftest import _database_url
from tests.faults.conftest import MAY, World, _celery, wait


def test_goes_on_when_the_broker_was_stopped_and_comes_back(world: World):
    world.a_worker()
    report = world.order(tell=False)
    with world.building(report):
        world.valkey.stop()
        world.valkey.start()
    assert world.until(report, "stored", "failed", seconds=60).verified
    assert len(world.orders()) == 1


def test_goes_on_when_the_broker_was_emptied(world: World):
    world.a_worker()
    report = world.order()
    for _time in range(3):
        world.valkey.flush()
        world.until(report, "building", "downloading", "verifying", "stored")
    assert world.until(report, "stored", "failed").verified
    assert len(world.orders()) == 1


def test_an_order_made_while_the_broker_is_down_is_kept_and_carried_out_later(world: World):
    session = _signed_in(world)
    page = session.get(f"{world.web()}/reports/new/?kind=transactions&{MAY}", timeout=20)
    world.valkey.stop()
    try:
        answer = _press(session, world, page.text)
        assert answer.status_code == 200
        report = Report.objects.get()
        assert report.state == "ordered"
    finally:
        world.valkey.start()
    world.a_worker()
    assert world.until(report, "stored", "failed", seconds=60).verified


def test_pressing_twice_at_once_orders_once(world: World):
    session = _signed_in(world)
    page = session.get(f"{world.web()}/reports/new/?kind=transactions&{MAY}", timeout=20)
    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(lambda _n: _press(session, world, page.text), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.url for answer in answers}) == 1
    assert Report.objects.count() == 1


def test_a_web_server_that_is_killed_stops_no_report(world: World):
    world.a_worker()
    session = _signed_in(world)
    page = session.get(f"{world.web()}/reports/new/?kind=transactions&{MAY}", timeout=20)
    _press(session, world, page.text)
    world.kill_web()
    report = Report.objects.get()
    assert world.until(report, "stored", "failed").verified
    again = session.get(f"{world.web()}/reports/{report.pk}/", timeout=20)
    assert "Verified" in again.text


def _signed_in(world: World) -> requests.Session:
    """Signed in by a cookie, since the pages' process shares the sessions' table and key."""
    client = Client()
    person = User.objects.create_user("finance")
    person.groups.add(Group.objects.get_or_create(name="finance")[0])
    client.force_login(person)
    session = requests.Session()
    session.cookies["sessionid"] = client.cookies["sessionid"].value
    world.web()
    return session


def _press(session: requests.Session, world: World, html: str) -> requests.Response:
    """Presses the order button of a page that was loaded before."""
    form = html[html.index('name="order_key"') - 400 :]
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    return session.post(f"{world.web()}/reports/new/", fields, timeout=30)


# Clocks


@pytest.fixture
def quiet(world: World) -> World:
    """Without workers: the test itself takes the steps, by its own clock."""
    for worker in list(world.workers):
        worker.kill()
    return world


def test_a_clock_set_back_stalls_no_report(quiet: World):
    with time_machine.travel(timezone.now() + timedelta(days=3), tick=False):
        report = quiet.order(tell=False)
        Report.objects.filter(pk=report.pk).update(
            due=timezone.now() + timedelta(seconds=30),
            lease="x",
            lease_until=timezone.now() + timedelta(seconds=30),
        )
    assert list(Report.stalled(timedelta(seconds=1))) == [report]
    assert Report.take(report.pk, ["ordered"]) is not None


def test_a_clock_set_forward_neither_fails_nor_doubles_a_report(quiet: World):
    report = quiet.order(tell=False)
    steps.order(report.pk)
    report.refresh_from_db()
    assert report.state == "building"
    with time_machine.travel(timezone.now() + timedelta(hours=20), tick=True):
        # Patience counts our own pauses, not the clock's jumps.
        steps.poll(report.pk)
    report.refresh_from_db()
    assert report.state in ("building", "downloading")
    assert report.waited < 60


# What the installation stands on


def test_a_stopped_worker_lays_a_download_down_and_the_next_one_goes_on(quiet: World):
    """As in a deployment: SIGTERM in the middle, another process afterwards."""
    quiet.sandbox.fault("throttle", bytes_per_second=2000, method="DownloadHistoryReport")
    leaving = {**quiet.env, "REMAP_SIGTERM": "SIGQUIT", "WORKER_STOP_SECONDS": "1"}
    words = ["worker", "-c", "1", "-Q", "default,bulk", "-n", "leaving@test", "-l", "INFO"]
    old = quiet.supervisor.start("worker", [*_celery(), *words], leaving)
    quiet.supervisor.wait_for_line(old, r"ready\.", 40)
    report = quiet.order()
    quiet.until(report, "downloading")
    wait(lambda: Report.objects.get(pk=report.pk).bytes_done > 0, "the first bytes")
    quiet.supervisor.programs.remove(old)
    old.process.send_signal(signal.SIGTERM)
    old.process.wait(timeout=20)
    report.refresh_from_db()
    assert report.state == "downloading"
    quiet.clear_faults()
    quiet.worker()
    assert quiet.until(report, "stored", "failed").verified
    last = quiet.heard("DownloadHistoryReport")[-1]
    assert last["headers"]["range"].startswith("bytes=")
    assert len(quiet.orders()) == 1


def test_a_full_redis_and_one_that_is_away_leave_the_pages_and_lose_no_order(world: World):
    session, url = _signed_in(world), world.web()
    page = session.get(f"{url}/reports/new/?kind=transactions&{MAY}", timeout=20)
    with redis.Redis.from_url(world.valkey.url) as server:
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("maxmemory", "1")
        try:
            wait(lambda: _ready(url)["broker"] == "is full", "the probe to notice")
            assert _press(session, world, page.text).status_code == 200
            assert "Transactions" in session.get(f"{url}/transactions/?{MAY}", timeout=20).text
        finally:
            server.config_set("maxmemory", "0")
    world.valkey.stop()
    try:
        answer = session.get(f"{url}/transactions/?{MAY}", timeout=20)
        assert answer.status_code == 200
        # The guard of passwords does not open with it.
        closed = requests.post(f"{url}/accounts/login/", {"login": "x", "password": "y"}, timeout=9)
        assert closed.status_code in (403, 503)
        wait(lambda: _ready(url)["broker"] == "does not answer", "the probe to notice")
    finally:
        world.valkey.start()
    world.a_worker()
    assert world.until(Report.objects.get(), "stored", "failed", seconds=60).verified


def test_a_key_that_is_revoked_is_said_and_a_report_waits_for_the_new_one(world: World):
    world.a_worker()
    session, url = _signed_in(world), world.web()
    world.sandbox.fault("error", code=100, msg="Authorization failed.")
    answer = session.get(f"{url}/transactions/?{MAY}", timeout=20)
    assert answer.status_code == 502
    assert "does not accept the key" in answer.text
    report = world.order()
    wait(lambda: "Trying again" in Report.objects.get(pk=report.pk).note, "words about the key")
    world.clear_faults()
    assert world.until(report, "stored", "failed").verified, report.note


def test_a_storage_that_is_away_is_said_and_reports_go_on_when_it_is_back(world: World):
    world.a_worker()
    folder = Path(world.env["DATA_DIR"], "reports")
    folder.mkdir(exist_ok=True)
    aside = folder.rename(folder.with_name("reports-aside"))
    folder.touch()  # where a mount should be
    try:
        assert _ready(world.web())["storage"] != "ok"
        report = world.order()
        wait(lambda: "see to the storage" in Report.objects.get(pk=report.pk).note, "words of it")
    finally:
        folder.unlink()
        aside.rename(folder)
    assert world.until(report, "stored", "failed").verified
    assert len(world.orders()) == 1
    assert len(world.heard("DownloadHistoryReport")) == 1


@pytest.mark.postgresql
def test_a_database_that_restarts_stops_no_page_for_long_and_no_report(world: World):
    world.a_worker()
    session, url = _signed_in(world), world.web()
    assert session.get(f"{url}/reports/", timeout=20).status_code == 200
    world.sandbox.fault("throttle", bytes_per_second=5000, method="DownloadHistoryReport")
    report = world.order()
    world.until(report, "downloading")
    with _database_closed():
        assert session.get(f"{url}/reports/", timeout=20).status_code >= 500
        wait(lambda: _ready(url)["database"] == "does not answer", "the probe to notice")
    world.clear_faults()
    assert session.get(f"{url}/reports/", timeout=20).status_code == 200
    assert world.until(report, "stored", "failed", seconds=60).verified, report.note
    assert len(world.orders()) == 1


@contextmanager
def _database_closed() -> Iterator[None]:
    """Every connection to the test's database but its own breaks off, and none is let in."""
    name = connection.settings_dict["NAME"]
    connection.ensure_connection()
    own = connection.connection.info.backend_pid
    elsewhere = _database_url().rsplit("/", 1)[0] + "/postgres"
    with psycopg.connect(elsewhere, autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> %s",
                (name, own),
            )
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def _ready(url: str) -> dict[str, str]:
    return dict(requests.get(f"{url}/readyz", timeout=20).json()["parts"])
