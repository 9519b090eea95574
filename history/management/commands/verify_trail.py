"""`manage.py verify_trail`: does the trail still say what was written into it?"""

import re
from argparse import ArgumentParser, ArgumentTypeError

from django.core.management.base import BaseCommand, CommandError

from history.models.trail import TrailHead, verify


class Command(BaseCommand):
    help = "Walk the chain of the trail; name the first row that does not hold, with exit code 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--known",
            type=known,
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="a row's hash as it was noted elsewhere, such as in an old log; may be repeated",
        )

    def handle(self, *, known: list[tuple[int, str]], **options: object) -> None:
        count, fault = verify(known)
        if fault is not None:
            raise CommandError(
                f"Row {fault.number} of the trail: {fault.reason}. The {count} rows before it hold."
            )
        head = TrailHead.objects.filter(pk=1).first() or TrailHead()
        before = f", after {head.pruned} that were pruned" if head.pruned else ""
        self.stdout.write(f"All {count} rows hold{before}. The newest is {head}")


def known(text: str) -> tuple[int, str]:
    found = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not a number, a colon and a hash of 64 hex digits")
    return int(found[1]), found[2]
