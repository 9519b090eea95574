"""Trouble on demand: what `/_sandbox/` keeps and how it spoils answers.

A fault is a JSON object, checked when it is set: what it does (`kind` and its own fields), what
it applies to (`method`, `path`, `params`; all of them together), and how often (`skip`, `times`).
`docs/sandbox.md` lists them.
"""

import errno
import json
import socket
import ssl
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sandbox.answers import BLOCK, Answer, Refusal, Request, text_answer
from sandbox.state import State

KEPT_REQUESTS = 1000
HANG_SECONDS = 600.0

BAD_GATEWAY = """<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""

# What each kind may say of itself, with the type its value must have.
KINDS: Mapping[str, Mapping[str, type]] = {
    "delay": {"seconds": float},
    "timeout": {"seconds": float},
    "http_status": {"status": int, "body": str, "content_type": str, "retry_after": int},
    "error": {"code": int, "msg": str},
    "truncate": {"after_bytes": int},
    "corrupt_gzip": {},
    "content_length": {"by": int},
    "drop": {"after_bytes": int},
    "throttle": {"bytes_per_second": int},
    "report_stuck": {},
    "report_fails": {},
    "clock": {"seconds": float},
}
REQUIRED = {
    "delay": "seconds",
    "http_status": "status",
    "error": "code",
    "throttle": "bytes_per_second",
    "clock": "seconds",
}
# These wait for a report to be ordered, or are always there; they spoil no answer.
SILENT = ("report_stuck", "report_fails", "clock")
COMMON: Mapping[str, type] = {
    "kind": str,
    "method": str,
    "path": str,
    "params": dict,
    "skip": int,
    "times": int,
}


class BadFault(ValueError):
    """A fault that cannot be set; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    fault_id: int
    kind: str
    method: str | None = None
    path: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, method: str | None, request: Request) -> bool:
        if self.method and self.method != method:
            return False
        target = f"{request.path}?{request.query}" if request.query else request.path
        if self.path and not (
            fnmatchcase(request.path, self.path) or fnmatchcase(target, self.path)
        ):
            return False
        return all(request.field(name) == text for name, text in self.params.items())


class Faults:
    """The faults that are set, in the order they were set."""

    def __init__(self, state: State) -> None:
        self.state = state

    def add(self, spec: object) -> dict[str, Any]:
        """Keeps a fault; the fault with its id. Raises BadFault."""
        checked = _check(spec)
        skip, times = checked.get("skip", 0), checked.get("times")
        fault_id = self.state.insert(
            "INSERT INTO faults (spec, skip, times) VALUES (?, ?, ?)",
            (json.dumps(checked), skip, times),
        )
        return {"fault_id": fault_id, **checked}

    def listed(self) -> list[dict[str, Any]]:
        """The faults still in force; `skip` and `times` say what is left of them."""
        rows = self.state.rows("SELECT * FROM faults ORDER BY fault_id")
        return [
            {"fault_id": row["fault_id"], **json.loads(row["spec"]), "skip": row["skip"]}
            | ({} if row["times"] is None else {"times": row["times"]})
            for row in rows
        ]

    def clear(self, fault_id: int | None = None) -> int:
        """Removes one fault or all of them; how many there were."""
        if fault_id is None:
            return self.state.change("DELETE FROM faults")
        return self.state.change("DELETE FROM faults WHERE fault_id = ?", (fault_id,))

    def clock_shift(self) -> float:
        """Seconds by which the sandbox's clock is put forward."""
        shifts = (fault.details["seconds"] for fault in self._all() if fault.kind == "clock")
        return float(sum(shifts))

    def take(self, method: str | None, request: Request) -> list[Fault]:
        """The faults that spoil this answer; each counts one of its `times` as used."""
        return [
            fault
            for fault in self._all()
            if fault.kind not in SILENT and fault.matches(method, request) and self._use(fault)
        ]

    def take_for_report(self, method: str, request: Request) -> str | None:
        """What shall go wrong with the report ordered here: report_stuck, report_fails, nothing."""
        for fault in self._all():
            if (
                fault.kind.startswith("report_")
                and fault.matches(method, request)
                and self._use(fault)
            ):
                return fault.kind
        return None

    def _all(self) -> list[Fault]:
        rows = self.state.rows("SELECT fault_id, spec FROM faults ORDER BY fault_id")
        return [_fault(row["fault_id"], json.loads(row["spec"])) for row in rows]

    def _use(self, fault: Fault) -> bool:
        """Whether it is this request's turn; single statements, so no turn is taken twice."""
        key = (fault.fault_id,)
        if self.state.change(
            "UPDATE faults SET skip = skip - 1 WHERE fault_id = ? AND skip > 0", key
        ):
            return False
        sql = "UPDATE faults SET times = times - 1 WHERE fault_id = ? AND coalesce(times, 1) > 0"
        if not self.state.change(sql, key):
            return False
        self.state.change("DELETE FROM faults WHERE fault_id = ? AND times = 0", key)
        return True


def _fault(fault_id: int, spec: Mapping[str, Any]) -> Fault:
    return Fault(
        fault_id=fault_id,
        kind=spec["kind"],
        method=spec.get("method"),
        path=spec.get("path"),
        params={name: str(value) for name, value in spec.get("params", {}).items()},
        details={name: spec[name] for name in KINDS[spec["kind"]] if name in spec},
    )


def _check(spec: object) -> dict[str, Any]:
    if not isinstance(spec, dict):
        raise BadFault("a fault is a JSON object")
    kind = str(spec.get("kind") or _kind_meant(spec))
    if kind not in KINDS:
        raise BadFault(f"kind: {kind!r} is not one of {', '.join(KINDS)}")
    allowed = {**COMMON, **KINDS[kind]}
    for name, value in spec.items():
        if name not in allowed:
            raise BadFault(f"{name}: {kind} knows {', '.join(allowed)}")
        kinds = (int, float) if allowed[name] is float else allowed[name]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise BadFault(f"{name}: {value!r} is not of type {allowed[name].__name__}")
        signed = name in ("by", "code") or (kind, name) == ("clock", "seconds")
        if isinstance(value, int | float) and value < 0 and not signed:
            raise BadFault(f"{name}: {value!r} is negative")
    needed = REQUIRED.get(kind)
    if needed and needed not in spec:
        raise BadFault(f"{needed}: {kind} needs it")
    if kind == "http_status" and not 200 <= spec["status"] <= 599:
        raise BadFault(f"status: {spec['status']} is not an HTTP status")
    if kind == "throttle" and not spec["bytes_per_second"]:
        raise BadFault("bytes_per_second: 0 sends nothing, use timeout")
    if spec.get("times") == 0:
        raise BadFault("times: 0 does nothing, leave it out for every time")
    return {"kind": kind, **spec}


def _kind_meant(spec: Mapping[str, Any]) -> str | None:
    """`{"status": 502}` needs no kind: only one has that field."""
    telling = {"status": "http_status", "code": "error", "bytes_per_second": "throttle"}
    return next((kind for name, kind in telling.items() if name in spec), None)


class Requests:
    """What was received, newest last; the control calls themselves are not kept."""

    def __init__(self, state: State) -> None:
        self.state = state

    def add(self, entry: Mapping[str, Any]) -> int:
        """Keeps a request that has just arrived; its id."""
        request_id = self.state.insert(
            "INSERT INTO requests (entry) VALUES (?)", (json.dumps(entry),)
        )
        if request_id % 100 == 0:
            self.state.change(
                "DELETE FROM requests WHERE request_id <= ?", (request_id - KEPT_REQUESTS,)
            )
        return request_id

    def answered(self, request_id: int, answer: Mapping[str, Any]) -> None:
        sql = "UPDATE requests SET answer = ? WHERE request_id = ?"
        self.state.change(sql, (json.dumps(answer), request_id))

    def listed(self, last: int = KEPT_REQUESTS) -> list[dict[str, Any]]:
        """The newest `last` requests; `answer` is null for one that still waits."""
        rows = self.state.rows("SELECT * FROM requests ORDER BY request_id DESC LIMIT ?", (last,))
        return [
            {
                "request_id": row["request_id"],
                **json.loads(row["entry"]),
                "answer": json.loads(row["answer"] or "null"),
            }
            for row in reversed(rows)
        ]

    def clear(self) -> None:
        self.state.change("DELETE FROM requests")


# Spoiling an answer


class Connection:
    """The client's connection: told apart from gone, and cut off where a fault says so."""

    def __init__(self, wire: socket.socket, stopping: Callable[[], bool]) -> None:
        self.wire = wire
        self.stopping = stopping

    def wait(self, seconds: float) -> None:
        """Waits, but not for a client that hung up, nor when the server stops."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
            if self.stopping() or self._is_gone():
                self.drop()

    def _is_gone(self) -> bool:
        try:
            # The plain socket's recv: a TLS socket cannot be looked at without reading, but
            # whatever comes while the client waits for an answer is its farewell.
            seen = socket.socket.recv(self.wire, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            return seen == b"" or isinstance(self.wire, ssl.SSLSocket)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def drop(self) -> None:
        """Ends the connection without a farewell; always raises, so that nothing follows."""
        try:
            # Closing a socket that does not linger resets the connection.
            self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        raise ConnectionResetError(errno.ECONNRESET, "dropped by a fault")


def before(faults: list[Fault], connection: Connection) -> Answer | None:
    """What happens before the request is looked at: waiting, or an answer from in between."""
    for fault in faults:
        match fault.kind:
            case "delay":
                connection.wait(fault.details["seconds"])
            case "timeout":
                connection.wait(fault.details.get("seconds", HANG_SECONDS))
                connection.drop()
            case "drop" if "after_bytes" not in fault.details:
                connection.drop()
            case "http_status":
                return _status_answer(fault.details)
            case "error":
                code = fault.details["code"]
                return Refusal(code, fault.details.get("msg", f"Error {code}")).as_answer()
    return None


def _status_answer(details: Mapping[str, Any]) -> Answer:
    status = details["status"]
    default = (BAD_GATEWAY, "text/html") if status == 502 else (f"HTTP {status}\n", "text/plain")
    body, content_type = details.get("body", default[0]), details.get("content_type", default[1])
    answer = text_answer(status, body, content_type)
    if "retry_after" in details:
        answer.headers["Retry-After"] = str(details["retry_after"])
    return answer


def spoil(faults: list[Fault], answer: Answer, connection: Connection) -> Answer:
    """The answer with the faults that concern its body."""
    for fault in faults:
        details = fault.details
        match fault.kind:
            case "truncate":
                _truncate(answer, details.get("after_bytes"))
            case "corrupt_gzip":
                _corrupt(answer)
            case "content_length":
                _misstate(answer, details.get("by", 1000), connection)
            case "drop":
                answer.body = _cut(answer.body, details["after_bytes"], connection)
            case "throttle":
                answer.body = _slowly(answer.body, details["bytes_per_second"], connection)
    return answer


def _truncate(answer: Answer, after: int | None) -> None:
    """Well-formed HTTP, but the body ends too early; half of it unless said otherwise."""
    if answer.length is None:
        body = b"".join(answer.body)
        answer.body, answer.length = (body,), len(body)
    answer.length = min(answer.length, answer.length // 2 if after is None else after)
    answer.body = _first(answer.body, answer.length)


def _corrupt(answer: Answer) -> None:
    """Says gzip, and begins like it, but cannot be unpacked to the end."""
    body = b"".join(answer.body)
    if answer.headers.get("Content-Encoding") != "gzip":
        body = zlib.compress(body, wbits=31)
        answer.headers["Content-Encoding"] = "gzip"
    middle = max(10, len(body) // 2)
    spoilt = body[:middle] + bytes(255 - byte for byte in body[middle : middle + 16])
    body = spoilt + body[middle + 16 :]
    answer.body, answer.length = (body,), len(body)


def _misstate(answer: Answer, by: int, connection: Connection) -> None:
    """The header promises `by` bytes more than come, or fewer."""
    body = b"".join(answer.body)
    answer.length = max(0, len(body) + by)
    answer.body = _cut((body,), len(body), connection) if by > 0 else (body,)


def _first(body: Any, length: int) -> Iterator[bytes]:
    left = length
    for block in body:
        if left <= 0:
            return
        yield block[:left]
        left -= len(block)


def _cut(body: Any, after: int, connection: Connection) -> Iterator[bytes]:
    """The first bytes, then nothing: a shorter body is cut off at its end."""
    yield b""  # sends the headers first, as a server that dies on the way would have done
    yield from _first(body, after)
    # What was written must leave before the reset wipes it.
    time.sleep(0.05)
    connection.drop()


def _slowly(body: Any, bytes_per_second: int, connection: Connection) -> Iterator[bytes]:
    step = max(1, min(BLOCK, bytes_per_second // 10))
    for block in body:
        for start in range(0, len(block), step):
            piece = block[start : start + step]
            yield piece
            connection.wait(len(piece) / bytes_per_second)
