"""What a transaction charged: the session whose call, recording or resource carries its ID.

The API cannot be asked for it. A part is charged when it ends, so its session began at that
moment or before: the sessions before it are looked through, the nearest first, up to a limit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from history.api.client import Client, Refused
from history.api.methods import GetCallHistory, GetTransactionHistory
from history.api.replies import (
    CallInfoType,
    CallSessionInfoType,
    RecordType,
    ResourceUsageType,
    TransactionInfoType,
)

MOST = 5000  # sessions looked at
STEP = 1000
# How long before a charge its session may have begun. Most calls are short; transcripts are
# charged when they are ready.
WINDOWS = tuple(timedelta(hours=hours) for hours in (0.25, 3, 26))
CLOCKS = timedelta(minutes=1)  # by which the platform's own clocks may differ

EVER = timedelta(days=3 * 366)

type Part = CallInfoType | RecordType | ResourceUsageType


@dataclass(frozen=True, kw_only=True)
class Charged:
    """The part that was charged, or how far was looked for it in vain."""

    session: CallSessionInfoType | None = None
    part: Part | None = None
    looked_at: int
    since: datetime
    finished: bool  # everything from `since` to the charge was looked through


def transaction(client: Client, transaction_id: int) -> TransactionInfoType | None:
    """The transaction of that ID, of the account or of a child, also one on hold."""
    for children in (False, True):
        for is_uncommitted in (False, True):
            found = _ask(client, transaction_id, children=children, is_uncommitted=is_uncommitted)
            if found:
                return found
    return None


def _ask(
    client: Client, transaction_id: int, *, children: bool, is_uncommitted: bool
) -> TransactionInfoType | None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    question = GetTransactionHistory(
        from_date=now - EVER,
        to_date=now + timedelta(days=1),
        transaction_id=(transaction_id,),
        child_account_id="all" if children else (),
        with_extended_info=True,
        is_uncommitted=is_uncommitted,
        with_total_count=False,
        count=1,
    )
    try:
        result = client.get_transaction_history(question).result
    except Refused:
        # An account without children may refuse to be asked for them.
        if children:
            return None
        raise
    return result[0] if result else None


def find(client: Client, charge: TransactionInfoType, *, most: int = MOST) -> Charged:
    """Looks for what `charge` paid for, among at most `most` sessions.

    Raises RemoteError as the client does.
    """
    at = charge.performed_at.astimezone(UTC).replace(tzinfo=None)
    end, looked_at, finished = at + CLOCKS, 0, True
    for window in WINDOWS:
        start = at - window
        for session in _sessions(client, charge, start, end, most - looked_at):
            looked_at += 1
            for part in session.charged:
                if part.transaction_id == charge.transaction_id:
                    return Charged(
                        session=session,
                        part=part,
                        looked_at=looked_at,
                        since=session.start_date,
                        finished=True,
                    )
        if looked_at >= most:
            finished = False
            break
        end = start - timedelta(seconds=1)
    return Charged(looked_at=looked_at, since=start.replace(tzinfo=UTC), finished=finished)


def _sessions(
    client: Client, charge: TransactionInfoType, start: datetime, end: datetime, most: int
) -> Iterator[CallSessionInfoType]:
    child = charge.account_id if charge.account_id != str(client.account_id) else None
    question = {
        "application_id": charge.application_id,
        "child_account_id": (int(child),) if child else (),
        "children_calls_only": bool(child),
    }
    offset = 0
    while offset < most:
        page = client.get_call_history(
            GetCallHistory(
                from_date=start,
                to_date=end,
                with_calls=True,
                with_records=True,
                with_total_count=False,
                desc_order=True,
                count=min(STEP, most - offset),
                offset=offset,
                **question,  # type: ignore[arg-type]
            )
        )
        yield from page.result
        offset += len(page.result)
        if len(page.result) < STEP:
            return


def difference(charge: TransactionInfoType, part: Part) -> Decimal | None:
    """By how much the charge exceeds the cost; `None` where no cost is told."""
    return None if part.cost is None else -charge.amount - part.cost
