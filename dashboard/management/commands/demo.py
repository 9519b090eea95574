"""`make demo`: everything that a production has, on this machine, with a made-up account."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from dashboard import stack
from dashboard.supervise import Program, Supervisor
from history.models import Account
from history.models.accounts import DEFAULT
from history.sealing import key_sealer

PEOPLE = ("agent", "supervisor", "finance", "admin", "auditor", "owner")
CHILD = "shop"
PASSWORD = "demo"  # noqa: S105  known to everybody, which is why only the demo makes these people


class Command(BaseCommand):
    help = "Run the dashboard with everything it needs on this machine, on a made-up account."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=stack.port, default=8000, help="where the pages are")
        parser.add_argument("--sessions", type=int, default=20_000, help="size of the account")
        parser.add_argument("--seed", type=int, default=1, help="another seed, another account")

    def handle(self, *, port: int, sessions: int, seed: int, **options: object) -> None:
        refuse_other_databases()
        with stack.supervised("demo", port) as supervisor:
            Demo(supervisor, port, sessions, seed).run()


class Demo:
    def __init__(self, supervisor: Supervisor, port: int, sessions: int, seed: int) -> None:
        self.supervisor = supervisor
        self.port = port
        self.sessions = sessions
        self.seed = seed
        self.valkey = stack.Valkey(supervisor)

    def run(self) -> None:
        started, supervisor = time.monotonic(), self.supervisor
        valkey = self.valkey.start()
        sandbox = self.start_sandbox()
        # Done here while these two start.
        prepare_database(supervisor)
        stack.collect_static_files(supervisor)
        supervisor.wait(valkey, self.valkey.answers, 30)
        ready = supervisor.wait_for_line(sandbox, r"^sandbox ready (\S+) (.+)$", 600)
        name_accounts(Path(ready[2]))
        stack.run_dashboard(supervisor, self.port, self.environment(*ready.groups()))
        supervisor.say(self.welcome(time.monotonic() - started))
        supervisor.watch()

    def start_sandbox(self) -> Program:
        options = {
            "port": stack.free_port(urlsplit(settings.DEMO_SANDBOX).port),
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
            "REDIS_URL": f"{self.valkey.url}/0",
            "CACHE_URL": "",
            "ALLOWED_HOSTS": "",
            "HTTPS_ONLY": "False",
            "DEBUG": "False",
            "LOG_FORMAT": "line",
        }
        return env | {f"{name}_FILE": "" for name in env}

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


def prepare_database(supervisor: Supervisor) -> None:
    supervisor.say("setup   | preparing the database")
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


def name_accounts(credentials: Path) -> None:
    """The made-up account, and a child of it as an account of its own, so that there are two."""
    Account.objects.get_or_create(slug=DEFAULT, defaults={"name": "Nordlicht"})
    key = min(credentials.parent.glob("credentials-child-*.json")).read_text("utf-8")
    said = json.loads(key)
    account = Account.objects.filter(slug=CHILD).first() or Account(slug=CHILD, hue=2)
    account.name = account.name or "Nordlicht Shop"
    account.number, account.email = said["account_id"], said["account_email"]
    account.secret = key_sealer().encrypt(key.encode()).decode()
    account.save()
    connection.close()
