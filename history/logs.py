"""A session log as lines with a time, a level and words.

The vendor does not document the file; a line that begins otherwise goes on with the one before
it, as the trace of an error does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

# A log keeps for one month, then the platform clears its address.
KEPT = timedelta(days=30)
# A page with more lines than this is slow to search; the file can be downloaded.
MOST_LINES = 5000

_LINE = re.compile(
    r"""\[?(?P<when>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)Z?\]?\s*
    (?:\[?(?P<level>[A-Za-z]{3,9})\]?[:\s]\s*)?
    (?:\+(?P<since>\d+(?:\.\d+)?)\s+)?
    (?P<text>.*)""",
    re.VERBOSE,
)
LEVELS = {
    "debug": "debug",
    "trace": "debug",
    "info": "info",
    "notice": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "error",
    "critical": "error",
}


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """`at` is the time since the first line as it is shown, `when` the moment itself (UTC)."""

    number: int
    when: datetime | None
    at: str
    level: str
    text: str


def log_lines(text: str) -> list[LogLine]:
    return list(_lines(text))


def _lines(text: str) -> Iterator[LogLine]:
    waiting: LogLine | None = None
    first: datetime | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(raw.rstrip())
        if match is None and waiting is not None:
            waiting = replace(waiting, text=f"{waiting.text}\n{raw.rstrip()}")
            continue
        if waiting is not None:
            yield waiting
        when = _moment(match["when"]) if match else None
        first = first or when
        waiting = LogLine(
            number=number,
            when=when,
            at=f"+{(when - first).total_seconds():.3f}" if when and first else "",
            level=LEVELS.get((match["level"] or "").lower(), "info") if match else "info",
            text=_text(match) if match else raw.rstrip(),
        )
    if waiting is not None and (waiting.text or waiting.when):
        yield waiting


def _text(match: re.Match[str]) -> str:
    """The words; a bracketless word that is no level was the first of them."""
    level = match["level"]
    known = not level or level.lower() in LEVELS
    return match["text"] if known else f"{level} {match['text']}"


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace(",", ".")).replace(tzinfo=UTC)
    except ValueError:
        return None
