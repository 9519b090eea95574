"""What the sandbox knows and how it answers: rows as the API writes them, from a seeded file.

Knows no HTTP. Each list method of the API has a pair here: the rows, as a generator of
dictionaries with the JSON names of the API (dates as wall clocks of the asked zone, money as
`Decimal`, absent values left out), and their number. Memory stays constant however many rows
are read. `account` is the acting account; its children's rows come in only as the parameters
say. `timezone` must be a zone's name, not `auto`.

The store's `clock` is the present: what the file holds beyond it has not happened yet.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from history.api.methods import GetACDHistory, GetAuditLog, GetCallHistory, GetTransactionHistory

type Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    account_id: int
    account_name: str
    account_email: str
    api_key: str
    currency: str
    location: str  # an IANA zone: what `timezone=auto` stands for
    parent_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    application_id: int
    account_id: int
    application_name: str
    secure: bool  # its recordings and logs open only with credentials


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    user_id: int
    account_id: int
    user_name: str
    user_display_name: str


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


class Store:
    """A seeded file. Threads and processes may share one: each thread gets its connection."""

    def __init__(
        self,
        path: Path | str,
        *,
        base_url: str = "http://127.0.0.1",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`base_url` (no slash at its end) begins the links to recordings and logs."""
        raise NotImplementedError

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, for tables of one's own. Rows are `sqlite3.Row`."""
        raise NotImplementedError

    # Who and what there is

    def account(self, name: int | str) -> Account | None:
        """By id, name or e-mail."""
        raise NotImplementedError

    def children(self, account: Account) -> tuple[Account, ...]:
        raise NotImplementedError

    def applications(self, account: Account) -> tuple[Application, ...]:
        raise NotImplementedError

    def users(self, account: Account) -> tuple[User, ...]:
        raise NotImplementedError

    # GetCallHistory, GetBriefCallHistory

    def sessions(
        self, account: Account, params: GetCallHistory, *, limit: int | None
    ) -> Iterator[Answer]:
        """CallSessionInfoType rows after `params.offset`, at most `limit`.

        `calls`, `records` and `other_resource_usage` are there as the `with_*` flags say.
        """
        raise NotImplementedError

    def count_sessions(self, account: Account, params: GetCallHistory) -> int:
        raise NotImplementedError

    # GetTransactionHistory

    def transactions(
        self, account: Account, params: GetTransactionHistory, *, limit: int | None
    ) -> Iterator[Answer]:
        """TransactionInfoType rows; with `is_uncommitted`, what is on hold right now."""
        raise NotImplementedError

    def count_transactions(self, account: Account, params: GetTransactionHistory) -> int:
        raise NotImplementedError

    def balance_at(self, account_id: int, moment: datetime) -> Decimal:
        """The account's balance after all transactions performed before `moment`."""
        raise NotImplementedError

    # GetACDHistory

    def acd_sessions(
        self, account: Account, params: GetACDHistory, *, limit: int | None
    ) -> Iterator[Answer]:
        """ACDSessionInfoType rows, with `events` if asked for. Dates are UTC."""
        raise NotImplementedError

    def count_acd_sessions(self, account: Account, params: GetACDHistory) -> int:
        raise NotImplementedError

    # GetAuditLog

    def audit_log(
        self, account: Account, params: GetAuditLog, *, limit: int | None
    ) -> Iterator[Answer]:
        """AuditLogInfoType rows; `cmd_args` and `cmd_result` are mappings."""
        raise NotImplementedError

    def count_audit_log(self, account: Account, params: GetAuditLog) -> int:
        raise NotImplementedError

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
        raise NotImplementedError

    # Recordings and logs

    def record(self, record_id: int) -> Record | None:
        """The recording, also a removed one; `None` when there never was one (or not yet)."""
        raise NotImplementedError

    def record_by_url(self, url: str) -> Record | None:
        """The recording of that link, whatever host it names; `None` if the path is not its own."""
        raise NotImplementedError

    def remove_record(self, record_id: int) -> bool:
        """Removes audio and transcript for good; False when they were gone already."""
        raise NotImplementedError

    def session_for_log(self, session_id: int) -> LoggedSession | None:
        """The session of a log, `None` when there is none or the log is older than a month."""
        raise NotImplementedError
