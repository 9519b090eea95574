"""A remote side on 127.0.0.1 that says exactly what a test tells it to, over real sockets."""

import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

GATEWAY_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Received:
    verb: str
    path: str
    query: Mapping[str, list[str]]
    fields: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to send. `length` overrides Content-Length, `None` leaves it out; `cut` closes the
    connection after so many bytes of the body; `pause` waits before it, `drip` after each byte."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = -1
    chunked: bool = False
    cut: int | None = None
    pause: float = 0
    drip: float = 0
    drop: bool = False


def as_json(value: Any, **answer: Any) -> Answer:
    headers = {"Content-Type": "application/json", **answer.pop("headers", {})}
    return Answer(body=json.dumps(value).encode(), headers=headers, **answer)


def as_html(**answer: Any) -> Answer:
    return Answer(body=GATEWAY_PAGE, headers={"Content-Type": "text/html"}, **answer)


def as_file(body: bytes, headers: Mapping[str, str] | None = None, **answer: Any) -> Answer:
    headers = {"Content-Type": "application/octet-stream", **(headers or {})}
    return Answer(body=body, headers=headers, **answer)


type Respond = Callable[[Received], Answer]


@dataclass
class Remote:
    """The running server: answers in order, the last one again and again; or a function."""

    host: str
    port: int
    scheme: str = "http"
    received: list[Received] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    respond: Respond | None = None

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/platform_api"

    @property
    def last(self) -> Received:
        return self.received[-1]

    def will(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    def answer(self, received: Received) -> Answer:
        self.received.append(received)
        if self.respond:
            return self.respond(received)
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    remote: Remote

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        received = Received(
            verb=self.command,
            path=parts.path,
            query=parse_qs(parts.query, keep_blank_values=True),
            fields=parse_qs(body.decode(), keep_blank_values=True),
            headers={**self.headers, "X-Peer": str(self.client_address[1])},
        )
        answer = self.remote.answer(received)
        if answer.drop:
            # With no time to linger the close is a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        time.sleep(answer.pause)
        self._send(answer)

    do_GET = do_POST = do_HEAD = _serve

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.length is not None:
            self.send_header("Content-Length", str(max(answer.length, len(answer.body))))
        else:
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        self.close_connection |= answer.cut is not None or answer.length not in (-1, None)
        step = 1 if answer.drip else 4096
        for start in range(0, len(body), step):
            piece = body[start : start + step]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
            if answer.drip:
                time.sleep(answer.drip)
        if answer.chunked and answer.cut is None:
            self.wfile.write(b"0\r\n\r\n")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what many of these tests are about."""


@contextmanager
def serving(
    host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Remote]:
    server = Server((host, port), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    remote = Remote(host, server.server_port, "https" if tls else "http")
    server.RequestHandlerClass = type("Serving", (Handler,), {"remote": remote})
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield remote
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
