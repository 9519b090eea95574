"""The client against the sandbox: a real server on a real database, with faults on demand."""

import gzip
import hashlib
import io
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from history.api.client import (
    Client,
    FileFacts,
    Interrupted,
    Reach,
    Refused,
    ServiceAccount,
    TooManyRows,
    Unreachable,
)
from history.api.methods import (
    DeleteRecord,
    DownloadHistoryReport,
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
)
from history.api.replies import RecordType
from tests.conftest import Sandbox

PRESENT = datetime(2026, 6, 15, 12)
YEAR = {"from_date": PRESENT - timedelta(days=390), "to_date": PRESENT}
WEEK = {"from_date": PRESENT - timedelta(days=7), "to_date": PRESENT}

type Connect = Callable[..., Client]


@pytest.fixture(scope="module")
def clients(sandbox_server: Sandbox) -> Iterator[Connect]:
    """clients(reach, role): one for each, kept, since hypothesis asks for many."""
    made: dict[object, Client] = {}

    def connect(reach: Reach = Reach(), role: str = "") -> Client:  # noqa: B008
        if (reach, role) not in made:
            path = sandbox_server.credentials.with_stem(f"credentials{role and '-'}{role}")
            account = ServiceAccount.from_file(path)
            client = Client(sandbox_server.url, account, reach=reach, retry_for=0)
            made[reach, role] = stack.enter_context(client)
        return made[reach, role]

    with ExitStack() as stack:
        yield connect


@pytest.fixture
def ours(sandbox_server: Sandbox, clients: Connect) -> Iterator[Client]:
    sandbox_server.reset()
    yield clients()
    sandbox_server.reset()


@pytest.fixture(scope="module")
def plain(sandbox_server: Sandbox) -> Iterator[sqlite3.Connection]:
    """The sandbox's own file, to ask without the API."""
    path = sandbox_server.credentials.with_name("sandbox.sqlite3")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield connection


TABLES = {  # method: (table, id, date, other accounts are children)
    GetCallHistory: ("sessions", "session_id", "start_date"),
    GetTransactionHistory: ("transactions", "transaction_id", "performed_at"),
    GetACDHistory: ("acd_sessions", "acd_session_history_id", "begin_time"),
    GetAuditLog: ("audit_log", "audit_log_id", "requested"),
}


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    method=GetCallHistory,
    zone="Etc/GMT",
    start=datetime(2026, 3, 10, 23),
    hours=993,
    reach=Reach(page=5, offset=0),
    desc=False,
    parallel=1,
)
@given(
    method=st.sampled_from(list(TABLES)),
    zone=st.sampled_from(["Etc/GMT", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]),
    start=st.datetimes(YEAR["from_date"], PRESENT - timedelta(days=2)),
    hours=st.integers(0, 24 * 200),
    reach=st.builds(Reach, page=st.integers(5, 60), offset=st.integers(0, 200)),
    desc=st.booleans(),
    parallel=st.sampled_from([1, 4]),
)
def test_walks_give_what_plain_sql_gives(
    clients: Connect,
    plain: sqlite3.Connection,
    method: type,
    zone: str,
    start: datetime,
    hours: int,
    reach: Reach,
    desc: bool,
    parallel: int,
) -> None:
    start = start.replace(microsecond=0)
    # Up to a day before the present: whatever the zone, it is over.
    end = min(start + timedelta(hours=hours), PRESENT - timedelta(days=1))
    params = method(from_date=start, to_date=end, desc_order=desc)
    if method is not GetACDHistory:
        params = method(from_date=start, to_date=end, desc_order=desc, timezone=zone)
    client = clients(reach)
    walk = {
        GetCallHistory: client.walk_call_history,
        GetTransactionHistory: client.walk_transactions,
        GetACDHistory: client.walk_acd,
        GetAuditLog: client.walk_audit_log,
    }[method](params)
    table, key, date = TABLES[method]
    order = "DESC" if desc else "ASC"
    period = (walk.period.from_date.timestamp(), walk.period.to_date.timestamp())
    rows = plain.execute(
        f"SELECT {key}, CAST({date} AS INT) FROM {table}"
        f" WHERE account_id = ? AND {date} BETWEEN ? AND ? ORDER BY {date} {order}, {key} {order}",
        (client.account_id, *period),
    ).fetchall()
    busiest = max(Counter(second for _key, second in rows).values(), default=0)
    if busiest > reach.page + reach.offset:
        # No shorter period can be asked for, and the end of this one is out of reach.
        with pytest.raises(TooManyRows):
            list(walk.rows(parallel=parallel))
        return
    expected = [row[0] for row in rows]
    assert [walk.key(row) for row in walk.rows(parallel=parallel)] == expected
    assert walk.plan().total_count == len(expected)


def test_walks_over_child_accounts_and_filters(clients: Connect, plain: sqlite3.Connection) -> None:
    client = clients(Reach(page=7, offset=20))
    params = GetTransactionHistory(
        **YEAR, child_account_id="all", transaction_type=("resource_charge",)
    )
    got = [(row.account_id, row.transaction_id) for row in client.iterate_transactions(params)]
    query = (
        "SELECT CAST(account_id AS TEXT), transaction_id FROM transactions"
        " WHERE transaction_type = 'resource_charge' AND performed_at BETWEEN ? AND ?"
        " ORDER BY performed_at, transaction_id"
    )
    period = [moment.replace(tzinfo=UTC).timestamp() for moment in YEAR.values()]
    assert got == list(plain.execute(query, period))
    assert len({account for account, _ in got}) > 1


def test_walks_over_money_on_hold(clients: Connect, ours: Client) -> None:
    params = GetTransactionHistory(**YEAR, is_uncommitted=True, count=1000)
    whole = [row.transaction_id for row in ours.get_transaction_history(params).result]
    holds = GetTransactionHistory(**YEAR, is_uncommitted=True)
    walked = clients(Reach(page=2, offset=2)).iterate_transactions(holds)
    assert [row.transaction_id for row in walked] == whole


def test_the_zone_auto_is_the_accounts_own(ours: Client) -> None:
    params = GetCallHistory(**WEEK, timezone="auto", with_calls=True)
    page = ours.get_call_history(params)
    assert page.timezone == "Europe/Berlin"
    walked = list(ours.iterate_call_history(params))
    assert walked[: page.count] == list(page.result)
    zones = {call.start_time.tzinfo for session in walked for call in session.calls}
    assert zones == {ZoneInfo("Europe/Berlin")}


def test_a_field_of_the_sandbox_that_we_do_not_know_would_be_a_mistake(ours: Client) -> None:
    everything = GetCallHistory(**WEEK, with_calls=True, with_records=True, count=100)
    for session in ours.get_call_history(everything).result:
        assert session.extra == {}
        assert [part.extra for part in session.charged if part.extra] == []


# Orders and files


def finished(client: Client, report_id: int) -> None:
    question = GetHistoryReports(history_report_id=report_id)
    for _ in range(100):
        if client.get_history_reports(question).result[0].completed:
            return
        time.sleep(0.1)
    raise AssertionError("The report is not finished after 10 s")


def test_a_report_is_ordered_awaited_and_fetched(ours: Client, plain: sqlite3.Connection) -> None:
    order = ours.order_transaction_history(GetTransactionHistory(**YEAR))
    report = DownloadHistoryReport(history_report_id=order.history_report_id)
    with pytest.raises(Refused) as early:
        ours.download_history_report(report, io.BytesIO())
    assert early.value.code == 356
    finished(ours, order.history_report_id)
    into = io.BytesIO()
    done = ours.download_history_report(report, into)
    lines = gzip.decompress(into.getvalue()).decode().splitlines()
    query = (
        "SELECT count(*) FROM transactions WHERE account_id = ? AND performed_at BETWEEN ? AND ?"
    )
    period = [moment.replace(tzinfo=UTC).timestamp() for moment in YEAR.values()]
    (count,) = plain.execute(query, (ours.account_id, *period)).fetchone()
    assert len(lines) == 1 + count
    assert done.sha256 == hashlib.sha256(into.getvalue()).hexdigest()


def test_every_kind_of_report_can_be_ordered(ours: Client) -> None:
    orders = [
        ours.get_call_history_async(GetCallHistory(**WEEK)),
        ours.get_transaction_history_async(GetTransactionHistory(**WEEK)),
        ours.get_audit_log_async(GetAuditLog(**WEEK)),
        ours.order_call_history(GetCallHistory(**WEEK)),
        ours.order_audit_log(GetAuditLog(**WEEK)),
        ours.get_brief_call_history(GetBriefCallHistory(**WEEK)),
    ]
    reports = ours.get_history_reports(GetHistoryReports(history_type="all")).result
    assert [report.history_report_id for report in reports] == [
        order.history_report_id for order in orders
    ]
    kinds = [report.history_type for report in reports]
    assert kinds == ["calls", "transactions", "audit", "calls", "audit", "calls_brief"]


@pytest.fixture
def report(ours: Client) -> DownloadHistoryReport:
    order = ours.order_transaction_history(GetTransactionHistory(**YEAR))
    finished(ours, order.history_report_id)
    return DownloadHistoryReport(history_report_id=order.history_report_id)


def test_a_dropped_connection_costs_nothing(
    sandbox_server: Sandbox, ours: Client, report: DownloadHistoryReport
) -> None:
    whole = io.BytesIO()
    ours.download_history_report(report, whole)
    sandbox_server.fault("drop", after_bytes=1000, method="DownloadHistoryReport", times=3)
    again = io.BytesIO()
    ours.download_history_report(report, again)
    assert again.getvalue() == whole.getvalue()
    ranges = [one["headers"].get("range") for one in sandbox_server.requests[-4:]]
    assert ranges == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]


def test_a_download_goes_on_in_another_process(
    sandbox_server: Sandbox, ours: Client, report: DownloadHistoryReport
) -> None:
    whole = io.BytesIO()
    ours.download_history_report(report, whole)
    kept: list[FileFacts] = []
    sandbox_server.fault("drop", after_bytes=1000, method="DownloadHistoryReport", times=1)
    sandbox_server.fault("http_status", status=503, method="DownloadHistoryReport", skip=1, times=1)
    begun = io.BytesIO()
    with pytest.raises(Interrupted):
        ours.download_history_report(report, begun, started=lambda facts, at: kept.append(facts))
    assert begun.getvalue() == whole.getvalue()[:1000]
    done = ours.download_history_report(report, begun, resume=kept[0])
    assert begun.getvalue() == whole.getvalue()
    assert done.sha256 == hashlib.sha256(whole.getvalue()).hexdigest()


@pytest.mark.parametrize("kind", ["corrupt_gzip", "truncate"])
def test_a_damaged_file_is_never_taken_for_whole(
    sandbox_server: Sandbox, ours: Client, report: DownloadHistoryReport, kind: str
) -> None:
    sandbox_server.fault(kind, method="DownloadHistoryReport")
    with pytest.raises(Interrupted):
        ours.download_history_report(report, io.BytesIO())


@pytest.mark.parametrize(
    "params",
    [
        GetCallHistory(**WEEK, with_calls=True, count=50),
        GetTransactionHistory(**WEEK, decimal_separator=","),
        GetACDHistory(**WEEK, with_events=True),
        GetAuditLog(**WEEK),
    ],
)
def test_a_page_comes_as_csv_at_once(
    ours: Client, params: GetCallHistory | GetTransactionHistory | GetACDHistory | GetAuditLog
) -> None:
    into = io.BytesIO()
    done = ours.download_csv(params, into)
    assert into.getvalue().startswith(b'"')
    assert done.stored == len(into.getvalue())


# Recordings


def recordings(client: Client) -> Iterator[RecordType]:
    for session in client.iterate_call_history(
        GetCallHistory(**YEAR, with_records=True, desc_order=True)
    ):
        yield from (record for record in session.records if record.record_url)


@pytest.mark.parametrize("place", ["/vox-records/", "/vox-records-secure/"])
def test_recordings_open_and_secure_ones_too(ours: Client, place: str) -> None:
    url = next(str(r.record_url) for r in recordings(ours) if place in str(r.record_url))
    with ours.open_media(url, "bytes=0-99") as media:
        assert (media.status, media.headers["Content-Type"]) == (206, "audio/mpeg")
        assert len(b"".join(media.chunks())) == 100
    with ours.open_media(url, head=True) as media:
        assert int(media.headers["Content-Length"]) > 10_000


def test_a_deleted_recording_is_gone(ours: Client) -> None:
    record = next(recordings(ours))
    assert ours.delete_record(DeleteRecord(record_id=record.record_id)) == 1
    with pytest.raises(Refused) as gone:
        ours.open_media(str(record.record_url))
    assert gone.value.code == 501
    with pytest.raises(Refused) as again:
        ours.delete_record(DeleteRecord(record_id=record.record_id))
    assert again.value.code == 341


# Refusals and failures


def test_a_missing_role_is_refused(sandbox_server: Sandbox, clients: Connect) -> None:
    sandbox_server.reset()
    with pytest.raises(Refused) as refused:
        clients(role="support").get_transaction_history(GetTransactionHistory(**WEEK))
    assert refused.value.code == 104


def test_too_long_a_list_is_refused_with_its_field(ours: Client) -> None:
    with pytest.raises(Refused) as refused:
        ours.get_call_history(GetCallHistory(**WEEK, count=1001))
    assert (refused.value.code, refused.value.field_name) == (497, "count")


def test_an_order_is_not_repeated_when_its_answer_is_lost(
    sandbox_server: Sandbox, ours: Client
) -> None:
    sandbox_server.fault("http_status", status=502, method="GetCallHistory")
    with pytest.raises(Unreachable) as lost:
        ours.order_call_history(GetCallHistory(**WEEK))
    assert lost.value.sent
    assert len(sandbox_server.requests) == 1
