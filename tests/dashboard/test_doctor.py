"""`manage.py doctor` names what is wrong and what to do, and ends with a code for scripts."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command

from dashboard import heartbeats


def examined(*words: str) -> tuple[int, str]:
    """Exit code and output."""
    out, code = StringIO(), 0
    try:
        call_command("doctor", *words, stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    return code, out.getvalue()


@pytest.fixture(autouse=True)
def _well(sandbox, db, settings):
    """An installation behind a proxy, with workers."""
    settings.ALLOWED_HOSTS = ["voxledger.example.com", "localhost"]
    settings.HTTPS_ONLY = True
    heartbeats.broker.cache_clear()
    heartbeats.note(["default", "bulk", "beat"])


def test_a_healthy_installation_is_well_and_nothing_is_left_behind(sandbox, settings):
    kept = files_of(settings.DATA_DIR / "reports")
    code, said = examined()
    assert code == 0, said
    assert "All is well." in said
    for words in (
        "https for voxledger.example.com",
        "all migrations are applied",
        "REDIS_URL answers and writes",
        "a file was written, read and deleted",
        "queue bulk was heard ",
        "clock agrees",
        "GetAuditLog answers",
    ):
        assert words in said
    assert files_of(settings.DATA_DIR / "reports") == kept
    assert {request["method"][:3] for request in sandbox.requests if request["method"]} == {"Get"}


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_names_every_part_that_is_ill_and_what_to_do(settings, tmp_path):
    settings.HTTPS_ONLY = False
    settings.REDIS_URL = settings.CACHE_URL = "redis://127.0.0.1:1/0"
    settings.REPORTS_SPARE_BYTES = 10**18
    settings.VOX_API_URL = "http://127.0.0.1:1/platform_api"
    heartbeats.broker.cache_clear()
    code, said = examined("--json")
    heartbeats.broker.cache_clear()
    assert code == 1
    report = json.loads(said)
    assert report["well"] is False
    ill = {f["words"]: f["mend"] for f in report["findings"] if f["state"] == "ill"}
    assert all(ill.values())
    for words in (
        "passwords and cookies travel in the open",
        "REDIS_URL does not answer",
        "CACHE_URL does not answer",
        "queues and cache share a database",
        "unknown: the broker does not answer",
        "GB are free for DATA_DIR",
        "http://127.0.0.1:1/platform_api does not answer",
    ):
        assert any(words in found for found in ill), (words, ill)


def test_a_worker_that_was_never_heard_and_an_old_beat(settings):
    heartbeats.broker().delete(heartbeats.KEY)
    heartbeats.note(["default", "beat"])
    heartbeats.broker().hincrby(heartbeats.KEY, "beat", -100)
    code, said = examined()
    assert code == 1
    assert "queue bulk was never heard" in said
    assert "celery -A dashboard worker -Q bulk" in said
    assert "beat was last heard 10" in said


def test_a_key_without_roles_and_one_with_few(sandbox, settings):
    settings.VOX_CREDENTIALS = sandbox.credentials.with_name("credentials-no-role.json")
    code, said = examined()
    assert code == 1
    assert "it may do nothing here" in said
    settings.VOX_CREDENTIALS = sandbox.credentials.with_name("credentials-accountant.json")
    code, said = examined()
    assert code == 0, said
    assert "GetAuditLog is refused with code 104" in said
    assert "give the service account the role Owner" in said


def test_a_clock_that_is_wrong(sandbox):
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        code, said = examined()
    assert code == 1
    assert "clock is 600 s ahead of it" in said or "clock is 599 s ahead of it" in said
    assert "NTP" in said
