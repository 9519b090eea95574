"""A report from the shell: ordered, downloaded, proven and copied to a file, without a worker."""

import gzip
import shutil
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict

from history.connection import account_zone
from history.forms import Defaults
from history.masking import hidden_rows
from history.models import accounts
from history.models.reports import Report, State
from history.permissions import Right, may
from history.reports import downloads, files, steps, storing
from history.reports.drafts import FORMS, Draft
from history.reports.shown import Shown
from history.spreadsheets import rows_of, written

# Exit codes, for scripts. Django's own 1 is for everything that is wrong with the command.
FAILED, DIFFERS, INTERRUPTED = 2, 3, 130

_STEPS = {
    State.ORDERED: steps.order,
    State.BUILDING: steps.poll,
    State.DOWNLOADING: downloads.download,
    State.VERIFYING: storing.verify,
}
LOOK = 0.2  # seconds between looks at a row that somebody else works on


class Command(BaseCommand):
    help = (
        "Order a report and save its CSV. Exit code 0: proven; 1: wrong arguments; 2: failed;"
        " 3: saved, but something differs from what the platform says; 130: interrupted (run"
        " the same command again to go on)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("kind", choices=list(FORMS), help="what to export")
        add("--from", dest="from_date", required=True, help="2026-03-01 or '2026-03-01 09:00:00'")
        add("--to", dest="to_date", required=True, help="the last day, or moment, included")
        add("--zone", default="", help="time zone of both, and of the file")
        add("--filter", action="append", default=[], metavar="NAME=VALUE", help="e.g. user_id=7")
        add("--out", help="where to; '-' for standard output (default: a name that says it all)")
        add("--gzip", action="store_true", help="leave it packed")
        add(
            "--user",
            help="whose report it shall be, numbers as they see them; default: nobody's",
        )
        add("--account", help="the account by its name in addresses; default: the default one")
        add("--quiet", action="store_true", help="say nothing but errors")

    def handle(self, *args: object, **options: Any) -> None:
        account = accounts.find(options["account"])
        if not account.exists:
            raise CommandError(f"--account {options['account']!r}: there is no such account")
        with accounts.using(account):
            self._export(options)

    def _export(self, options: dict[str, Any]) -> None:
        report = self._order(options)
        # Progress is for the person; what is written to standard output may be the file.
        bar = Bar(None if options["quiet"] else sys.stderr)
        try:
            self._follow(report, bar)
        except KeyboardInterrupt:
            bar.end()
            self.stderr.write(f"Interrupted. Report r{report.pk} is kept; run this again to go on.")
            sys.exit(INTERRUPTED)
        bar.end()
        if report.state != State.STORED:
            self.stderr.write(f"Report r{report.pk} {report.state}: {report.note}")
            sys.exit(FAILED)
        self._save(report, options)
        for check in report.differences:
            self.stderr.write(f"DIFFERS: {check['words']}")
        sys.exit(DIFFERS if report.differences else 0)

    def _order(self, options: dict[str, Any]) -> Report:
        query = QueryDict(mutable=True)
        query["from_date"], query["to_date"] = options["from_date"], options["to_date"]
        if options["zone"]:
            query["timezone"] = options["zone"]
        for text in options["filter"]:
            name, mark, value = text.partition("=")
            if not mark:
                raise CommandError(f"--filter {text!r}: write NAME=VALUE, e.g. user_id=7")
            query[name] = value
        owner = self._owner(options["user"])
        defaults = Defaults(account_zone=account_zone)
        draft = Draft(kind=options["kind"], query=query, defaults=defaults)
        if not draft.valid:
            errors = [f"{name}: {' '.join(map(str, e))}" for name, e in draft.form.errors.items()]
            raise CommandError("\n".join(errors))
        if unknown := [name for name, _value in draft.form.ignored()]:
            raise CommandError(f"{options['kind']} has no filter called {', '.join(unknown)}")
        for warning in draft.warnings():
            if warning.stops:
                raise CommandError(f"{warning.text} {warning.advice}".strip())
        mine = Report.here.filter(
            kind=draft.kind, params=draft.fields, owner=owner, state__in=list(_STEPS)
        )
        return mine.order_by("-created").first() or draft.order(owner)[0]

    def _owner(self, name: str | None) -> User | None:
        if not name:
            return None
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"--user {name!r}: nobody has this name here")
        return user

    def _follow(self, report: Report, bar: "Bar") -> None:
        """Takes the steps that are due, or watches whoever takes them."""
        while True:
            report.refresh_from_db()
            bar.show(report)
            step = _STEPS.get(State(report.state))
            if step is None:
                return
            step(report.pk)
            time.sleep(LOOK)

    def _save(self, report: Report, options: dict[str, Any]) -> None:
        packed, masked = options["gzip"], self._is_masked(report)
        suffix = ("masked." if masked else "") + ("csv.gz" if packed else "csv")
        out = options["out"] or files.download_name(report, report.account, suffix)
        with files.open_stored(report.file) as stored:
            blocks = iter(lambda: stored.read(files.BLOCK), b"")
            content = blocks if packed else files.unpacked(stored)
            if masked:
                content = _masked(report, packed=packed)
            if out == "-":
                sys.stdout.buffer.writelines(content)
                return
            path = Path(out)
            whole = path.with_name(f"{path.name}.partial")
            try:
                with whole.open("wb") as file:
                    file.writelines(content)
                whole.replace(path)
            except OSError as error:
                whole.unlink(missing_ok=True)
                raise CommandError(f"--out {out!r}: {error.strerror}") from None
        if not options["quiet"]:
            proof = "telephone numbers masked" if masked else f"SHA-256 {report.sha256}"
            self.stderr.write(f"{path}: {report.rows_done} rows, {proof}")

    def _is_masked(self, report: Report) -> bool:
        """Whoever runs commands may read everything; a file for a person is as theirs would be."""
        return report.owner is not None and not may(report.owner, Right.FULL_NUMBERS)


def _masked(report: Report, *, packed: bool) -> Iterator[bytes]:
    with files.open_text(report.file) as text:
        for piece in written(hidden_rows(rows_of(text))):
            # Packed pieces one after the other are one packed file.
            yield gzip.compress(piece.encode()) if packed else piece.encode()


class Bar:
    """One line that is written over on a terminal; elsewhere a line for each state."""

    def __init__(self, out: TextIO | None) -> None:
        self.out = out
        self.live = out is not None and out.isatty()
        self.said = ""

    def show(self, report: Report) -> None:
        if self.out is None:
            return
        shown = Shown(report)
        if not self.live:
            if report.state != self.said:
                self.said = report.state
                self.out.write(f"r{report.pk} {report.state}\n")
                self.out.flush()
            return
        width = shutil.get_terminal_size().columns - 1
        percent = report.percent
        done = "" if percent is None else f"[{'#' * (percent // 5):<20}] {percent:3d}% "
        line = f"r{report.pk} {report.state:<11} {done}{shown.detail} {shown.aside}"
        self.out.write(f"\r{line[:width]:<{width}}")
        self.out.flush()

    def end(self) -> None:
        if self.out is not None and self.live:
            self.out.write("\n")
