"""The account that a seed makes is believable, and its money adds up."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from history.api.methods import RESOURCE_TYPES, TRANSACTION_TYPES
from sandbox import world
from sandbox.schema import moment_of
from sandbox.seed import seed

NOW = datetime(2026, 6, 15, 14, 30, 7, tzinfo=UTC)
SECOND = int(NOW.timestamp())
SESSIONS = 1500


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seed") / "account.sqlite3"
    seed(path, sessions=SESSIONS, seed=3, now=NOW)
    return path


@pytest.fixture(scope="module")
def file(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def column(file: sqlite3.Connection, sql: str) -> list:
    return [row[0] for row in file.execute(sql)]


# The file


def test_the_same_arguments_give_the_same_bytes(tmp_path):
    arguments = {"sessions": 80, "now": NOW, "ahead": timedelta(days=1)}
    seed(tmp_path / "one", seed=5, **arguments)
    seed(tmp_path / "two", seed=5, **arguments)
    seed(tmp_path / "other", seed=6, **arguments)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_leaves_one_file_and_nothing_beside_it(tmp_path):
    seed(tmp_path / "account", sessions=1, now=NOW)

    assert [path.name for path in tmp_path.iterdir()] == ["account"]


@pytest.mark.parametrize("sessions", [0, 1, 59, 61, 300])
def test_makes_as_many_sessions_as_asked(tmp_path, sessions):
    seed(tmp_path / "account", sessions=sessions, now=NOW)

    with closing(sqlite3.connect(tmp_path / "account")) as file:
        past = column(file, f"SELECT count(*) FROM sessions WHERE start_date <= {SECOND}")
    assert past == [sessions]


def test_replaces_a_file_only_when_the_new_one_is_whole(tmp_path):
    path = tmp_path / "account"
    path.write_text("the old one")
    with pytest.raises(ValueError, match="year"):
        seed(path, sessions=1, now=datetime(1, 1, 1, tzinfo=UTC))

    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


# Its times


def test_spans_thirteen_months_up_to_now_and_what_comes_next(file):
    first, last = file.execute("SELECT min(start_date), max(start_date) FROM sessions").fetchone()

    assert datetime.fromtimestamp(first, UTC) < datetime(2025, 5, 17, tzinfo=UTC)
    assert first >= datetime(2025, 5, 15, 14, 30, 7, tzinfo=UTC).timestamp()
    assert SECOND + 10 * 86_400 < last <= SECOND + 14 * 86_400


def test_has_a_rhythm_of_days_and_weeks(file):
    starts = [
        datetime.fromtimestamp(start, ZoneInfo("Europe/Berlin"))
        for start in column(file, "SELECT start_date FROM sessions WHERE account_id = 48211")
    ]
    hours = Counter(start.hour for start in starts)
    days = Counter(start.weekday() for start in starts)

    assert min(hours[9], hours[10], hours[14], hours[15]) > 5 * max(hours[1], hours[3], hours[23])
    assert min(days[day] for day in range(5)) > 2 * max(days[5], days[6])


@pytest.mark.parametrize(
    ("table", "id_column", "time_column"),
    [
        ("sessions", "session_id", "start_date"),
        ("transactions", "transaction_id", "performed_at"),
        ("acd_sessions", "acd_session_history_id", "begin_time"),
        ("audit_log", "audit_log_id", "requested"),
    ],
)
def test_ids_tell_the_time(file, table, id_column, time_column):
    rows = file.execute(f"SELECT {id_column}, {time_column} FROM {table}").fetchall()

    assert rows
    assert all(moment_of(id_) == moment for id_, moment in rows)


def test_many_sessions_share_one_second(file):
    sizes = column(file, "SELECT count(*) FROM sessions GROUP BY start_date ORDER BY 1 DESC")

    assert sizes[0] >= 50


def test_the_hour_that_is_repeated_in_autumn_has_sessions_both_times(file):
    zone = ZoneInfo("Europe/Berlin")
    walls = defaultdict(set)
    for start in column(file, "SELECT start_date FROM sessions WHERE account_id = 48211"):
        moment = datetime.fromtimestamp(start, zone)
        if (moment.month, moment.day, moment.hour) == (10, 26, 2):
            walls[moment.replace(tzinfo=None, fold=0)].add(start)

    assert max(map(len, walls.values())) == 2, "a wall-clock time that came twice"


def test_sessions_surround_the_hour_that_is_skipped_in_spring(file):
    change = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    starts = column(file, "SELECT start_date FROM sessions")

    assert {change - 1, change, change + 1} <= set(starts)


def test_some_sessions_are_going_on_now(file):
    going_on = file.execute(
        "SELECT count(*) FROM sessions WHERE start_date <= ? AND start_date + duration > ?",
        (SECOND, SECOND),
    ).fetchone()[0]

    assert going_on >= 5


def test_parts_lie_inside_their_session(file):
    for table, start, end in (
        ("calls", "p.start_time", "p.start_time + coalesce(p.duration, 0)"),
        ("records", "p.start_time", "p.start_time + p.duration"),
        ("acd_sessions", "p.begin_time", "p.begin_time + p.waiting_duration"),
    ):
        outside = column(
            file,
            f"SELECT count(*) FROM {table} p JOIN sessions s USING (session_id)"
            f" WHERE {start} < s.start_date OR {end} > s.start_date + s.duration",
        )
        assert outside == [0], table


# Its money

PARTS = """
    SELECT call_id AS part_id, session_id, cost, transaction_id FROM calls
    UNION ALL SELECT record_id, session_id, cost, transaction_id FROM records
    UNION ALL SELECT resource_usage_id, session_id, cost, transaction_id FROM usages
"""


def test_everything_charged_has_a_transaction_of_exactly_that_amount(file):
    wrong = file.execute(
        f"SELECT p.part_id, p.transaction_id, p.cost, t.amount FROM ({PARTS}) p"
        " JOIN sessions s USING (session_id) LEFT JOIN transactions t"
        " ON t.transaction_id = p.transaction_id AND t.account_id = s.account_id"
        " AND t.part_id = p.part_id"
        " WHERE p.transaction_id IS NOT NULL AND t.amount IS NOT -p.cost"
    ).fetchall()
    listed = file.execute(
        "SELECT call_id, transaction_id, cost, amount FROM anomalies"
        " WHERE kind IN ('call_without_charge', 'differing_amount')"
    ).fetchall()

    assert sorted(map(tuple, wrong)) == sorted(map(tuple, listed))
    assert len(wrong) >= 2


def test_every_charge_has_its_part_but_for_the_listed_anomalies(file):
    orphans = file.execute(
        "SELECT 'charge_without_call', account_id, NULL, t.part_id, transaction_id, NULL, amount"
        f" FROM transactions t LEFT JOIN ({PARTS}) p USING (transaction_id)"
        " WHERE transaction_type = 'resource_charge' AND p.session_id IS NULL"
    ).fetchall()
    listed = file.execute("SELECT * FROM anomalies WHERE kind = 'charge_without_call'").fetchall()

    assert sorted(map(tuple, orphans)) == sorted(map(tuple, listed))
    assert orphans


def test_what_costs_something_is_charged_and_what_is_free_is_not(file):
    assert column(
        file, f"SELECT count(*) FROM ({PARTS}) WHERE (cost > 0) != (transaction_id IS NOT NULL)"
    ) == [0]
    assert column(file, f"SELECT min(cost) FROM ({PARTS})") == [0]


def test_no_transaction_is_charged_for_two_things(file):
    twice = column(
        file,
        f"SELECT transaction_id FROM ({PARTS}) WHERE transaction_id IS NOT NULL"
        " GROUP BY transaction_id HAVING count(*) > 1",
    )

    assert twice == []


def test_charges_fall_in_the_second_in_which_the_part_ends(file):
    late = column(
        file,
        "SELECT count(*) FROM transactions t JOIN calls c USING (transaction_id)"
        " WHERE t.performed_at != c.start_time + c.duration",
    )

    assert late == [0]


def test_balances_run_through(file):
    balances: dict[int, int] = defaultdict(int)
    for row in file.execute(
        "SELECT account_id, amount, balance FROM transactions ORDER BY 1, transaction_id"
    ):
        balances[row["account_id"]] += row["amount"]
        assert row["balance"] == balances[row["account_id"]]
    assert balances.keys() == {plan.account_id for plan in world.ACCOUNTS}


def test_no_balance_is_absurd(file):
    for row in file.execute(
        "SELECT account_id, min(balance) AS low, max(balance) AS high FROM transactions GROUP BY 1"
    ):
        assert row["low"] > -5_000_000, dict(row)
        assert row["high"] < 3_000_000_000, dict(row)


def test_an_account_ran_out_of_money_while_calls_failed_for_it(file):
    failed = file.execute(
        "SELECT session_id, start_date, account_id FROM sessions"
        " WHERE finish_reason = 'Insufficient funds'"
    ).fetchall()

    assert failed
    for session in failed:
        before = column(
            file,
            "SELECT balance FROM transactions WHERE performed_at <= "
            f"{session['start_date']} AND account_id = {session['account_id']}"
            " ORDER BY transaction_id DESC LIMIT 1",
        )
        assert before[0] < 1_000_000
        assert set(
            column(
                file,
                "SELECT code FROM calls JOIN end_reasons USING (end_reason_id)"
                f" WHERE session_id = {session['session_id']}",
            )
        ) == {402}


def test_transfers_to_children_are_mirrored_at_the_same_moment(file):
    sides = defaultdict(dict)
    for row in file.execute(
        "SELECT performed_at, account_id, transaction_type, amount, description FROM transactions"
        " WHERE transaction_type LIKE 'money_transfer%' OR transaction_type LIKE 'money_acc%'"
    ):
        child = row["account_id"]
        if child == world.PARENT:
            child = int(row["description"].split("account ")[1].split(",")[0])
        sides[row["performed_at"], child][row["account_id"] == world.PARENT] = row["amount"]

    assert len(sides) > 6
    for (_, child), side in sides.items():
        rate = 1.0834 if child == world.AMERICA else 1
        assert side[False] == pytest.approx(-side[True] * rate, abs=2)


def test_every_type_of_transaction_happens(file):
    assert set(column(file, "SELECT transaction_type FROM transactions")) == set(TRANSACTION_TYPES)


def test_numbers_and_subscriptions_are_paid_every_month(file):
    fees = Counter(
        column(
            file,
            "SELECT description FROM transactions WHERE transaction_type IN"
            " ('phone_number_charge', 'toll_free_phone_number_charge')"
            f" AND performed_at <= {SECOND}",
        )
    )

    assert len(fees) == sum(map(len, world.NUMBERS.values()))
    assert set(fees.values()) <= {12, 13, 14}


def test_holds_lie_around_now_only(file):
    held = file.execute(
        "SELECT held_at, performed_at, transaction_type FROM transactions WHERE held_at IS NOT NULL"
    ).fetchall()

    assert all(row["performed_at"] > SECOND for row in held)
    assert all(0 < row["performed_at"] - row["held_at"] <= 86_400 for row in held)
    now = {row["transaction_type"] for row in held if row["held_at"] <= SECOND}
    assert now == {"resource_charge", "phone_number_charge"}


def test_there_are_a_few_anomalies_of_each_kind(file):
    kinds = Counter(column(file, "SELECT kind FROM anomalies"))

    assert kinds == {"charge_without_call": 1, "call_without_charge": 1, "differing_amount": 1}


# Its variety


def test_sessions_end_in_every_known_way(file):
    assert set(column(file, "SELECT finish_reason FROM sessions")) == {
        "Normal termination",
        "Insufficient funds",
        "Internal error (billing timeout)",
        "Terminated administratively",
        "JS session error",
        "Timeout",
    }


def test_every_resource_is_used_and_one_that_is_not_documented(file):
    used = set(column(file, "SELECT resource_type FROM usages"))

    assert used - set(RESOURCE_TYPES) == {"TTS_ELEVENLABS"}
    assert set(RESOURCE_TYPES) <= used


def test_every_rule_is_at_work(file):
    assert len(set(column(file, "SELECT rule_id FROM sessions"))) == len(world.RULES)


def test_calls_fail_with_real_codes_and_sometimes_without_words(file):
    reasons = {
        tuple(row)
        for row in file.execute(
            "SELECT code, details FROM calls JOIN end_reasons USING (end_reason_id)"
            " WHERE NOT successful"
        )
    }

    assert {code for code, _ in reasons} >= {402, 404, 408, 480, 486, 487, 503, 603}
    assert {(486, ""), (603, ""), (480, "User offline")} <= reasons


def test_numbers_are_valid_in_many_countries(file):
    numbers = column(
        file,
        "SELECT DISTINCT remote_number FROM calls WHERE remote_number_type IN ('pstn', 'mobile')"
        " AND remote_number != 'anonymous'",
    )
    parsed = [phonenumbers.parse(f"+{number}") for number in numbers]

    assert [p for p in parsed if not phonenumbers.is_valid_number(p)] == []
    assert len({p.country_code for p in parsed}) >= 15


def test_some_callers_call_again_and_again(file):
    calls = Counter(
        column(file, "SELECT remote_number FROM calls WHERE remote_number_type = 'mobile'")
    )

    assert calls.most_common(1)[0][1] > 10
    assert sum(1 for n in calls.values() if n == 1) > len(calls) / 4


def test_calls_are_of_all_kinds(file):
    kinds = set(column(file, "SELECT remote_number_type FROM calls"))
    largest = column(file, "SELECT count(*) FROM calls GROUP BY session_id ORDER BY 1 DESC LIMIT 1")

    assert kinds == {"pstn", "mobile", "user", "sip"}
    assert largest[0] >= 4, "a conference"
    assert column(file, "SELECT count(*) FROM calls WHERE diversion_number IS NOT NULL")[0] > 10


def test_custom_data_has_everything_that_is_hard_to_write_into_a_table(file):
    texts = column(file, "SELECT DISTINCT custom_data FROM sessions WHERE custom_data IS NOT NULL")

    for hard in (";", ",", '"', "\n", "ü", "з", "☎"):
        assert any(hard in text for text in texts), hard
    assert any(text.startswith("{") and json.loads(text) for text in texts)
    assert max(len(text.encode()) for text in texts) <= 200


def test_recordings_last_from_seconds_to_three_hours(file):
    durations = column(file, "SELECT duration FROM records")

    assert 5 <= min(durations) <= 8
    assert 3 * 3600 in durations
    assert set(column(file, "SELECT channels FROM records")) == {1, 2}
    assert {None} < set(column(file, "SELECT transcribed_at FROM records"))


def test_a_queue_answers_turns_away_and_loses_callers(file):
    kinds = set(column(file, "SELECT type FROM acd_events"))

    assert kinds == {"queued", "offered", "missed", "answered", "hangup", "unserviced", "rejected"}


def test_queued_callers_belong_to_incoming_calls(file):
    strangers = column(
        file,
        "SELECT count(*) FROM acd_sessions a WHERE NOT EXISTS (SELECT 1 FROM calls c WHERE"
        " c.session_id = a.session_id AND c.incoming"
        " AND c.remote_number IN (a.caller_id, 'anonymous'))",
    )

    assert strangers == [0]


# Its audit trail


def test_the_audit_trail_has_many_commands_of_several_people(file):
    assert len(set(column(file, "SELECT cmd_name FROM audit_log"))) >= 25
    assert len(set(column(file, "SELECT subuser_id FROM audit_log"))) >= 5
    assert len(set(column(file, "SELECT ip FROM audit_log"))) >= 5


def test_each_deleted_recording_has_its_entry(file):
    deleted = file.execute(
        "SELECT record_id, removed_at FROM records WHERE removed_at IS NOT NULL ORDER BY 1"
    ).fetchall()
    entries = file.execute(
        "SELECT json_extract(cmd_args, '$.record_id'), requested FROM audit_log"
        " WHERE cmd_name = 'DeleteRecord' ORDER BY 1"
    ).fetchall()

    assert list(map(tuple, deleted)) == list(map(tuple, entries))
    assert deleted


def test_the_audit_trail_tells_no_secret(file):
    for arguments, result in file.execute("SELECT cmd_args, cmd_result FROM audit_log"):
        for name, value in _fields(json.loads(arguments)) + _fields(json.loads(result)):
            if "password" in name or name == "private_key":
                assert set(value) == {"*"}


def _fields(value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        return []
    return [*value.items(), *(pair for inner in value.values() for pair in _fields(inner))]
