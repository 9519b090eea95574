"""`manage.py restore FILE`: what `backup` wrote, back into an empty installation."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from dashboard import backups


class Command(BaseCommand):
    help = "Put a backup back. Stop web, workers and beat before; run migrate after."
    # The tables are not there yet.
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="although the database is not empty: it goes"
        )

    def handle(self, *, file: Path, replace: bool, **options: object) -> None:
        try:
            words = backups.read(file, replace=replace)
        except backups.Refused as refused:
            raise CommandError(str(refused)) from None
        for line in words:
            self.stdout.write(line)
        self.stdout.write("Now run manage.py migrate, in case this version is newer.")
