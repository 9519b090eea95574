"""A second look at a closed period is answered from what was kept of the first."""

import re
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache, caches
from django.test import Client
from django.utils import timezone

from history.api.client import RemoteError
from history.api.methods import DeleteRecord
from history.connection import connect_politely
from history.models import Preferences
from history.models.accounts import Account
from history.sealing import key_sealer
from tests.conftest import Sandbox
from tests.history.calls_of import can_be_heard, session_where
from tests.history.test_calls import DAY, MONTH, rows, text

HOUR = 3600


@pytest.fixture
def owner(client_as: Callable[[str], Client], sandbox: Sandbox, settings: Any) -> Client:
    settings.VOX_ANSWERS_KEEP_SECONDS = HOUR
    return client_as("owner")


def asked(sandbox: Sandbox) -> int:
    """How often it was asked for calls, its currency and the like apart."""
    questions = [r["params"] for r in sandbox.requests if r["method"] == "GetCallHistory"]
    return sum("with_calls" in params for params in questions)


def test_asks_once_for_a_closed_period_and_says_how_old_the_answer_is(
    owner: Client, sandbox: Sandbox
) -> None:
    first = owner.get("/calls/", DAY)
    assert rows(first)
    again = owner.get("/calls/", DAY)
    assert (rows(again), asked(sandbox)) == (rows(first), 1)
    assert "Shown as of" not in text(again)  # it is seconds old
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        later = owner.get("/calls/", DAY)
    assert (rows(later), asked(sandbox)) == (rows(first), 1)
    assert "Shown as of" in text(later)
    assert "Europe/Berlin" in text(later)

    anew = owner.get("/calls/", DAY | {"fresh": "1"})
    assert (rows(anew), asked(sandbox)) == (rows(first), 2)
    assert "Shown as of" not in text(anew)
    assert "is not a filter" not in text(anew)
    reloaded = owner.get("/calls/", DAY, headers={"Cache-Control": "no-cache"})
    assert (rows(reloaded), asked(sandbox)) == (rows(first), 3)
    owner.get("/calls/", DAY)
    assert asked(sandbox) == 3


def test_asks_each_time_for_a_period_that_goes_on(owner: Client, sandbox: Sandbox) -> None:
    for _look in range(2):
        owner.get("/calls/", {"period": "today"})
    now = timezone.now().isoformat(" ", "seconds")[:19]
    for _look in range(2):
        owner.get("/calls/", {"from_date": "2026-06-11", "to_date": now, "timezone": "UTC"})
    assert asked(sandbox) == 4


def test_keeps_no_failure(owner: Client, sandbox: Sandbox) -> None:
    sandbox.fault("error", code=500, method="GetCallHistory", times=1)
    assert owner.get("/calls/", DAY).status_code == 502
    assert rows(owner.get("/calls/", DAY))


def test_forgets_everything_when_a_recording_is_deleted(owner: Client, sandbox: Sandbox) -> None:
    owner.get("/calls/", DAY)
    # An attempt that failed may have been heard.
    with pytest.raises(RemoteError):
        connect_politely().delete_record(DeleteRecord(record_id=1))
    owner.get("/calls/", DAY)
    assert asked(sandbox) == 2


def test_workers_ask_for_themselves(owner: Client, sandbox: Sandbox) -> None:
    from history.forms import CallsForm, Defaults

    owner.get("/calls/", DAY)
    form = CallsForm(owner.get("/calls/", DAY).wsgi_request.GET, Defaults())
    assert form.is_valid()
    connect_politely().get_call_history(form.params())
    assert asked(sandbox) == 2


def test_accounts_do_not_share_answers(owner: Client, sandbox: Sandbox) -> None:
    child = next(sandbox.credentials.parent.glob("credentials-child-*.json"))
    secret = key_sealer().encrypt(child.read_bytes()).decode()
    Account.objects.create(slug="child", name="Child", secret=secret)
    own = owner.get("/calls/", DAY)
    other = owner.get("/@child/calls/", DAY)
    assert asked(sandbox) == 2
    assert not set(rows(own)) & set(rows(other))


def test_questions_asked_ahead_share_connections_to_redis(
    owner: Client, sandbox: Sandbox, settings: Any
) -> None:
    with redis.Redis.from_url(settings.CACHE_URL) as server:

        def connected() -> int:
            return int(server.info("stats")["total_connections_received"])

        assert rows(owner.get("/calls/", DAY))
        before = connected()
        for _look in range(3):
            assert rows(owner.get("/calls/", DAY | {"fresh": 1}))
        assert connected() == before


def test_redis_that_is_away_is_waited_for_once(
    owner: Client, sandbox: Sandbox, settings: Any
) -> None:
    """It takes connections and never answers: each wait is as long as the time-out."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        there = settings.CACHES
        away = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        options = there["default"]["OPTIONS"] | {"socket_timeout": 0.2}
        settings.CACHES = there | {
            "default": there["default"] | {"LOCATION": away, "OPTIONS": options}
        }
        for _look in range(3):
            assert rows(owner.get("/calls/", DAY))
        settings.CACHES = there
        mute.setblocking(False)
        mute.accept()
        with pytest.raises(BlockingIOError):  # nobody else called
            mute.accept()


def test_pages_go_on_without_redis(owner: Client, sandbox: Sandbox, settings: Any) -> None:
    there = settings.CACHES
    away = there["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = there | {"default": away}
    for _look in range(2):
        assert rows(owner.get("/calls/", DAY))
    settings.CACHES = there
    assert asked(sandbox) == 2


# What was drawn is kept, too


def part(page: Any) -> str:
    """What a page shows of an answer."""
    found = re.search(r'<div data-rows.*id="pager".*?</nav>', page.content.decode(), re.DOTALL)
    assert found
    return found[0]


def kept_parts(settings: Any) -> list[bytes]:
    with redis.Redis.from_url(settings.CACHE_URL) as server:
        return [server.get(key) or b"" for key in server.scan_iter("*:drawn:*")]


def test_what_was_drawn_is_shown_again_and_sealed_meanwhile(
    owner: Client, sandbox: Sandbox, settings: Any
) -> None:
    first = owner.get("/calls/", MONTH)
    (kept,) = kept_parts(settings)
    assert b"data-row" not in kept
    assert part(owner.get("/calls/", MONTH)) == part(first)
    alone = owner.get("/calls/", MONTH, headers={"HX-Request": "true", "HX-Target": "list"})
    assert part(alone) == part(first)
    assert len(kept_parts(settings)) == 1
    assert "data-announce" in part(first)
    statement = part(owner.get("/transactions/", MONTH))
    assert part(owner.get("/transactions/", MONTH)) == statement
    assert len(kept_parts(settings)) == 2


def test_what_was_drawn_is_forgotten_with_the_answer(
    owner: Client, sandbox: Sandbox, settings: Any
) -> None:
    before = part(owner.get("/calls/", MONTH))
    session = session_where(can_be_heard)
    record = next(r for r in session.records if r.record_url and not r.is_removed)
    connect_politely().delete_record(DeleteRecord(record_id=record.record_id))
    assert part(owner.get("/calls/", MONTH)) != before


def test_each_sees_what_is_theirs(
    owner: Client, client_as: Callable[[str], Client], sandbox: Sandbox, settings: Any
) -> None:
    settings.MASKED_ROLES = frozenset({"auditor"})
    seen_whole = part(owner.get("/calls/", MONTH))
    auditor = client_as("auditor")
    seen_masked = part(auditor.get("/calls/", MONTH))
    assert "masked" in seen_masked
    assert "masked" not in seen_whole
    assert (part(owner.get("/calls/", MONTH)), part(auditor.get("/calls/", MONTH))) == (
        seen_whole,
        seen_masked,
    )
    # The same person, who may do less now.
    settings.MASKED_ROLES = frozenset({"auditor", "owner"})
    assert "masked" in part(owner.get("/calls/", MONTH))
    assert asked(sandbox) == 1


def test_other_settings_see_it_anew(
    owner: Client, sandbox: Sandbox, people: dict[str, User]
) -> None:
    query = {name: value for name, value in MONTH.items() if name != "timezone"}
    english = part(owner.get("/calls/", query))
    for change, expected in (
        ({"zone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"language": "ru"}, "Отвечен"),
        ({"language": "es"}, "Contestada"),
    ):
        Preferences.objects.update_or_create(user=people["owner"], defaults=change)
        changed = part(owner.get("/calls/", query))
        assert expected in changed
        assert expected not in english


def test_what_lacks_something_for_now_is_not_kept(
    owner: Client, sandbox: Sandbox, settings: Any
) -> None:
    fault = sandbox.fault("error", code=500, method="GetTransactionHistory")
    assert "EUR" not in part(owner.get("/calls/", MONTH))
    assert kept_parts(settings) == []
    sandbox.mend(fault)
    # As if a minute had gone by.
    cache.delete("account_currency:default")
    caches["nearby"].clear()
    assert "EUR" in part(owner.get("/calls/", MONTH))
    assert asked(sandbox) == 1
