"""Telephone numbers for who may not see them whole: nowhere, until they say why."""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from history.masking import NUMBERS
from history.models import RecentSearch, SavedView
from history.models.deletions import LegalHold
from history.models.trail import Action, TrailEntry
from tests.conftest import Sandbox
from tests.history.calls_of import address, can_be_heard, is_written, session_where, sessions
from tests.history.crawl import Crawl, digits
from tests.history.pages import rows, text
from tests.history.reports import stored
from tests.history.test_permissions import READING

MONTH = "from_date=2026-05-15&to_date=2026-06-15&timezone=Europe/Berlin"
REASON = "The client asked us to call back"


def all_numbers() -> set[str]:
    """The account's numbers and those of everybody who called or was called."""
    found = {getattr(call, name) for s in sessions() for call in s.calls for name in NUMBERS}
    return {number for number in found if number and number.isdigit() and len(number) > 6}


def told(said: str, numbers: set[str]) -> set[str]:
    """Which of the numbers can be read, in any spelling, without their country, too."""
    bare = digits(said)
    return {number for number in numbers if number[-9:] in bare}


@pytest.fixture
def masked(client_as: Callable[[str], Client], sandbox: Sandbox, settings: Any) -> Client:
    settings.MASKED_ROLES = frozenset({"owner", "auditor"})
    return client_as("owner")


def test_no_page_and_no_file_tells_a_number_or_where_the_platform_keeps_things(
    masked: Client, sandbox: Sandbox, people: dict[str, User]
) -> None:
    numbers = all_numbers()
    assert len(numbers) > 50
    number = sorted(numbers)[0]
    heard, written = session_where(can_be_heard), session_where(is_written)
    report = stored("calls_brief", f"{MONTH}&remote_number={number}", owner=people["agent"])
    all_calls = stored("calls", MONTH, owner=people["owner"])
    LegalHold.objects.create(kind="number", value=number, reason=f"Case of +{number}", put_by="x")
    SavedView.keep(people["agent"], "calls", "His", f"remote_number={number}", shared=True,
                   is_default=False)  # fmt: skip
    masked.post("/deletions/search/", {"scope": "number", "numbers": number, "reason": "Request"})
    masked.post(f"/reports/{all_calls.pk}/make/excel-masked/")
    crawl = Crawl(masked)
    lists = [
        f"/{name}/?{MONTH}" for name in ("calls", "recordings", "transactions", "audit", "acd")
    ]
    reports = [f"/reports/{r.pk}/" for r in (report, all_calls)]
    exports = [f"/reports/now/?kind=calls&from_date=2026-06-14&to_date=2026-06-15&format={name}"
               for name in ("csv", "excel")]  # fmt: skip
    # Fetched by scripts, or found in menus only.
    lists += [f"/{name}/total/?{MONTH}" for name in ("calls", "audit", "acd")]
    lists += [f"/{name}/chart/?{MONTH}" for name in ("calls", "transactions")]
    reports += [f"/reports/{report.pk}/row/", "/settings/tokens/", "/search/?q=12345678"]
    reports.append(f"/calls/{heard.call_session_history_id}/reveal/")
    crawl.walk("/", address(heard), address(written), *lists, *reports, *exports, "/holds/")
    host, keys = urlsplit(sandbox.url).netloc, sandbox.credentials.read_text()
    secrets = [host, "voximplant.com/", *re.findall(r'"(?:key_id|api_key)": "([^"]+)"', keys)]
    assert not crawl.broken
    leaks = {page: found for page, said in crawl.seen.items() if (found := told(said, numbers))}
    assert not leaks
    # Files hold what the platform wrote, pages nothing of where it keeps it.
    pages = {page: said for page, said in crawl.seen.items() if "attachment" not in said[:1000]}
    assert not [(page, one) for page, said in pages.items() for one in secrets if one in said]
    # What only exists after hours or has its own tests.
    late = {"certificate", "certificate_json", "deletion_live", "report_live", "media_renew"}
    assert READING.keys() - crawl.names.keys() <= late | {"media", "waveform", "heard_by"}


def reveal(client: Client, session_id: int, reason: str = REASON, **more: str) -> Any:
    return client.post(f"/calls/{session_id}/reveal/", {"reason": reason} | more)


def test_a_reason_reveals_one_call_for_a_while_and_stands_in_the_trail(
    masked: Client, client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    one, other = [s for s in sessions() if s.calls and s.calls[0].remote_number][:2]
    number, key = one.calls[0].remote_number or "", one.call_session_history_id
    page = masked.get(address(one)).content.decode()
    assert "Why do you need the numbers of this call?" in page
    assert "ending in" in page  # said to those who listen
    refused = reveal(masked, key, "why not")
    assert refused.status_code == 400
    assert "“why not” is too short: say why in 10 letters or more." in text(refused)
    assert not TrailEntry.objects.filter(action=Action.REVEAL).exists()

    assert reveal(masked, key, next=address(one)).url == address(one)
    assert reveal(masked, key, next="//evil.example/").url == f"/calls/{key}/"
    page = masked.get(address(one))
    assert number[-9:] in digits(page.content.decode())
    assert "The numbers of this call are shown to you until" in text(page)
    other_page = digits(masked.get(address(other)).content.decode())
    assert (other.calls[0].remote_number or "")[-9:] not in other_page
    entry = TrailEntry.objects.filter(action=Action.REVEAL).latest("number")
    assert (entry.who, entry.key, entry.details["reason"]) == ("owner", str(key), REASON)
    assert REASON in text(client_as("admin").get("/trail/?action=reveal"))
    # Only in this browser, and only for a while.
    assert number[-9:] not in digits(client_as("auditor").get(address(one)).content.decode())
    sandbox.fault("clock", seconds=16 * 60.0)  # it refuses tokens of the future
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        hidden = masked.get(address(one))
    assert hidden.status_code == 200
    assert number[-9:] not in digits(hidden.content.decode())


def test_searching_finds_whole_numbers_and_no_hidden_parts(masked: Client) -> None:
    session = next(s for s in sessions() if s.calls and s.calls[0].remote_number_type == "pstn")
    number, key = session.calls[0].remote_number or "", session.call_session_history_id
    found = masked.get(f"/calls/?{MONTH}&remote_number=%2B{number}&count=1000")
    assert key in rows(found)
    assert masked.get(f"/calls/?{MONTH}&contains={number[-6:-2]}").status_code == 200
    assert key not in rows(masked.get(f"/calls/?{MONTH}&contains={number[-7:]}&count=1000"))
    many = ",".join(f"4930555012{n:02}" for n in range(6))
    said = text(masked.get(f"/calls/?{MONTH}&remote_number={many}"))
    assert "These are 6 numbers. Your role sees numbers masked" in said


def test_files_are_masked_and_say_so(
    masked: Client, people: dict[str, User], tmp_path: Any
) -> None:
    report = stored("calls", MONTH, owner=people["owner"])
    numbers = all_numbers()
    file = masked.get(f"/reports/{report.pk}/file/")
    assert ".masked.csv" in file.headers["Content-Disposition"]
    assert "ETag" not in file.headers
    lines = list(csv.reader(io.StringIO(b"".join(file.streaming_content).decode()), delimiter=";"))
    assert len(lines) == report.rows_done + 1
    assert any("\u2022" in cell for line in lines for cell in line)
    assert masked.post(f"/reports/{report.pk}/make/xlsx/").status_code == 404
    masked.post(f"/reports/{report.pk}/make/xlsx-masked/")
    book = masked.get(f"/reports/{report.pk}/file/xlsx-masked/")
    assert ".masked.xlsx" in book.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(b"".join(book.streaming_content))) as parts:
        assert not told(parts.read("xl/worksheets/sheet1.xml").decode(), numbers)
    page = text(masked.get(f"/reports/{report.pk}/"))
    assert "Your role sees telephone numbers masked, in files too." in page
    period = ["--from", "2026-06-14", "--to", "2026-06-15", "--zone", "Europe/Berlin"]
    for name, is_masked in (("owner", True), ("supervisor", False)):
        out = tmp_path / f"{name}.csv"
        with pytest.raises(SystemExit, match="0"):
            call_command("export", "calls", *period, "--user", name, "--out", str(out), "--quiet")
        assert bool(told(out.read_text(), numbers)) is not is_masked


def test_logs_and_transcripts_are_masked_on_the_page_and_when_downloaded(masked: Client) -> None:
    session = next(s for s in sessions() if s.log_file_url and s.calls)
    numbers = all_numbers()
    page = masked.get(address(session)).content.decode()
    log = re.search(r'hx-get="(/media/[^"]+/log/)"', page)
    download = re.search(r'href="(/media/[^"]+/)">.*?Download', page)
    assert log
    assert download
    shown, file = masked.get(log[1]).content.decode(), masked.get(download[1])
    assert "\u2022" in shown
    assert not told(shown, numbers)
    assert not told(file.content.decode(), numbers)
    assert "-masked-log.txt" in file.headers["Content-Disposition"]


def test_own_searches_are_remembered_as_they_were_typed(
    masked: Client, people: dict[str, User]
) -> None:
    masked.get(f"/calls/?{MONTH}&remote_number=493055501234")
    assert RecentSearch.objects.filter(user=people["owner"], query__contains="493055501234")
