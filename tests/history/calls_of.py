"""Sessions of the sandbox that a test is about, found as any client of the API would."""

from collections.abc import Callable
from datetime import datetime

from history.api.methods import GetCallHistory
from history.api.replies import CallSessionInfoType
from history.connection import connect


def sessions() -> list[CallSessionInfoType]:
    """Every session of the made-up account, newest first."""
    page = connect().get_call_history(
        GetCallHistory(
            from_date=datetime(2025, 1, 1),
            to_date=datetime(2026, 7, 1),
            with_calls=True,
            with_records=True,
            desc_order=True,
            count=1000,
        )
    )
    return list(page.result)


def session_where(wanted: Callable[[CallSessionInfoType], object]) -> CallSessionInfoType:
    """The newest session of that kind."""
    return next(session for session in sessions() if wanted(session))


def can_be_heard(session: CallSessionInfoType) -> bool:
    return any(record.record_url and not record.is_removed for record in session.records)


def is_written(session: CallSessionInfoType) -> bool:
    return any(record.transcription_url and not record.is_removed for record in session.records)


def address(session: CallSessionInfoType) -> str:
    return f"/calls/{session.call_session_history_id}/?on={session.start_date:%Y-%m-%d}"
