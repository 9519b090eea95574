"""Makes a believable account: thirteen months of calls, money and changes, from a seed."""

from datetime import datetime, timedelta
from pathlib import Path

AHEAD = timedelta(days=14)


def seed(
    path: Path,
    *,
    sessions: int = 20_000,
    seed: int = 1,
    now: datetime | None = None,
    ahead: timedelta = AHEAD,
) -> None:
    """Writes a new file with `sessions` sessions up to `now`, and what comes `ahead` of it.

    The same arguments give the same bytes. The future is there so that a running sandbox lives:
    the store shows what lies before its clock.
    """
    raise NotImplementedError
