"""The Transactions page: money as the sandbox tells it, to the last digit."""

import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from history import charged
from history.api.methods import GetCallHistory, GetTransactionHistory
from history.api.replies import CallSessionInfoType, TransactionInfoType
from history.api.wire import parse_wall_clock
from history.connection import connect
from history.models import RecentSearch
from history.words import FAMILIES, transaction_type
from tests.conftest import Sandbox
from tests.history.pages import amounts, has_next, link, query_of, rows, text

MONTH = {"from_date": "2026-05-15", "to_date": "2026-06-14", "timezone": "Europe/Berlin"}


@pytest.fixture
def finance(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("finance")


def show(client: Client, **query: object) -> Any:
    return client.get("/transactions/", {**MONTH, **query})


def of_the_month(**more: Any) -> Sequence[TransactionInfoType]:
    """What the API itself says of the month."""
    question = GetTransactionHistory(
        from_date=parse_wall_clock("2026-05-15 00:00:00"),
        to_date=parse_wall_clock("2026-06-14 23:59:59"),
        timezone="Europe/Berlin",
        count=1000,
        **more,
    )
    return connect().get_transaction_history(question).result


def use(sandbox: Sandbox, settings: Any, role: str) -> None:
    """From now on the dashboard has the key of a service account with this role."""
    settings.VOX_CREDENTIALS = sandbox.credentials.with_name(f"credentials-{role}.json")


# Rows


def test_shows_the_transactions_of_the_period_newest_first(finance: Client) -> None:
    page = show(finance, count=1000)
    assert page.status_code == 200
    expected = [row.transaction_id for row in reversed(of_the_month())]
    assert rows(page) == expected
    assert "Europe/Berlin" in text(page)
    assert "Number fee" in text(page)


def test_shows_every_digit_of_every_amount(finance: Client) -> None:
    shown = show(finance, count=1000)
    told = {format(row.amount, "f") for row in of_the_month()}
    assert told <= set(amounts(shown))


def test_sums_what_is_shown_exactly_and_says_that_it_is_no_more(finance: Client) -> None:
    page = show(finance, count=20)
    shown = of_the_month(desc_order=True)[:20]
    out = sum((row.amount for row in shown if row.amount < 0), Decimal(0))
    net = sum((row.amount for row in shown), Decimal(0))
    assert "of the 20 rows shown" in text(page)
    assert {format(out, "f"), format(net, "f")} <= set(amounts(page))
    for name in {row.transaction_type for row in shown}:
        of_type = [row.amount for row in shown if row.transaction_type == name]
        assert str(transaction_type(name)) in text(page)
        assert format(sum(of_type, Decimal(0)), "f") in amounts(page)


def test_keeps_currencies_apart_and_marks_child_accounts(finance: Client) -> None:
    page = show(finance, child_account_id="all", count=1000)
    found = of_the_month(child_account_id="all")
    for currency in ("EUR", "USD"):
        net = sum((row.amount for row in found if row.currency == currency), Decimal(0))
        assert format(net, "f") in amounts(page)
    assert "48355 child" in text(page)


def test_extended_info_says_what_was_charged_for(finance: Client, sandbox: Sandbox) -> None:
    page = show(finance, with_extended_info="on")
    assert sandbox.last_request["with_extended_info"] == "true"
    assert "frontdesk.nordlicht.example PSTN_IN, Incoming Germany" in text(page)


def test_holds_stand_in_a_tab_of_their_own(finance: Client, sandbox: Sandbox) -> None:
    holds = finance.get(f"/transactions/{link(show(finance), 'On hold')}")
    assert sandbox.last_request["is_uncommitted"] == "true"
    assert "Money on hold" in text(holds)
    assert not set(rows(holds)) & set(rows(show(finance, count=1000)))


# Filters


def test_filters_reach_the_api(finance: Client, sandbox: Sandbox) -> None:
    show(
        finance,
        transaction_id="1, 2 3",
        transaction_type=["card_payment;refund", "promo"],
        user_id="20401",
        users_transactions_only="on",
        child_account_id="48340",
        children_transactions_only="on",
        application_id="70315",
        application_name="frontdesk.nordlicht.example",
        subscription_id="5201\n5202",
        subscription_name="Number masking",
        resource_type="ASR, RECORD",
        price_group_name="Speech recognition, Yandex; Recording",
        payment_reference="NL-2026-05",
        use_accounting_dates="on",
        order="oldest",
        count=20,
    )
    asked = sandbox.last_request
    assert {
        "transaction_id": "1;2;3",
        "transaction_type": "card_payment;refund;promo",
        "user_id": "20401",
        "users_transactions_only": "true",
        "child_account_id": "48340",
        "children_transactions_only": "true",
        "application_id": "70315",
        "application_name": "frontdesk.nordlicht.example",
        "subscription_id": "5201;5202",
        "subscription_name": "Number masking",
        "resource_type": "ASR;RECORD",
        "price_group_name": "Speech recognition, Yandex;Recording",
        "payment_reference": "NL-2026-05",
        "use_accounting_dates": "true",
        "timezone": "Europe/Berlin",
        "from_date": "2026-05-15 00:00:00",
        "with_total_count": "false",
    }.items() <= asked.items()
    assert "desc_order" not in asked


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_each_tab_asks_for_its_types_and_is_current(
    finance: Client, sandbox: Sandbox, family: Any
) -> None:
    tab = link(show(finance), str(family.label))
    page = finance.get(f"/transactions/{tab}")
    assert sandbox.last_request["transaction_type"].split(";") == list(family.types)
    assert f'aria-current="page">{family.label}' in page.content.decode()
    # The chip names the family rather than counting it, and the boxes are ticked.
    assert f"Types: {family.label}" in text(page)
    ticked = re.findall(r'name="transaction_type"[^>]* checked', page.content.decode())
    assert len(ticked) == len(family.types)


def test_a_tab_is_kept_when_another_filter_is_applied(finance: Client) -> None:
    page = show(finance, is_uncommitted="true", period="last_month", order="oldest")
    for name, value in (("is_uncommitted", "true"), ("order", "oldest")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page.content.decode()


def test_remembers_a_search_with_filters(finance: Client, people: dict[str, Any]) -> None:
    show(finance, user_id="20401")
    kept = RecentSearch.objects.get(user=people["finance"])
    assert (kept.page, kept.words) == ("transactions", "User IDs: 20401")


# Pages and the total


def test_pages_show_every_transaction_once(finance: Client) -> None:
    seen: list[int] = []
    page = show(finance, count=100)
    while True:
        seen += rows(page)
        if not has_next(page):
            break
        page = finance.get("/transactions/", query_of(page, "next"))
    assert seen == rows(show(finance, count=1000))
    assert len(seen) == len(set(seen))


def test_counts_all_matches_in_a_second_request(finance: Client, sandbox: Sandbox) -> None:
    page = show(finance, count=20)
    assert "/transactions/total/?" in page.content.decode()
    total = finance.get("/transactions/total/", {**MONTH, "count": 20})
    assert text(total) == f"of {len(of_the_month())}"


def test_goes_on_past_what_the_api_can_skip(finance: Client) -> None:
    # As paging.onward writes it: from the last row's moment on, without the rows of that second.
    shown = of_the_month(desc_order=True)[:40]
    last = shown[-1].performed_at
    ties = sum(1 for row in shown if row.performed_at == last)
    page = show(finance, count=20, after=last.isoformat(), offset=ties, skipped=40 - ties)
    assert rows(page) == rows(show(finance, count=1000))[40:60]
    assert "41 – 60" in text(page)


# Nothing to show


def test_says_when_nothing_matches(finance: Client) -> None:
    page = show(finance, transaction_id="999999999")
    assert "Nothing matches these filters" in text(page)
    assert "Clear the filters" in text(page)


def test_offers_a_longer_period_when_nothing_happened(finance: Client) -> None:
    page = finance.get("/transactions/", {"from_date": "2031-01-01", "to_date": "2031-01-02"})
    assert "Nothing happened in this period" in text(page)
    assert "period=last_30_days" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"transaction_id": "12;1x"}, "“1x” is not an ID"),
        ({"transaction_type": "bribe"}, "“bribe” is not one of the known values"),
        ({"child_account_id": "everyone"}, "“everyone” is not an ID"),
        ({"timezone": "Mars/Olympus"}, "“Mars/Olympus” is not a time zone"),
        ({"from_date": "2026-06-15"}, "before it begins"),
        ({"count": "1001"}, "“1001” rows cannot be shown"),
        ({"offset": "10001"}, "“10001” rows cannot be skipped"),
        ({"payment_reference": "x" * 127}, "at most 126 characters"),
    ],
)
def test_bad_input_is_explained_and_the_filters_are_kept(
    finance: Client, sandbox: Sandbox, query: dict[str, str], words: str
) -> None:
    page = show(finance, application_name="front.example", **query)
    assert page.status_code == 200
    assert words in text(page)
    assert 'value="front.example"' in page.content.decode()
    assert not sandbox.requests


def test_names_what_it_left_out_of_an_old_link(finance: Client) -> None:
    page = show(finance, kind="payments")
    assert "“kind=payments” is not a filter of this page" in text(page)
    assert rows(page)


# The API says no


def test_says_so_when_the_api_is_down(finance: Client, settings: Any) -> None:
    settings.VOX_API_URL = "http://127.0.0.1:9/platform_api"
    page = show(finance, user_id="7")
    assert page.status_code == 502
    assert "Voximplant cannot be reached" in text(page)
    assert "7</textarea>" in page.content.decode()


def test_says_which_roles_may_read_transactions(
    finance: Client, sandbox: Sandbox, settings: Any
) -> None:
    use(sandbox, settings, "support")
    page = show(finance, user_id="7")
    assert page.status_code == 502
    assert "The key may not do this" in text(page)
    assert "Owner, Admin, Accountant or Payer" in text(page)
    assert "7</textarea>" in page.content.decode()


def test_a_total_that_cannot_be_had_is_said_to_be_unknown(
    finance: Client, sandbox: Sandbox
) -> None:
    sandbox.fault("error", code=340, method="GetTransactionHistory")
    total = finance.get("/transactions/total/", MONTH)
    assert text(total) == "of an unknown total"


# Time


def test_a_day_of_25_hours_is_whole(finance: Client, sandbox: Sandbox) -> None:
    page = show(finance, from_date="2025-10-26", to_date="2025-10-26")
    assert "25 hours" in text(page)
    assert sandbox.last_request["from_date"] == "2025-10-25 22:00:00"
    assert sandbox.last_request["to_date"] == "2025-10-26 22:59:59"


# What a transaction charged


def sessions() -> Sequence[CallSessionInfoType]:
    question = GetCallHistory(
        from_date=parse_wall_clock("2026-05-01 00:00:00"),
        to_date=parse_wall_clock("2026-06-14 23:59:59"),
        with_calls=True,
        with_records=True,
        count=1000,
    )
    return connect().get_call_history(question).result


@pytest.mark.parametrize(
    ("part", "words"), [("calls", "Open the call"), ("records", "Recording"), ("other", "Resource")]
)
def test_finds_what_a_transaction_charged(finance: Client, part: str, words: str) -> None:
    name = "other_resource_usage" if part == "other" else part
    session, transaction_id = next(
        (session, charge.transaction_id)
        for session in sessions()
        for charge in getattr(session, name)
        if charge.transaction_id
        and charge.cost
        and charge.transaction_id not in {odd["transaction_id"] for odd in anomalies()}
    )
    panel = finance.get(f"/transactions/{transaction_id}/charged/panel/")
    assert f"/calls/{session.call_session_history_id}/" in panel.content.decode()
    assert words in text(panel)
    assert "The charge equals the cost" in text(panel)
    page = finance.get(f"/transactions/{transaction_id}/charged/")
    assert f"Transaction {transaction_id} · Voxledger" in text(page)


def anomalies() -> list[dict[str, Any]]:
    """What the sandbox made wrong on purpose, for whoever reconciles to find."""
    file = settings.VOX_CREDENTIALS.with_name("sandbox.sqlite3")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM anomalies")]
    connection.close()
    return found


def anomaly(kind: str) -> int:
    return next(odd["transaction_id"] for odd in anomalies() if odd["kind"] == kind)


def test_says_by_how_much_a_charge_differs_from_the_calls_cost(finance: Client) -> None:
    panel = finance.get(f"/transactions/{anomaly('differing_amount')}/charged/panel/")
    assert "The call history tells another cost" in text(panel)


def test_says_how_far_it_looked_for_a_charge_without_a_call(finance: Client) -> None:
    panel = finance.get(f"/transactions/{anomaly('charge_without_call')}/charged/panel/")
    assert "It may be a charge without a call" in text(panel)
    assert "Calls around that time" in text(panel)


def test_a_look_for_a_call_has_an_end(sandbox: Sandbox) -> None:
    charge = charged.transaction(connect(), anomaly("charge_without_call"))
    assert charge
    found = charged.find(connect(), charge, most=1)
    assert (found.part, found.looked_at, found.finished) == (None, 1, False)


def test_a_payment_has_no_call_and_says_so(finance: Client) -> None:
    payment = next(row for row in of_the_month() if row.amount > 0)
    panel = finance.get(f"/transactions/{payment.transaction_id}/charged/panel/")
    assert "not charged by use" in text(panel)
    assert format(payment.amount, "f") in amounts(panel)


def test_shows_the_transaction_when_the_key_may_not_read_calls(
    finance: Client, sandbox: Sandbox, settings: Any
) -> None:
    charge = next(row for row in of_the_month() if row.transaction_type == "resource_charge")
    use(sandbox, settings, "accountant")
    panel = finance.get(f"/transactions/{charge.transaction_id}/charged/panel/")
    assert panel.status_code == 200
    assert "What it charged could not be looked up" in text(panel)
    assert format(charge.amount, "f") in amounts(panel)


def test_finds_what_a_child_accounts_transaction_charged(finance: Client) -> None:
    charge = next(
        row
        for row in of_the_month(child_account_id="all", children_transactions_only=True)
        if row.transaction_type == "resource_charge"
    )
    panel = finance.get(f"/transactions/{charge.transaction_id}/charged/panel/")
    assert f"{charge.account_id} child" in text(panel)
    assert "The charge equals the cost" in text(panel)


def test_an_unknown_transaction_is_not_found(finance: Client) -> None:
    assert finance.get("/transactions/42/charged/").status_code == 404


# Balances


def test_shows_balances_that_a_report_of_the_period_told(finance: Client) -> None:
    assert "no finished report covers" in text(finance.get("/transactions/balances/", MONTH))
    client = connect()
    client.order_transaction_history(
        GetTransactionHistory(
            from_date=parse_wall_clock("2026-05-15 00:00:00"),
            to_date=parse_wall_clock("2026-06-14 23:59:59"),
            timezone="Europe/Berlin",
        )
    )
    page = _until_told(finance)
    told = re.search(r"Opening balance ([\d.]+) EUR , closing balance ([\d.]+) EUR", text(page))
    assert told
    # The report's own proof: opening balance and all amounts make the closing balance.
    net = sum((row.amount for row in of_the_month()), Decimal(0))
    assert Decimal(told[1]) + net == Decimal(told[2])


def _until_told(finance: Client) -> Any:
    for _try in range(50):
        page = finance.get("/transactions/balances/", MONTH)
        if "Opening balance" in text(page):
            break
        time.sleep(0.1)
    return page


def test_export_takes_the_filters_along(finance: Client) -> None:
    page = show(finance, user_id="20401")
    assert "/reports/new/?" in page.content.decode()
    for part in ("user_id=20401", "kind=transactions", "from_date=2026-05-15"):
        assert part in page.content.decode().split("/reports/new/?")[1].split('"')[0]


def test_a_stranger_is_sent_to_the_sign_in_page(db: None, client: Client) -> None:
    for path in ("", "total/", "balances/", "1/charged/", "1/charged/panel/"):
        answer = client.get(f"/transactions/{path}")
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/accounts/login/")
