"""Deleting recordings: previewed, confirmed, delayed, done once, certified; held ones never."""

import io
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from dashboard.supervise import Supervisor
from history.api.methods import DeleteRecord
from history.api.replies import CallSessionInfoType
from history.connection import connect
from history.deletions import retention, running
from history.deletions.tasks import run_due
from history.models.deletions import Deletion, DeletionItem, Fate, LegalHold, RetentionRule, State
from history.models.trail import Action, TrailEntry, verify
from tests.conftest import Sandbox
from tests.history.calls_of import can_be_heard, session_where, sessions
from tests.history.deleting import WHY, asked_to_delete, fates, heard, named, order
from tests.history.pages import text


@pytest.fixture(autouse=True)
def _polite(settings: Any) -> None:
    settings.DELETION_DELAY_MINUTES = 0
    settings.VOX_REQUESTS_PER_SECOND = 100


@pytest.fixture
def admin(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("admin")


def of_a_customer(session: CallSessionInfoType) -> bool:
    number = (session.calls[0].remote_number or "") if session.calls else ""
    return number.isdigit() and can_be_heard(session)


def newest() -> Deletion:
    found = Deletion.objects.first()
    assert found
    return found


def work(found: Deletion) -> Deletion:
    """All steps of the order, as workers take them."""
    for _ in range(50):
        if running.step(found.pk) is None:
            break
    found.refresh_from_db()
    return found


def is_removed(session_id: int, record_id: int) -> bool:
    session = session_where(lambda s: s.call_session_history_id == session_id)
    return bool(next(r for r in session.records if r.record_id == record_id).is_removed)


# One and several


def test_shows_what_goes_before_anything_does(admin: Client, sandbox: Sandbox) -> None:
    pairs = heard(3)
    page = text(admin.get("/deletions/new/", named(pairs)))
    assert "Delete 3 recordings" in page
    assert "Type 3 to confirm" in page
    assert "The call detail record" in page
    assert all(str(record) in page for _session, record in pairs)
    assert not asked_to_delete(sandbox)
    assert not Deletion.objects.exists()


def test_a_link_may_name_recording_and_session_apart(admin: Client) -> None:
    ((session, record),) = heard()
    page = text(admin.get("/deletions/new/", {"record": record, "session": session}))
    assert "Delete 1 recording" in page


def test_deletes_for_good_what_was_confirmed(admin: Client, sandbox: Sandbox) -> None:
    ((session, record),) = heard()
    cache.set(_peaks_of(session, record), [0.5])
    assert order(admin, [(session, record)]).status_code == 302
    assert not asked_to_delete(sandbox)
    done = work(newest())
    assert done.state == State.DONE
    assert fates(done) == {record: Fate.DELETED}
    assert is_removed(session, record)
    assert cache.get(_peaks_of_item(done)) is None
    days = {"from_date": "2026-06-14", "to_date": "2026-06-16"}  # of the sandbox's clock
    audit = text(admin.get("/audit/", {"filtered_cmd": "DeleteRecord", **days}))
    assert f"Deleted recording {record}" in audit
    entry = TrailEntry.objects.get(action=Action.DELETED)
    assert (entry.who, entry.key) == ("admin", str(record))


def _peaks_of(session_id: int, record_id: int) -> str:
    from history.recordings import peaks_key

    session = session_where(lambda s: s.call_session_history_id == session_id)
    record = next(r for r in session.records if r.record_id == record_id)
    return peaks_key(record.record_url or "")


def _peaks_of_item(found: Deletion) -> str:
    item = found.items.first()
    assert item
    return item.peaks


def test_the_sound_is_gone_for_who_had_it_open(
    admin: Client, client_as: Callable[[str], Client]
) -> None:
    session = session_where(can_be_heard)
    agent = client_as("agent")
    page = agent.get(f"/calls/{session.call_session_history_id}/").content.decode()
    found = re.search(r'<audio[^>]* src="([^"]+)"', page)
    assert found
    assert agent.get(found[1]).getvalue()  # to its end: an open file takes a place
    pairs = [
        (session.call_session_history_id, r.record_id)
        for r in session.records
        if r.record_url and not r.is_removed
    ]
    order(admin, pairs)
    work(newest())
    assert agent.get(found[1]).status_code in (404, 410)


def test_more_than_one_must_be_typed(admin: Client) -> None:
    pairs = heard(2)
    page = admin.post("/deletions/new/", {**named(pairs), "reason": WHY, "typed": "3"})
    assert page.status_code == 200
    assert "“3” is not “2”. 2 recordings would go for good" in text(page)
    assert WHY in page.content.decode()
    assert not Deletion.objects.exists()


def test_a_reason_is_wanted(admin: Client) -> None:
    page = admin.post("/deletions/new/", {**named(heard()), "reason": " "})
    assert "Say why, in a few words" in text(page)
    assert not Deletion.objects.exists()


@pytest.mark.parametrize("record", ["x", "1-2-3", "7"])
def test_a_link_that_names_no_recording_is_explained(admin: Client, record: str) -> None:
    page = admin.get("/deletions/new/", {"record": record})
    assert f"“{record}” does not name a recording and its call." in page.content.decode()


def test_a_second_click_deletes_nothing_twice(admin: Client, sandbox: Sandbox) -> None:
    pairs = heard()
    first = order(admin, pairs, order_key="k")
    second = order(admin, pairs, order_key="k")
    assert first.headers["Location"] == second.headers["Location"]
    assert "in another order" in text(admin.get("/deletions/new/", named(pairs))).lower()
    assert Deletion.objects.count() == 1
    work(newest())
    assert asked_to_delete(sandbox) == [pairs[0][1]]
    again = text(admin.get("/deletions/new/", named(pairs)))
    assert "Nothing is left to delete" in again
    assert "Already gone" in again


def test_what_was_deleted_elsewhere_meanwhile_is_already_gone(admin: Client, settings: Any) -> None:
    ((_session, record),) = pairs = heard()
    order(admin, pairs)
    connect().delete_record(DeleteRecord(record_id=record))
    done = work(newest())
    assert fates(done) == {record: Fate.GONE}
    assert "Already gone" in text(admin.get(f"/deletions/{done.pk}/"))


def test_steps_that_run_twice_do_nothing_twice(admin: Client, sandbox: Sandbox) -> None:
    order(admin, heard(2))
    done = work(newest())
    assert running.step(done.pk) is None
    assert len(asked_to_delete(sandbox)) == 2
    assert TrailEntry.objects.filter(action=Action.DELETE_DONE).count() == 1


# Delay, cancel, approval


def test_nothing_goes_before_the_delay_is_over(
    admin: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.DELETION_DELAY_MINUTES = 10
    order(admin, heard())
    waiting = work(newest())
    assert waiting.state == State.WAITING
    assert "It begins at" in text(admin.get(f"/deletions/{waiting.pk}/"))
    assert not asked_to_delete(sandbox)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert Deletion.ready().count() == 1


def test_an_order_cancelled_in_time_deletes_nothing(
    admin: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.DELETION_DELAY_MINUTES = 10
    order(admin, heard())
    found = newest()
    page = admin.post(f"/deletions/{found.pk}/do/cancel/", follow=True)
    assert "Nothing was deleted" in page.content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert work(found).state == State.CANCELLED
    assert not asked_to_delete(sandbox)
    late = admin.post(f"/deletions/{found.pk}/do/cancel/", follow=True)
    assert "Too late" in late.content.decode()


def test_an_order_cancelled_on_its_way_is_certified_as_far_as_it_went(
    admin: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = heard(4)
    order(admin, pairs)
    found = newest()
    monkeypatch.setattr(running, "MOST_AT_ONCE", 2)
    running.step(found.pk)
    # Of the third nobody knows: its request had left when the worker was killed.
    unknown = found.items.filter(fate=Fate.WAITING).first()
    assert unknown
    found.items.filter(pk=unknown.pk).update(asked=True)
    page = admin.post(f"/deletions/{found.pk}/do/cancel/", follow=True)
    assert "2 recordings were deleted before" in page.content.decode()
    assert "Nothing more is deleted." in text(page)
    work(found)  # the answer may still come
    assert admin.get(f"/deletions/{found.pk}/certificate/").status_code == 404
    sandbox.fault("clock", seconds=120.0)  # it refuses tokens of the future
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=True):
        assert work(found).state == State.CANCELLED
    assert sorted(fates(found).values()) == ["deleted", "deleted", "stayed", "stayed"]
    assert len(asked_to_delete(sandbox)) == 2
    assert not is_removed(unknown.session_id, unknown.record_id)
    page = text(admin.get(f"/deletions/{found.pk}/certificate/"))
    assert "This order was stopped on its way" in page
    assert page.count("The order was cancelled before its turn.") == 2
    said = json.loads(admin.get(f"/deletions/{found.pk}/certificate.json").content)
    assert said["results"] == {"deleted": 2, "stayed": 2}
    assert said["cancelled_by"] == "admin"
    assert sorted(item["result"] for item in said["items"]) == sorted(fates(found).values())
    entry = TrailEntry.objects.get(number=said["trail"]["entry"])
    assert entry.details["items_sha256"] == said["items_sha256"]


def test_an_approver_cannot_approve_an_own_order(
    admin: Client, client_as: Callable[[str], Client], sandbox: Sandbox, settings: Any
) -> None:
    settings.DELETION_NEEDS_APPROVAL = True
    order(admin, heard())
    found = newest()
    address = f"/deletions/{found.pk}/do/approve/"
    assert found.state == State.UNAPPROVED
    own = admin.post(address, follow=True)
    assert "Nobody approves an own order" in own.content.decode()
    assert work(found).state == State.UNAPPROVED
    assert client_as("auditor").post(address).status_code == 403
    client_as("owner").post(address)
    assert work(found).state == State.DONE
    assert found.approved_by == "owner"
    assert TrailEntry.objects.filter(action=Action.DELETE_APPROVED, who="owner").exists()


@pytest.mark.parametrize("role", ["agent", "supervisor", "finance", "auditor"])
def test_only_admins_and_owners_order_deletions(
    client_as: Callable[[str], Client], sandbox: Sandbox, role: str
) -> None:
    client = client_as(role)
    assert client.get("/deletions/new/", named(heard())).status_code == 403
    assert order(client, heard()).status_code == 403
    assert client.post("/deletions/search/", {"scope": "period"}).status_code == 403
    assert client.get("/deletions/holds/").status_code == 403
    assert client.post("/deletions/retention/").status_code == 403
    assert not Deletion.objects.exists()


# Legal holds


@pytest.mark.parametrize("kind", ["record", "session", "number"])
def test_what_is_on_hold_stays(admin: Client, sandbox: Sandbox, kind: str) -> None:
    session = session_where(of_a_customer)
    record = next(r for r in session.records if r.record_url and not r.is_removed)
    pair = (session.call_session_history_id, record.record_id)
    number = session.calls[0].remote_number or ""
    value = {"record": str(pair[1]), "session": str(pair[0]), "number": f"+{number}"}[kind]
    admin.post("/deletions/holds/", {"kind": kind, "value": value, "reason": "Court case"})
    page = text(admin.get("/deletions/new/", named([pair])))
    assert "Legal hold: Court case" in page
    assert "Nothing is left to delete" in page
    order(admin, [pair])
    assert not Deletion.objects.exists()
    assert not asked_to_delete(sandbox)


def test_a_hold_put_on_after_the_order_still_holds(admin: Client, sandbox: Sandbox) -> None:
    session = session_where(of_a_customer)
    record = next(r for r in session.records if r.record_url and not r.is_removed)
    order(admin, [(session.call_session_history_id, record.record_id)])
    number = session.calls[0].remote_number or ""
    hold = {"kind": "number", "value": f"+{number}", "reason": "Court case"}
    admin.post("/deletions/holds/", hold)
    assert fates(work(newest())) == {record.record_id: Fate.HELD}
    assert not asked_to_delete(sandbox)


def test_a_hold_is_lifted_with_a_reason_only(admin: Client) -> None:
    admin.post("/deletions/holds/", {"kind": "record", "value": "4711", "reason": "Court case"})
    hold = LegalHold.objects.get()
    twice = admin.post("/deletions/holds/", {"kind": "record", "value": "4711", "reason": "Again"})
    assert "This is on hold already." in text(twice)
    admin.post(f"/deletions/holds/{hold.pk}/lift/", {"reason": ""})
    assert LegalHold.objects.filter(lifted=None).exists()
    admin.post(f"/deletions/holds/{hold.pk}/lift/", {"reason": "Case closed"})
    assert not LegalHold.objects.filter(lifted=None).exists()
    assert TrailEntry.objects.filter(action=Action.HOLD_LIFTED, who="admin").exists()


def test_a_hold_on_what_is_no_id_is_explained(admin: Client) -> None:
    page = admin.post("/deletions/holds/", {"kind": "session", "value": "x7", "reason": "Why"})
    assert "“x7” is not an ID" in text(page)


# Failures


def test_what_failed_can_be_tried_again(admin: Client, sandbox: Sandbox) -> None:
    ((session, record),) = pairs = heard()
    order(admin, pairs)
    sandbox.fault("http_status", method="DeleteRecord", status=502)
    found = newest()
    for _ in range(10):
        running.step(found.pk)
        Deletion.objects.filter(pk=found.pk).update(due=timezone.now())
    found.refresh_from_db()
    assert fates(found) == {record: Fate.FAILED}
    assert "Voximplant cannot be reached" in text(admin.get(f"/deletions/{found.pk}/"))
    sandbox.reset()
    admin.post(f"/deletions/{found.pk}/do/retry/")
    assert fates(work(found)) == {record: Fate.DELETED}
    assert is_removed(session, record)


def test_a_lost_answer_is_asked_about_again(admin: Client) -> None:
    """As after a worker that was killed between the request and its answer."""
    ((_session, record),) = pairs = heard()
    order(admin, pairs)
    connect().delete_record(DeleteRecord(record_id=record))
    DeletionItem.objects.update(asked=True)
    done = work(newest())
    assert fates(done) == {record: Fate.DELETED}
    assert "first answer was lost" in text(admin.get(f"/deletions/{done.pk}/"))


def test_what_the_platform_refuses_is_said_in_its_words(admin: Client, sandbox: Sandbox) -> None:
    order(admin, heard())
    sandbox.fault(
        "error",
        method="DeleteRecord",
        code=562,
        msg="Not possible for records in custom storages.",
    )
    done = work(newest())
    assert set(fates(done).values()) == {Fate.REFUSED}
    assert "custom storages" in text(admin.get(f"/deletions/{done.pk}/"))


def test_an_order_for_another_account_deletes_nothing(admin: Client, sandbox: Sandbox) -> None:
    order(admin, heard())
    Deletion.objects.update(number=1)
    found = work(newest())
    assert found.state == State.CANCELLED
    assert "The order was made for the account 1" in text(admin.get(f"/deletions/{found.pk}/"))
    assert not asked_to_delete(sandbox)


# Searches


def searched(client: Client, **said: str) -> Deletion:
    assert client.post("/deletions/search/", said).status_code == 302
    return work(newest())


def test_everything_of_a_number_is_found_and_deleted(admin: Client) -> None:
    session = session_where(of_a_customer)
    number = session.calls[0].remote_number
    expected = {
        record.record_id
        for one in sessions()
        if any(call.remote_number == number for call in one.calls)
        for record in one.records
        if record.record_url and not record.is_removed
    }
    draft = searched(admin, scope="number", numbers=f"+{number}")
    assert draft.state == State.DRAFT
    assert expected <= set(fates(draft))
    count = draft.items.count()
    page = text(admin.get(f"/deletions/{draft.pk}/"))
    assert f"Delete {count} recording" in page
    typed = {"typed": str(count)} if count > 1 else {}
    admin.post(f"/deletions/{draft.pk}/", {"reason": WHY, **typed})
    done = work(draft)
    assert set(fates(done).values()) == {Fate.DELETED}
    assert done.numbers == [f"…{number[-4:]}"]
    assert not DeletionItem.objects.exclude(numbers=[]).exists()
    second = admin.post(f"/deletions/{draft.pk}/", {"reason": WHY}, follow=True)
    assert "ordered already" in second.content.decode()


def test_many_need_a_word(admin: Client) -> None:
    draft = searched(admin, scope="period", since="2026-01-01", until="2026-06-14")
    count = draft.items.count()
    phrase = f"DELETE {count}" if count > 100 else str(count)
    page = admin.post(f"/deletions/{draft.pk}/", {"reason": WHY, "typed": f"{count}x"})
    assert f"is not “{phrase}”" in text(page)
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"scope": "number"}, "Write the number whose recordings are to go."),
        ({"scope": "application"}, "Write the application’s name"),
        ({"scope": "period", "since": "2026-06-02"}, "Say both days"),
        (
            {"scope": "period", "since": "2026-06-02", "until": "2026-06-01"},
            "The period ends (2026-06-01) before it begins (2026-06-02)",
        ),
    ],
)
def test_a_search_that_says_too_little_is_explained(
    admin: Client, said: dict[str, str], words: str
) -> None:
    page = admin.post("/deletions/search/", said)
    assert words in text(page)
    assert not Deletion.objects.exists()


# Certificates


def test_the_certificate_proves_what_became_of_each(admin: Client) -> None:
    pairs = heard(3)
    order(admin, pairs)
    done = work(newest())
    page = text(admin.get(f"/deletions/{done.pk}/certificate/"))
    assert WHY in page
    assert all(str(record) in page for _session, record in pairs)
    answer = admin.get(f"/deletions/{done.pk}/certificate.json")
    said = json.loads(answer.content)
    assert [item["result"] for item in said["items"]] == ["deleted"] * 3
    lines = "".join(
        json.dumps(item, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
        for item in said["items"]
    )
    digest = sha256(lines.encode()).hexdigest()
    assert said["items_sha256"] == digest
    entry = TrailEntry.objects.get(number=said["trail"]["entry"])
    assert entry.details["items_sha256"] == digest
    assert entry.hash == said["trail"]["hash"]
    assert verify()[1] is None


def test_there_is_no_certificate_before_the_end(admin: Client, settings: Any) -> None:
    settings.DELETION_DELAY_MINUTES = 10
    order(admin, heard())
    assert admin.get(f"/deletions/{newest().pk}/certificate/").status_code == 404


# Retention


def test_a_rule_shows_what_it_would_delete_and_then_does(admin: Client, sandbox: Sandbox) -> None:
    keep = (timezone.now() - datetime(2026, 5, 15, tzinfo=UTC)).days
    admin.post("/deletions/retention/", {"keep_days": str(keep), "reason": "Our policy"})
    rule = RetentionRule.objects.get()
    assert list(retention.run_due(timezone.now())) == []  # it is made switched off
    admin.post(f"/deletions/retention/{rule.pk}/try/")
    draft = work(newest())
    assert draft.state == State.DRAFT
    assert draft.items.exists()
    oldest_kept = timezone.now() - timedelta(days=keep)
    assert all(item.session_start <= oldest_kept for item in draft.items.all())
    expected = set(fates(draft))
    assert not asked_to_delete(sandbox)
    admin.post(f"/deletions/retention/{rule.pk}/on/")
    (made,) = retention.run_due(timezone.now())
    assert list(retention.run_due(timezone.now())) == []
    done = work(made)
    assert done.state == State.DONE
    assert set(fates(done)) == expected
    assert set(fates(done).values()) == {Fate.DELETED}
    rule.refresh_from_db()
    assert rule.searched == done.to_date


def test_drafts_nobody_confirmed_are_cleared(admin: Client) -> None:
    draft = searched(admin, scope="period", since="2026-06-01", until="2026-06-02")
    run_due()
    assert Deletion.objects.filter(pk=draft.pk).exists()
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        run_due()
    assert not Deletion.objects.filter(pk=draft.pk).exists()


# With a worker


def test_a_worker_deletes_what_was_ordered(
    admin: Client, process_env: dict[str, str], sandbox: Sandbox
) -> None:
    ((session, record),) = pairs = heard()
    command = [sys.executable, "-m", "celery", "-A", "dashboard", "worker", "-P", "solo"]
    command += ["-Q", "default", "-l", "INFO", "--without-gossip", "--without-mingle"]
    with Supervisor(io.StringIO()) as supervisor:
        worker = supervisor.start("worker", command, process_env)
        supervisor.wait_for_line(worker, r"ready\.", 60)
        order(admin, pairs)
        give_up = time.monotonic() + 60
        while newest().state != State.DONE:
            assert time.monotonic() < give_up, f"it is {newest().state}"
            time.sleep(0.1)
    assert fates(newest()) == {record: Fate.DELETED}
    assert is_removed(session, record)
    assert verify()[1] is None
