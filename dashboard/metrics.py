"""What this process counts: requests to it, and its own to the Management API.

The processes of a server add up in one directory (prometheus_client's multiprocess mode):
gunicorn.conf.py makes it for the web, and here for a worker that is to answer for its metrics.
`dashboard/scraping.py` adds what stands in the database and in Redis, and hands it out.
"""

import os
import tempfile
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from history.api.transport import Observed

if settings.METRICS_PORT:
    # Before the import below, which decides by it; the processes of the pool inherit it.
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="voxledger-metrics-"))

from prometheus_client import Counter, Histogram

type View = Callable[[HttpRequest], HttpResponseBase]

# Pages that wait for a remote API: from a total out of the cache to what times out.
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_requests = Counter(
    "voxledger_requests", "Requests answered, by view and status.", ("view", "method", "status")
)
_request_seconds = Histogram(
    "voxledger_request_seconds", "Time until an answer began.", ("view",), buckets=SECONDS
)
_api_requests = Counter(
    "voxledger_api_requests",
    "Requests to the Management API: ok, unreachable, or refused with its code.",
    ("method", "result"),
)
_api_seconds = Histogram(
    "voxledger_api_request_seconds",
    "Time the Management API took to answer.",
    ("method",),
    buckets=SECONDS,
)


def measured(get_response: View) -> View:
    """Counts requests by the name of their address; an address itself may hold a number."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        response = get_response(request)
        view = view_name(request)
        _requests.labels(view, _known(request.method), str(response.status_code)).inc()
        _request_seconds.labels(view).observe(time.monotonic() - started)
        return response

    return middleware


def view_name(request: HttpRequest) -> str:
    """The name of an address; `static` for files, `none` for what leads nowhere."""
    match = request.resolver_match
    if match is not None:
        return match.view_name
    return "static" if request.path.startswith(settings.STATIC_URL) else "none"


def _known(method: str | None) -> str:
    """Whoever makes up methods must not make up a row each."""
    return method if method in ("GET", "HEAD", "POST") else "other"


def count_api_call(observed: Observed) -> None:
    """The client's `after_request`."""
    _api_requests.labels(observed.method, observed.result).inc()
    _api_seconds.labels(observed.method).observe(observed.seconds)
