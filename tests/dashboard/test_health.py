"""What machines ask: alive, ready, metrics."""

import pytest
import redis
from django.db import connection

from dashboard import heartbeats
from dashboard.health import Findings
from tests.history.reports import ordered

EVERYBODY = ["default", "bulk", "beat"]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """What a process remembers of an earlier test, forgotten; and no heartbeat of one."""
    monkeypatch.setattr("dashboard.views.findings", Findings())
    monkeypatch.setattr("dashboard.scraping.findings", Findings())
    heartbeats.broker.cache_clear()
    heartbeats.broker().delete(heartbeats.KEY)


@pytest.mark.parametrize("method", ["get", "head"])
def test_tells_that_the_process_is_alive_without_signing_in(client, method):
    answer = getattr(client, method)("/healthz")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_may_come_without_https(client, settings, db, address):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(address).status_code != 301


def test_is_ready_when_every_part_is_there(client, db):
    heartbeats.note(EVERYBODY)
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["status"] == "ready"
    assert set(answer.json()["parts"].values()) == {"ok"}


def test_says_which_queue_has_no_worker_and_that_a_migration_waits(client, db):
    heartbeats.note(["default", "beat"])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app='dashboard'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["workers"] == "not heard for 90 s: bulk"
    assert (
        "not applied, first dashboard.0001_invitations; run manage.py migrate"
        in parts["migrations"]
    )
    assert parts["database"] == parts["broker"] == "ok"


def test_says_that_redis_is_away_and_that_the_storage_cannot_be_used(
    client, db, settings, tmp_path
):
    settings.REDIS_URL = settings.CACHE_URL = "redis://127.0.0.1:1/0"
    heartbeats.broker.cache_clear()
    (tmp_path / "file").touch()
    settings.REPORTS_SPARE_BYTES = 10**18
    parts = client.get("/readyz").json()["parts"]
    heartbeats.broker.cache_clear()
    assert parts["broker"] == parts["cache"] == "does not answer"
    assert parts["workers"] == "unknown: the broker does not answer"
    assert parts["storage"] == "the disk is full"


def test_a_heartbeat_grows_old(db):
    heartbeats.note(["bulk"])
    with redis.Redis.from_url(heartbeats.settings.REDIS_URL) as server:
        server.hincrby(heartbeats.KEY, "bulk", -100)
    assert 100 <= heartbeats.ages()["bulk"] < 110


# Metrics


def test_metrics_are_refused_to_strangers(client, db, settings):
    assert client.get("/metrics").status_code == 403
    settings.METRICS_TOKEN = "a long secret"
    for header in ("Bearer wrong", "Bearer", "Basic a long secret", ""):
        assert client.get("/metrics", headers={"authorization": header}).status_code == 403
    given = {"authorization": "Bearer a long secret"}
    assert client.get("/metrics", headers=given).status_code == 200


def test_networks_may_read_metrics_but_not_through_a_proxy_nobody_vouches_for(client, db, settings):
    from ipaddress import ip_network

    settings.METRICS_NETWORKS = [ip_network("10.0.0.0/8")]
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 403
    forwarded = {"x-forwarded-for": "192.0.2.1"}
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1", headers=forwarded).status_code == 403
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1", headers=forwarded).status_code == 403
    forwarded = {"x-forwarded-for": "10.9.9.9"}
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.1", headers=forwarded).status_code == 200


def test_metrics_tell_of_requests_the_api_reports_and_queues(client_as, sandbox, settings):
    settings.METRICS_TOKEN = "t"
    heartbeats.note(EVERYBODY)
    ordered()
    finance = client_as("finance")
    finance.get("/transactions/?from_date=2026-06-01&to_date=2026-06-02&number=4930123456")
    text = finance.get("/metrics", headers={"authorization": "Bearer t"}).content.decode()
    for line in (
        'voxledger_requests_total{method="GET",status="200",view="transactions"}',
        'voxledger_api_requests_total{method="GetTransactionHistory",result="ok"}',
        'voxledger_request_seconds_bucket{le="0.05",view="transactions"}',
        'voxledger_reports{kind="transactions",state="ordered"} 1.0',
        "voxledger_report_oldest_active_seconds 0.",
        'voxledger_queue_depth{queue="bulk"} 0.0',
        'voxledger_heartbeat_age_seconds{of="beat"} ',
        'voxledger_ready{part="workers"} 1.0',
        f'voxledger_info{{version="{settings.VERSION}"}} 1.0',
    ):
        assert line in text
    assert "4930123456" not in text
