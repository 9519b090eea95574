"""What stands around the rows of a list page: period, tabs, columns, pager, and words for nothing.

The shapes are those that the fragments in `templates/components/` ask for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.utils import formats
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _t
from django_stubs_ext import StrOrPromise

from history.forms import ROWS, FilterForm
from history.periods import PRESETS, Period


@dataclass(frozen=True, kw_only=True)
class Link:
    """An entry of a menu, a row of tabs, or a choice."""

    label: StrOrPromise
    url: str
    current: bool = False
    count: int | None = None
    main: bool = False


@dataclass(frozen=True, kw_only=True)
class PeriodButton:
    """components/_period.jinja: which time is shown, said so that nobody has to guess."""

    label: StrOrPromise
    span: str
    zone: str
    presets: Sequence[Link]
    note: str


def period_button(form: FilterForm[Any]) -> PeriodButton:
    """The period of a form; also of an invalid one, which then says only that it has one."""
    free = "from_date" in form.query or "to_date" in form.query
    chosen: Period | None = form.cleaned_data.get("chosen")
    name = form.query.get("period") or form.defaults.period
    named = PRESETS[name][0] if name in PRESETS else _t("Period")
    span = in_words(chosen) if chosen else ""
    rest = form.without("period", "from_date", "to_date")
    return PeriodButton(
        label=(span or _t("Period")) if free else named,
        span=span,
        zone=chosen.zone if chosen else form.query.get("timezone", form.defaults.zone),
        presets=[
            Link(
                label=label,
                url=f"?{_with(rest, f'period={key}')}",
                current=not free and key == name,
            )
            for key, (label, _days) in PRESETS.items()
        ],
        note=_t("%(span)s, %(hours)s") % {"span": span, "hours": _hours(chosen)} if chosen else "",
    )


def _with(query: str, more: str) -> str:
    return f"{query}&{more}" if query else more


def _hours(period: Period) -> str:
    if period.hours % 24 == 0:
        days = period.hours // 24
        return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    return ngettext("%(n)d hour", "%(n)d hours", period.hours) % {"n": period.hours}


def in_words(period: Period) -> str:
    """`2 Mar 2026`, `2 – 8 Mar 2026`, or with times where the ends are not whole days."""
    first, last = period.start, period.end
    whole = (first.hour, first.minute, first.second) == (0, 0, 0)
    whole = whole and (last.hour, last.minute, last.second) == (23, 59, 59)
    days = _day(first.date(), get_language()), _day(last.date(), get_language())
    if not whole:
        return f"{days[0]} {_clock(first)} – {days[1]} {_clock(last)}"
    return days[0] if first.date() == last.date() else " – ".join(days)


def _clock(moment: datetime) -> str:
    return moment.time().isoformat("seconds")


@lru_cache(maxsize=1024)
def _day(day: date, language: str | None) -> str:
    return formats.date_format(day, "SHORT_DATE_FORMAT")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table's head; `name` is what the query's `columns` calls it."""

    name: str
    label: StrOrPromise
    number: bool = False
    unit: StrOrPromise = ""
    help: StrOrPromise = ""
    url: str = ""
    sorted: str = ""
    hidden: bool = False
    narrow: bool = False
    shown: bool = True


def time_column(form: FilterForm[Any], label: StrOrPromise) -> Column:
    """The column a list is ordered by: its head says the zone and turns the order."""
    newest = form.newest_first
    turned = form.without("order")
    return Column(
        name="time",
        label=label,
        unit=form.chosen.zone,
        url=f"?{_with(turned, 'order=oldest')}" if newest else f"?{turned}",
        sorted="descending" if newest else "ascending",
    )


def chosen_columns(
    query: Sequence[str], usual: Collection[str], known: Collection[str]
) -> set[str]:
    """The optional columns to show: those the query names, else the usual ones."""
    return (set(query) & set(known)) or set(usual)


def sizes(form: FilterForm[Any]) -> Sequence[Link]:
    """How many rows a page may have."""
    query = form.without("count")
    return [
        Link(label=str(n), url=f"?{_with(query, f'count={n}')}", current=n == form.rows)
        for n in ROWS
    ]


@dataclass(frozen=True, kw_only=True)
class Empty:
    """components/_empty.html: why there is nothing, and the way on."""

    kind: str
    title: StrOrPromise
    text: StrOrPromise
    actions: Sequence[Link]


def nothing(form: FilterForm[Any], *, path: str, what: StrOrPromise) -> Empty:
    """Nothing matches the filters, or nothing at all happened in the period."""
    chips = form.chips()
    span = f"{in_words(form.chosen)} ({form.chosen.zone})"
    wider = "last_12_months" if form.chosen.length.days >= 29 else "last_30_days"
    widen = Link(
        label=_t("Search the %(period)s") % {"period": str(PRESETS[wider][0]).lower()},
        url=f"?{_with(form.without('period', 'from_date', 'to_date'), f'period={wider}')}",
        main=not chips,
    )
    if chips:
        clear = Link(label=_t("Clear the filters"), url=path, main=True)
        return Empty(
            kind="filters",
            title=_t("Nothing matches these filters"),
            text=_t("No %(what)s in %(span)s.") % {"what": what, "span": span},
            actions=[clear, widen],
        )
    return Empty(
        kind="period",
        title=_t("Nothing happened in this period"),
        text=_t("No %(what)s in %(span)s.") % {"what": what, "span": span},
        actions=[widen],
    )
