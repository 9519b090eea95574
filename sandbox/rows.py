"""From rows of the file to rows of the API: names, dates, amounts, and what is left out.

A reader takes ids in order and yields dictionaries in the same order. What ends after `now` is
under way: neither its duration nor its cost is known yet.
"""

# Statements are put together from our own words only; values are bound.
# ruff: noqa: S608

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

from history.api import wire
from sandbox.directory import Directory
from sandbox.voice import file_size

type Answer = dict[str, Any]
type Link = Callable[[str, int, int, bool], str]  # kind of file, moment, id, whether it is secure

BATCH = 250  # ids that are read at once
DAY = 86_400
LOG_LIFE = 30 * DAY  # "one month"
BOOKS_CLOSE_EARLIER = timedelta(hours=3)  # the accounting day ends at 21:00 UTC
NOT_REQUIRED, IN_PROGRESS, COMPLETE = "Not required", "In progress", "Complete"

DESCRIPTIONS = {"PSTN_OUT": "Outgoing call", "PSTN_IN": "Incoming call", "SIP": "SIP call"}
DESCRIPTIONS["RECORD"] = "Recording"


@lru_cache(maxsize=100_000)
def money(micro_units: int) -> Decimal:
    """An amount without needless zeros: 0.013652, 50, 0."""
    amount = Decimal(micro_units).scaleb(-6)
    is_whole = amount == amount.to_integral_value()
    # normalize() would write 50 as 5E+1.
    return amount.quantize(Decimal(1)) if is_whole else amount.normalize()


def wall_clock(moment: int, zone: tzinfo) -> str:
    return wire.format_wall_clock(datetime.fromtimestamp(moment, UTC), zone)


def read(
    connection: sqlite3.Connection, table: str, column: str, ids: Sequence[int]
) -> list[sqlite3.Row]:
    """The rows of that table with one of these ids, in the order of the table's own key."""
    places = ", ".join("?" * len(ids))
    sql = f"SELECT * FROM {table} WHERE {column} IN ({places})"
    return connection.execute(sql, ids).fetchall()


def by_session(
    connection: sqlite3.Connection, table: str, ids: Sequence[int]
) -> dict[int, list[sqlite3.Row]]:
    grouped = defaultdict(list)
    for row in read(connection, table, "session_id", ids):
        grouped[row["session_id"]].append(row)
    return grouped


class SessionReader:
    """Sessions with those of their parts that are asked for."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        directory: Directory,
        link: Link,
        *,
        now: int,
        zone: tzinfo,
        calls: bool,
        records: bool,
        usages: bool,
    ) -> None:
        self.connection = connection
        self.directory = directory
        self.link = link
        self.now = now
        self.zone = zone
        self.calls = calls
        self.records = records
        self.usages = usages

    def read(self, ids: Sequence[int]) -> Iterator[Answer]:
        sessions = {
            row["session_id"]: row for row in read(self.connection, "sessions", "session_id", ids)
        }
        calls = by_session(self.connection, "calls", ids) if self.calls else {}
        # A call tells the link of its recording, so those are needed for calls too.
        records = by_session(self.connection, "records", ids) if self.calls or self.records else {}
        usages = by_session(self.connection, "usages", ids) if self.usages else {}
        for session_id in ids:
            if session := sessions.get(session_id):
                yield self._session(
                    session,
                    calls.get(session_id, ()),
                    records.get(session_id, ()),
                    usages.get(session_id, ()),
                )

    def _session(
        self,
        row: sqlite3.Row,
        calls: Sequence[sqlite3.Row],
        records: Sequence[sqlite3.Row],
        usages: Sequence[sqlite3.Row],
    ) -> Answer:
        application = self.directory.applications[row["application_id"]]
        start, session_id = row["start_date"], row["session_id"]
        active = start + row["duration"] > self.now
        answer: Answer = {
            "call_session_history_id": session_id,
            "account_id": row["account_id"],
            "application_id": application.application_id,
            "application_name": application.application_name,
            "rule_name": self.directory.rules[row["rule_id"]].rule_name,
            "user_id": row["user_id"],
            "start_date": wall_clock(start, self.zone),
            "duration": None if active else row["duration"],
            "initiator_address": row["initiator_address"],
            "media_server_address": row["media_server_address"],
            "log_file_url": self.link("logs", start, session_id, application.secure)
            if start > self.now - LOG_LIFE
            else None,
            "finish_reason": None if active else row["finish_reason"],
            "audio_quality": row["audio_quality"],
            "custom_data": row["custom_data"],
            "active": active,
        }
        made = [
            self._record(record, secure=application.secure)
            for record in records
            if record["start_time"] + record["duration"] <= self.now
        ]
        if self.calls:
            links = {record["record_id"]: record.get("record_url") for record in made}
            answer["calls"] = [
                self._call(call, row, links.get(call["record_id"]))
                for call in calls
                if call["start_time"] <= self.now
            ]
        if self.records and made:
            answer["records"] = made
        if self.usages:
            answer["other_resource_usage"] = [
                self._usage(usage) for usage in usages if usage["used_at"] <= self.now
            ]
        return present(answer)

    def _call(self, row: sqlite3.Row, session: sqlite3.Row, record_url: str | None) -> Answer:
        group = self.directory.price_groups.get(row["price_group_id"])
        answer = {
            "call_id": row["call_id"],
            "start_time": wall_clock(row["start_time"], self.zone),
            "local_number": row["local_number"],
            "remote_number": row["remote_number"],
            "remote_number_type": row["remote_number_type"],
            "diversion_number": row["diversion_number"],
            "incoming": bool(row["incoming"]),
            "successful": bool(row["successful"]),
            "media_server_address": session["media_server_address"],
            "custom_data": row["custom_data"],
            "direction": group.price_group_name if group else None,
            "audio_quality": session["audio_quality"],
        }
        if row["start_time"] + (row["duration"] or 0) <= self.now:
            answer["duration"] = row["duration"]
            answer["transaction_id"] = row["transaction_id"]
            answer["record_url"] = record_url
            answer["cost"] = money(row["cost"])
            answer["end_reason"] = self.directory.end_reasons[row["end_reason_id"]]
        return present(answer)

    def _record(self, row: sqlite3.Row, *, secure: bool) -> Answer:
        gone, status = is_gone(row, self.now), transcription_status(row, self.now)
        start, record_id = row["start_time"], row["record_id"]
        has_transcript = status == COMPLETE and not gone
        return present(
            {
                "record_id": record_id,
                "record_name": row["record_name"],
                "start_time": wall_clock(start, self.zone),
                "duration": row["duration"],
                "cost": money(row["cost"]),
                "record_url": None if gone else self.link("records", start, record_id, secure),
                "transaction_id": row["transaction_id"],
                "file_size": file_size(row["duration"], row["channels"]),
                "transcription_url": self.link("transcripts", start, record_id, secure)
                if has_transcript
                else None,
                "transcription_status": status,
                "is_removed": gone,
                "expiration_date": wall_clock(row["expires_at"], UTC)[:10],
            }
        )

    def _usage(self, row: sqlite3.Row) -> Answer:
        return present(
            {
                "resource_usage_id": row["resource_usage_id"],
                "resource_type": row["resource_type"],
                "cost": money(row["cost"]),
                "description": row["description"],
                "used_at": wall_clock(row["used_at"], self.zone),
                "transaction_id": row["transaction_id"],
                "resource_quantity": row["resource_quantity"],
                "unit": row["unit"],
                "ref_call_id": row["ref_call_id"],
            }
        )


def present(answer: Answer) -> Answer:
    """Without the fields that have no value: the API sends no null."""
    return {name: value for name, value in answer.items() if value is not None}


def is_gone(record: sqlite3.Row, now: int) -> bool:
    """Deleted, or past its expiration date."""
    removed_at: int | None = record["removed_at"]
    expires_at: int = record["expires_at"]
    return expires_at <= now or (removed_at is not None and removed_at <= now)


def transcription_status(record: sqlite3.Row, now: int) -> str:
    if record["transcribed_at"] is None:
        return NOT_REQUIRED
    return COMPLETE if record["transcribed_at"] <= now else IN_PROGRESS


def read_transactions(
    connection: sqlite3.Connection,
    directory: Directory,
    ids: Sequence[int],
    zone: tzinfo,
    *,
    extended: bool,
    held: bool,
) -> Iterator[Answer]:
    """Transactions; those on hold with the moment they were set aside."""
    rows = {
        row["transaction_id"]: row
        for row in read(connection, "transactions", "transaction_id", ids)
    }
    for transaction_id in ids:
        row = rows[transaction_id]
        account = directory.accounts[row["account_id"]]
        answer: Answer = {
            "transaction_id": transaction_id,
            "account_id": str(account.account_id),  # text, unlike everywhere else
            "performed_at": wall_clock(row["held_at" if held else "performed_at"], zone),
            "amount": money(row["amount"]),
            "currency": account.currency,
            "transaction_type": row["transaction_type"],
            "transaction_description": _description(directory, row),
            "payment_reference": row["payment_reference"],
        }
        if extended:
            answer |= _extended(directory, row)
        yield present(answer)


def _description(directory: Directory, row: sqlite3.Row) -> str | None:
    """Its own words, or what kind of thing was charged and which: "Outgoing call 3310000017"."""
    group = directory.price_groups.get(row["price_group_id"])
    if group is None:
        words: str | None = row["description"]
        return words
    kind = DESCRIPTIONS.get(group.resource_type, group.price_group_name)
    return f"{kind} {row['part_id']}"


def _extended(directory: Directory, row: sqlite3.Row) -> Answer:
    application = directory.applications.get(row["application_id"])
    group = directory.price_groups.get(row["price_group_id"])
    return {
        "application_id": row["application_id"],
        "application_name": application.application_name if application else None,
        "subscription_id": row["subscription_id"],
        "subscription_name": directory.subscriptions.get(row["subscription_id"]),
        "resource_type": group.resource_type if group else None,
        "price_group_name": group.price_group_name if group else None,
        "accounting_date": accounting_date(row["performed_at"]),
    }


def accounting_date(performed_at: int) -> str:
    return str((datetime.fromtimestamp(performed_at, UTC) + BOOKS_CLOSE_EARLIER).date())


def read_acd_sessions(
    connection: sqlite3.Connection, ids: Sequence[int], now: int, *, with_events: bool
) -> Iterator[Answer]:
    key = "acd_session_history_id"
    rows = {row[key]: row for row in read(connection, "acd_sessions", key, ids)}
    events = defaultdict(list)
    if with_events:
        for event in read(connection, "acd_events", key, ids):
            if event["time"] <= now:
                events[event[key]].append(_event(event))
    for acd_id in ids:
        row = rows[acd_id]
        answered_at = row["begin_time"] + row["waiting_duration"]
        served = row["in_service_duration"] is not None and answered_at <= now
        left_at = answered_at + (row["in_service_duration"] or 0)
        left = served and left_at <= now
        answer = {
            key: acd_id,
            "acd_request_id": row["acd_request_id"],
            "account_id": row["account_id"],
            "begin_time": wall_clock(row["begin_time"], UTC),
            "priority": row["priority"],
            "acd_queue_id": row["acd_queue_id"],
            "user_id": row["user_id"] if served else None,
            "waiting_duration": row["waiting_duration"] if answered_at <= now else None,
            "in_service_duration": row["in_service_duration"] if left else None,
            "after_service_duration": row["after_service_duration"] if left else None,
        }
        if with_events:
            answer["events"] = events[acd_id]
        yield present(answer)


def _event(row: sqlite3.Row) -> Answer:
    return present(
        {
            "acd_session_event_id": row["acd_session_event_id"],
            "time": wall_clock(row["time"], UTC),
            "type": row["type"],
            "user_id": row["user_id"],
            "custom_data": row["custom_data"],
        }
    )


def read_audit_log(
    connection: sqlite3.Connection, ids: Sequence[int], zone: tzinfo
) -> Iterator[Answer]:
    rows = {row["audit_log_id"]: row for row in read(connection, "audit_log", "audit_log_id", ids)}
    for audit_log_id in ids:
        row = rows[audit_log_id]
        yield present(
            {
                "audit_log_id": audit_log_id,
                "account_id": row["account_id"],
                "subuser_id": row["subuser_id"],
                "subuser_name": row["subuser_name"],
                "requested": wall_clock(row["requested"], zone),
                "ip": row["ip"],
                "cmd_name": row["cmd_name"],
                "cmd_args": json.loads(row["cmd_args"]),
                "cmd_result": json.loads(row["cmd_result"]) if row["cmd_result"] else None,
            }
        )
