"""Run benchmarks and put their figures into docs/performance.md.

    python -m benchmarks [--dry-run] [name …]

A benchmark is a module of this package that prints JSON lines when run. Its table stands in the
document between `<!-- figures: name -->` and `<!-- end of figures -->`; words around it are kept.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "performance.md"
PLACE = re.compile(r"<!-- figures: (\w+) -->\n.*?<!-- end of figures -->", re.DOTALL)


def main() -> None:
    known = PLACE.findall(DOCUMENT.read_text("utf-8"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(known))
    parser.add_argument("--dry-run", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"no table for {', '.join(sorted(unknown))} in {DOCUMENT.name}")
    failed = []
    for name in options.names or known:
        print(f"# {name}", file=sys.stderr, flush=True)
        table = measure(name)
        if table is None:
            failed.append(name)
        elif not options.dry_run:
            write(name, table)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def measure(name: str) -> str | None:
    """The table of a benchmark's figures; `None` when it failed."""
    facts = machine()
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    figures = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            figures.append(json.loads(line))
    return None if process.returncode else table_of(figures, facts)


def machine() -> str:
    cores, load = os.cpu_count(), os.getloadavg()[0]
    python = f"Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores, {python}, load {load:.1f} at the start."


def table_of(figures: list[dict[str, Any]], facts: str) -> str:
    head = "| Figure | Value | Floor | Ratio | n |\n| --- | ---: | ---: | ---: | ---: |\n"
    return head + "".join(map(_row, figures)) + f"\n{facts}\n"


def _row(figure: dict[str, Any]) -> str:
    unit = figure["unit"]
    cells = [
        figure["name"].replace("_", " "),
        f"{figure['value']:g} {unit}",
        "" if figure["floor"] is None else f"{figure['floor']:g} {unit}",
        "" if figure["ratio"] is None else f"{figure['ratio']:.2f}",
        str(figure["n"]),
    ]
    return f"| {' | '.join(cells)} |\n"


def write(name: str, table: str) -> None:
    begin, end = f"<!-- figures: {name} -->", "<!-- end of figures -->"
    text = DOCUMENT.read_text("utf-8")
    place = re.compile(rf"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    DOCUMENT.write_text(place.sub(lambda _: f"{begin}\n{table}{end}", text), "utf-8")


if __name__ == "__main__":
    main()
