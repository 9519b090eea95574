"""Files leave through here: whole or in ranges, packed as they are stored or unpacked."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header, http_date, parse_etags
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe

from history.connection import connect
from history.middleware import Request
from history.models.reports import Copy, Report, State
from history.permissions import Right, needs
from history.reports import files
from history.reports.access import visible
from history.spreadsheets import rows_of

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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
    """The CSV as the platform wrote it."""
    report = get_object_or_404(visible(request.user), pk=pk)
    return send(request, original(report, packed=takes_gzip(request)))


@require_safe
@needs(Right.EXPORT)
def copy_file(request: Request, pk: int, format: str) -> HttpResponseBase:
    """The same in another format, once it is made."""
    report = get_object_or_404(visible(request.user), pk=pk)
    copy = get_object_or_404(report.copies, format=format, state=Copy.State.READY)
    suffix, kind = ("xlsx", XLSX) if copy.format == Copy.Format.XLSX else ("excel.csv", CSV)
    return send(
        request,
        Content(
            size=copy.size or 0,
            etag=f'"{copy.sha256}"',
            name=files.download_name(report, connect().account_id, suffix),
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
        name=files.download_name(report, connect().account_id, "csv"),
        type=CSV,
        read=_stored(report.file) if packed else _unpacked(report.file),
        modified=report.stored.timestamp() if report.stored else None,
        headers={"Vary": "Accept-Encoding", "X-Content-SHA256": report.sha256, **encoding},
    )


def takes_gzip(request: HttpRequest) -> bool:
    return bool(_GZIP.search(request.headers.get("Accept-Encoding", "").lower()))


def send(request: HttpRequest, content: Content) -> HttpResponseBase:
    """200, the one range that is asked for (206), 304 or 416; nothing but the head for HEAD."""
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
    blocks = iter(()) if request.method == "HEAD" else content.read(start, stop)
    response = StreamingHttpResponse(blocks, status=status, content_type=content.type)
    response.headers["Content-Length"] = str(stop - start)
    response.headers["Content-Disposition"] = content_disposition_header(True, content.name) or ""
    return _with_headers(response, content)


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
    """The head and the first rows of a stored report."""
    with files.open_text(report.file) as text:
        return list(islice(rows_of(text), rows + 1))
