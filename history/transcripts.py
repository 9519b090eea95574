"""A transcript file as lines of who said what, and when.

The vendor does not document the file, so whatever carries a time and a speaker is understood,
and anything else is shown as it is, in its order.
"""

import re
from dataclasses import dataclass

# [0:01:02] Agent: words · [00:01] words · 00:00:01.500 - 00:00:04.000 left: words
_LINE = re.compile(
    r"""\s*
    (?:\[?\s*(?P<start>\d{1,3}(?::\d{1,2}){1,2}(?:[.,]\d{1,6})?)
       (?:\s*(?:-|–|-->)\s*[\d:.,]+)?\s*\]?\s*[:-]?\s*)?
    (?:(?P<who>[^\W\d][\w .'-]{0,40}?)\s*:\s+)?
    (?P<text>.*)""",
    re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """`start` is seconds from the beginning of the recording; `side` 1 or 2 tells two speakers
    apart by more than their names."""

    start: int
    who: str
    side: int
    text: str


def transcript_lines(text: str) -> list[Line]:
    """The lines of a transcript; a line without a time belongs to the moment before it."""
    lines: list[Line] = []
    sides: dict[str, int] = {}
    start = 0
    for raw in text.splitlines():
        match = _LINE.fullmatch(raw)
        if match is None or not match["text"].strip():
            continue
        if match["start"]:
            start = _seconds(match["start"])
        who = match["who"] or ""
        side = sides.setdefault(who, len(sides) % 2 + 1) if who else 1
        lines.append(Line(start=start, who=who, side=side, text=match["text"].strip()))
    return lines


def _seconds(clock: str) -> int:
    seconds = 0
    for part in re.split(r"[.,]", clock)[0].split(":"):
        seconds = seconds * 60 + int(part)
    return seconds
