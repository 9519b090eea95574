"""Several Voximplant accounts: that of the settings, and its child by a key of its own."""

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from history.media import Kind, Purpose, Reference
from history.models import Account, ApiToken, Grant, LegalHold, RetentionRule, Schedule
from history.models import accounts as known
from history.models.deletions import Deletion
from history.models.people import SavedView
from history.models.reports import Report
from history.models.trail import Action, TrailEntry, verify
from history.trail import note
from tests.conftest import Sandbox
from tests.history.calls_of import address, sessions
from tests.history.pages import rows, text
from tests.history.reports import STEPS, ordered

YEAR = "?from_date=2025-07-01&to_date=2026-06-15"


@pytest.fixture
def key(sandbox: Sandbox) -> Path:
    """The child's own key."""
    return sorted(sandbox.credentials.parent.glob("credentials-child-*.json"))[0]


def upload(name: str, content: bytes) -> BytesIO:
    file = BytesIO(content)
    file.name = name
    return file


def give(client: Client, key: Path, to: str = "/accounts/add/", **said: object) -> Any:
    with key.open("rb") as file:
        return client.post(to, {"key_file": file, **said})


@pytest.fixture
def owner(client_as: Callable[[str], Client], key: Path) -> Client:
    """Has added the child's account, as people do."""
    client = client_as("owner")
    added = give(client, key, name="Nordlicht US", slug="us")
    assert added.headers["Location"] == "/accounts/@us/"
    return client


def wire(sandbox: Sandbox) -> list[str]:
    """Who asked, by the heads of the requests' tokens: one for each key."""
    found = [one["headers"].get("authorization", "").split(".")[0] for one in sandbox.requests]
    return list(dict.fromkeys(found))


# Adding, and keys


def test_an_account_is_added_with_a_key_that_works_and_keeps_to_itself(
    owner: Client, key: Path, sandbox: Sandbox
) -> None:
    secret = json.loads(key.read_text())["private_key"]
    account = Account.objects.get(slug="us")
    assert str(account.number) in key.name
    assert account.secret
    assert "PRIVATE" not in account.secret
    page = owner.get("/accounts/@us/")
    assert "As a key with the role Owner may" in text(page)
    for answer in (page, owner.get("/accounts/"), owner.get("/@us/calls/")):
        assert secret.split("\n")[1] not in answer.content.decode()
    own, child = (set(rows(owner.get(f"{at}/calls/{YEAR}"))) for at in ("", "/@us"))
    assert own
    assert child
    assert not own & child
    added = TrailEntry.objects.get(kind="account", action=Action.SETTINGS)
    assert added.details == {"name": "Nordlicht US", "what": "added", "number": account.number}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"key_file": b"{}"}, "the credentials have no account_id, key_id, private_key"),
        ({"key_file": b"\xff\xfe"}, "it is not text"),
        ({"key_file": b"x" * 65537}, "larger than a key file ever is"),
        ({"key_text": "what?"}, "the credentials are not JSON"),
        ({"account_id": "48211", "api_key": "guessed"}, "Voximplant does not accept the key"),
        ({"account_id": "48211"}, "give both"),
        ({}, "Give one key"),
        ({"key_file": "credentials-no-role.json"}, "it may do nothing here"),
    ],
)
def test_a_key_that_fails_is_refused_in_words_and_does_not_come_back(
    client_as: Callable[[str], Client], sandbox: Sandbox, said: dict[str, Any], words: str
) -> None:
    if isinstance(said.get("key_file"), str):
        said = {"key_file": (sandbox.credentials.parent / said["key_file"]).read_bytes()}
    if "key_file" in said:
        said = {"key_file": upload("key.json", said["key_file"])}
    page = client_as("owner").post("/accounts/add/", {"name": "Berlin", **said})
    assert page.status_code == 200
    assert words in text(page)
    assert 'value="Berlin"' in page.content.decode()
    assert "guessed" not in page.content.decode()
    assert "what?" not in page.content.decode()
    assert not Account.objects.exists()


def test_a_key_with_few_roles_is_taken_and_says_what_it_may(
    client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    few = sandbox.credentials.with_name("credentials-accountant.json")
    page = client_as("owner")
    assert give(page, few, name="Books").status_code == 302
    said = text(page.get("/accounts/@books/"))
    assert "GetCallHistory refused (104)" in said
    assert "GetTransactionHistory allowed" in said
    assert "Accountant, Payer" in said


def test_a_new_key_takes_effect_at_once_and_a_wrong_one_changes_nothing(
    owner: Client, key: Path, sandbox: Sandbox
) -> None:
    before = Account.objects.get(slug="us").secret
    other = give(owner, sandbox.credentials, to="/accounts/@us/key/")
    assert "Add it as an account of its own" in text(other)
    assert Account.objects.get(slug="us").secret == before
    listed = json.loads((key.parent / "accounts.json").read_text())
    number = Account.objects.get(slug="us").number
    api_key = next(one["api_key"] for one in listed if one["account_id"] == number)
    said = {"account_id": number, "api_key": api_key}
    assert owner.post("/accounts/@us/key/", said).status_code == 302
    sandbox.reset()
    assert rows(owner.get(f"/@us/calls/{YEAR}"))
    assert {one["headers"].get("authorization") for one in sandbox.requests} == {None}
    assert api_key not in owner.get("/accounts/@us/").content.decode()


def test_the_account_of_the_settings_has_its_number_on_both_pages(owner: Client) -> None:
    assert "48211" in text(owner.get("/accounts/"))
    assert "48211" in text(owner.get("/accounts/@default/"))


def test_keys_are_sealed_anew_and_open_with_no_other_secret(owner: Client, settings: Any) -> None:
    settings.VOX_ENCRYPTION_KEYS = ["first"]
    assert owner.get("/@us/calls/").status_code == 200  # sealed with SECRET_KEY before
    call_command("rotate_keys")
    settings.SECRET_KEY = "quite another"
    owner.force_login(User.objects.get(username="owner"))
    assert owner.get("/@us/calls/").status_code == 200
    settings.VOX_ENCRYPTION_KEYS = ["second", "first"]
    call_command("rotate_keys")
    settings.VOX_ENCRYPTION_KEYS = ["second"]
    assert owner.get("/@us/calls/").status_code == 200
    settings.VOX_ENCRYPTION_KEYS = ["third"]
    page = owner.get("/@us/calls/")
    assert page.status_code == 502
    assert "The key of “Nordlicht US” cannot be opened" in text(page)
    with pytest.raises(CommandError, match="opens the key of us"):
        call_command("rotate_keys")


def test_without_any_account_the_page_says_what_to_do_and_the_first_one_is_the_default(
    client_as: Callable[[str], Client], key: Path, settings: Any
) -> None:
    settings.VOX_CREDENTIALS = None
    client = client_as("owner")
    page = client.get("/calls/")
    assert "Add one on the page Accounts" in text(page)
    assert "Accounts and their keys" in text(page)
    give(client, key, name="Nordlicht US")
    assert rows(client.get(f"/calls/{YEAR}"))
    assert "Main account" not in text(client.get("/accounts/"))


# Addresses and the switch


def test_every_link_of_a_page_stays_in_its_account(owner: Client) -> None:
    for path in ("/", f"/calls/{YEAR}", "/reports/", "/deletions/", "/settings/", "/accounts/"):
        page = owner.get(f"/@us{path}").content.decode()
        switch = re.search(r'<details class="menu account".*?</details>', page, re.S)
        assert switch
        assert f'href="{path.split("?")[0]}"' in switch[0]
        found = re.findall(
            r'(?:href|action|src|hx-get|hx-post)="(/[^"]*)"', page.replace(switch[0], "")
        )
        strays = {link for link in found if not link.startswith(("/@us/", "/static/"))}
        # The page of accounts leads to each of them.
        assert strays <= ({"/"} if path == "/accounts/" else set())


def test_the_menu_is_there_only_where_there_is_a_choice(
    client_as: Callable[[str], Client], sandbox: Sandbox, key: Path
) -> None:
    client = client_as("owner")
    assert 'id="account"' not in client.get("/settings/").content.decode()
    give(client, key, name="Nordlicht US", slug="us")
    assert "Nordlicht US" in text(client.get("/settings/"))


def test_the_default_can_be_another_and_the_old_one_keeps_an_address(owner: Client) -> None:
    own = rows(owner.get(f"/calls/{YEAR}"))
    assert "Addresses without an account lead to" in text(
        owner.post("/accounts/@us/default/", follow=True)
    )
    assert rows(owner.get(f"/@default/calls/{YEAR}")) == own
    assert rows(owner.get(f"/calls/{YEAR}")) == rows(owner.get(f"/@us/calls/{YEAR}")) != own


def test_signing_in_leads_back_into_the_account_without_telling_which_there_are(
    owner: Client,
) -> None:
    for slug in ("us", "nosuch"):
        answer = Client().get(f"/@{slug}/calls/")
        assert answer.headers["Location"] == f"/@{slug}/accounts/login/?next=/%40{slug}/calls/"
    assert owner.get("/@nosuch/calls/").status_code == 404


# Who may open which


def test_a_role_in_one_account_opens_that_one_alone(
    owner: Client, client: Client, people: dict[str, User]
) -> None:
    lone = User.objects.create_user("lone")
    given = {"account": "us", "role": "admin"}
    owner.post(f"/people/{lone.pk}/grants/", given)
    assert "lone : admin" in text(owner.get("/accounts/@us/"))
    client.force_login(lone)
    assert client.get("/").headers["Location"] == "/@us/"
    assert rows(client.get(f"/@us/calls/{YEAR}"))
    assert client.get("/@us/trail/").status_code == 200
    assert client.get("/calls/").status_code == 403
    assert client.get("/@default/calls/").status_code == 404
    # What is of the whole installation no role in one account opens.
    assert client.get("/@us/people/").status_code == 403
    assert client.get("/@us/accounts/").status_code == 403
    assert "Main account" not in text(client.get("/@us/settings/"))
    (grant,) = Grant.objects.all()
    owner.post(f"/people/{lone.pk}/grants/{grant.pk}/end/")
    assert client.get("/@us/calls/").status_code == 404


def test_only_an_owner_grants_an_owner(
    owner: Client, client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    agent = people["agent"].pk
    said = {"account": "us", "role": "owner"}
    assert client_as("admin").post(f"/people/{agent}/grants/", said).status_code == 200
    assert not Grant.objects.exists()
    owner.post(f"/people/{agent}/grants/", said)
    (grant,) = Grant.objects.all()
    ended = client_as("admin").post(f"/people/{agent}/grants/{grant.pk}/end/")
    assert ended.status_code == 403
    assert Grant.objects.exists()


# Whose is whose


def test_what_belongs_to_one_account_is_not_found_in_another(
    owner: Client, people: dict[str, User]
) -> None:
    user = people["owner"]
    with known.using("us"):
        report = ordered(owner=user)
        Report.objects.filter(pk=report.pk).update(state="stored", file="x", expires=None)
        view = SavedView.objects.create(owner=user, page="calls", name="mine", query="only=failed")
        deletion = Deletion.objects.create(number=1, reason="…")
        hold = LegalHold.objects.create(kind="record", value="1", reason="…", put_by="owner")
        rule = RetentionRule.objects.create(keep_days=9, reason="…")
        schedule = Schedule.objects.create(owner=user, kind="calls", next_run=timezone.now())
        session = next(one for one in sessions() if one.log_file_url)
        sealed = Reference(
            kind=Kind.LOG,
            purpose=Purpose.SHOW,
            url=session.log_file_url or "",
            user_id=user.pk,
            session_id=session.call_session_history_id,
            on="2026-06-01",
        ).sealed()
        _token, secret = ApiToken.issue(user, "mine", ["reports:read", "reports:order"])
    script = {"authorization": f"Bearer {secret}"}
    for path in (
        f"/reports/{report.pk}/",
        f"/reports/{report.pk}/row/",
        f"/deletions/{deletion.pk}/",
        f"/media/{sealed}/log/",
        f"/media/{sealed}/",
        f"/api/reports/{report.pk}/",
    ):
        found: Any = owner.get(f"/@us{path}", headers=script)
        assert (found.status_code, found.getvalue() != b"") == (200, True), path
        assert owner.get(path, headers=script).status_code == 404, path
        assert owner.get(f"/@nosuch{path}", headers=script).status_code == 404, path
    assert owner.get(f"/reports/{report.pk}/file/").status_code == 404
    # A call of a child is also one that its parent may ask for; a parent's is none of the child's.
    parents = next(one for one in sessions() if one.log_file_url)
    assert owner.get(f"/@us{address(parents)}").status_code == 404
    posts: dict[str, dict[str, str]] = {
        f"/settings/views/{view.pk}/delete/": {},
        f"/deletions/{deletion.pk}/do/cancel/": {},
        f"/deletions/holds/{hold.pk}/lift/": {"reason": "…"},
        f"/deletions/retention/{rule.pk}/delete/": {},
        f"/reports/schedules/{schedule.pk}/delete/": {},
        f"/reports/{report.pk}/do/delete/": {},
    }
    for path, said in posts.items():
        assert owner.post(path, said).status_code == 404, path
        assert owner.post(f"/@us{path}", said).status_code == 302, path
    assert "mine" not in text(owner.get("/settings/"))


def test_a_hold_on_a_recording_counts_in_every_account_and_keeps_its_reason(owner: Client) -> None:
    with known.using("us"):
        session = next(one for one in sessions() if any(not r.is_removed for r in one.records))
        record = next(one for one in session.records if not one.is_removed).record_id
        LegalHold.objects.create(kind="record", value=record, reason="Court", put_by="owner")
    chosen = {"record": f"{session.call_session_history_id}-{record}"}
    assert "Legal hold: Court" in text(owner.get("/@us/deletions/new/", chosen))
    elsewhere = text(owner.get("/deletions/new/", chosen))
    assert "Legal hold, in another account." in elsewhere
    assert "Court" not in elsewhere


def test_workers_ask_with_the_key_of_the_row(owner: Client, sandbox: Sandbox) -> None:
    owner.get("/@us/calls/")
    (theirs,) = wire(sandbox)[-1:]
    with known.using("us"):
        report = ordered()
    sandbox.reset()
    STEPS["ordered"](report.pk)  # nothing is active here
    report.refresh_from_db()
    assert report.remote_id
    assert wire(sandbox) == [theirs]


# Health, and the end of an account


def test_the_page_says_how_an_account_fares(owner: Client, sandbox: Sandbox) -> None:
    assert text(owner.get("/accounts/")).count("failing") == 0
    sandbox.fault("error", code=100)
    assert owner.get("/@us/calls/").status_code == 502
    said = text(owner.get("/accounts/"))
    assert "failing" in said
    # Rows and the currency are asked for at the same time.
    assert re.search(r"Voximplant does not accept the key \(Get\w+, 100\)", said)
    assert "does not accept" in text(owner.post("/accounts/@us/test/", follow=True))
    sandbox.reset()
    assert "The key works." in text(owner.post("/accounts/@us/test/", follow=True))
    assert "failing" not in text(owner.get("/accounts/"))


def test_the_test_of_a_parents_key_finds_its_children_and_forms_suggest_them(
    owner: Client, key: Path
) -> None:
    owner.post("/accounts/@default/test/")
    own = Account.objects.get(slug="default")
    child = str(Account.objects.get(slug="us").number)
    assert set(own.children) | {child} == set(own.children)
    look = {"name": "Nordlicht", "hue": "2", "children": f"{child} The shop\nberlin"}
    page = owner.post("/accounts/@default/look/", look)
    assert "“berlin”: begin the line with the ID" in text(page)
    owner.post("/accounts/@default/look/", {**look, "children": f"{child} The shop"})
    page = owner.get("/calls/").content.decode()
    assert f'<option value="{child}">The shop</option>' in page
    assert "The shop" not in owner.get("/@us/calls/").content.decode()


def test_a_removed_account_is_asked_nothing_and_stays_readable(
    owner: Client, sandbox: Sandbox, people: dict[str, User]
) -> None:
    with known.using("us"):
        report = ordered(owner=people["owner"])
    refused = owner.post("/accounts/@us/remove/", {"typed": "no"}, follow=True)
    assert "type “us” to confirm" in text(refused)
    owner.post("/accounts/@us/remove/", {"typed": "us"})
    assert Account.objects.get(slug="us").secret == ""
    sandbox.reset()
    page = owner.get("/@us/calls/")
    assert page.status_code == 502
    assert "is switched off, removed or has no key" in text(page)
    assert not sandbox.requests
    assert owner.get(f"/@us/reports/{report.pk}/").status_code == 200
    said = owner.post("/accounts/@default/remove/", {"typed": "default"}, follow=True)
    assert "comes from the settings" in text(said)


# The trail


def test_the_trail_says_in_which_account_and_old_rows_still_hold(
    owner: Client, people: dict[str, User]
) -> None:
    owner.get("/@us/calls/")
    assert TrailEntry.objects.filter(account="us", kind="calls").count() == 1
    with known.using("us"):
        note(people["owner"], Action.VIEW, "session", 7)
    count, fault = verify()
    assert (count, fault) == (TrailEntry.objects.count(), None)
    found = owner.get("/trail/?account=us&action=view").content.decode()
    assert 'href="/@us/calls/7/"' in found
    # The account is sealed with the rest.
    entry = TrailEntry.objects.get(key="7")
    for elsewhere in ("default", ""):
        entry.account = elsewhere
        assert entry.computed_hash() != entry.hash
