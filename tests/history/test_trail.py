"""The trail: what pages leave in it, and that nobody can rewrite it unnoticed."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from dashboard.management.commands.demo import PASSWORD
from history.models.trail import Action, AppendOnly, TrailEntry, TrailHead, prune, verify
from history.trail import heard_by, masked, note, prune_trail
from tests.conftest import Sandbox
from tests.history.calls_of import address, can_be_heard, session_where
from tests.history.pages import text

MONTH = {"from_date": "2026-05-15", "to_date": "2026-06-14", "timezone": "Europe/Berlin"}


def newest(**filters: Any) -> TrailEntry:
    entry = TrailEntry.objects.filter(**filters).first()
    assert entry, f"nothing in the trail is {filters}"
    return entry


def sound_of(client: Client) -> str:
    page = client.get(address(session_where(can_be_heard))).content.decode()
    found = re.search(r'<audio[^>]* src="([^"]+)"', page)
    assert found
    return found[1]


def tamper(statement: str, *values: object) -> None:
    """As somebody does who owns the database: the guards go first."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER IF EXISTS history_trail_is_kept")
            cursor.execute("DROP TRIGGER IF EXISTS history_trail_stays")
        else:
            cursor.execute("ALTER TABLE history_trailentry DISABLE TRIGGER USER")
        cursor.execute(statement, values)


@pytest.fixture
def five(db: None) -> list[TrailEntry]:
    return [note(None, Action.VIEW, "session", number, at="10:00") for number in range(5)]


# The chain


def test_a_whole_trail_holds(five: list[TrailEntry]) -> None:
    out = io.StringIO()
    call_command("verify_trail", stdout=out)
    assert "All 5 rows hold" in out.getvalue()
    assert f"5:{five[-1].hash}" in out.getvalue()


@pytest.mark.parametrize(
    ("statement", "row", "reason"),
    [
        ("UPDATE history_trailentry SET who = 'somebody' WHERE number = 3", 3, "was sealed"),
        ("UPDATE history_trailentry SET details = '{}' WHERE number = 2", 2, "was sealed"),
        ("DELETE FROM history_trailentry WHERE number = 4", 4, "missing"),
        ("DELETE FROM history_trailentry WHERE number = 5", 5, "missing at the end"),
        ("DELETE FROM history_trailentry WHERE number = 1", 1, "missing"),
    ],
)
def test_the_first_row_somebody_tampered_with_is_named(
    five: list[TrailEntry], statement: str, row: int, reason: str
) -> None:
    tamper(statement)
    with pytest.raises(CommandError, match=rf"Row {row} of the trail: .*{reason}") as failure:
        call_command("verify_trail")
    assert failure.value.returncode == 1


def test_a_row_sealed_anew_does_not_fit_the_next_one(five: list[TrailEntry]) -> None:
    changed = five[2]
    changed.who = "somebody else"
    tamper(
        "UPDATE history_trailentry SET who = %s, hash = %s WHERE number = 3",
        changed.who,
        changed.computed_hash(),
    )
    _count, fault = verify()
    assert fault
    assert fault.number == 4


def test_a_trail_that_was_rewritten_as_a_whole_is_found_by_a_noted_hash(
    five: list[TrailEntry],
) -> None:
    noted = f"5:{five[-1].hash}"
    tamper("DELETE FROM history_trailentry")
    TrailHead.objects.all().delete()
    for number in range(6):
        note(None, Action.VIEW, "session", number)
    call_command("verify_trail", stdout=io.StringIO())
    with pytest.raises(CommandError, match=r"Row 5 .* not the one that was noted"):
        call_command("verify_trail", "--known", noted)


def test_says_how_a_noted_hash_is_written(db: None) -> None:
    with pytest.raises(CommandError, match="'12' is not a number, a colon and a hash"):
        call_command("verify_trail", "--known", "12")


def test_rows_cannot_be_changed_or_deleted_through_the_models(five: list[TrailEntry]) -> None:
    entry = TrailEntry.objects.get(number=2)
    entry.who = "nobody"
    for attempt in (
        entry.save,
        entry.delete,
        TrailEntry.objects.all().delete,
        lambda: TrailEntry.objects.update(who=""),
        lambda: TrailEntry.objects.create(number=9),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert verify() == (5, None)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE history_trailentry SET who = 'x'", "DELETE FROM history_trailentry WHERE number = 2"],
)
def test_the_database_itself_refuses_to_change_rows(five: list[TrailEntry], statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="rows of the trail are not"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert verify() == (5, None)


def test_many_who_write_at_once_do_not_fork_the_chain(transactional_db: None) -> None:
    def write(writer: int) -> None:
        try:
            for number in range(10):
                note(None, Action.VIEW, "session", f"{writer}-{number}")
        finally:
            connection.close()

    writers = [Thread(target=write, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert verify() == (60, None)


def test_what_is_undone_leaves_no_gap(db: None) -> None:
    note(None, Action.VIEW, "session", 1)
    with transaction.atomic():
        note(None, Action.VIEW, "session", 2)
        transaction.set_rollback(True)
    note(None, Action.VIEW, "session", 3)
    assert verify() == (2, None)


def test_rows_that_ended_without_a_word_are_found(five: list[TrailEntry]) -> None:
    TrailHead.objects.update(pruned=2, anchor=five[1].hash)
    tamper("DELETE FROM history_trailentry WHERE number <= 2")
    _count, fault = verify()
    assert fault
    assert fault.reason == "rows are gone that no row says were ended"


def test_pruning_ends_old_rows_and_the_rest_still_holds(db: None) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=4000), tick=False):
        for number in range(3):
            note(None, Action.VIEW, "session", number)
    note(None, Action.VIEW, "session", "new")
    prune_trail()
    assert list(TrailEntry.objects.values_list("number", flat=True)) == [5, 4]
    assert newest(action=Action.PRUNED).details["rows"] == 3
    assert verify() == (2, None)
    assert prune(timezone.now() - timedelta(days=3000)) == 0


# What pages leave


def test_a_search_is_noted_with_its_filters_and_no_whole_number(
    client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    query = {**MONTH, "remote_number": "+49 30 5550-9876", "user_id": "1234567"}
    client_as("agent").get("/calls/", query, REMOTE_ADDR="203.0.113.9")
    entry = newest(action=Action.SEARCH)
    assert (entry.who, entry.kind, entry.ip) == ("agent", "calls", "203.0.113.9")
    assert entry.details["query"]["remote_number"] == "…9876"
    assert entry.details["query"]["user_id"] == "1234567"
    assert "5550" not in entry.canonical()


def test_numbers_are_cut_wherever_they_stand() -> None:
    assert masked("+49 (30) 5550-9876, 0044 20 7946 0018") == "…9876, …0018"
    assert masked("ticket 12345") == "ticket 12345"


def test_looking_at_a_call_is_noted(client_as: Callable[[str], Client], sandbox: Sandbox) -> None:
    session = session_where(can_be_heard)
    client_as("agent").get(address(session))
    entry = newest(action=Action.VIEW)
    assert (entry.kind, entry.key) == ("session", str(session.call_session_history_id))


def test_a_page_that_does_not_exist_is_no_look(client_as: Callable[[str], Client]) -> None:
    client_as("agent").get("/nothing/here/")
    assert not TrailEntry.objects.exclude(action=Action.SIGN_IN).exists()


def test_playing_is_noted_once_however_many_pieces_it_takes(
    client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    client = client_as("agent")
    sound = sound_of(client)
    for part in ("bytes=0-99", "bytes=100-199"):
        client.get(sound, headers={"Range": part}).getvalue()
    plays = TrailEntry.objects.filter(action=Action.PLAY)
    assert [(entry.who, entry.kind) for entry in plays] == [("agent", "recording")]


def test_what_could_not_be_noted_is_not_played_and_is_noted_when_it_can_be(
    transactional_db: None, client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    client = client_as("agent")
    sound, part = sound_of(client), {"Range": "bytes=0-99"}
    head = TrailHead.objects.get()
    TrailHead.objects.update(number=head.number - 1)  # the next row would be one that there is
    client.raise_request_exception = False
    for _piece in range(2):
        assert client.get(sound, headers=part).status_code == 500
    TrailHead.objects.update(number=head.number)
    assert len(client.get(sound, headers=part).getvalue()) == 100
    assert TrailEntry.objects.filter(action=Action.PLAY).count() == 1


def test_the_seconds_that_were_heard_are_noted_and_told(
    client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    client = client_as("agent")
    reference = sound_of(client).split("/")[2]
    for seconds in ("0-12,30-45", "10-20"):
        answer = client.post("/trail/heard/", {"reference": reference, "seconds": seconds})
        assert answer.status_code == 204
    record_id = int(newest(action=Action.HEARD).key)
    (hearing,) = heard_by(record_id)
    assert (hearing.who, hearing.ranges, hearing.seconds) == ("agent", ((0, 20), (30, 45)), 35)
    assert "Heard by 1 person." in text(client.get(f"/trail/heard/{record_id}/"))
    named = text(client_as("owner").get(f"/trail/heard/{record_id}/"))
    assert "agent (0:00–0:20, 0:30–0:45" in named


@pytest.mark.parametrize("seconds", ["", "5", "9-2", "a-b", "0-99999999", "-3-4", "1-1"])
def test_seconds_that_cannot_be_are_refused(
    client_as: Callable[[str], Client], sandbox: Sandbox, seconds: str
) -> None:
    client = client_as("agent")
    reference = sound_of(client).split("/")[2]
    answer = client.post("/trail/heard/", {"reference": reference, "seconds": seconds})
    assert answer.status_code == 400
    assert not TrailEntry.objects.filter(action=Action.HEARD).exists()


def test_nobody_reports_what_another_heard(
    client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    reference = sound_of(client_as("agent")).split("/")[2]
    answer = client_as("owner").post("/trail/heard/", {"reference": reference, "seconds": "0-9"})
    assert answer.status_code == 404


def test_what_is_heard_is_reported_by_our_own_pages_only(
    people: dict[str, User], sandbox: Sandbox
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["agent"])
    answer = client.post("/trail/heard/", {"reference": "x", "seconds": "0-9"})
    assert answer.status_code == 403


def test_signing_in_failing_to_and_signing_out_are_noted(people: dict[str, User]) -> None:
    client = Client()
    client.post("/accounts/login/", {"login": "agent", "password": "wrong"})
    client.post("/accounts/login/", {"login": "my secret words", "password": "wrong"})
    client.post("/accounts/login/", {"login": "agent", "password": PASSWORD})
    client.post("/accounts/logout/")
    said = list(TrailEntry.objects.order_by("number").values_list("action", "who"))
    assert said == [
        ("sign_in_failed", "agent"),
        ("sign_in_failed", ""),
        ("sign_in", "agent"),
        ("sign_out", "agent"),
    ]
    assert newest(action=Action.SIGN_OUT).ip == "127.0.0.1"


def test_changed_settings_are_noted_and_forms_with_errors_are_not(
    client_as: Callable[[str], Client],
) -> None:
    client = client_as("agent")
    wrong = {"zone": "Mars", "rows": "50", "theme": "auto", "density": "comfortable"}
    client.post("/settings/", wrong)
    assert not TrailEntry.objects.filter(action=Action.SETTINGS).exists()
    client.post("/settings/", wrong | {"zone": "Europe/Berlin"})
    assert newest(action=Action.SETTINGS).kind == "settings"


def test_being_refused_is_noted(client_as: Callable[[str], Client]) -> None:
    assert client_as("agent").get("/trail/").status_code == 403
    assert newest(action=Action.REFUSED).key == "trail"


# The page


def test_the_page_filters_by_person_action_object_and_day(
    client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    note(people["agent"], Action.VIEW, "session", 4711)
    note(people["finance"], Action.DOWNLOAD, "report", 12)
    owner = client_as("owner")
    everything = text(owner.get("/trail/"))
    assert "call 4711" in everything
    assert "report 12" in everything
    for query, seen in (
        ({"who": "Agent"}, "call 4711"),
        ({"action": "view", "object": "4711"}, "call 4711"),
        ({"since": f"{timezone.localdate():%Y-%m-%d}", "who": "finance"}, "report 12"),
    ):
        shown = text(owner.get("/trail/", query))
        assert seen in shown
        assert ("call 4711" in shown) != ("report 12" in shown)
    assert "Nobody did this" in text(owner.get("/trail/", {"until": "2001-01-01"}))


def test_a_period_that_ends_before_it_begins_is_explained(
    client_as: Callable[[str], Client],
) -> None:
    page = client_as("auditor").get("/trail/", {"since": "2026-06-02", "until": "2026-06-01"})
    assert "It ends (2026-06-01) before it begins (2026-06-02)" in text(page)
    assert 'value="2026-06-02"' in page.content.decode()


def test_the_file_holds_what_is_needed_to_check_the_chain(
    client_as: Callable[[str], Client], five: list[TrailEntry]
) -> None:
    answer: Any = client_as("auditor").get("/trail/file/", {"action": "view"})
    table = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [row["key"] for row in table] == ["0", "1", "2", "3", "4"]
    assert [row["hash"] for row in table] == [entry.hash for entry in five]
    assert table[1]["previous"] == table[0]["hash"]
    assert newest(action=Action.EXPORT).kind == "trail"
