"""What is in the log: the id of the request or task with each line, and no personal data.

No line has a query string, since filters hold telephone numbers, nor a path with a sealed
reference or whatever somebody typed.
"""

import logging
import re
import secrets
import time
from typing import Any

from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from dashboard.log_form import PROBES, safe_path
from dashboard.metrics import View, view_name

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


# Requests


def logged(get_response: View) -> View:
    """Gives each request an id, or keeps the one a proxy gave, and notes what came of it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        given = request.headers.get(HEADER, "")
        request_id = given if _ACCEPTED.fullmatch(given) else secrets.token_hex(8)
        request.request_id = request_id  # type: ignore[attr-defined]
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        try:
            response = get_response(request)
            response.headers[HEADER] = request_id
            _note(request, response.status_code, time.monotonic() - started)
        finally:
            clear_contextvars()
        return response

    return middleware


def _note(request: HttpRequest, status: int, seconds: float) -> None:
    view = view_name(request)
    quiet = view == "static" or (request.path in PROBES and status < 400)
    usual = logging.DEBUG if quiet else logging.INFO
    logger.log(
        usual if status < 500 else logging.WARNING,
        "request",
        extra={
            "method": request.method,
            "path": safe_path(request),
            "view": view,
            "status": status,
            "ms": round(seconds * 1000),
        },
    )


# Tasks: a task knows the request that ordered it.


@setup_logging.connect
def _leave_as_it_is(**_: object) -> None:
    """Celery sets up nothing of its own when somebody listens to this."""


@before_task_publish.connect
def _pass_on(headers: dict[str, Any] | None = None, **_: object) -> None:
    request_id = get_contextvars().get("request_id")
    if headers is not None and request_id:
        headers["request_id"] = request_id


@task_prerun.connect
def _began(task_id: str, task: Any, **_: object) -> None:
    clear_contextvars()
    bind_contextvars(task_id=task_id)
    if request_id := task.request.get("request_id"):
        bind_contextvars(request_id=request_id)


@task_postrun.connect
def _ended(**_: object) -> None:
    clear_contextvars()
