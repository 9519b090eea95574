"""Downloads: ranges, validators, packed or not; and the same rows for spreadsheets."""

import csv
import gzip
import hashlib
import io
from datetime import datetime
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.reports import files
from history.spreadsheets import guarded
from tests.history.reports import stored


@pytest.fixture
def report(settings, sandbox, client_as, people):
    settings.REPORT_POLL_SECONDS = 0.2
    return stored(owner=people["finance"])


@pytest.fixture
def fetch(client_as, report):
    client = client_as("finance")

    def get(path: str = "file/", **headers: str):
        return client.get(f"/reports/{report.pk}/{path}", headers=headers)

    return get


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_the_file_goes_out_packed_as_it_came_to_who_takes_gzip(fetch, report):
    answer = fetch(**{"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert hashlib.sha256(body(answer)).hexdigest() == report.sha256


def test_and_unpacked_to_who_does_not(fetch, report):
    answer = fetch()
    content = body(answer)
    assert "Content-Encoding" not in answer.headers
    assert len(content) == int(answer.headers["Content-Length"]) == report.csv_size
    assert content == gzip.decompress(body(fetch(**{"Accept-Encoding": "gzip"})))
    assert answer.headers["ETag"] != fetch(**{"Accept-Encoding": "gzip"}).headers["ETag"]


def test_gzip_that_is_refused_is_not_sent(fetch):
    assert "Content-Encoding" not in fetch(**{"Accept-Encoding": "gzip;q=0"}).headers


def test_the_name_says_kind_account_period_zone_and_number(fetch, report):
    name = f"voxledger_transactions_48211_2026-04-01_2026-05-31_Europe-Berlin_r{report.pk}.csv"
    assert f'filename="{name}"' in fetch().headers["Content-Disposition"]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("span", ["bytes=0-0", "bytes=100-1999", "bytes=1000-", "bytes=-7"])
def test_ranges_are_pieces_of_the_whole(fetch, span, encoding):
    accepted = {"Accept-Encoding": encoding}
    whole = body(fetch(**accepted))
    piece = fetch(Range=span, **accepted)
    assert piece.status_code == 206
    first, _, rest = piece.headers["Content-Range"].removeprefix("bytes ").partition("-")
    last, _, size = rest.partition("/")
    assert int(size) == len(whole)
    assert body(piece) == whole[int(first) : int(last) + 1]


def test_a_range_outside_is_refused_and_a_stale_one_gets_all(fetch, report):
    assert fetch(Range=f"bytes={report.csv_size}-").status_code == 416
    assert fetch(Range="bytes=0-9", **{"If-Range": '"another"'}).status_code == 200
    assert fetch(Range="lines=1-2").status_code == 200


def test_an_unchanged_file_is_not_sent_again(fetch):
    answer = fetch(**{"If-None-Match": fetch().headers["ETag"]})
    assert answer.status_code == 304
    assert body(answer) == b""


def test_head_tells_the_size_and_sends_nothing(client_as, report):
    answer = client_as("finance").head(f"/reports/{report.pk}/file/")
    assert int(answer.headers["Content-Length"]) == report.csv_size
    assert body(answer) == b""


# Spreadsheets


def rows(report) -> list[list[str]]:
    with files.open_text(report.file) as text:
        return list(csv.reader(text, delimiter=";"))


def test_a_workbook_has_real_dates_exact_money_and_text_for_ids(client_as, fetch, report):
    client_as("finance").post(f"/reports/{report.pk}/make/xlsx/")
    book = openpyxl.load_workbook(io.BytesIO(body(fetch("file/xlsx/"))))
    head, *lines = rows(report)
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]] == head
    assert sheet.max_row - 1 == len(lines)
    places = {name.partition(" ")[0]: place for place, name in enumerate(head)}
    for cells, line in zip(sheet.iter_rows(min_row=2), lines, strict=True):
        when = cells[places["performed_at"]]
        assert when.value == datetime.fromisoformat(line[places["performed_at"]])
        assert when.is_date
        amount = cells[places["amount"]]
        assert Decimal(str(amount.value)) == Decimal(line[places["amount"]])
        assert cells[places["transaction_id"]].value == line[places["transaction_id"]]
        assert isinstance(cells[places["transaction_id"]].value, str)
    about = {line[0].value: line[1].value for line in book.worksheets[1].iter_rows()}
    assert about["SHA-256 (CSV, gzip)"] == report.sha256
    assert about["Time zone"] == "Europe/Berlin"


def test_a_csv_for_excel_begins_with_a_mark_and_keeps_every_row(client_as, fetch, report):
    client_as("finance").post(f"/reports/{report.pk}/make/excel/")
    content = body(fetch("file/excel/"))
    assert content.startswith(b"\xef\xbb\xbf")
    again = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert again == rows(report)


@pytest.mark.parametrize("cell", ["+491701234567", "-1.50", "-1,5", "12", "+7", "plain", ""])
def test_numbers_and_telephone_numbers_stay_usable(cell):
    assert guarded(cell) == cell


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "-cmd|x", " =1", "=HYPERLINK(1)", "+"]
)
def test_what_would_run_as_a_formula_becomes_text(cell):
    assert guarded(cell) == f"'{cell}"


@given(st.text())
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(cell):
    safe = guarded(cell)
    assert not safe.startswith(("=", "@", "\t", "\r")) or safe == ""
    if safe.startswith(("+", "-")):
        assert safe[1:2].isdigit()
