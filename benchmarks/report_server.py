"""A server with one finished report of any size, so that making it does not count.

It answers DownloadHistoryReport alone, as the sandbox does: gzip, Range, a pace in bytes a second.
"""

import gzip
import json
import random
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

BLOCK = 256 * 1024
HEAD = (
    '"transaction_id";"account_id";"performed_at (UTC)";"amount";"currency";"transaction_type";'
    '"transaction_description"\n'
)


@dataclass(frozen=True)
class Served:
    url: str
    credentials: Path
    size: int
    csv_size: int
    remote: dict[str, Any]


def build(path: Path, megabytes: float) -> dict[str, Any]:
    """Writes a report of transactions of about that size; what the platform would say of it."""
    facts_path = path.with_suffix(".json")
    if path.exists() and facts_path.exists():
        return dict(json.loads(facts_path.read_text()))
    chance = random.Random(1)
    rows, total, csv_size = 0, Decimal(0), len(HEAD)
    with path.open("wb") as out, gzip.GzipFile("", "wb", 3, out, mtime=0) as packed:
        packed.write(HEAD.encode())
        while out.tell() < megabytes * 1e6:
            lines = []
            for _row in range(2000):
                rows += 1
                amount = Decimal(-chance.randint(1, 200_000)) / 1_000_000
                total += amount
                lines.append(
                    f'"{10_700_000_000 + rows}";"48211";"2026-03-{rows % 28 + 1:02} 08:'
                    f'{rows % 60:02}:{rows % 59:02}";"{amount}";"EUR";"resource_charge";'
                    f'"Incoming call {chance.randint(10**9, 10**10)}"\n'
                )
            block = "".join(lines).encode()
            csv_size += len(block)
            packed.write(block)
    size = path.stat().st_size
    facts = {
        "csv_size": csv_size,
        "remote": {
            "download_size": size,
            "filters": {"from_date": "2026-03-01 00:00:00", "to_date": "2026-03-31 23:59:59"},
            "calculated_data": {
                "transaction_count": rows,
                "total_transaction_count": rows,
                "start_balance": "1000000 EUR",
                "end_balance": f"{Decimal(1_000_000) + total} EUR",
            },
        },
    }
    facts_path.write_text(json.dumps(facts))
    return facts


@contextmanager
def serve_report(folder: Path, megabytes: float, pace: float | None) -> Iterator[Served]:
    path = folder / f"report-{megabytes:g}.csv.gz"
    facts = build(path, megabytes)
    size = path.stat().st_size

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(found[1]) if found else 0
            self.send_response(206 if found else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(size - start))
            if found:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.end_headers()
            began, sent = time.perf_counter(), 0
            with path.open("rb") as file:
                file.seek(start)
                if pace is None:
                    self.connection.sendfile(file, start)
                    return
                while block := file.read(BLOCK):
                    self.wfile.write(block)
                    sent += len(block)
                    time.sleep(max(0, began + sent / pace - time.perf_counter()))

        def log_message(self, *args: object) -> None:
            pass

    class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
        allow_reuse_address = daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Served(
            url=f"http://127.0.0.1:{server.server_address[1]}/platform_api",
            credentials=_credentials(folder),
            size=size,
            csv_size=facts["csv_size"],
            remote=facts["remote"],
        )
        server.shutdown()


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
