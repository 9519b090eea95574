"""Requests and answers, and the parts of HTTP that files need: ranges and validators."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

# Go, Node, PHP and Java compare the whole header value: no charset after it.
FILE_TYPE = "application/octet-stream"
BLOCK = 64 * 1024

type Fields = dict[str, list[str]]


class Refusal(Exception):
    """A command error: answered with HTTP 200 and `{"error": {"code", "msg", "field_name"}}`."""

    def __init__(self, code: int, msg: str, field_name: str | None = None) -> None:
        super().__init__(f"{code}: {msg}")
        self.code = code
        self.msg = msg
        self.field_name = field_name

    def as_answer(self) -> "Answer":
        error: dict[str, object] = {"code": self.code, "msg": self.msg}
        if self.field_name:
            error["field_name"] = self.field_name
        answer = json_answer({"error": error})
        answer.error_code = self.code
        return answer


@dataclass(frozen=True, kw_only=True)
class Request:
    """What arrived: `headers` by lower-case name, `fields` from the query and the body."""

    verb: str
    path: str
    query: str
    headers: Mapping[str, str]
    fields: Fields = field(default_factory=dict)

    def field(self, name: str) -> str | None:
        """The last non-empty value of that name; empty counts as absent."""
        return next((value for value in reversed(self.fields.get(name, [])) if value), None)


@dataclass(kw_only=True)
class Answer:
    """What goes back. `length` is the body's, `None` where it is not known beforehand."""

    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    body: Iterable[bytes] = ()
    length: int | None = None
    error_code: int | None = None

    @property
    def status_line(self) -> str:
        known = self.status in HTTPStatus
        return f"{self.status} {HTTPStatus(self.status).phrase if known else 'Unknown'}"


def json_answer(value: object, status: int = 200) -> Answer:
    """JSON with non-ASCII text as `\\uXXXX`: readable under any assumed charset."""
    body = json.dumps(value, default=_plain).encode()
    return Answer(status=status, body=(body,), length=len(body))


def _plain(value: object) -> Any:
    # Amounts have few digits; a float's shortest form is the same decimal text.
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def text_answer(status: int, text: str, content_type: str = "text/plain") -> Answer:
    body = text.encode()
    return Answer(status=status, content_type=content_type, body=(body,), length=len(body))


def csv_answer(body: bytes) -> Answer:
    return Answer(content_type=FILE_TYPE, body=(body,), length=len(body))


def read_query(query: str) -> Fields:
    """Fields of a query string or an urlencoded body, repeated names kept."""
    fields: Fields = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        fields.setdefault(name, []).append(value)
    return fields


@dataclass(frozen=True, kw_only=True)
class File:
    """Bytes that can be read from any place: `read(start, stop)` yields them in blocks."""

    size: int
    etag: str
    content_type: str
    read: Callable[[int, int], Iterator[bytes]]
    headers: Mapping[str, str] = field(default_factory=dict)


RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


def file_answer(request: Request, file: File) -> Answer:
    """The whole file, the part that `Range` names (206), 304 or 416.

    Several ranges at once are answered with the whole file, as HTTP allows.
    """
    headers = {"Accept-Ranges": "bytes", "ETag": file.etag, **file.headers}
    if file.etag in _etags(request.headers.get("if-none-match", "")):
        return Answer(status=304, content_type=file.content_type, headers=headers)
    wanted = _wanted(request, file)
    if wanted is None:
        return _piece(request, file, headers, 0, file.size)
    start, stop = wanted
    if start >= stop:
        headers["Content-Range"] = f"bytes */{file.size}"
        return Answer(status=416, content_type="text/plain", headers=headers, length=0)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    return _piece(request, file, headers, start, stop, status=206)


def _piece(
    request: Request, file: File, headers: dict[str, str], start: int, stop: int, status: int = 200
) -> Answer:
    return Answer(
        status=status,
        content_type=file.content_type,
        headers=headers,
        body=() if request.verb == "HEAD" else file.read(start, stop),
        length=stop - start,
    )


def _etags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]


def _wanted(request: Request, file: File) -> tuple[int, int] | None:
    """Start and stop of the range asked for, empty where it lies outside; None for no range."""
    match = RANGE.fullmatch(request.headers.get("range", "").strip())
    if not match or request.headers.get("if-range", file.etag) != file.etag:
        return None
    first, last = match.groups()
    if not first:
        return (max(0, file.size - int(last)), file.size) if last else None
    if last and int(last) < int(first):
        return None  # not a valid range: HTTP says to ignore it
    return int(first), min(int(last) + 1, file.size) if last else file.size


def http_moment(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
