"""The form of the log: one event a line, as JSON for machines or as text for people (LOG_FORMAT).

Apart from `logs.py`, since gunicorn.conf.py reads this before there are any settings.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest

# These come every few seconds and say nothing while they succeed.
PROBES = ("/healthz", "/readyz", "/metrics")

type Event = MutableMapping[str, Any]


def logging_config(form: str, level: str) -> dict[str, Any]:
    """As logging.config.dictConfig takes it; `form` is `json` or `line`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {form: {"()": f"{__name__}.formatter", "form": form}},
        "filters": {"safe_path": {"()": f"{__name__}.SafePath"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": form,
                "filters": ["safe_path"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            # These say once more, with the query, what `logged` says of each request.
            "django.server": {"handlers": [], "propagate": False},
            "gunicorn.access": {"handlers": [], "propagate": False},
            "gunicorn.error": {"handlers": [], "propagate": True},
        },
    }


def formatter(form: str) -> logging.Formatter:
    render = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else _line
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(allow=_FIELDS),
            structlog.processors.TimeStamper("iso", utc=True),
            structlog.processors.format_exc_info,
        ],
    )


# What `extra` may add to a line; Django adds the whole request, for one.
_FIELDS = ("method", "path", "view", "status", "ms")


def _line(_logger: object, _name: str, event: Event) -> str:
    at, level, name = event.pop("timestamp"), event.pop("level").upper(), event.pop("logger")
    text, trace = event.pop("event"), event.pop("exception", "")
    rest = "".join(f" {key}={value}" for key, value in event.items())
    # What a client sends must not be able to look like a line of its own.
    line = f"{at[:19]}Z {level} {name} {text}{rest}".replace("\r", "\\r").replace("\n", "\\n")
    return f"{line}\n{trace}" if trace else line


class SafePath(logging.Filter):
    """Django's own lines about a request, with a path that may be written down; those that only
    say the status, which `logged` does, are left out."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and not record.exc_info:
            return False
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            safe = safe_path(request)
            record.args = tuple(safe if arg == request.path else arg for arg in record.args)
        return True


def safe_path(request: HttpRequest) -> str:
    """The path where it holds ids alone; otherwise the pattern it matched."""
    match = request.resolver_match
    if match is None:
        return request.path if request.path in PROBES else "(no such address)"
    if all(isinstance(value, int) for value in match.kwargs.values()) and not match.args:
        return request.path
    return f"/{match.route}"
