"""From page to page, also past the number of rows the API is willing to skip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from history.api.methods import MAX_OFFSET
from history.forms import FilterForm


@dataclass(frozen=True, kw_only=True)
class Pager:
    """Which rows a page shows, and the queries of its neighbours; `None` where there is none."""

    first: int
    last: int
    previous: str | None
    next: str | None


def pager(form: FilterForm[Any], moments: Sequence[datetime], *, more: bool) -> Pager:
    """The pager of a page whose rows have these moments, in order; `more` rows may follow."""
    offset = form.cleaned_data["offset"]
    skipped = form.cleaned_data["skipped"] or 0
    position = offset + len(moments)
    return Pager(
        first=skipped + offset + 1 if moments else 0,
        last=skipped + position,
        previous=_previous(form, offset),
        next=onward(form, position, moments) if more and moments else None,
    )


def _previous(form: FilterForm[Any], offset: int) -> str | None:
    if offset and (not form.cleaned_data["after"] or offset > form.rows):
        return form.at(
            offset=max(0, offset - form.rows),
            after=form.query.get("after"),
            skipped=form.query.get("skipped"),
        )
    return form.at() if form.cleaned_data["after"] else None


def onward(form: FilterForm[Any], position: int, moments: Sequence[datetime]) -> str:
    """The query of the rows from `position` on.

    The API skips at most 10 000 rows. Beyond them the list goes on after the moment of the
    last row, skipping the rows of that very second, which were already shown.
    """
    skipped = form.cleaned_data["skipped"] or 0
    if position <= MAX_OFFSET:
        return form.at(offset=position, after=form.query.get("after"), skipped=skipped)
    last = moments[-1]
    ties = sum(1 for moment in moments if moment == last)
    return form.at(
        offset=ties,
        after=last.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        skipped=skipped + position - ties,
    )
