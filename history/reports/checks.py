"""What is proven about a file, how, and in words what differs.

A check is {"name", "result": proven | differs | open, "words"}; it is kept with the report.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from history.models.reports import Kind, Report
from history.templatetags.show import exact

type Check = dict[str, str]

# An order that says only these covers every transaction of its period.
_WHOLE_PERIOD = {
    "from_date",
    "to_date",
    "timezone",
    "desc_order",
    "with_extended_info",
    "decimal_separator",
}


def proven(name: str, words: str) -> Check:
    return {"name": name, "result": "proven", "words": words}


def differs(name: str, words: str) -> Check:
    return {"name": name, "result": "differs", "words": words}


def unproven(name: str, words: str) -> Check:
    return {"name": name, "result": "open", "words": words}


def checks(report: Report, found: Mapping[str, Any]) -> list[Check]:
    """All checks of a downloaded file; `found` is what was measured while it arrived:
    size, csv_size, encoding, length, rows, sessions, torn, unreadable, columns, sums."""
    return [
        *_whole(report, found),
        *_readable(found),
        *_rows(report, found),
        *_balance(report, found),
    ]


def _whole(report: Report, found: Mapping[str, Any]) -> Iterator[Check]:
    if report.kind == Kind.ACD:
        return
    if found["encoding"] == "gzip":
        yield proven("gzip", _t("The checksum and the length inside of the gzip file are right."))
    announced = report.remote.get("download_size") if found["encoding"] == "gzip" else None
    size = found["size"]
    if announced is not None and int(announced) != size:
        yield differs(
            "size",
            _t("%(size)d bytes arrived; the platform lists %(announced)s.")
            % {"size": size, "announced": announced},
        )
    elif announced is not None or found["length"] is not None:
        yield proven("size", _t("%(size)d bytes arrived, as announced.") % {"size": size})
    else:
        yield unproven("size", _t("%(size)d bytes arrived; no size was announced.") % found)


def _readable(found: Mapping[str, Any]) -> Iterator[Check]:
    if found["torn"]:
        yield differs("csv", _t("The last row ends in the middle of a field."))
    elif found["unreadable"]:
        words = ngettext(
            "%(n)d cell of a column of amounts is no number.",
            "%(n)d cells of columns of amounts are no numbers.",
            found["unreadable"],
        )
        yield differs("csv", words % {"n": found["unreadable"]})
    else:
        yield proven("csv", _t("Every row was read, from the first to the last byte."))


def _rows(report: Report, found: Mapping[str, Any]) -> Iterator[Check]:
    said: Mapping[str, Any] = report.remote.get("calculated_data") or {}
    if "transaction_count" in said:
        yield _count(found["rows"], said["transaction_count"])
        yield from _none_left_out(said["transaction_count"], said.get("total_transaction_count"))
    elif "session_count" in said and "session_id" in found["columns"]:
        yield _count(found["sessions"], said["session_count"])
        yield from _none_left_out(said["session_count"], said.get("total_session_count"))
    elif report.kind == Kind.ACD and report.rows_expected is not None:
        yield _count(found["sessions"], report.rows_expected)
    else:
        yield unproven(
            "rows",
            _t("%(rows)d rows; the platform gives no count for this kind of report.") % found,
        )


def _count(ours: int, theirs: int) -> Check:
    numbers = {"ours": ours, "theirs": theirs}
    if ours == int(theirs):
        return proven("rows", _t("%(ours)d counted in the file, as many as expected.") % numbers)
    return differs("rows", _t("The file holds %(ours)d, the platform says %(theirs)d.") % numbers)


def _none_left_out(given: int, matching: int | None) -> Iterator[Check]:
    if matching is None:
        return
    numbers = {"given": given, "matching": matching}
    if int(given) == int(matching):
        yield proven("complete", _t("Nothing that matches was left out."))
    else:
        yield differs(
            "complete",
            _t("%(matching)d match the filters, but the report was made with %(given)d.") % numbers,
        )


def _balance(report: Report, found: Mapping[str, Any]) -> Iterator[Check]:
    said: Mapping[str, Any] = report.remote.get("calculated_data") or {}
    start, end = _money(said.get("start_balance")), _money(said.get("end_balance"))
    if start is None or end is None or "amount" not in found["sums"]:
        return
    asked = report.params or report.remote.get("filters") or {}
    narrowed = [name for name, value in asked.items() if name not in _WHOLE_PERIOD and value]
    if narrowed:
        names = ", ".join(sorted(narrowed))
        yield unproven(
            "balance",
            _t("The balance covers all transactions, this report only some: %(names)s.")
            % {"names": names},
        )
        return
    sums = found["sums"]["amount"]
    moved = Decimal(sums.get(start[1], "0"))
    words = {
        "start": exact(start[0]),
        "moved": exact(moved),
        "sum": exact(start[0] + moved),
        "end": exact(end[0]),
        "currency": start[1],
    }
    if set(sums) - {start[1]} or start[1] != end[1]:
        yield unproven("balance", _t("The file holds several currencies, the balance one."))
    elif start[0] + moved == end[0]:
        yield proven(
            "balance",
            _t("Opening %(start)s + sum %(moved)s = closing %(end)s %(currency)s, exactly.")
            % words,
        )
    else:
        yield differs(
            "balance",
            _t(
                "Opening %(start)s + sum %(moved)s = %(sum)s, but the platform's closing balance"
                " is %(end)s %(currency)s."
            )
            % words,
        )


def _money(text: object) -> tuple[Decimal, str] | None:
    """`"17.4 EUR"` as the API writes balances."""
    amount, _, currency = str(text or "").partition(" ")
    try:
        return Decimal(amount), currency.strip()
    except InvalidOperation:
        return None
