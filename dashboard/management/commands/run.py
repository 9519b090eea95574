"""`make run`: the whole product on this machine, on an account of your own."""

import os
import time
from argparse import ArgumentParser

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from dashboard import stack
from dashboard.supervise import Supervisor

VOXIMPLANT = "https://api.voximplant.com/platform_api"


class Command(BaseCommand):
    help = (
        "Run web server, worker and beat on this machine, on the account that the settings name,"
        " with a Valkey beside them unless REDIS_URL names a server."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=stack.port, default=8000, help="where the pages are")

    def handle(self, *, port: int, **options: object) -> None:
        refuse_data_of_the_demo()
        with stack.supervised("run", port) as supervisor:
            run(supervisor, port)


def run(supervisor: Supervisor, port: int) -> None:
    started = time.monotonic()
    env = {"VOX_API_URL": os.environ.get("VOX_API_URL") or VOXIMPLANT}
    if not (os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE")):
        valkey = stack.Valkey(supervisor)
        supervisor.wait(valkey.start(), valkey.answers, 30)
        env["REDIS_URL"] = f"{valkey.url}/0"
    supervisor.say("setup   | preparing the database")
    call_command("migrate", verbosity=0)
    somebody = User.objects.filter(is_active=True).exists()
    connection.close()
    stack.collect_static_files(supervisor)
    stack.run_dashboard(supervisor, port, env)
    supervisor.say(welcome(port, env["VOX_API_URL"], time.monotonic() - started, somebody))
    supervisor.watch()


def welcome(port: int, api_url: str, seconds: float, somebody: bool) -> str:
    lines = [
        "",
        f"  Voxledger is ready after {seconds:.1f} s:  http://localhost:{port}/",
        f"  API          {api_url}",
    ]
    if not somebody:
        lines.append(
            "  First owner  .venv/bin/python manage.py first_admin NAME, in another terminal"
        )
    lines += ["  Stop         Ctrl-C", ""]
    return "\n".join(lines)


def refuse_data_of_the_demo() -> None:
    """Its people have a password that everybody knows."""
    if (settings.DATA_DIR / "demo.lock").exists():
        raise CommandError(
            f"{settings.DATA_DIR} is the demo's, whose people have a known password. Keep your own"
            " data elsewhere:\n\n  DATA_DIR=var/own make run\n"
        )
