"""Counting and adding up, against the csv module and plain Decimals."""

import csv
import io
import threading
from decimal import Decimal, InvalidOperation, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from history.models import Report
from history.reports.downloads import Measure
from history.reports.tally import Tally

texts = st.text(alphabet=st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]))
amounts = st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-9999, max_value=9999
)
rows_of_a_report = st.lists(
    st.tuples(st.integers(1, 4), texts, amounts, st.sampled_from(["EUR", "USD"]))
)


def report(rows: list[tuple[object, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["session_id", "text (UTC)", "amount", "currency"])
    writer.writerows(rows)
    return out.getvalue().encode()


def tally(data: bytes, block: int = 1 << 20, **said: object) -> Tally:
    found = Tally(
        sum_columns=("amount",),
        per_column="currency",
        session_column="session_id",
        block=block,
    )
    for start in range(0, len(data), 7):
        found.feed(data[start : start + 7])
    found.finish()
    return found


@given(rows_of_a_report, st.integers(1, 60))
def test_counts_and_adds_up_whatever_the_fields_hold_and_wherever_blocks_end(rows, block):
    found = tally(report(rows), block)
    assert found.rows == len(rows)
    assert not found.torn
    assert found.unreadable == 0
    for currency in ("EUR", "USD"):
        exact = sum((row[2] for row in rows if row[3] == currency), Decimal(0))
        assert found.sums["amount"].get(currency, Decimal(0)) == exact
    ids = [row[0] for row in rows]
    changes = sum(1 for before, after in zip([None, *ids], ids, strict=False) if before != after)
    assert found.sessions == changes


awkward = st.text(alphabet='";\n\t ,.1a', max_size=8)
cells = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9).map(
        lambda amount: f"{amount:f}"
    ),
    st.sampled_from(["", "0", "-5", "1,5", "-0.013652", "0.00000001", "1 .5", "1\t.5", ".5", "x"]),
)
awkward_rows = st.lists(st.tuples(st.integers(1, 3), awkward, cells, st.just("EUR")), max_size=12)


def expected_sum(cells: list[str]) -> tuple[Decimal, int]:
    """By the csv module's rows and one Decimal after the other; cells that are none, counted."""
    total, unreadable = Decimal(0), 0
    for cell in filter(None, cells):
        try:
            with localcontext(prec=100):
                total += Decimal(cell.replace(",", "."))
        except InvalidOperation:
            unreadable += 1
    return total, unreadable


@settings(max_examples=40, deadline=None)
@given(awkward_rows, st.integers(1, 9))
def test_agrees_with_the_csv_module_wherever_a_block_ends(rows, first):
    data = report(rows)
    read = list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=";"))[1:]
    total, unreadable = expected_sum([row[2] for row in read])
    for block in range(first, len(data) + 9, 9):
        found = tally(data, block)
        assert found.rows == len(read)
        assert found.unreadable == unreadable
        assert found.sums["amount"].get("EUR", Decimal(0)) == total


@given(st.lists(cells, min_size=1, max_size=40))
def test_amounts_of_any_form_add_up_exactly(cells):
    found = tally(report([(1, "", cell, "EUR") for cell in cells]))
    total, unreadable = expected_sum(cells)
    assert found.sums == {"amount": {"EUR": total}}
    assert found.unreadable == unreadable


def test_whole_amounts_among_others_add_up():
    assert tally(b'"amount"\n"-0.5"\n"-30"\n"100.25"\n').as_json()["sums"] == {
        "amount": {"": "69.75"}
    }


def test_a_row_without_a_line_break_at_the_end_counts():
    assert tally(b'"session_id";"amount"\n"1";"2"\n"1";"3"').rows == 2


def test_a_file_that_ends_within_a_field_is_torn():
    assert tally(b'"session_id";"amount"\n"1";"2"\n"1";"half').torn


def test_a_mark_at_the_beginning_commas_and_bare_fields_are_read():
    found = tally(b"\xef\xbb\xbfsession_id,amount,currency\n1,-1.5,EUR\n2,2,EUR\n")
    assert found.columns == ["session_id", "amount", "currency"]
    assert found.sums == {"amount": {"EUR": Decimal("0.5")}}


def test_cells_that_are_no_numbers_are_counted_as_such():
    assert tally(b'"amount"\n"1.5"\n"x"\n"x"\n""\n').unreadable == 2


def test_a_decimal_comma_is_a_decimal_mark():
    assert tally(b'"amount"\n"1,5"\n').sums == {"amount": {"": Decimal("1.5")}}


def test_an_empty_file_has_no_rows():
    assert tally(b"").rows == 0
    assert tally(b'"amount"\n').rows == 0
    assert tally(b'"amount"').rows == 0


# While it arrives

TRANSACTIONS = (
    '"transaction_id";"amount";"currency"\n'
    + "".join(f'"{n}";"-0.0{n % 7}";"EUR"\n' for n in range(30_000))
    + '"1";"2.5";"USD"\n"2";"";"the ""last""\none"'
).encode()


def counted(measure: Measure, data: bytes) -> None:
    for start in range(0, len(data), 100_000):
        measure.feed(data[start : start + 100_000])


def here(data: bytes) -> dict[str, object]:
    found = Tally(sum_columns=("amount",), per_column="currency")
    found.feed(data)
    found.finish()
    return found.as_json()


def test_a_thread_of_its_own_counts_the_same():
    with Measure(Report(kind="transactions")) as measure:
        counted(measure, TRANSACTIONS)
        found = measure.result()
    assert found == here(TRANSACTIONS)
    assert found["rows"] == 30_002


def test_a_file_that_begins_again_is_counted_from_its_beginning():
    with Measure(Report(kind="transactions")) as measure:
        counted(measure, TRANSACTIONS[:500_000])
        measure.restart()
        counted(measure, TRANSACTIONS)
        assert measure.result() == here(TRANSACTIONS)


def test_nothing_is_left_running_when_a_download_stops():
    with Measure(Report(kind="transactions")) as measure:
        counted(measure, TRANSACTIONS)
        assert "counting" in [thread.name for thread in threading.enumerate()]
    assert "counting" not in [thread.name for thread in threading.enumerate()]


def test_what_cannot_be_counted_holds_no_download_up_and_says_why():
    with Measure(Report(kind="transactions")) as measure:
        measure.feed(b'amount\n"')
        for _piece in range(70):
            measure.feed(b"1" * 1_000_000)
        measure.feed(b'"\n')
        with pytest.raises(csv.Error, match="field larger than field limit"):
            measure.result()


def test_an_empty_report_has_no_rows_there_either():
    with Measure(Report(kind="transactions")) as measure:
        assert measure.result()["rows"] == 0
