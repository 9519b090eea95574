"""The broker, the web server, people's clicks and clocks: whatever goes, the row stays."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests
import time_machine
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from history.models import Report
from history.reports import steps
from tests.faults.conftest import MAY, World


def test_goes_on_when_the_broker_was_stopped_and_comes_back(world: World):
    world.a_worker()
    report = world.order()
    world.until(report, "building")
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
