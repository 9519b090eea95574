"""An Excel workbook of 100 000 rows, beside openpyxl's write-only mode doing the same.

    python -m benchmarks.report_xlsx [rows]

Ours is first made of a tenth of the rows: memory must be the same.
"""

import csv
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROW = ["10700000001", "48211", "2026-03-02 08:14:09", "-0.013652", "EUR", "resource_charge"]


def peak() -> float:
    """The most memory of this process so far, in megabytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


with tempfile.TemporaryDirectory() as folder:
    os.environ["DATA_DIR"] = folder
    import django

    django.setup()
    import openpyxl

    from benchmarks.figures import milliseconds, tell
    from benchmarks.report_server import HEAD
    from history.models import Report
    from history.spreadsheets import write_xlsx

    def rows(number: int) -> Iterator[list[str]]:
        yield next(csv.reader(io.StringIO(HEAD), delimiter=";"))
        for n in range(number):
            yield [*ROW, f"Incoming call {n}"]

    def ours(number: int) -> None:
        report = Report(kind="transactions", zone="UTC", rows_done=number)
        write_xlsx(report, rows(number), Path(folder) / "ours.xlsx", lambda _rows: None)

    def theirs() -> None:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        for cells in rows(ROWS):
            sheet.append(cells)
        book.save(Path(folder) / "peer.xlsx")

    ours(ROWS // 10)
    small = peak()
    seconds = milliseconds(lambda: ours(ROWS)) / 1000
    tell("xlsx_memory_beside_a_tenth_of_the_rows", peak(), "MB", floor=small)
    tell(f"xlsx_of_{ROWS}_rows", seconds, "s", floor=milliseconds(theirs) / 1000)
