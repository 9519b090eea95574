"""/metrics, for Prometheus: what the processes counted, and what the rows and queues say now."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import redis
from allauth.account.adapter import get_adapter
from celery.signals import worker_ready
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, InterfaceError
from django.db.models import Count, F, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from dashboard import heartbeats
from dashboard.health import findings
from history.models.reports import ACTIVE, Report, State

REFUSAL = (
    "Not for everybody. METRICS_TOKEN (sent as Authorization: Bearer …) or METRICS_NETWORKS"
    " says who may read this: see docs/operations.md.\n"
)


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything: this server's processes, rows, queues."""
    return _answer(request, lambda: counted() + generate_latest(_state()))


def _answer(request: HttpRequest, made: Callable[[], bytes]) -> HttpResponse:
    if not may_read(request):
        return HttpResponse(REFUSAL, status=403, content_type="text/plain; charset=utf-8")
    return HttpResponse(made(), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    # Through a proxy that nobody vouches for, every reader has the proxy's address.
    if "X-Forwarded-For" in request.headers and not settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        return False
    address = ip_address(get_adapter(request).get_client_ip(request) or "0.0.0.0")  # noqa: S104
    return any(address in network for network in settings.METRICS_NETWORKS)


def counted() -> bytes:
    """What the processes of this server counted, as text for Prometheus."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _state() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Present())
    return registry


class Present:
    """What is so now, wherever it is asked: with several web servers take one, or the maximum."""

    def collect(self) -> Iterator[Metric]:
        version = GaugeMetricFamily("voxledger_info", "The version.", labels=["version"])
        version.add_metric([settings.VERSION], 1)
        yield version
        ready = GaugeMetricFamily(
            "voxledger_ready", "What /readyz says of each part: 1 is well.", labels=["part"]
        )
        for part, words in findings.now().items():
            ready.add_metric([part], words == "ok")
        yield ready
        # What does not answer is told by voxledger_ready; the rest is told all the same.
        for family, unreachable in (
            (_reports, (DatabaseError, InterfaceError)),
            (_queues, (redis.RedisError,)),
        ):
            try:
                yield from list(family())
            except unreachable:
                continue


def _reports() -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "voxledger_reports", "Reports by kind and state.", labels=["kind", "state"]
    )
    for kind, state, count in (
        Report.objects.order_by().values_list("kind", "state").annotate(count=Count("pk"))
    ):
        states.add_metric([kind, state], count)
    yield states
    seconds = SummaryMetricFamily(
        "voxledger_report_seconds", "From the order to the stored file.", labels=["kind"]
    )
    stored = Report.objects.order_by().filter(state=State.STORED, stored__isnull=False)
    for kind, count, total in stored.values_list("kind").annotate(
        count=Count("pk"), total=Sum(F("stored") - F("created"))
    ):
        seconds.add_metric([kind], count, total.total_seconds())
    yield seconds
    oldest = Report.objects.filter(state__in=ACTIVE).aggregate(at=Min("created"))["at"]
    yield GaugeMetricFamily(
        "voxledger_report_oldest_active_seconds",
        "How long ago the oldest report was ordered that is still being made; 0 for none.",
        value=(timezone.now() - oldest).total_seconds() if oldest else 0,
    )


def _queues() -> Iterator[Metric]:
    depth = GaugeMetricFamily("voxledger_queue_depth", "Messages that wait.", labels=["queue"])
    for queue in settings.CELERY_TASK_QUEUES:
        depth.add_metric([queue.name], float(heartbeats.broker().llen(queue.name)))
    yield depth
    silence = GaugeMetricFamily(
        "voxledger_heartbeat_age_seconds",
        "Since a worker of the queue, or beat, was last heard.",
        labels=["of"],
    )
    for name, age in heartbeats.ages().items():
        silence.add_metric([name], age)
    yield silence


# A worker answers for what its processes counted, on a port of its own.


@worker_ready.connect
def _serve(**_: object) -> None:
    if settings.METRICS_PORT:
        server = make_server("", settings.METRICS_PORT, worker_metrics, handler_class=_Silent)
        threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()


def worker_metrics(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A WSGI application: the metrics and nothing else, under any path."""
    answer = _answer(WSGIRequest(environ), counted)
    start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.items()))
    return [answer.content]


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are no news."""
