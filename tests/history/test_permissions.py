"""Who reaches which page: every address, every role."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.conftest import Sandbox
from tests.history.test_calls import text

# What reads, by the name of its address, and the roles that may. Whoever adds an address adds
# a row: the test below finds those that are missing.
EVERYBODY = {"agent", "supervisor", "finance", "admin", "auditor", "owner"}
CALLS = EVERYBODY
QUEUES = {"agent", "supervisor", "admin", "owner"}
HEARING = {"agent", "supervisor", "admin", "owner"}
COSTS = EVERYBODY
MONEY = {"finance", "admin", "owner"}
AUDIT = {"admin", "auditor", "owner"}
DELETING = {"admin", "owner"}
EXPORT = {"supervisor", "finance", "admin", "auditor", "owner"}
READING = {
    "home": EVERYBODY,
    "search": EVERYBODY,
    "calls": CALLS,
    "calls_total": CALLS,
    "calls_chart": CALLS,
    "call": CALLS,
    "call_panel": CALLS,
    "reveal": CALLS,
    "call_charges": COSTS,
    "call_others": CALLS,
    "recordings": HEARING,
    "recording_panel": HEARING,
    "media": HEARING,
    "media_renew": HEARING,
    "waveform": HEARING,
    "player": HEARING,
    "transcript": HEARING,
    "session_log": HEARING,
    "transactions": MONEY,
    "transactions_total": MONEY,
    "transactions_chart": MONEY,
    "transactions_balances": MONEY,
    "transaction": MONEY,
    "transaction_panel": MONEY,
    "acd": QUEUES,
    "acd_total": QUEUES,
    "acd_session": QUEUES,
    "acd_session_panel": QUEUES,
    "audit": AUDIT,
    "audit_total": AUDIT,
    "settings": EVERYBODY,
    "zones": EVERYBODY,
    "deletions": AUDIT,
    "deletion": AUDIT,
    "deletion_live": AUDIT,
    "deletion_new": DELETING,
    "certificate": AUDIT,
    "certificate_json": AUDIT,
    "holds": DELETING,
    "retention": DELETING,
    "trail": AUDIT,
    "trail_file": AUDIT,
    "heard_by": HEARING,
    "reports": EXPORT,
    "report": EXPORT,
    "report_row": EXPORT,
    "report_live": EXPORT,
    "report_tray": EXPORT,
    "report_new": EXPORT,
    "report_now": EXPORT,
    "report_file": EXPORT,
    "report_copy": EXPORT,
    "report_platform": AUDIT,
    "schedules": EXPORT,
    "schedule_new": EXPORT,
    "tokens": EXPORT,
    "accounts": DELETING,
    "accounts_add": DELETING,
    "accounts_one": DELETING,
}
# What only takes a POST.
WRITING = {
    "save_view": EVERYBODY,
    "delete_view": EVERYBODY,
    "report_act": EXPORT,
    "report_make_copy": EXPORT,
    "schedule_act": EXPORT,
    "token_withdraw": EXPORT,
    "deletion_search": DELETING,
    "deletion_act": AUDIT,  # each action then demands the right of its own
    "hold_lift": DELETING,
    "retention_act": DELETING,
    "heard": HEARING,
    "accounts_look": DELETING,
    "accounts_key": DELETING,
    "accounts_act": DELETING,
}
# These ask for a token of their owner instead: tests/history/test_reports_api.py
BY_TOKEN = {"api_reports", "api_report", "api_report_file"}


def addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, str]]:
    """Name and path of every address of the dashboard, with made-up values in it."""
    for entry in resolver.url_patterns:
        path = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, path)
        elif isinstance(entry, URLPattern) and entry.name:
            yield entry.name, path


PATHS = dict(addresses(get_resolver("history.urls")))


SAMPLES = {"int": "1", "slug": "original", "str": "forged"}


def path_of(name: str) -> str:
    path = PATHS[name]
    return "/" + re.sub(r"<(int|slug|str):\w+>", lambda found: SAMPLES[found[1]], path)


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_a_role_reaches_what_its_row_says_and_nothing_else(
    role: str, client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    client = client_as(role)
    reached = {name for name in READING if client.get(path_of(name)).status_code != 403}
    assert reached == {name for name, roles in READING.items() if role in roles}


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_a_role_changes_what_its_row_says_and_nothing_else(
    role: str, client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    client = client_as(role)
    reached = {name for name in WRITING if client.post(path_of(name)).status_code != 403}
    assert reached == {name for name, roles in WRITING.items() if role in roles}


def test_every_address_has_its_row() -> None:
    assert set(PATHS) == READING.keys() | WRITING.keys() | BY_TOKEN


def test_a_person_without_a_role_reaches_only_what_is_his_own(
    db: None, client: Client, sandbox: Sandbox
) -> None:
    client.force_login(User.objects.create_user("nobody"))
    reached = {name for name in READING if client.get(path_of(name)).status_code != 403}
    assert reached == {"home", "search", "settings", "zones"}
    assert not sandbox.requests


@pytest.mark.parametrize("name", sorted(PATHS))
def test_no_address_opens_without_signing_in(name: str, db: None, client: Client) -> None:
    if name.startswith("api_"):  # these ask for a token instead: tests/history/test_reports_api.py
        assert client.get(path_of(name)).status_code in (401, 404, 405)
        return
    answer = client.get(path_of(name))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_a_refusal_says_what_is_missing_and_who_has_it(
    client_as: Callable[[str], Client],
) -> None:
    page = client_as("agent").get("/transactions/")
    assert page.status_code == 403
    assert "You may not see transactions" in text(page)
    assert "finance, admin, owner" in text(page)


def test_the_rail_offers_only_what_opens(client_as: Callable[[str], Client]) -> None:
    offered = client_as("finance").get("/").content.decode()
    assert 'href="/transactions/"' in offered
    assert 'href="/audit/"' not in offered
    assert 'href="/recordings/"' not in offered
