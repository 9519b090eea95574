"""Which answers will not change any more, and what keeps them for a second look.

Where they are kept is not known here: whoever makes a client may give it a place.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from history.api import wire
from history.api.methods import Method

type Body = Mapping[str, Any]

# What began in a period has ended so long after it, and has been charged.
SETTLED_AFTER = timedelta(hours=3)


class Answers(Protocol):
    """Keeps the bodies of answers by the question, which names method and parameters."""

    def get[P](self, question: str, ask: Callable[[], Body], read: Callable[[Body], P]) -> P:
        """What `read` makes of the kept answer, else of what `ask` brings, which is kept when it
        could be read. Raises what these two raise."""
        ...

    def drop(self) -> None:
        """Forgets everything: something was deleted."""
        ...


class NoAnswers:
    """Keeps nothing."""

    def get[P](self, question: str, ask: Callable[[], Body], read: Callable[[Body], P]) -> P:
        return read(ask())

    def drop(self) -> None:
        pass


def is_settled(params: Method) -> bool:
    """Whether the rows of a list lie so far back that the same question has the same answer,
    unless something is deleted."""
    end: datetime | None = getattr(params, "to_date", None)
    zone: str = getattr(params, "timezone", "UTC")
    # Holds are those of now, and accounting days close at hours of their own.
    moves = getattr(params, "is_uncommitted", False) or getattr(
        params, "use_accounting_dates", False
    )
    if end is None or moves or zone == wire.AUTO:
        return False
    return wire.instant(end, wire.zone(zone), last=True) + SETTLED_AFTER < datetime.now(UTC)
