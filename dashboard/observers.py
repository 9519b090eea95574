"""Sentry and OpenTelemetry, where settings ask for them. Neither hears of telephone numbers.

Imported only then: the product runs without their packages (requirements-extras.txt has them).
"""

import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from structlog.contextvars import get_contextvars

# Numbers of telephones and of calls alike; what happened is told without either.
_DIGITS = re.compile(r"\+?\d[\d ()/.-]{5,}\d")


def start() -> None:
    if settings.SENTRY_DSN:
        _start_sentry()
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _start_opentelemetry()


# Sentry: errors, with their tracebacks


def _start_sentry() -> None:
    import sentry_sdk

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.VERSION,
        environment=settings.SENTRY_ENVIRONMENT,
        send_default_pii=False,
        # Values of variables and lines that were logged before hold what people searched for.
        include_local_variables=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        before_send=without_personal_data,
    )


def without_personal_data(event: Any, hint: object) -> Any:
    """Of the request its method and id alone; the transaction names the view. No long
    numbers, no words of a command line."""
    request = event.pop("request", {})
    for key in ("user", "extra"):
        event.pop(key, None)
    event.setdefault("tags", {}).update(get_contextvars(), method=request.get("method", ""))
    for error in event.get("exception", {}).get("values", ()):
        error["value"] = without_digits(error.get("value") or "")
    if entry := event.get("logentry"):
        entry.pop("params", None)
        for key in ("message", "formatted"):
            if key in entry:
                entry[key] = without_digits(entry[key])
    return event


def without_digits(text: str) -> str:
    return _DIGITS.sub("…", text)


# OpenTelemetry: where the time goes, from the page over the task to the API


# As the instrumentation names them, in its old and in its stable convention.
_ADDRESSES = ("http.url", "http.target", "url.full", "url.path")


def _start_opentelemetry() -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status

    def without_personal_data(span: ReadableSpan) -> ReadableSpan:
        """Of addresses the route and the platform's method remain; of errors that there was one."""
        attributes = {
            name: str(value).partition("?")[0] if name in _ADDRESSES else value
            for name, value in (span.attributes or {}).items()
            if name != "url.query" and not (name in _ADDRESSES and span.kind is SpanKind.SERVER)
        }
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=attributes,
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
        )

    class Exporter(OTLPSpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> Any:
            return super().export([without_personal_data(span) for span in spans])

    resource = Resource.create({"service.name": "voxledger", "service.version": settings.VERSION})
    provider = TracerProvider(resource=resource)
    # The address and whatever else the exporter knows come from its own variables, OTEL_….
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(excluded_urls="healthz,readyz,metrics,static/")
    RequestsInstrumentor().instrument()
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
