"""What the sandbox knows and how it answers: rows as the API writes them, from a seeded file.

Knows no HTTP. Each list method of the API has a pair here: the rows, as a generator of
dictionaries with the JSON names of the API (dates as wall clocks of the asked zone, money as
`Decimal`, absent values left out), and their number. Memory stays constant however many rows
are read. `account` is the acting account; its children's rows come in only as the parameters
say. `timezone` must be a zone's name, not `auto`.

The store's `clock` is the present: what the file holds beyond it has not happened yet.
"""

# Statements are put together from our own words only; values are bound.
# ruff: noqa: S608

import json
import math
import os
import sqlite3
import weakref
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from itertools import batched
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from history.api import wire
from history.api.methods import GetACDHistory, GetAuditLog, GetCallHistory, GetTransactionHistory
from sandbox import facets
from sandbox.directory import Account, Application, Directory, User
from sandbox.exports import Exporter
from sandbox.facets import Condition, Search
from sandbox.rows import (
    BATCH,
    BOOKS_CLOSE_EARLIER,
    COMPLETE,
    DAY,
    Answer,
    SessionReader,
    is_gone,
    money,
    read_acd_sessions,
    read_audit_log,
    read_transactions,
    transcription_status,
)
from sandbox.schema import Facet, Value, first_id
from sandbox.voice import file_size

__all__ = ["Account", "Answer", "Application", "LoggedSession", "Record", "Store", "User"]

type Listing = GetCallHistory | GetTransactionHistory | GetACDHistory | GetAuditLog

LONGEST_HOLD = 2 * 86_400  # seconds
LONGEST = 10**6  # seconds, of anything
MAX_ID = 2**62
LINK_QUERIES = {"records": "?record_id={}", "logs": "?sessionid={}", "transcripts": ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A recording as its file needs it; `duration` in seconds, `url` as in GetCallHistory."""

    record_id: int
    session_id: int
    account_id: int
    start_time: datetime
    duration: int
    channels: int
    file_size: int  # bytes, of `sandbox.voice`'s file
    secure: bool
    url: str
    removed: bool  # deleted or expired
    own_storage: bool  # the customer keeps it: DeleteRecord answers 562
    transcription_status: str
    transcription_url: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedSession:
    """A session whose log still exists. `session` is as GetCallHistory answers, whole, in UTC."""

    account_id: int
    secure: bool
    session: Mapping[str, Any]


class _Pool:
    """Connections to one file. Each answer has one for itself for as long as it is read."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._owner = os.getpid()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        if self._owner != os.getpid():  # SQLite's connections do not survive a fork
            self._idle, self._owner = [], os.getpid()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=30, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -16000")
        return connection

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


class Store:
    """A seeded file; any number of threads and processes may use one at the same time."""

    def __init__(
        self,
        path: Path | str,
        *,
        base_url: str = "http://127.0.0.1",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`base_url` (no slash at its end) begins the links to recordings and logs."""
        self.base_url = base_url
        self.clock = clock
        if not Path(path).is_file():
            raise FileNotFoundError(f"'{path}': no such file; make it with sandbox.seed.seed()")
        self._pool = _Pool(path)
        # When the store is no longer used, its connections are closed.
        self.close = weakref.finalize(self, self._pool.close)
        with self._pool.connection() as connection:
            self.directory = Directory.read(connection)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._pool.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _count(self, search: Search) -> int:
        with self._pool.connection() as connection:
            return facets.count_found(connection, search)

    def _now(self) -> int:
        return int(self.clock().timestamp())

    # Who and what there is

    def accounts(self) -> tuple[Account, ...]:
        return tuple(self.directory.accounts.values())

    def account(self, name: int | str) -> Account | None:
        """By id, name or e-mail."""
        if isinstance(name, int):
            return self.directory.accounts.get(name)
        matches = (a for a in self.accounts() if name in (a.account_name, a.account_email))
        return next(matches, None)

    def children(self, account: Account) -> tuple[Account, ...]:
        return tuple(a for a in self.accounts() if a.parent_id == account.account_id)

    def applications(self, account: Account) -> tuple[Application, ...]:
        known = self.directory.applications.values()
        return tuple(a for a in known if a.account_id == account.account_id)

    def users(self, account: Account) -> tuple[User, ...]:
        return tuple(u for u in self.directory.users.values() if u.account_id == account.account_id)

    def _asked_accounts(
        self, account: Account, children: tuple[int, ...] | Literal["all"], *, children_only: bool
    ) -> tuple[int, ...]:
        """Whose rows an answer holds: the account's own and those of the children named."""
        own = {child.account_id for child in self.children(account)}
        every = children == "all" or (children_only and not children)
        named = own if every else own & set(children)
        return tuple(sorted(named)) if children_only else (account.account_id, *sorted(named))

    def _id_range(self, first: datetime, last: datetime) -> tuple[int, int]:
        """The ids given out between the two, inclusive, as far as they lie in the past."""
        end = min(int(last.timestamp()), self._now())
        return first_id(int(first.timestamp())), first_id(end + 1) - 1

    def _period(
        self, params: GetCallHistory | GetTransactionHistory | GetAuditLog
    ) -> tuple[int, int]:
        zone = wire.zone(params.timezone)
        return self._id_range(
            wire.instant(params.from_date, zone), wire.instant(params.to_date, zone, last=True)
        )

    # GetCallHistory, GetBriefCallHistory

    def sessions(
        self, account: Account, params: GetCallHistory, *, limit: int | None
    ) -> Iterator[Answer]:
        """CallSessionInfoType rows after `params.offset`, at most `limit`.

        `calls`, `records` and `other_resource_usage` are there as the `with_*` flags say.
        """
        with self._pool.connection() as connection:
            reader = SessionReader(
                connection,
                self.directory,
                self.link,
                now=self._now(),
                zone=wire.zone(params.timezone),
                calls=params.with_calls,
                records=params.with_records,
                usages=params.with_other_resources,
            )
            search = self._session_search(account, params)
            for ids in _pages(connection, search, params, limit):
                yield from reader.read(ids)

    def count_sessions(self, account: Account, params: GetCallHistory) -> int:
        return self._count(self._session_search(account, params))

    def session_lines(
        self, account: Account, params: GetCallHistory, *, limit: int | None, brief: bool = False
    ) -> Iterator[str]:
        """The lines of the CSV file, of which `exports` knows the columns; `brief` has fewer."""
        with self._pool.connection() as connection:
            exporter = self._exporter(connection, params.timezone)
            read = exporter.calls if params.with_calls else exporter.sessions
            search = self._session_search(account, params)
            for ids in _pages(connection, search, params, limit):
                yield from exporter.brief(ids) if brief else read(ids)

    def _exporter(self, connection: sqlite3.Connection, timezone: str, mark: str = ".") -> Exporter:
        zone = wire.zone(timezone)
        return Exporter(connection, self.link, now=self._now(), zone=zone, mark=mark)

    def _session_search(self, account: Account, params: GetCallHistory) -> Search:
        low, high = self._period(params)
        check, check_values = "", tuple[int, ...]()
        if params.min_duration is not None or params.max_duration is not None:
            check = (
                "EXISTS (SELECT 1 FROM calls c WHERE c.session_id = f.id"
                " AND c.duration BETWEEN ? AND ? AND c.start_time + c.duration <= ?)"
            )
            check_values = (*_bounds(params.min_duration, params.max_duration), self._now())
        return Search(
            noun="session",
            accounts=self._asked_accounts(
                account, params.child_account_id, children_only=params.children_calls_only
            ),
            conditions=list(self._session_conditions(params)) or [facets.EVERYTHING],
            low=low,
            high=high,
            now=self._now(),
            among=params.call_session_history_id or None,
            check=check,
            check_values=check_values,
        )

    def _session_conditions(self, params: GetCallHistory) -> Iterator[Condition]:
        if params.application_id is not None or params.application_name is not None:
            yield from self._application_conditions(params)
        if params.user_id:
            yield Condition(Facet.USER, params.user_id)
        if numbers := params.remote_number_list or params.remote_number:
            yield Condition(Facet.REMOTE_NUMBER, _digits(numbers))
        if params.local_number:
            yield Condition(Facet.LOCAL_NUMBER, _digits(params.local_number))
        if params.call_session_history_custom_data is not None:
            yield Condition(Facet.CUSTOM_DATA, (params.call_session_history_custom_data,))
        if params.min_duration is not None or params.max_duration is not None:
            yield _seconds(Facet.DURATION, params.min_duration, params.max_duration)

    def _application_conditions(self, params: GetCallHistory) -> Iterator[Condition]:
        """The rule's condition suffices: a rule belongs to one application."""
        chosen = self.directory.application_ids(params.application_id, params.application_name)
        if params.rule_name is None:
            yield Condition(Facet.APPLICATION, chosen)
        else:
            yield Condition(Facet.RULE, self.directory.rule_ids(params.rule_name, chosen))

    # GetTransactionHistory

    def transactions(
        self, account: Account, params: GetTransactionHistory, *, limit: int | None
    ) -> Iterator[Answer]:
        """TransactionInfoType rows; with `is_uncommitted`, what is on hold right now."""
        with self._pool.connection() as connection:
            for ids in self._transaction_pages(connection, account, params, limit):
                yield from read_transactions(
                    connection,
                    self.directory,
                    ids,
                    wire.zone(params.timezone),
                    extended=params.with_extended_info,
                    held=params.is_uncommitted,
                )

    def transaction_lines(
        self, account: Account, params: GetTransactionHistory, *, limit: int | None
    ) -> Iterator[str]:
        """The lines of the CSV file, of which `exports` knows the columns."""
        with self._pool.connection() as connection:
            exporter = self._exporter(connection, params.timezone, params.decimal_separator or ".")
            for ids in self._transaction_pages(connection, account, params, limit):
                yield from exporter.transactions(
                    ids, extended=params.with_extended_info, held=params.is_uncommitted
                )

    def _transaction_pages(
        self,
        connection: sqlite3.Connection,
        account: Account,
        params: GetTransactionHistory,
        limit: int | None,
    ) -> Iterator[tuple[int, ...]]:
        if params.is_uncommitted:
            end = None if limit is None else params.offset + limit
            return batched(self._held(connection, account, params)[params.offset : end], BATCH)
        search = self._transaction_search(account, params)
        return _pages(connection, search, params, limit)

    def count_transactions(self, account: Account, params: GetTransactionHistory) -> int:
        if params.is_uncommitted:
            with self._pool.connection() as connection:
                return len(self._held(connection, account, params))
        return self._count(self._transaction_search(account, params))

    def _transaction_search(self, account: Account, params: GetTransactionHistory) -> Search:
        low, high = self._period(params)
        if params.use_accounting_dates:
            low, high = self._accounting_period(params)
        return Search(
            noun="transaction",
            accounts=self._asked_accounts(
                account, params.child_account_id, children_only=params.children_transactions_only
            ),
            conditions=list(self._transaction_conditions(params)) or [facets.EVERYTHING],
            low=low,
            high=high,
            now=self._now(),
            among=params.transaction_id or None,
        )

    def _accounting_period(self, params: GetTransactionHistory) -> tuple[int, int]:
        """Whole accounting days; the time of day of the two dates does not matter."""
        first, last = (
            datetime.combine(moment.date(), time(), UTC) - BOOKS_CLOSE_EARLIER
            for moment in (params.from_date, params.to_date + timedelta(days=1))
        )
        return self._id_range(first, last - timedelta(seconds=1))

    def _transaction_conditions(self, params: GetTransactionHistory) -> Iterator[Condition]:
        known = self.directory
        if params.application_id is not None:
            yield Condition(Facet.APPLICATION, (params.application_id,))
        if params.application_name is not None:
            yield Condition(Facet.APPLICATION, known.application_ids(None, params.application_name))
        if params.subscription_name:
            yield Condition(Facet.SUBSCRIPTION, known.subscription_ids(params.subscription_name))
        if params.payment_reference is not None:
            yield Condition(Facet.PAYMENT_REFERENCE, (params.payment_reference,))
        if params.users_transactions_only:
            yield Condition(Facet.BY_USER, (1,))
        lists: tuple[tuple[Facet, Sequence[Value]], ...] = (
            (Facet.TYPE, params.transaction_type),
            (Facet.USER, params.user_id),
            (Facet.SUBSCRIPTION, params.subscription_id),
            (Facet.RESOURCE_TYPE, params.resource_type),
            (Facet.PRICE_GROUP, params.price_group_name),
        )
        yield from (Condition(facet, values) for facet, values in lists if values)

    def _held(
        self, connection: sqlite3.Connection, account: Account, params: GetTransactionHistory
    ) -> list[int]:
        """Ids of what was set aside in the period and is not charged yet, in order."""
        zone, now = wire.zone(params.timezone), self._now()
        first = int(wire.instant(params.from_date, zone).timestamp())
        last = int(wire.instant(params.to_date, zone, last=True).timestamp())
        rows = connection.execute(
            "SELECT transaction_id FROM transactions WHERE held_at BETWEEN ? AND ?"
            " AND performed_at > ? ORDER BY held_at, transaction_id",
            (max(first, now - LONGEST_HOLD), min(last, now), now),
        )
        held = [row[0] for row in rows]
        search = replace(
            self._transaction_search(account, params), low=0, high=MAX_ID, among=tuple(held)
        )
        if params.transaction_id:
            search = replace(search, among=tuple(set(held) & set(params.transaction_id)))
        matching = set(facets.find(connection, search))
        held = [transaction_id for transaction_id in held if transaction_id in matching]
        return held[::-1] if params.desc_order else held

    def balance_at(self, account_id: int, moment: datetime) -> Decimal:
        """The account's balance after all transactions performed before `moment`."""
        end = min(math.ceil(moment.timestamp()), self._now() + 1)
        sql = (
            "SELECT balance FROM transactions WHERE transaction_id = (SELECT max(id) FROM"
            " transaction_facets WHERE facet = 0 AND account_id = ? AND value = 0 AND id < ?)"
        )
        with self._pool.connection() as connection:
            row = connection.execute(sql, (account_id, first_id(end))).fetchone()
        return money(row[0]) if row else Decimal(0)

    # GetACDHistory

    def acd_sessions(
        self, account: Account, params: GetACDHistory, *, limit: int | None
    ) -> Iterator[Answer]:
        """ACDSessionInfoType rows, with `events` if asked for. Dates are UTC."""
        with self._pool.connection() as connection:
            now, search = self._now(), self._acd_search(account, params)
            for ids in _pages(connection, search, params, limit):
                yield from read_acd_sessions(connection, ids, now, with_events=params.with_events)

    def count_acd_sessions(self, account: Account, params: GetACDHistory) -> int:
        return self._count(self._acd_search(account, params))

    def _acd_search(self, account: Account, params: GetACDHistory) -> Search:
        low, high = self._id_range(
            params.from_date.replace(tzinfo=UTC), params.to_date.replace(tzinfo=UTC)
        )
        waited = params.min_waiting_time is not None
        return Search(
            noun="acd",
            accounts=(account.account_id,),
            conditions=list(_acd_conditions(params)) or [facets.EVERYTHING],
            low=low,
            high=high,
            now=self._now(),
            among=params.acd_session_history_id or None,
            check="EXISTS (SELECT 1 FROM acd_sessions a WHERE a.acd_session_history_id = f.id"
            " AND a.waiting_duration >= ?)"
            if waited
            else "",
            check_values=(params.min_waiting_time,) if params.min_waiting_time is not None else (),
        )

    # GetAuditLog

    def audit_log(
        self, account: Account, params: GetAuditLog, *, limit: int | None
    ) -> Iterator[Answer]:
        """AuditLogInfoType rows; `cmd_args` and `cmd_result` are mappings."""
        zone = wire.zone(params.timezone)
        with self._pool.connection() as connection:
            search = self._audit_search(account, params)
            for ids in _pages(connection, search, params, limit):
                yield from read_audit_log(connection, ids, zone)

    def count_audit_log(self, account: Account, params: GetAuditLog) -> int:
        return self._count(self._audit_search(account, params))

    def _audit_search(self, account: Account, params: GetAuditLog) -> Search:
        low, high = self._period(params)
        return Search(
            noun="audit",
            accounts=(account.account_id,),
            conditions=list(_audit_conditions(params)) or [facets.EVERYTHING],
            low=low,
            high=high,
            now=self._now(),
            among=params.audit_log_id or None,
        )

    def add_audit(
        self,
        account: Account,
        *,
        subuser_id: int | None,
        subuser_name: str | None,
        ip: str,
        cmd_name: str,
        cmd_args: Mapping[str, Any],
        cmd_result: Mapping[str, Any] | None = None,
    ) -> int:
        """Notes a command given now; the new entry's id."""
        now = self._now()
        arguments, result = (
            None if fields is None else json.dumps(fields, ensure_ascii=False)
            for fields in (cmd_args, cmd_result)
        )
        values: list[tuple[Facet, Value]] = [
            (Facet.ALL, 0),
            (Facet.IP, ip),
            (Facet.COMMAND, cmd_name),
            *((Facet.LEAF, leaf) for leaf in facets.leaves([cmd_args, cmd_result])),
        ]
        if subuser_id is not None:
            values.append((Facet.ADMIN_USER, subuser_id))
        with self._writing() as connection:
            row = connection.execute(
                "SELECT max(audit_log_id) FROM audit_log WHERE audit_log_id BETWEEN ? AND ?",
                (first_id(now), first_id(now + 1) - 1),
            ).fetchone()
            audit_log_id = first_id(now) if row[0] is None else int(row[0]) + 1
            connection.execute(
                "INSERT INTO audit_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    audit_log_id,
                    account.account_id,
                    subuser_id,
                    subuser_name,
                    now,
                    ip,
                    cmd_name,
                    arguments,
                    result,
                ),
            )
            facets.add(connection, "audit", account.account_id, audit_log_id, values)
            connection.execute("INSERT INTO changes VALUES ('audit', ?)", (audit_log_id,))
        return audit_log_id

    # Recordings and logs

    def record(self, record_id: int) -> Record | None:
        """The recording, also a removed one; `None` when there never was one (or not yet)."""
        now = self._now()
        sql = (
            "SELECT r.*, s.account_id, s.application_id FROM records r"
            " JOIN sessions s USING (session_id)"
            " WHERE record_id = ? AND r.start_time + r.duration <= ?"
        )
        with self._pool.connection() as connection:
            row = connection.execute(sql, (record_id, now)).fetchone()
        if row is None:
            return None
        secure = self.directory.applications[row["application_id"]].secure
        return Record(
            record_id=record_id,
            session_id=row["session_id"],
            account_id=row["account_id"],
            start_time=datetime.fromtimestamp(row["start_time"], UTC),
            duration=row["duration"],
            channels=row["channels"],
            file_size=file_size(row["duration"], row["channels"]),
            secure=secure,
            url=self.link("records", row["start_time"], record_id, secure),
            removed=is_gone(row, now),
            own_storage=bool(row["own_storage"]),
            transcription_status=transcription_status(row, now),
            transcription_url=self.link("transcripts", row["start_time"], record_id, secure)
            if transcription_status(row, now) == COMPLETE
            else None,
        )

    def record_by_url(self, url: str) -> Record | None:
        """The recording of that link, whatever host it names; `None` if the path is not its own."""
        parts = urlsplit(url)
        number = parse_qs(parts.query).get("record_id", [""])[-1]
        if not (number.isascii() and number.isdigit() and len(number) <= 18):
            return None
        record = self.record(int(number))
        return record if record and urlsplit(record.url).path == parts.path else None

    def remove_record(self, record_id: int) -> bool:
        """Removes audio and transcript for good; False when they were gone already."""
        now = self._now()
        with self._writing() as connection:
            removed = connection.execute(
                "UPDATE records SET removed_at = ? WHERE record_id = ? AND expires_at > ?"
                " AND (removed_at IS NULL OR removed_at > ?)",
                (now, record_id, now, now),
            ).rowcount
            if removed:
                connection.execute("INSERT INTO changes VALUES ('record', ?)", (record_id,))
        return removed == 1

    def restore(self) -> None:
        """Takes back what was changed since the file was seeded: deletions and audit entries."""
        audited = "(SELECT id FROM changes WHERE noun = 'audit')"
        removed = "(SELECT id FROM changes WHERE noun = 'record')"
        with self._writing() as connection:
            connection.execute(f"UPDATE records SET removed_at = NULL WHERE record_id IN {removed}")
            connection.execute(f"DELETE FROM audit_log WHERE audit_log_id IN {audited}")
            connection.execute(f"DELETE FROM audit_facets WHERE id IN {audited}")
            facets.reset_milestones(connection, "audit")
            connection.execute("DELETE FROM changes")

    def session_for_log(self, session_id: int) -> LoggedSession | None:
        """The session of a log, `None` when there is none or the log is older than a month."""
        if session_id >= first_id(self._now() + 1):
            return None
        with self._pool.connection() as connection:
            reader = SessionReader(
                connection,
                self.directory,
                self.link,
                now=self._now(),
                zone=UTC,
                calls=True,
                records=True,
                usages=True,
            )
            session = next(reader.read((session_id,)), None)
        if session is None or "log_file_url" not in session:
            return None
        secure = self.directory.applications[session["application_id"]].secure
        return LoggedSession(account_id=session["account_id"], secure=secure, session=session)

    def link(self, kind: str, moment: int, id_: int, secure: bool) -> str:
        """Where a file is kept: `kind` is records, transcripts or logs."""
        secret = f"{self.directory.seed} {kind} {id_}".encode()
        token = urlsafe_b64encode(blake2b(secret, digest_size=9).digest()).decode()
        folder = _folder(kind, moment // DAY, secure)
        return f"{self.base_url}/{folder}/{token}{LINK_QUERIES[kind].format(id_)}"


@lru_cache(maxsize=2000)
def _folder(kind: str, day: int, secure: bool) -> str:
    """Where the files of one day lie."""
    bucket = f"vox-{kind}-secure" if secure else f"vox-{kind}"
    return f"{bucket}/{datetime.fromtimestamp(day * DAY, UTC):%Y/%m/%d}"


def _pages(
    connection: sqlite3.Connection, search: Search, params: Listing, limit: int | None
) -> Iterator[tuple[int, ...]]:
    """The ids of the rows to answer, so many at once as are read together."""
    found = facets.find(
        connection, search, descending=params.desc_order, limit=limit, offset=params.offset
    )
    return batched(found, BATCH)


def _acd_conditions(params: GetACDHistory) -> Iterator[Condition]:
    lists: tuple[tuple[Facet, Sequence[Value]], ...] = (
        (Facet.REQUEST, params.acd_request_id),
        (Facet.QUEUE, params.acd_queue_id),
        (Facet.USER, params.user_id),
        (Facet.CALLER, _digits((params.callerid,)) if params.callerid else ()),
    )
    yield from (Condition(facet, values) for facet, values in lists if values)
    if params.custom_data is not None:
        yield Condition(Facet.CUSTOM_DATA, (params.custom_data,))
    if params.min_waiting_time is not None:
        yield _seconds(Facet.WAITING, params.min_waiting_time, None)
    for facet, flag in (
        (Facet.OPERATOR_HANGUP, params.operator_hangup),
        (Facet.UNSERVICED, params.unserviced),
        (Facet.REJECTED, params.rejected),
    ):
        if flag is not None:
            yield Condition(facet, (int(flag),))


def _audit_conditions(params: GetAuditLog) -> Iterator[Condition]:
    if params.filtered_admin_user_id is not None:
        # One id in the reference, a list in the newer SDKs.
        named = [text.strip() for text in params.filtered_admin_user_id.split(";")]
        ids = tuple(int(text) for text in named if text.isascii() and text.isdigit())
        yield Condition(Facet.ADMIN_USER, ids)
    if params.filtered_ip:
        yield Condition(Facet.IP, params.filtered_ip)
    if params.filtered_cmd:
        yield Condition(Facet.COMMAND, params.filtered_cmd)
    if params.advanced_filters is not None:
        yield Condition(Facet.LEAF, (params.advanced_filters,))


def _digits(numbers: Sequence[str]) -> tuple[str, ...]:
    """Numbers as they are kept, without the plus that people put before them."""
    return tuple(number.removeprefix("+") for number in numbers)


def _bounds(low: int | None, high: int | None) -> tuple[int, int]:
    return low or 0, LONGEST if high is None else high


def _seconds(facet: Facet, low: int | None, high: int | None) -> Condition:
    """The buckets that such a number of seconds can be in; the seconds are checked apart."""
    least, most = _bounds(low, high)
    buckets = range(least.bit_length(), min(most, LONGEST).bit_length() + 1)
    return Condition(facet, buckets, seconds=(least, most))
