"""`manage.py backup FILE`: everything an installation keeps, in one file."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from dashboard import backups


class Command(BaseCommand):
    help = "Write database and stored reports into one new file. Pages and workers may go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file that is not there yet, e.g. today.tar")

    def handle(self, *, file: Path, **options: object) -> None:
        try:
            about = backups.write(file.absolute())
        except backups.Refused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{file}: {about['database']}, {len(about['files'])} files of reports.")
        for name in about["missing"]:
            self.stdout.write(f"The storage has not got {name}, which a report names.")
        self.stdout.write("Keep elsewhere, since it is not in there: SECRET_KEY and the key files.")
