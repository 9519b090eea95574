"""The platform errs, stalls, cuts off and forgets; the report says what it waits for."""

import pytest

from history.models import Report
from history.reports import files
from tests.faults.conftest import World, wait

DOWNLOAD = "DownloadHistoryReport"


@pytest.fixture(autouse=True)
def _worker(world: World):
    world.a_worker()


def test_a_lost_answer_never_orders_twice(world: World):
    world.sandbox.fault(
        "drop",
        after_bytes=1,
        method="GetTransactionHistory",
        params={"is_async": "true"},
        times=1,
    )
    report = world.until(world.order(), "stored", "failed")
    assert report.verified, report.note
    assert len(world.orders()) == 1


def test_an_order_that_was_never_heard_is_sent_again(world: World):
    world.sandbox.fault(
        "http_status",
        status=503,
        method="GetTransactionHistory",
        params={"is_async": "true"},
        times=1,
    )
    report = world.until(world.order(), "stored", "failed")
    assert report.verified, report.note
    assert len(world.orders()) == 2


def test_outlasts_errors_time_outs_and_pages_of_gateways(world: World):
    world.sandbox.fault("http_status", status=500, method="GetHistoryReports")
    report = world.order()
    wait(lambda: "Trying again" in Report.objects.get(pk=report.pk).note, "words about the trouble")
    world.clear_faults()
    world.sandbox.fault(
        "http_status", status=429, retry_after=1, method="GetHistoryReports", times=1
    )
    world.sandbox.fault("http_status", status=502, method=DOWNLOAD, times=1)
    world.sandbox.fault("timeout", method=DOWNLOAD, times=1)
    world.sandbox.fault("error", code=340, msg="Rate limit exceeded.", method=DOWNLOAD, times=1)
    assert world.until(report, "stored", "failed").verified, report.note


def test_goes_on_where_a_connection_broke_off(world: World):
    world.sandbox.fault("drop", after_bytes=3000, method=DOWNLOAD, times=2)
    report = world.until(world.order(), "stored", "failed")
    assert report.verified, report.note
    ranges = [request["headers"].get("range") for request in world.heard(DOWNLOAD)]
    assert ranges[0] is None
    assert ranges[-1] is not None


def test_a_file_that_arrives_damaged_once_is_fetched_anew(world: World):
    world.sandbox.fault("corrupt_gzip", method=DOWNLOAD, times=1)
    report = world.until(world.order(), "stored", "failed")
    assert report.verified, report.note


def test_a_file_that_always_arrives_damaged_fails_in_words_and_can_be_retried(world: World):
    world.sandbox.fault("corrupt_gzip", method=DOWNLOAD)
    report = world.until(world.order(), "stored", "failed")
    assert report.state == "failed"
    assert "damaged" in report.note
    assert not files.partial(report).exists()
    world.clear_faults()
    assert report.retry()
    assert world.until(report, "stored", "failed").verified
    assert len(world.orders()) == 1


def _lines(report: Report) -> list[str]:
    with files.open_text(report.file) as text:
        return text.read().splitlines(keepends=True)


def test_half_a_file_with_a_right_looking_end_is_noticed_by_its_rows(world: World):
    whole = world.until(world.order(), "stored")
    rows = _lines(whole)
    half = "".join(rows[: len(rows) // 2])
    world.sandbox.fault(
        "http_status",
        status=200,
        content_type="application/octet-stream",
        body=half,
        method=DOWNLOAD,
        times=1,
    )
    report = world.until(world.order(), "stored", "failed")
    assert report.verified, report.checks
    assert report.rows_done == whole.rows_done


def test_says_what_differs_when_the_platform_keeps_sending_half_a_file(world: World):
    whole = world.until(world.order(), "stored")
    rows = _lines(whole)
    world.sandbox.fault(
        "http_status",
        status=200,
        content_type="application/octet-stream",
        body="".join(rows[:11]),
        method=DOWNLOAD,
    )
    report = world.until(world.order(), "stored", "failed")
    assert report.state == "stored"
    assert not report.verified
    words = " ".join(check["words"] for check in report.differences)
    assert f"The file holds 10, the platform says {whole.rows_done}." in words
    assert "closing balance" in words


def test_a_report_that_never_completes_fails_after_a_limit(world: World):
    world.sandbox.fault("report_stuck")
    report = world.until(world.order(), "failed")
    assert "did not finish the report within 6 s" in report.note or "6" in report.note


def test_a_report_that_cannot_be_built_fails_and_retry_orders_anew(world: World):
    world.sandbox.fault("report_fails", times=1)
    report = world.until(world.order(), "failed")
    assert "could not build" in report.note
    assert report.retry()
    assert world.until(report, "stored", "failed").verified
    assert len(world.orders()) == 2


def test_a_report_that_expired_remotely_says_so_and_can_be_run_again(world: World):
    report = world.order(tell=False)
    with world.building(report):
        world.sandbox.reset()
    world.until(report, "failed")
    assert "no longer has" in report.note
    assert report.retry()
    assert world.until(report, "stored", "failed").verified


def test_a_full_disk_is_said_leaves_no_half_file_and_is_got_over(world: World):
    world.sandbox.fault("delay", seconds=1, method=DOWNLOAD, times=1)
    report = world.order()
    world.until(report, "building", "downloading")
    path = files.partial(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    # The kernel's own full disk: opening works, writing says "No space left on device".
    path.symlink_to("/dev/full")
    wait(lambda: "disk is full" in Report.objects.get(pk=report.pk).note, "words about the disk")
    assert not path.is_symlink()
    # What is half there was cleared away, so now there is room.
    assert world.until(report, "stored", "failed").verified
    assert len(world.orders()) == 1


def test_an_acd_walk_goes_on_after_errors(world: World):
    world.sandbox.fault("http_status", status=500, method="GetACDHistory", times=3)
    report = world.until(world.order("acd", "from_date=2025-06-01&to_date=2026-06-01"), "stored")
    assert report.verified
    assert report.rows_done > 0
