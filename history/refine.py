"""Looking through fetched sessions for what the API cannot filter on: bounded and honest."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from history.api.client import Client
from history.api.methods import MAX_OFFSET, GetCallHistory
from history.api.replies import CallSessionInfoType

MOST = 5000  # sessions looked at for one page
STEP = 500


@dataclass(frozen=True, kw_only=True)
class Found:
    """Matching sessions, and how far the look went.

    `position` is the offset from which a next look goes on, `tail` the moments of the sessions
    just before it, `finished` says that there are no more.
    """

    sessions: tuple[CallSessionInfoType, ...]
    looked_at: int
    position: int
    tail: tuple[datetime, ...]
    finished: bool


def look(
    client: Client,
    params: GetCallHistory,
    wanted: Callable[[CallSessionInfoType], bool],
    *,
    rows: int,
    most: int = MOST,
) -> Found:
    """The first `rows` wanted sessions from `params.offset` on, among at most `most` sessions.

    Raises RemoteError as the client does.
    """
    found: list[CallSessionInfoType] = []
    tail: tuple[datetime, ...] = ()
    position = params.offset
    finished = False
    while not finished and position - params.offset < most and position <= MAX_OFFSET:
        page = client.get_call_history(replace(params, offset=position, count=STEP))
        seen = 0
        for session in page.result:
            seen += 1
            if wanted(session):
                found.append(session)
                if len(found) == rows:
                    break
        position += seen
        finished = seen == len(page.result) < STEP
        tail = tuple(session.start_date for session in page.result[:seen]) or tail
        if len(found) == rows:
            break
    return Found(
        sessions=tuple(found),
        looked_at=position - params.offset,
        position=position,
        tail=tail,
        finished=finished,
    )
