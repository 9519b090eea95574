"""Files leave through here: whole or in ranges, packed as they are stored or unpacked."""

import logging
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain, islice
from typing import IO

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header, http_date, parse_etags
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe

from history import masking
from history.connection import account_number
from history.middleware import Request
from history.models.reports import Copy, Report, State
from history.permissions import Right, needs
from history.reports import files
from history.reports.access import visible
from history.reports.copies import SUFFIX
from history.spreadsheets import rows_of, written

logger = logging.getLogger(__name__)

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PATIENCE = 60  # seconds
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_GZIP = re.compile(r"(?:^|[,\s])(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+)?\s*(?:,|$)")


@dataclass(frozen=True, kw_only=True)
class Content:
    """Bytes to send: `read(start, stop)` yields them, `etag` names them exactly."""

    size: int
    etag: str
    name: str
    type: str
    read: Callable[[int, int], Iterator[bytes]]
    modified: float | None = None
    headers: dict[str, str] = field(default_factory=dict)


@require_safe
@needs(Right.EXPORT)
def report_file(request: Request, pk: int) -> HttpResponseBase:
    """The CSV as the platform wrote it; with its numbers masked for who may not see them."""
    report = get_object_or_404(visible(request.user), pk=pk)
    return csv_of(request, report)


def csv_of(request: HttpRequest, report: Report) -> HttpResponseBase:
    if masking.current() is None:
        return send(request, original(report, packed=takes_gzip(request)))
    if report.state != State.STORED or not report.file:
        raise Http404(_t("This report has no file (any more)."))
    name = files.download_name(report, account_number(), "masked.csv")
    try:
        return masked_csv(request, files.open_text(report.file), name)
    except OSError as error:
        return _unreachable(name, error)


def masked_csv(request: HttpRequest, text: TextIOWrapper, name: str) -> StreamingHttpResponse:
    """The rows of a CSV with their numbers masked, under a name that says so.

    It is made while it is sent: without a length, ranges, or a hash to compare with.
    """

    def lines() -> Iterator[str]:
        with text:
            if request.method == "HEAD":
                return
            yield from written(masking.hidden_rows(rows_of(text)))

    _let_go(request)
    response = StreamingHttpResponse(lines(), content_type=CSV)
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or ""
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_safe
@needs(Right.EXPORT)
def copy_file(request: Request, pk: int, format: str) -> HttpResponseBase:
    """The same in another format, once it is made."""
    report = get_object_or_404(visible(request.user), pk=pk)
    if format not in Copy.Format.open_to(masked=masking.current() is not None):
        raise Http404
    copy = get_object_or_404(report.copies, format=format, state=Copy.State.READY)
    suffix = SUFFIX[Copy.Format(copy.format)]
    kind = XLSX if suffix.endswith("xlsx") else CSV
    return send(
        request,
        Content(
            size=copy.size or 0,
            etag=f'"{copy.sha256}"',
            name=files.download_name(report, account_number(), suffix),
            type=kind,
            read=_stored(copy.file),
            modified=copy.updated.timestamp(),
        ),
    )


def original(report: Report, *, packed: bool) -> Content:
    """The stored CSV, packed for who takes gzip, else unpacked. Http404 when it is gone."""
    if report.state != State.STORED or not report.file:
        raise Http404(_t("This report has no file (any more)."))
    size = report.size if packed else report.csv_size
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    return Content(
        size=size or 0,
        etag=f'"{report.sha256}-gzip"' if packed else f'"{report.sha256}"',
        name=files.download_name(report, account_number(), "csv"),
        type=CSV,
        read=_stored(report.file) if packed else _unpacked(report.file),
        modified=report.stored.timestamp() if report.stored else None,
        headers={"Vary": "Accept-Encoding", "X-Content-SHA256": report.sha256, **encoding},
    )


def takes_gzip(request: HttpRequest) -> bool:
    return bool(_GZIP.search(request.headers.get("Accept-Encoding", "").lower()))


def send(request: HttpRequest, content: Content) -> HttpResponseBase:
    """200, the one range that is asked for (206), 304 or 416; nothing but the head for HEAD. 503
    where the storage does not hand the file out."""
    try:
        return _answer(request, content)
    except OSError as error:
        return _unreachable(content.name, error)


def _unreachable(name: str, error: OSError) -> HttpResponse:
    logger.error("%s: %s", name, error)
    words = _t("The storage of reports cannot be reached. Try again in a few minutes.")
    return HttpResponse(words, status=503, content_type="text/plain; charset=utf-8")


def _answer(request: HttpRequest, content: Content) -> HttpResponseBase:
    wanted = parse_etags(request.headers.get("If-None-Match", ""))
    if content.etag in wanted or "*" in wanted:
        return _with_headers(HttpResponse(status=304), content)
    span = _span(request, content)
    if span is None:
        return _body(request, content, 0, content.size, 200)
    start, stop = span
    if start >= stop:
        response = _with_headers(HttpResponse(status=416), content)
        response.headers["Content-Range"] = f"bytes */{content.size}"
        return response
    answer = _body(request, content, start, stop, 206)
    answer.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    return answer


def _span(request: HttpRequest, content: Content) -> tuple[int, int] | None:
    """Where the range that is asked for begins and ends; `None` to send everything."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if not match or request.headers.get("If-Range", content.etag) != content.etag:
        return None
    first, last = match.groups()
    if not first:
        return (max(0, content.size - int(last)), content.size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, content.size) if last else content.size


def _body(
    request: HttpRequest, content: Content, start: int, stop: int, status: int
) -> HttpResponseBase:
    _let_go(request)
    blocks = iter(()) if request.method == "HEAD" else content.read(start, stop)
    # What cannot be read fails here, as long as something else can be answered.
    begun = list(islice(blocks, 1))
    response = StreamingHttpResponse(chain(begun, blocks), status=status, content_type=content.type)
    response.headers["Content-Length"] = str(stop - start)
    response.headers["Content-Disposition"] = content_disposition_header(True, content.name) or ""
    return _with_headers(response, content)


def _let_go(request: HttpRequest) -> None:
    """Who stops reading a file for this long holds no thread of the server any more."""
    wire: socket.socket | None = request.META.get("gunicorn.socket")
    if wire is not None:
        wire.settimeout(PATIENCE)


def _with_headers[R: HttpResponseBase](response: R, content: Content) -> R:
    response.headers["ETag"] = content.etag
    response.headers["Accept-Ranges"] = "bytes"
    # Kept by the browser, but asked about each time: the right to it may have ended.
    response.headers["Cache-Control"] = "private, no-cache"
    if content.modified is not None:
        response.headers["Last-Modified"] = http_date(content.modified)
    for name, value in content.headers.items():
        response.headers[name] = value
    return response


def _stored(name: str) -> Callable[[int, int], Iterator[bytes]]:
    def read(start: int, stop: int) -> Iterator[bytes]:
        with files.open_stored(name) as file:
            file.seek(start)
            yield from _first(iter(lambda: file.read(files.BLOCK // 4), b""), stop - start)

    return read


def _unpacked(name: str) -> Callable[[int, int], Iterator[bytes]]:
    def read(start: int, stop: int) -> Iterator[bytes]:
        with files.open_stored(name) as file:
            yield from _first(_after(file, start), stop - start)

    return read


def _after(file: IO[bytes], start: int) -> Iterator[bytes]:
    for block in files.unpacked(file):
        if start < len(block):
            yield block[start:]
        start = max(0, start - len(block))


def _first(blocks: Iterator[bytes], length: int) -> Iterator[bytes]:
    for block in blocks:
        if length <= 0:
            return
        yield block[:length]
        length -= len(block)


def preview(report: Report, rows: int) -> list[list[str]]:
    """The head and the first rows of a stored report, as a page may show them to the person."""
    with files.open_text(report.file) as text:
        found = rows_of(text)
        shown = islice(masking.hidden_rows(found) if masking.current() else found, rows + 1)
        # No page tells where the platform keeps things.
        elsewhere = _t("(opened through this dashboard only)")
        return [[elsewhere if "://" in cell else cell for cell in row] for row in shown]
