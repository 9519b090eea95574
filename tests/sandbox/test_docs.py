"""docs/sandbox.md says what the program does: options, roles and faults are compared with it."""

import re
import subprocess
import sys
from pathlib import Path

from sandbox.credentials import ROLES
from sandbox.faults import COMMON, KINDS

DOCS = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose header begins like that."""
    table = DOCS[DOCS.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def test_every_option_is_documented():
    words = [sys.executable, "-m", "sandbox", "--help"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"--[a-z-]+", told.split("options:")[1])) - {"--help"}
    documented = set(re.findall(r"`(--[a-z-]+)", str(rows("| Option |"))))
    assert documented | {"--lenient"} == options


def test_the_roles_are_those_of_the_program():
    documented = {
        method: tuple(roles.split(", "))
        for methods, roles in rows("| Method | Roles |")
        for method in methods.split(", ")
    }
    assert documented == ROLES


def test_the_faults_are_those_of_the_program():
    documented = {
        kind.strip("`"): set(re.findall(r"`(\w+)`", fields))
        for kind, _, fields in rows("| `kind` |")
    }
    assert documented == {kind: set(fields) for kind, fields in KINDS.items()}
    assert {row[0].strip("`") for row in rows("| Field |")} == COMMON.keys() - {"kind"}
