"""The pages of reports: ordering with all that is said before, the list, the tray, one report."""

import re
from datetime import timedelta
from urllib.parse import urljoin

import pytest
import requests
from django.contrib.auth.models import User
from django.utils import timezone

from history.models.reports import Copy, Report, State
from history.reports import files, storing
from tests.api.remote import as_json, serving
from tests.history.reports import SPRING, carried_out, ordered, stored

NEW = f"/reports/new/?kind=transactions&{SPRING}"


@pytest.fixture(autouse=True)
def _quick(settings, sandbox):
    settings.REPORT_POLL_SECONDS = 0.2


@pytest.fixture
def finance(client_as):
    return client_as("finance")


@pytest.fixture
def me(finance, people) -> User:
    return people["finance"]


def press(client, page, **changes):
    """Presses the order button of a page."""
    html = page.content.decode()
    form = html[html.index('name="order_key"') - 60 :]
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    return client.post("/reports/new/", {**fields, **changes})


def text(response) -> str:
    return " ".join(response.content.decode().split())


# Before ordering


def test_says_how_many_rows_and_which_period_before_ordering(finance):
    page = text(finance.get(NEW))
    rows = stored().rows_done
    assert f'<span class="count">{rows}</span> rows' in page
    assert "1 Apr 2026 – 31 May 2026, Europe/Berlin" in page


def test_says_that_an_empty_period_has_nothing_to_export_and_does_not_order(finance):
    empty = f"{NEW}&user_id=999999"
    page = finance.get(empty)
    assert "there is nothing to export" in text(page)
    finance.post(
        "/reports/new/",
        {"kind": "transactions", "from_date": "2001-01-01", "to_date": "2001-01-02"},
    )
    assert not Report.objects.exists()


def test_says_that_the_future_cannot_be_exported(finance):
    day = timezone.now() + timedelta(days=30)
    page = finance.get(f"/reports/new/?kind=calls&from_date={day:%Y-%m-%d}&to_date={day:%Y-%m-%d}")
    assert "lies in the future" in text(page)


def test_refuses_what_is_too_large_and_says_what_to_do(finance, settings):
    settings.REPORT_MAX_ROWS = 10
    page = text(finance.get(NEW))
    assert "more than a report may have here (10)" in page
    assert "Choose a shorter period" in page


def test_says_before_ordering_that_a_sheet_is_too_short(finance, sandbox, settings):
    def two_millions(received):
        told = requests.post(
            urljoin(sandbox.url, received.path),
            data=received.fields,
            headers={"Authorization": received.headers["Authorization"]},
            timeout=10,
        ).json()
        return as_json({**told, "total_count": 2_000_000} if "total_count" in told else told)

    with serving() as remote:
        remote.respond = two_millions
        settings.VOX_API_URL = remote.url
        assert "An Excel sheet ends after 1,048,575 rows" in text(finance.get(NEW))


@pytest.mark.parametrize(
    ("kind", "column", "hidden"),
    [
        ("calls", "call_cost", "session_media_server_address"),
        ("transactions", "amount", "account_id"),
        ("acd", "waiting_duration", "acd_request_id"),
        ("audit", "cmd_name", "audit_log_id"),
    ],
)
def test_every_list_offers_the_columns_of_its_view(client_as, kind, column, hidden):
    owner = client_as("owner")
    page = owner.get(f"/reports/new/?kind={kind}&{SPRING}")
    assert "Those of this view" in text(page)
    press(owner, page, what="view")
    columns = Report.objects.get().columns
    assert column in columns
    assert hidden not in columns


def test_says_that_a_tab_is_no_filter_of_the_api(finance):
    page = text(finance.get(f"/reports/new/?kind=calls&only=failed&{SPRING}"))
    assert "the API cannot filter on it" in page


def test_a_brief_report_refuses_filters_it_does_not_know(finance):
    page = text(finance.get(f"/reports/new/?kind=calls_brief&user_id=20417&{SPRING}"))
    assert "cannot be filtered by “User IDs”" in page


def test_names_the_field_of_a_wrong_link_and_orders_nothing(finance):
    page = finance.get("/reports/new/?kind=transactions&from_date=yesterday")
    assert page.status_code == 400
    assert "“yesterday” is not a date" in text(page)


def test_an_unknown_kind_is_not_found(finance):
    assert finance.get("/reports/new/?kind=novels").status_code == 404


def test_can_be_ordered_although_the_rows_could_not_be_counted(finance, sandbox):
    sandbox.fault("http_status", status=500, method="GetTransactionHistory")
    page = text(finance.get(NEW))
    assert "The rows could not be counted" in page
    assert "Order the report" in page


# Ordering


def test_an_order_becomes_a_row_that_asks_the_platform_the_same_question(finance, me, sandbox):
    answer = press(finance, finance.get(f"{NEW}&transaction_type=resource_charge"))
    report = Report.objects.get()
    assert answer.headers["Location"] == f"/reports/{report.pk}/"
    assert report.owner == me
    carried_out(report)
    assert report.verified, report.checks
    asked = next(r["params"] for r in sandbox.requests if r["params"].get("is_async") == "true")
    assert asked["from_date"] == "2026-04-01 00:00:00"
    assert asked["to_date"] == "2026-05-31 23:59:59"
    assert asked["timezone"] == "Europe/Berlin"
    assert asked["transaction_type"] == "resource_charge"
    assert asked["output"] == "csv"


def test_the_same_click_twice_orders_once(finance):
    page = finance.get(NEW)
    first, second = press(finance, page), press(finance, page)
    assert first.headers["Location"] == second.headers["Location"]
    assert Report.objects.count() == 1


def test_offers_an_equal_report_first(finance, me):
    report = stored(owner=me)
    page = text(finance.get(NEW))
    assert "This very report is stored already" in page
    assert f'href="/reports/{report.pk}/"' in page
    assert "Order it anew all the same" in page


def test_offers_no_equal_report_of_somebody_else(finance, people):
    stored(owner=people["agent"])
    assert "stored already" not in text(finance.get(NEW))


def test_offers_no_report_whose_file_is_gone(finance, me):
    report = stored(owner=me)
    assert storing.delete_file(report, "gone")
    assert "stored already" not in text(finance.get(NEW))


@pytest.mark.parametrize(
    "kind", ["calls", "calls_brief", "transactions", "transactions_on_hold", "acd", "audit"]
)
def test_every_kind_ends_stored_with_nothing_that_differs(kind, finance):
    report = stored(kind, "from_date=2025-08-01&to_date=2026-06-14&timezone=Europe/Berlin")
    assert report.verified
    # The little account happens to have no money on hold.
    assert report.rows_done > 0 or kind == "transactions_on_hold"
    assert files.storage().size(report.file) == report.size


def test_few_rows_can_be_had_at_once(finance):
    page = text(finance.get(NEW))
    assert "/reports/now/?kind=transactions" in page
    answer = finance.get(f"/reports/now/?kind=transactions&{SPRING}&format=csv")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) - 1 == stored().rows_done
    assert "voxledger_transactions_" in answer.headers["Content-Disposition"]
    assert "2026-04-01_2026-05-31_Europe-Berlin.csv" in answer.headers["Content-Disposition"]


# The list and the tray


def test_lists_own_and_shared_reports_and_no_others(finance, me, people):
    mine = ordered(owner=me)
    shared = ordered(owner=people["agent"], shared=True)
    hidden = ordered(owner=people["agent"])
    page = text(finance.get("/reports/"))
    assert f'id="report-{mine.pk}"' in page
    assert f'id="report-{shared.pk}"' in page
    assert f'id="report-{hidden.pk}"' not in page


def test_a_row_asks_for_itself_until_it_is_finished(finance, me):
    report = ordered(owner=me)
    moving = finance.get(f"/reports/{report.pk}/row/")
    assert "hx-trigger" in text(moving)
    carried_out(report)
    still = finance.get(f"/reports/{report.pk}/row/")
    assert "hx-trigger" not in text(still)
    assert "Verified" in text(still)
    assert still.headers["HX-Trigger"] == "tray"


def test_filters_by_state_and_kind(finance, me):
    failed = ordered(owner=me)
    failed.claim(State.ORDERED, State.FAILED, note="No.")
    other = ordered("calls", owner=me)
    page = text(finance.get("/reports/?state=failed"))
    assert f'id="report-{failed.pk}"' in page
    assert f'id="report-{other.pk}"' not in page
    assert f'id="report-{other.pk}"' in text(finance.get("/reports/?kind=calls"))


def test_an_empty_list_says_where_reports_come_from(finance):
    assert "press Export there" in text(finance.get("/reports/"))


def test_the_tray_shows_what_runs_on_every_page(finance, me):
    ordered(owner=me)
    assert "Jobs: 1 running" in text(finance.get("/reports/"))
    tray = finance.get("/reports/tray/")
    assert "every 3s" in text(tray)


# One report


def test_shows_proofs_sums_and_the_first_rows(finance, me):
    report = stored(owner=me)
    page = text(finance.get(f"/reports/{report.pk}/"))
    assert "Verified" in page
    assert report.sha256 in page
    assert report.sums["amount"]["EUR"].replace("-", "\u2212") in page
    assert "closing" in page
    assert "transaction_description" in page


def test_a_strangers_report_is_not_found_by_any_address(finance, people):
    report = stored(owner=people["agent"])
    base = f"/reports/{report.pk}"
    for path in ("/", "/row/", "/live/", "/file/", "/file/xlsx/"):
        assert finance.get(base + path).status_code == 404, path
    for path in ("/do/cancel/", "/do/delete/", "/make/xlsx/"):
        assert finance.post(base + path).status_code == 404, path


def test_a_shared_report_can_be_read_but_not_changed(finance, people):
    report = stored(owner=people["agent"], shared=True)
    assert finance.get(f"/reports/{report.pk}/file/").status_code == 200
    assert finance.post(f"/reports/{report.pk}/do/delete/").status_code == 404


def test_cancel_stops_a_report_and_retry_takes_it_up_again(finance, me):
    report = ordered(owner=me)
    finance.post(f"/reports/{report.pk}/do/cancel/")
    report.refresh_from_db()
    assert report.state == State.CANCELLED
    finance.post(f"/reports/{report.pk}/do/retry/")
    assert carried_out(Report.objects.get(pk=report.pk)).verified


def test_deleting_the_file_keeps_what_was_ordered_and_proven(finance, me):
    report = stored(owner=me)
    kept = report.file
    finance.post(f"/reports/{report.pk}/do/delete/")
    report.refresh_from_db()
    assert report.state == State.EXPIRED
    assert not files.storage().exists(kept)
    page = text(finance.get(f"/reports/{report.pk}/"))
    assert "Deleted by finance" in page
    assert finance.get(f"/reports/{report.pk}/file/").status_code == 404


def test_files_expire(me):
    report = stored(owner=me)
    Report.objects.filter(pk=report.pk).update(expires=timezone.now())
    assert storing.expire_files() == 1
    report.refresh_from_db()
    assert report.state == State.EXPIRED
    assert "then deleted" in report.note


def test_run_again_and_open_the_list_keep_the_filters(finance, me):
    report = stored(query=f"{SPRING}&transaction_type=resource_charge", owner=me)
    page = finance.get(f"/reports/{report.pk}/").content.decode()
    again = re.search(r'href="(/reports/new/[^"]+)"', page)
    assert again
    assert "transaction_type=resource_charge" in again[1]
    assert finance.get(again[1].replace("&amp;", "&")).status_code == 200
    listed = re.search(r'href="(/transactions/[^"]+)"', page)
    assert listed
    assert finance.get(listed[1].replace("&amp;", "&")).status_code == 200


# The platform's own


def test_lists_the_platforms_own_reports_and_fetches_one(client_as, people, sandbox):
    elsewhere = stored(owner=people["agent"])
    Report.objects.all().delete()
    admin = client_as("admin")
    page = text(admin.get("/reports/platform/"))
    assert str(elsewhere.remote_id) in page
    admin.post("/reports/platform/", {"history_report_id": elsewhere.remote_id})
    fetched = carried_out(Report.objects.get())
    assert fetched.verified
    assert fetched.rows_done == elsewhere.rows_done
    assert f"r{fetched.pk}" in text(admin.get("/reports/platform/"))


def test_the_platforms_list_says_so_when_the_api_is_down(client_as, sandbox):
    admin = client_as("admin")
    sandbox.fault("http_status", status=500, method="GetHistoryReports")
    page = admin.get("/reports/platform/")
    assert page.status_code == 502
    assert "cannot be reached" in text(page)


def test_a_role_orders_only_what_it_may_see(client_as):
    for role, kind, status in (
        ("finance", "transactions", 200),
        ("finance", "audit", 403),
        ("supervisor", "transactions", 403),
        ("agent", "calls", 403),
    ):
        page = client_as(role).get(f"/reports/new/?kind={kind}&{SPRING}")
        assert page.status_code == status, (role, kind)
    assert "Ask an administrator" in text(client_as("agent").get("/reports/"))


def test_a_spreadsheet_is_made_when_asked_for(finance, me):
    report = stored(owner=me)
    answer = finance.post(f"/reports/{report.pk}/make/xlsx/")
    assert answer.headers["Location"] == f"/reports/{report.pk}/file/xlsx/"
    file = finance.get(answer.headers["Location"])
    assert b"".join(file.streaming_content).startswith(b"PK")
    assert Copy.objects.get().state == Copy.State.READY
