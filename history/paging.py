"""From page to page, also past the number of rows the API is willing to skip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from history.api.methods import MAX_OFFSET
from history.forms import FilterForm
from history.listing import Link, sizes


@dataclass(frozen=True, kw_only=True)
class Pager:
    """components/_pager.jinja: which rows are shown, the addresses of the neighbours, empty where
    there is none, and where the total can be asked for."""

    first: int
    last: int
    previous_url: str
    next_url: str
    sizes: Sequence[Link]
    total: int | None = None
    total_url: str = ""
    about: bool = False


def pager(
    form: FilterForm[Any], moments: Sequence[datetime], *, more: bool, total_url: str = ""
) -> Pager:
    """The pager of a page whose rows have these moments, in order; `more` rows may follow.

    The total is asked for at `total_url`, unless the rows themselves show that they are all.
    """
    offset = form.cleaned_data["offset"]
    skipped = form.cleaned_data["skipped"] or 0
    position = offset + len(moments)
    return Pager(
        first=skipped + offset + 1 if moments else 0,
        last=skipped + position,
        previous_url=previous(form),
        next_url=onward(form, position, moments) if more and moments else "",
        sizes=sizes(form),
        total=None if more or not moments else skipped + position,
        total_url=f"{total_url}?{form.query.urlencode()}" if total_url else "",
    )


def previous(form: FilterForm[Any]) -> str:
    """The page before this one; from the first page past a walk, the very first."""
    offset, walked = form.cleaned_data["offset"], form.query.get("after")
    if offset > form.rows or (offset and not walked):
        position = {"after": walked, "skipped": form.query.get("skipped")}
        return f"?{form.at(offset=max(0, offset - form.rows), **position)}"
    return f"?{form.at()}" if walked else ""


def onward(form: FilterForm[Any], position: int, moments: Sequence[datetime]) -> str:
    """The page of the rows from `position` on.

    The API skips at most 10 000 rows. Beyond them the list goes on after the moment of the
    last row, skipping the rows of that very second, which were already shown.
    """
    skipped = form.cleaned_data["skipped"] or 0
    if position <= MAX_OFFSET:
        walked = form.query.get("after")
        return f"?{form.at(offset=position, after=walked, skipped=skipped)}"
    last = moments[-1]
    ties = sum(1 for moment in moments if moment == last)
    after = last.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"?{form.at(offset=ties, after=after, skipped=skipped + position - ties)}"
