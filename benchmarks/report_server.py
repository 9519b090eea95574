"""A server with one finished report of any size, so that making it does not count.

It answers DownloadHistoryReport alone, with gzip of a member for each part: a report of a gigabyte
is a part of ten megabytes a hundred times, and is stored nowhere.
"""

import gzip
import json
import random
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

BLOCK = 256 * 1024
PART_ROWS = 450_000  # about ten megabytes of gzip
HEAD = (
    '"transaction_id";"account_id";"performed_at (UTC)";"amount";"currency";"transaction_type";'
    '"transaction_description"\n'
)
OPENING = Decimal(1_000_000)


@dataclass(frozen=True)
class Served:
    """Where a report is, and what the platform says of it; `size` in bytes of gzip."""

    url: str
    credentials: Path
    ca: Path
    size: int
    rows: int
    remote: dict[str, Any]


@cache
def part() -> tuple[bytes, bytes, Decimal]:
    """Rows as gzip, first with the head, and the sum of their amounts."""
    chance = random.Random(1)
    lines, total = [], Decimal(0)
    for row in range(PART_ROWS):
        amount = Decimal(-chance.randint(1, 200_000)) / 1_000_000
        total += amount
        lines.append(
            f'"{10_700_000_000 + row}";"48211";"2026-03-{row % 28 + 1:02} 08:{row % 60:02}:'
            f'{row % 59:02}";"{amount}";"EUR";"resource_charge";'
            f'"Incoming call {chance.randint(10**9, 10**10)}"\n'
        )
    rows, headed = ("".join([first, *lines]).encode() for first in ("", HEAD))
    return gzip.compress(headed, 3, mtime=0), gzip.compress(rows, 3, mtime=0), total


@contextmanager
def serve_report(
    folder: Path, parts: int, pace: float | None = None, *, tls: bool = False
) -> Iterator[Served]:
    """A report of so many parts at so many bytes a second; its files lie in `folder`."""
    first, another, total = part()
    members = [first, *[another] * (parts - 1)]
    size = sum(map(len, members))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(size))
            self.end_headers()
            began, sent = time.perf_counter(), 0
            for member in members:
                for start in range(0, len(member), BLOCK):
                    sent += self.wfile.write(member[start : start + BLOCK])
                    if pace:
                        time.sleep(max(0, began + sent / pace - time.perf_counter()))

        def log_message(self, *args: object) -> None:
            pass

    class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
        allow_reuse_address = daemon_threads = True

    ca, certificate = _authority(folder)
    with ExitStack() as stack:
        server = stack.enter_context(Server(("127.0.0.1", 0), Handler))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        scheme = "https" if tls else "http"
        yield Served(
            url=f"{scheme}://127.0.0.1:{server.server_address[1]}/platform_api",
            credentials=_credentials(folder),
            ca=ca,
            size=size,
            rows=parts * PART_ROWS,
            remote={
                "download_size": size,
                "filters": {"from_date": "2026-03-01 00:00:00", "to_date": "2026-03-31 23:59:59"},
                "calculated_data": {
                    "transaction_count": parts * PART_ROWS,
                    "total_transaction_count": parts * PART_ROWS,
                    "start_balance": f"{OPENING} EUR",
                    "end_balance": f"{OPENING + parts * total} EUR",
                },
            },
        )


def _authority(folder: Path) -> tuple[Path, trustme.LeafCert]:
    authority, path = trustme.CA(), folder / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path, authority.issue_cert("127.0.0.1")


def _credentials(folder: Path) -> Path:
    path = folder / "credentials.json"
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        said = {"account_id": 48211, "key_id": "benchmark", "private_key": pem.decode()}
        path.write_text(json.dumps(said))
    return path
