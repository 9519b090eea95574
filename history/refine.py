"""Looking through fetched rows for what the API cannot filter on: bounded and honest."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from history.api.client import RemoteError
from history.api.methods import MAX_OFFSET, GetAuditLog, GetCallHistory
from history.api.replies import Page

MOST = 5000  # rows looked at for one page
STEP = 500


@dataclass(frozen=True, kw_only=True)
class Found[R]:
    """Matching rows, and how far the look went.

    `position` is the offset from which a next look goes on, `tail` the moments of the rows just
    before it, `finished` says that there are no more, `stopped` is the failure that ended the look
    early, if one did.
    """

    rows: tuple[R, ...]
    looked_at: int
    position: int
    tail: tuple[datetime, ...]
    finished: bool
    stopped: RemoteError | None = None


def look[M: (GetAuditLog, GetCallHistory), R](
    ask: Callable[[M], Page[R]],
    params: M,
    wanted: Callable[[R], bool],
    moment: Callable[[R], datetime],
    *,
    rows: int,
    most: int = MOST,
) -> Found[R]:
    """The first `rows` wanted rows from `params.offset` on, among at most `most` of them.

    Raises RemoteError as `ask`, a method of the client, does at the first step; a later failure
    loses nothing of what was found before it.
    """
    found: list[R] = []
    tail: tuple[datetime, ...] = ()
    position = params.offset
    finished, stopped = False, None
    while not finished and position - params.offset < most and position <= MAX_OFFSET:
        try:
            page = ask(replace(params, offset=position, count=STEP))
        except RemoteError as error:
            if position == params.offset:
                raise
            stopped = error
            break
        seen = 0
        for row in page.result:
            seen += 1
            if wanted(row):
                found.append(row)
                if len(found) == rows:
                    break
        position += seen
        finished = seen == len(page.result) < STEP
        tail = tuple(moment(row) for row in page.result[:seen]) or tail
        if len(found) == rows:
            break
    return Found(
        rows=tuple(found),
        looked_at=position - params.offset,
        position=position,
        tail=tail,
        finished=finished,
        stopped=stopped,
    )
