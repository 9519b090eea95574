"""The Audit log page: who did what, and nothing that must not be shown."""

import html
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from history import commands
from history.api.methods import GetAuditLog
from history.api.replies import AuditLogInfoType
from history.api.wire import parse_wall_clock
from history.commands import Fact, facts, in_words, risk, sentence
from history.connection import connect
from tests.conftest import Sandbox
from tests.history.pages import has_next, link, query_of, text

YEAR = {"from_date": "2025-06-15", "to_date": "2026-06-14", "timezone": "Europe/Berlin"}


@pytest.fixture
def owner(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("owner")


def show(client: Client, **query: object) -> Any:
    return client.get("/audit/", {**YEAR, **query})


def rows(page: Any) -> list[int]:
    return [int(found) for found in re.findall(r'<tr id="entry-(\d+)"', page.content.decode())]


def of_the_year(**more: Any) -> Sequence[AuditLogInfoType]:
    """What the API itself says of the year, newest first."""
    question = GetAuditLog(
        from_date=parse_wall_clock("2025-06-15 00:00:00"),
        to_date=parse_wall_clock("2026-06-14 23:59:59"),
        timezone="Europe/Berlin",
        desc_order=True,
        count=1000,
        **more,
    )
    return connect().get_audit_log(question).result


def entry(name: str, result: dict[str, Any] | None = None, **arguments: Any) -> AuditLogInfoType:
    return AuditLogInfoType(
        audit_log_id=1,
        requested=datetime(2026, 3, 4, tzinfo=UTC),
        cmd_name=name,
        cmd_args=arguments,
        cmd_result=result,
    )


# Rows


def test_shows_the_entries_newest_first_under_their_days(owner: Client) -> None:
    page = show(owner, count=100)
    assert page.status_code == 200
    assert rows(page) == [row.audit_log_id for row in of_the_year()][:100]
    days = re.findall(r'<tr class="group-row">.*?>([^<]+)</th>', page.content.decode())
    assert len(days) == len(set(days)) == len({row.requested.date() for row in of_the_year()[:100]})


def test_says_who_did_what_from_where(owner: Client) -> None:
    deletion = of_the_year(filtered_cmd=("DelUser",))[0]
    page = show(owner, audit_log_id=deletion.audit_log_id)
    assert deletion.cmd_args
    who = deletion.subuser_name or "Account owner"
    assert f"{who} Deleted user {deletion.cmd_args['user_id'][0]}" in text(page)
    assert deletion.ip
    assert deletion.ip in text(page)


def test_every_command_of_the_sandbox_has_a_sentence(sandbox: Sandbox) -> None:
    for row in of_the_year():
        assert not sentence(row).startswith("Called "), row.cmd_name
        assert "not named" not in sentence(row), row


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (entry("BindSkill", skill_id=[311], user_id=[20417], bind=True),
         "Gave skill 311 to user 20417"),
        (entry("BindSkill", skill_id=[311], user_id=[20417], bind=False),
         "Took skill 311 from user 20417"),
        (entry("DelUser", user_id=[1, 2, 3, 4, 5]), "Deleted user 1, 2, 3 and 2 more"),
        (entry("AddUser", user_name="olga", result={"user_id": 7}), "Created user olga"),
        (entry("AttachPhoneNumber", {"phone_numbers": [{"phone_number": "4930"}]}),
         "Rented phone number 4930"),
        (entry("DelScenario"), "Deleted scenario (not named)"),
        (entry("SetFoo", bar=1), "Called SetFoo"),
        (entry("DelSecret", secret_name="stripe"), "Deleted secret stripe"),
    ],
)  # fmt: skip
def test_commands_are_told_in_sentences(told: AuditLogInfoType, said: str) -> None:
    assert sentence(told) == said


def test_more_than_thirty_commands_have_a_sentence_and_all_of_them_can_be_said() -> None:
    assert len(commands.SENTENCES) > 30
    for name in commands.SENTENCES:
        assert sentence(entry(name))


# Risk


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (entry("CreateKey", description="x"), "Key"),
        (entry("SetKeyRoles", key_id="k", role_name=["Owner"]), "Rights"),
        (entry("AddSubUser", new_subuser_name="x"), "New person"),
        (entry("DeleteRecord", record_id=1), "Deletion"),
        (entry("SQ_DelQueue", sq_queue_id=1), "Deletion"),
        (entry("DeactivatePhoneNumber", phone_number="1"), "Deletion"),
        (entry("SetAccountInfo", callback_url="https://x.example"), "Callback changed"),
        (entry("SetUserInfo", user_id=1, user_password="x"), "Password"),
        (entry("SetUserInfo", user_id=1, user_active=True), ""),
        (entry("StartScenarios", rule_id=1), ""),
        (entry("DeliverSomething"), ""),
    ],
)
def test_what_is_risky_is_said_to_be(told: AuditLogInfoType, reason: str) -> None:
    assert str(risk(told)) == reason


def test_the_risky_tab_looks_through_the_entries_and_says_how_many(owner: Client) -> None:
    page = owner.get(f"/audit/{link(show(owner, count=1000), 'Risky')}")
    wanted = [row.audit_log_id for row in of_the_year() if risk(row)]
    assert rows(page) == wanted
    assert 0 < len(wanted) < len(of_the_year())
    looked = f"so {len(of_the_year())} entries of the period were looked through. These are all."
    assert looked in text(page)


def test_the_risky_tab_goes_on_where_it_stopped(owner: Client) -> None:
    seen: list[int] = []
    page = show(owner, only="risky", count=20)
    assert "There may be more further on" in text(page)
    while True:
        seen += rows(page)
        if not has_next(page):
            break
        page = owner.get("/audit/", query_of(page, "next"))
    assert seen == [row.audit_log_id for row in of_the_year() if risk(row)]


# Arguments and answers


def test_secrets_are_never_shown() -> None:
    told = facts(
        {
            "user_name": "olga",
            "user_password": "hunter2",
            "api_key": "abc",
            "result": {"private_key": "-----BEGIN", "key_id": "k-1"},
            "list": [{"callback_salt": "pepper", "name": "ok"}],
            "note": "-----BEGIN RSA PRIVATE KEY-----",
            "callback_url": "https://user:pw@x.example/?token=t0p&page=2",
            "secret_id": 5,
            "secret_value": "s",
            "json_credentials": {"private_key": "x"},
        }
    )
    shown = " ".join(fact.value + fact.before for fact in told)
    for secret in ("hunter2", "abc", "BEGIN", "pepper", "pw@", "t0p"):
        assert secret not in shown
    for harmless in ("olga", "k-1", "ok", "x.example", "page=2", "5"):
        assert harmless in shown
    hidden = {fact.name for fact in told if fact.hidden}
    assert {"user_password", "api_key", "result.private_key", "list.1.callback_salt"} <= hidden


def test_changes_are_told_as_before_and_after() -> None:
    told = facts(
        {
            "user_name": "olga",
            "new_user_name": "olga.k",
            "callback_url": {"old": "", "new": "https://x.example"},
            "active": True,
        }
    )
    assert told == [
        Fact(name="user_name", before="olga", value="olga.k"),
        Fact(name="callback_url", before="empty", value="https://x.example"),
        Fact(name="active", value="yes"),
    ]


def test_long_values_are_cut_and_their_length_is_said() -> None:
    assert in_words("x" * 1000).endswith("… (1000 characters)")
    assert in_words(list(range(100))).endswith("19 and 80 more")


def test_an_entry_opens_to_its_arguments_and_its_answer(owner: Client) -> None:
    made = of_the_year(filtered_cmd=("CreateKey",))[0]
    page = show(owner, audit_log_id=made.audit_log_id)
    assert "role_name" in text(page)
    assert "result.private_key hidden: a secret" in text(page)
    assert "********" not in text(page)


# Filters


def test_filters_reach_the_api(owner: Client, sandbox: Sandbox) -> None:
    show(
        owner,
        audit_log_id="1, 2",
        filtered_admin_user_id="118, 121",
        filtered_ip="203.0.113.9\n2001:db8:40::17",
        filtered_cmd="DelUser, DeleteRecord",
        advanced_filters="493055501234",
        order="oldest",
        count=20,
    )
    asked = sandbox.last_request
    assert {
        "audit_log_id": "1;2",
        "filtered_admin_user_id": "118;121",
        "filtered_ip": "203.0.113.9;2001:db8:40::17",
        "filtered_cmd": "DelUser;DeleteRecord",
        "advanced_filters": "493055501234",
        "from_date": "2025-06-14 22:00:00",  # clocks change in that year: it is asked in GMT
        "with_total_count": "false",
        "count": "20",
    }.items() <= asked.items()


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("filtered_admin_user_id", "subuser_id"), ("filtered_ip", "ip"), ("filtered_cmd", "cmd_name")],
)
def test_a_click_on_person_address_or_command_adds_that_filter(
    owner: Client, name: str, attribute: str
) -> None:
    page = show(owner, count=1000)
    value = getattr(next(row for row in of_the_year() if row.subuser_id), attribute)
    links = re.findall(rf'href="(\?[^"]*{name}=[^"]*)"', page.content.decode())
    where = next(found for found in map(html.unescape, links) if found.endswith(f"={value}"))
    narrowed = owner.get(f"/audit/{where}")
    wanted = [row.audit_log_id for row in of_the_year() if getattr(row, attribute) == value]
    assert rows(narrowed) == wanted


def test_counts_in_a_second_request_only(owner: Client, sandbox: Sandbox) -> None:
    page = show(owner, count=20)
    assert sandbox.last_request["with_total_count"] == "false"
    assert "/audit/total/?" in page.content.decode()
    total = owner.get("/audit/total/", {**YEAR, "count": 20})
    assert text(total) == f"of {len(of_the_year())}"


def test_pages_show_every_entry_once(owner: Client) -> None:
    seen: list[int] = []
    page = show(owner, count=100)
    while True:
        seen += rows(page)
        if not has_next(page):
            break
        page = owner.get("/audit/", query_of(page, "next"))
    assert seen == [row.audit_log_id for row in of_the_year()]


# Nothing to show, and no


def test_says_when_nothing_matches(owner: Client) -> None:
    assert "Nothing matches these filters" in text(show(owner, filtered_cmd="SetNothing"))


def test_offers_a_longer_period_when_nothing_happened(owner: Client) -> None:
    page = owner.get("/audit/", {"from_date": "2031-01-01", "to_date": "2031-01-02"})
    assert "Nothing happened in this period" in text(page)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"filtered_ip": "10.0.0"}, "“10.0.0” is not an IP address"),
        ({"filtered_cmd": "rm -rf"}, "“rm -rf” is not a command"),
        ({"filtered_admin_user_id": "ivan"}, "“ivan” is not an ID"),
        ({"audit_log_id": "x"}, "“x” is not an ID"),
        ({"timezone": "Mars/Olympus"}, "“Mars/Olympus” is not a time zone"),
        ({"only": "funny"}, "funny is not one of the available choices"),
    ],
)
def test_bad_input_is_explained_and_the_filters_are_kept(
    owner: Client, sandbox: Sandbox, query: dict[str, str], words: str
) -> None:
    page = show(owner, advanced_filters="49305550", **query)
    assert page.status_code == 200
    assert words in text(page)
    assert 'value="49305550"' in page.content.decode()
    assert not sandbox.requests


def test_says_so_when_the_api_is_down(owner: Client, settings: Any) -> None:
    settings.VOX_API_URL = "http://127.0.0.1:9/platform_api"
    page = show(owner, filtered_cmd="DelUser")
    assert page.status_code == 502
    assert "Voximplant cannot be reached" in text(page)
    assert "DelUser</textarea>" in page.content.decode()


def test_says_that_only_an_owner_may_read_it(
    owner: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.VOX_CREDENTIALS = sandbox.credentials.with_name("credentials-admin.json")
    page = show(owner)
    assert page.status_code == 502
    assert "needs the role Owner" in text(page)


def test_a_stranger_is_sent_to_the_sign_in_page(db: None, client: Client) -> None:
    for path in ("", "total/"):
        assert client.get(f"/audit/{path}").headers["Location"].startswith("/accounts/login/")
