"""`python -m sandbox`: seed the account if need be, then serve it until told to stop.

Prints one line, `sandbox ready <url> <credentials file>`, once it answers.
"""

import argparse
import shutil
import socket
import sqlite3
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from sandbox import credentials, tls
from sandbox.parameters import Rules
from sandbox.reports import Pace
from sandbox.schema import VERSION
from sandbox.seed import AHEAD, seed
from sandbox.server import API, Sandbox, Setup
from sandbox.state import State
from sandbox.store import Store

HOST = "127.0.0.1"


class Server(BaseApplication):  # type: ignore[misc] # gunicorn carries no types
    """gunicorn without its command line and configuration files."""

    def __init__(self, setup: Setup, settings: dict[str, Any], ready_line: str) -> None:
        self.setup = setup
        self.settings = settings
        self.ready_line = ready_line
        self.stopping = threading.Event()
        self.worker: Any = None
        super().__init__()

    def load_config(self) -> None:
        hooks = {"post_worker_init": self.start, "worker_exit": self.stop}
        for name, value in (self.settings | hooks).items():
            self.cfg.set(name, value)

    def load(self) -> Sandbox:
        return Sandbox(self.setup, stopping=lambda: not self.worker.alive)

    def start(self, worker: Any) -> None:
        """In each worker process, once the program is loaded."""
        self.worker = worker
        reports = worker.wsgi.reports
        builder = threading.Thread(target=reports.build_forever, args=(self.stopping,))
        builder.daemon = True
        builder.start()
        if worker.age == 1:
            print(self.ready_line, flush=True)

    def stop(self, arbiter: Any, worker: Any) -> None:
        self.stopping.set()


def main(words: Sequence[str] | None = None) -> None:
    options = _options(words)
    listener = _listen(options.host, options.port)
    port = listener.getsockname()[1]
    base_url = f"https://localhost:{port}" if options.tls else f"http://{options.host}:{port}"
    setup = Setup(
        db=options.db.absolute(),
        base_url=base_url,
        rules=Rules(
            strict=options.strict,
            require_dates=options.require_dates,
            lenient_async=options.lenient_async,
        ),
        pace=Pace(seconds=options.report_seconds, rows_per_second=options.report_rows_per_second),
    )
    setup.home.mkdir(parents=True, exist_ok=True)
    _seed(setup, options)
    if options.now:
        setup = replace(setup, ahead=options.now - State(setup.state_path).first_start())
    credentials_path = _prepare(setup)
    settings = {
        "bind": f"fd://{listener.fileno()}",
        "worker_class": "gthread",
        "workers": options.workers,
        "threads": options.threads,
        "timeout": 120,
        "graceful_timeout": 2,
        "keepalive": 15,
        "limit_request_line": 0,  # lists of a thousand ids come in query strings too
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    if options.tls:
        certificate, key = tls.certificate(setup.home)
        settings |= {"certfile": str(certificate), "keyfile": str(key)}
    Server(setup, settings, f"sandbox ready {base_url}{API} {credentials_path}").run()


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="The History section of Voximplant's Management API on a made-up account.",
    )
    add = parser.add_argument
    add("--host", default=HOST, help=f"the name it is reached by (default: {HOST})")
    add("--port", type=int, default=8764, help="0 for any free one (default: 8764)")
    add("--sessions", type=int, default=20_000, help="call sessions to make (default: 20000)")
    add("--seed", type=int, default=1, help="which account to make (default: 1)")
    add("--db", type=Path, default=Path("var/sandbox.sqlite3"), help="file of the account's data")
    add("--now", type=_moment, help="its present when first started, ISO 8601 (default: real)")
    add("--tls", action="store_true", help="serve https for localhost; the CA is ca.pem")
    strictness = parser.add_mutually_exclusive_group()
    strictness.add_argument("--strict", action="store_true", help="refuse unknown parameters")
    strictness.add_argument("--lenient", dest="strict", action="store_false", help="the default")
    add("--require-dates", action="store_true", help="no default period: both dates are needed")
    add("--lenient-async", action="store_true", help="is_async=true means output=csv as well")
    add("--report-seconds", type=float, default=2.0, help="how long a report takes (default: 2)")
    add("--report-rows-per-second", type=float, help="and how fast its rows come, no limit if left")
    add("--workers", type=int, default=1, help="processes (default: 1)")
    add("--threads", type=int, default=32, help="threads in each of them (default: 32)")
    return parser.parse_args(words)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as problem:
        sys.exit(
            f"sandbox: port {port} of {host} cannot be used ({problem.strerror}); choose another"
        )
    listener.listen(128)
    return listener


def _seed(setup: Setup, options: argparse.Namespace) -> None:
    """Makes the account, unless the file holds the very one that is asked for."""
    wanted = {"sessions": options.sessions, "seed": options.seed}
    if _is_usable(setup, wanted | {"version": VERSION}, options.now):
        return
    # What was remembered of another account would be wrong for this one.
    for path in setup.home.glob(f"{setup.db.stem}-state.sqlite3*"):
        path.unlink()
    shutil.rmtree(setup.reports, ignore_errors=True)
    seed(setup.db, **wanted, now=options.now)


def _is_usable(setup: Setup, wanted: Mapping[str, int], now: datetime | None) -> bool:
    """Whether the file was made from the same arguments and its future has not run out."""
    if not setup.db.exists():
        return False
    with closing(sqlite3.connect(setup.db)) as connection:
        facts = dict(connection.execute("SELECT name, value FROM facts"))
    seeded_for = datetime.fromtimestamp(facts["now"], UTC)
    began = State(setup.state_path).first_start() if now else seeded_for
    return (
        all(facts.get(name) == value for name, value in wanted.items())
        and now in (None, seeded_for)
        and datetime.now(UTC) < began + AHEAD
    )


def _prepare(setup: Setup) -> Path:
    """The credentials files, and the reports that a former run left half built."""
    store = Store(setup.db, base_url=setup.base_url)
    state = State(setup.state_path)
    state.change("UPDATE reports SET state = 'queued' WHERE state = 'building'")
    return credentials.issue(store.accounts(), state, setup.home)


if __name__ == "__main__":
    main()
