"""A report's CSV for spreadsheets: as an Excel workbook, and as a CSV that Excel opens rightly.

Spreadsheets take `+49…` for a sum, `00123` for 123, a long ID for a rounded number and `=…` for a
program. In a workbook each cell has the type its column means; in the CSV a cell that would run as
a formula is made text, while numbers and telephone numbers stay as they are.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any

import xlsxwriter
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _t

from history.models.reports import Report
from history.reports.kinds import spec_of
from history.reports.tally import MAX_FIELD, plain_name

csv.field_size_limit(MAX_FIELD)

type Progress = Callable[[int], object]
type Rows = Iterator[list[str]]

SHEET_ROWS = 1_048_576
CELL_LENGTH = 32_767  # characters of a cell
EXACT_DIGITS = 15  # a spreadsheet's numbers are exact to here

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
# +491701234567, -1.50, 12,5: what looks like a formula to a scanner and is none.
_HARMLESS = re.compile(r"[+-]?\d+(?:[.,]\d+)?", re.ASCII)
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rows_of(text: io.TextIOWrapper) -> Rows:
    """The rows of a CSV, its head first."""
    start = text.buffer.peek(4096)[:4096].split(b"\n", 1)[0]  # type: ignore[attr-defined]
    delimiter = "," if start.count(b",") > start.count(b";") else ";"
    yield from csv.reader(text, delimiter=delimiter)


def written(rows: Rows) -> Iterator[str]:
    """The rows as a CSV of the platform's own kind, in pieces of a thousand lines."""
    while lines := list(islice(rows, 1000)):
        piece = io.StringIO(newline="")
        csv.writer(piece, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
            lines
        )
        yield piece.getvalue()


def chosen(head: Sequence[str], columns: Sequence[str]) -> list[int]:
    """The places of the columns to show, in their order; of all where none is named."""
    wanted = [place for place, name in enumerate(head) if plain_name(name) in columns]
    return wanted or list(range(len(head)))


# Excel workbook


def write_xlsx(report: Report, rows: Rows, path: Path, progress: Progress) -> None:
    """Writes the workbook, row by row; more rows than a sheet has go on in another one."""
    options = {
        "constant_memory": True,
        "strings_to_numbers": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "tmpdir": str(path.parent),
    }
    head = next(rows, [])
    with xlsxwriter.Workbook(str(path), options) as book:
        Sheets(book, report, head).write(rows, progress)
        _about(book, report)


class Sheets:
    """Sheets of rows; each cell is written as what its column means."""

    def __init__(self, book: Any, report: Report, head: Sequence[str]) -> None:
        self.book = book
        self.places = chosen(head, report.columns)
        self.head = [head[place] for place in self.places]
        self.bold = book.add_format({"bold": True, "bottom": 1})
        self.date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.money = book.add_format({"num_format": "#,##0.00######"})
        spec = spec_of(report)
        money, sums = (spec.money, spec.sums) if spec else ((), ())
        self.writers = [self._writer(name, money, sums) for name in self.head]

    def _writer(self, name: str, money: Sequence[str], sums: Sequence[str]) -> Any:
        plain = plain_name(name)
        if plain in money:
            return self._money
        if plain in sums or plain.endswith("_duration"):
            return self._number
        return self._moment if plain != name else None

    def write(self, rows: Iterator[list[str]], progress: Progress) -> None:
        sheet, line, done = self._sheet(1), 0, 0
        pairs = list(enumerate(zip(self.places, self.writers, strict=True)))
        for row in rows:
            if line == SHEET_ROWS - 1:
                sheet, line = self._sheet(done + 1), 0
            line += 1
            done += 1
            width = len(row)
            text = sheet.write_string
            for column, (place, writer) in pairs:
                if place >= width or not (cell := row[place]):
                    continue
                if writer is None:
                    text(line, column, cell[:CELL_LENGTH])
                else:
                    writer(sheet, line, column, cell)
            if not done % 1000:
                progress(done)
        progress(done)

    def _sheet(self, first: int) -> Any:
        name = _t("Rows") if first == 1 else _t("Rows from %(n)d") % {"n": first}
        sheet = self.book.add_worksheet(name[:31])
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(self.head):
            sheet.set_column(column, column, min(40, max(12, len(name) + 2)))
            sheet.write_string(0, column, name, self.bold)
        return sheet

    def _money(self, sheet: Any, line: int, column: int, cell: str) -> None:
        try:
            amount = Decimal(cell.replace(",", "."))
        except InvalidOperation:
            sheet.write_string(line, column, cell)
            return
        if len(amount.as_tuple().digits) > EXACT_DIGITS:
            sheet.write_string(line, column, cell)  # rather text than a rounded amount
        else:
            sheet.write_number(line, column, amount, self.money)

    def _number(self, sheet: Any, line: int, column: int, cell: str) -> None:
        if _WHOLE.fullmatch(cell):
            sheet.write_number(line, column, int(cell))
        else:
            sheet.write_string(line, column, cell)

    def _moment(self, sheet: Any, line: int, column: int, cell: str) -> None:
        if _MOMENT.fullmatch(cell):
            try:
                moment = datetime.fromisoformat(cell)  # wall clock of the column's zone
            except ValueError:
                pass
            else:
                sheet.write_datetime(line, column, moment, self.date)
                return
        sheet.write_string(line, column, cell)


def _about(book: Any, report: Report) -> None:
    """The last sheet: what the file is and what was proven of it."""
    sheet = book.add_worksheet(_t("About")[:31])
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 90)
    bold = book.add_format({"bold": True})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    lines = [
        (_t("Report"), f"{report.get_kind_display()} r{report.pk}"),
        (_t("Period"), _span(report)),
        (_t("Time zone"), report.zone),
        (_t("Rows"), str(report.rows_done)),
        ("SHA-256 (CSV, gzip)", report.sha256),
        *((check["name"], check["words"]) for check in report.checks),
        *((name, text) for name, text in report.params.items()),
    ]
    for line, (name, text) in enumerate(lines):
        sheet.write_string(line, 0, str(name), bold)
        sheet.write_string(line, 1, str(text)[:CELL_LENGTH], wrap)


def _span(report: Report) -> str:
    period = report.period
    return f"{period.start:%Y-%m-%d %H:%M:%S} – {period.end:%Y-%m-%d %H:%M:%S}" if period else ""


# CSV for Excel


def write_excel_csv(report: Report, rows: Rows, path: Path, progress: Progress) -> None:
    """A CSV with a byte order mark, separated as Excel expects it in the owner's language."""
    head = next(rows, [])
    places = chosen(head, report.columns)
    comma = _decimal_comma()
    spec = spec_of(report)
    money = {p for p in places if spec and plain_name(head[p]) in spec.money}
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out, delimiter=";" if comma else ",", lineterminator="\r\n")
        writer.writerow([head[place] for place in places])
        for done, row in enumerate(rows, 1):
            writer.writerow([_cell(row, p, comma=comma and p in money) for p in places])
            if not done % 1000:
                progress(done)


def _cell(row: Sequence[str], place: int, *, comma: bool) -> str:
    cell = guarded(row[place]) if place < len(row) else ""
    return cell.replace(".", ",") if comma else cell


def guarded(cell: str) -> str:
    """The cell, with an apostrophe before what a spreadsheet would run as a formula."""
    if not cell.lstrip(" ").startswith(_RISKY) or _HARMLESS.fullmatch(cell):
        return cell
    return f"'{cell}"


def _decimal_comma() -> bool:
    """Where Excel writes 1,5 it also separates cells by semicolons."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return language.partition("-")[0] in ("ru", "es")
