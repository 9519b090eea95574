"""`manage.py doctor`: is this installation well, and if not, what to do."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict

from django.core.management.base import BaseCommand

from dashboard.doctor import Finding, examine

SIGNS = {"well": "ok  ", "mind": "mind", "ill": "ILL "}


class Command(BaseCommand):
    help = (
        "Look at settings, database, Redis, storage, workers, clock and key, and say what to mend."
        " It ends with 0 if all is well or only to be minded, with 1 if something is ill."
    )
    # It says itself what they would, and goes on.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *, json: bool, **options: object) -> None:
        findings = []
        for finding in examine():
            findings.append(finding)
            if not json:
                self._say(finding)
        ill = sum(finding.state == "ill" for finding in findings)
        if json:
            self.stdout.write(_as_json(findings, well=not ill))
        elif ill:
            self.stdout.write(f"\n{ill} to mend.")
        else:
            self.stdout.write("\nAll is well.")
        if ill:
            sys.exit(1)

    def _say(self, finding: Finding) -> None:
        self.stdout.write(f"{SIGNS[finding.state]} {finding.part:<12} {finding.words}")
        if finding.mend:
            self.stdout.write(f"{'':<17} → {finding.mend}")


def _as_json(findings: list[Finding], *, well: bool) -> str:
    return json.dumps({"well": well, "findings": list(map(asdict, findings))}, indent=1)
