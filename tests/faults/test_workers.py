"""Workers die, double and meet; no report is lost, ordered twice or fetched twice."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from history.models import Report
from history.reports import files, storing
from tests.faults.conftest import World, wait


def test_goes_on_after_a_worker_is_killed_while_ordering_without_ordering_twice(world: World):
    # The platform hears the order, but its answer trickles.
    world.sandbox.fault(
        "throttle", bytes_per_second=2, method="GetTransactionHistory", params={"is_async": "true"}
    )
    worker = world.a_worker()
    report = world.order()
    wait(world.orders, "the order to arrive")
    time.sleep(0.2)
    worker.kill()
    world.clear_faults()
    world.worker()
    assert world.until(report, "stored", "failed").state == "stored", report.note
    assert len(world.orders()) == 1


def test_goes_on_after_a_worker_is_killed_while_the_platform_builds(world: World):
    worker = world.a_worker()
    report = world.order(tell=False)
    with world.building(report):
        worker.kill()
    world.worker()
    assert world.until(report, "stored", "failed").verified
    assert len(world.orders()) == 1


def test_goes_on_from_the_byte_reached_after_a_worker_is_killed_while_downloading(world: World):
    world.sandbox.fault("throttle", bytes_per_second=2000, method="DownloadHistoryReport")
    worker = world.a_worker()
    report = world.order()
    world.until(report, "downloading")
    wait(lambda: Report.objects.get(pk=report.pk).bytes_done > 0, "the first bytes")
    worker.kill()
    reached = files.partial(report).stat().st_size
    assert reached > 0
    world.clear_faults()
    world.worker()
    assert world.until(report, "stored", "failed").verified
    last = world.heard("DownloadHistoryReport")[-1]
    assert last["headers"]["range"] == f"bytes={reached}-"


def test_goes_on_after_a_worker_is_killed_while_verifying(world: World):
    for _attempt in range(5):
        worker = world.a_worker()
        report = world.order()
        _kill_in(report, "verifying", worker.program.process.pid)
        worker.kill()
        report.refresh_from_db()
        killed_in = report.state
        world.worker()
        assert world.until(report, "stored", "failed").verified
        if killed_in == "verifying":
            break
    else:
        pytest.fail("the worker was always too fast to be killed while verifying")
    assert len(world.heard("DownloadHistoryReport", history_report_id=str(report.remote_id))) == 1


def _kill_in(report: Report, state: str, pid: int) -> None:
    """SIGKILL in the very moment in which the row shows the state, or a later one."""
    deadline = time.monotonic() + 20
    if connection.vendor != "sqlite":
        while Report.objects.filter(pk=report.pk).exclude(state__in=(state, "stored")).exists():
            assert time.monotonic() < deadline
        os.killpg(pid, signal.SIGKILL)
        return
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as eye:
        sql = "SELECT state FROM history_report WHERE id = ?"
        while eye.execute(sql, (report.pk,)).fetchone()[0] not in (state, "stored"):
            assert time.monotonic() < deadline
        os.killpg(pid, signal.SIGKILL)


def test_fetches_a_file_once_although_two_workers_get_the_same_row(world: World):
    world.sandbox.fault("throttle", bytes_per_second=15_000, method="DownloadHistoryReport")
    world.a_worker()
    second = world.worker()
    report = world.order()
    world.until(report, "building", "downloading")
    for _copy in range(6):
        world.send("poll_report", report)
        world.send("download_report", report, queue="bulk")
        time.sleep(0.2)
    assert world.until(report, "stored", "failed").verified
    assert len(world.heard("DownloadHistoryReport")) == 1
    assert len(world.orders()) == 1
    second.kill()


def test_a_cancelled_download_stops_and_leaves_no_file(world: World):
    world.sandbox.fault("throttle", bytes_per_second=2000, method="DownloadHistoryReport")
    world.a_worker()
    report = world.order()
    world.until(report, "downloading")
    wait(lambda: Report.objects.get(pk=report.pk).bytes_done > 0, "the first bytes")
    report.refresh_from_db()
    assert storing.cancel(report)
    wait(lambda: not files.partial(report).exists(), "the partial file to go", 10)
    report.refresh_from_db()
    assert report.state == "cancelled"


def test_a_slow_download_gives_way_to_others(world: World):
    """One worker, a slow file and a quick one: the quick one does not wait for the slow one."""
    world.a_worker()
    slow = world.order(tell=False)
    with world.building(slow):
        world.sandbox.fault(
            "throttle",
            bytes_per_second=300,
            method="DownloadHistoryReport",
            params={"history_report_id": str(slow.remote_id)},
        )
    world.until(slow, "downloading")
    wait(lambda: Report.objects.get(pk=slow.pk).bytes_done > 0, "the first bytes")
    quick = world.order("audit")
    assert world.until(quick, "stored", "failed").state == "stored"
    slow.refresh_from_db()
    assert slow.state == "downloading"
    assert 0 < slow.bytes_done < (slow.bytes_expected or 0)
    assert storing.cancel(slow)


def test_nothing_half_is_left_of_finished_reports(world: World):
    world.a_worker()
    report = world.until(world.order(), "stored")
    folder = Path(world.env["DATA_DIR"], "reports-partial")
    assert list(folder.glob(f"default-{report.pk}.*")) == []
