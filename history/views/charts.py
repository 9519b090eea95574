"""Charts of what happened per day: on Home and above the lists, fetched once those are there."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe
from django_stubs_ext import StrOrPromise

from history.addresses import url
from history.api import wire
from history.api.client import RemoteError
from history.api.replies import CallSessionInfoType, TransactionInfoType
from history.connection import account_currency, connect
from history.daily import MOST_BARS, MOST_ROWS, Amounts, Span, counts, spans_of, sums
from history.forms import CHARTS as CALLS_CHARTS
from history.forms import CallsForm, FilterForm
from history.forms_transactions import TransactionsForm
from history.listing import Link, in_words
from history.middleware import Request
from history.periods import Period
from history.permissions import Right, may, needs
from history.rates import limited
from history.templatetags.charts import Point
from history.templatetags.show import exact
from history.trouble import Trouble, trouble
from history.verdict import REFINEMENTS
from history.views.lists import defaults

HOME_DAYS = 14
COUNTED = {"calls", "transactions"}  # by the API; the others are sums of rows
LOW, HIGH = 104, 152  # CSS pixels, above a list and on Home

type Form = FilterForm[Any]
type Values = Mapping[Span, Amounts | None]


@dataclass(kw_only=True)
class Chart:
    """The card of a chart (history/_chart.jinja), which waits until `url` brings it its bars.

    `notes` say what is not drawn and why; `more_url` reads on where rows are left.
    """

    name: str
    title: str
    value_name: str
    url: str
    high: bool = False
    choices: Sequence[Link] = ()
    unit: str = ""
    points: Sequence[Point] = ()
    notes: list[str] = field(default_factory=list)
    more_url: str = ""
    trouble: Trouble | None = None

    @property
    def waits(self) -> bool:
        return not (self.points or self.notes or self.trouble)

    @property
    def height(self) -> int:
        return HIGH if self.high else LOW


def above_list(request: Request, page: str, form: Form) -> Chart | None:
    """The chart of a list's question, without bars yet; None where it cannot be drawn."""
    # Part of a number is looked for in rows, a page of them at a time.
    if not form.is_valid() or form.query.get("contains"):
        return None
    offered = _offered(request, form.fields["chart"].choices)  # type: ignore[attr-defined]
    drawn = form.cleaned_data["chart"] or next(iter(offered))
    if drawn not in offered:
        return None
    return Chart(
        name=drawn,
        title=_title(drawn),
        value_name=offered[drawn],
        notes=_limits(drawn, form),
        url=f"{url(f'{page}_chart')}?{form.instead(chart=drawn)}",
        choices=[
            Link(label=label, url=f"?{form.instead(chart=name)}", current=name == drawn)
            for name, label in offered.items()
        ],
    )


def _limits(name: str, form: Form) -> list[str]:
    """Why there is nothing to draw, if so."""
    by_day = all(span.first == span.last for span in spans_of(form.chosen, form.now))
    if by_day or (name in COUNTED and not form.cleaned_data.get("only")):
        return []
    words = _t("Read from the rows, and so for periods of up to %(n)d days.")
    return [words % {"n": MOST_BARS}]


def on_home(request: Request) -> list[Chart]:
    """The charts of Home: calls and costs of the last days."""
    today = timezone.localdate()
    query = f"from_date={today - timedelta(days=HOME_DAYS - 1)}&to_date={today}&home=1"
    address = f"{url('calls_chart')}?{query}"
    return [
        Chart(
            name=name,
            title=_title(name),
            value_name=label,
            url=f"{address}&chart={name}",
            high=True,
        )
        for name, label in _offered(request, CALLS_CHARTS).items()
    ]


def _offered(request: Request, choices: Iterable[tuple[str, StrOrPromise]]) -> dict[str, str]:
    seen = {name: str(label) for name, label in choices}
    if not may(request.user, Right.COSTS):
        seen.pop("cost", None)
    return seen


def _title(name: str) -> str:
    return {
        "calls": _t("Calls per day"),
        "cost": _t("Cost per day"),
        "out": _t("Went out per day"),
        "into": _t("Came in per day"),
        "transactions": _t("Transactions per day"),
    }[name]


@require_safe
@needs(Right.CALLS)
@limited("counts")
def calls(request: Request) -> HttpResponse:
    """The chart of the Calls page's question."""
    return _answer(request, "calls", CallsForm(request.GET, defaults(request)), _calls)


@require_safe
@needs(Right.TRANSACTIONS)
@limited("counts")
def transactions(request: Request) -> HttpResponse:
    """The chart of the Transactions page's question."""
    form = TransactionsForm(request.GET, defaults(request))
    return _answer(request, "transactions", form, _transactions)


def _answer(
    request: Request,
    page: str,
    form: Form,
    values: Callable[[str, Any, Sequence[Span]], Values],
) -> HttpResponse:
    chart = above_list(request, page, form)
    if chart is None:
        return HttpResponse(status=204)
    if "home" in request.GET:
        chart.high, chart.choices = True, ()
    timezone.activate(wire.zone(form.chosen.zone))
    if chart.waits:
        try:
            _draw(chart, page, form, values)
        except RemoteError as error:
            chart.trouble = trouble(error)
    if request.htmx:
        return render(request, "history/_chart.jinja", {"chart": chart}, using="jinja")
    return render(request, "history/chart.html", {"chart": chart})


def _draw(
    chart: Chart, page: str, form: Form, values: Callable[[str, Any, Sequence[Span]], Values]
) -> None:
    spans = spans_of(form.chosen, form.now)
    if not spans:
        chart.notes.append(_t("All of the period is still to come."))
        return
    found = values(chart.name, form, spans)
    chart.unit, others = _currencies(found)
    if others:
        chart.notes.append(_t("Not drawn: %(currencies)s.") % {"currencies": ", ".join(others)})
    too_many = sum(span in found and found[span] is None for span in spans)
    if too_many:
        chart.notes.append(
            ngettext(
                "%(n)d day has more than %(most)s rows and is not added up.",
                "%(n)d days have more than %(most)s rows and are not added up.",
                too_many,
            )
            % {"n": too_many, "most": formats.number_format(MOST_ROWS, force_grouping=True)}
        )
    unread = sum(span not in found for span in spans)
    if unread:
        words = ngettext(
            "%(n)d day is not added up yet.", "%(n)d days are not added up yet.", unread
        )
        chart.notes.append(words % {"n": unread})
        chart.more_url = chart.url
    longest = max(span.last - span.first for span in spans).days
    if longest:
        chart.title = _long_title(chart.name, longest)
    inside = [span for span in spans if _holds(form.chosen, span)]
    chart.points = [
        replace(
            _point(span, found, chart, f"{url(page)}?{_only(span, form)}"),
            # Where days around the period are shown, those of the period stand out.
            current=span in inside and inside != spans,
        )
        for span in spans
    ]


def _long_title(name: str, days: int) -> str:
    if days < 7:
        return _t("Calls per week") if name == "calls" else _t("Transactions per week")
    return _t("Calls per month") if name == "calls" else _t("Transactions per month")


def _holds(period: Period, span: Span) -> bool:
    return period.start.date() <= span.first and span.last <= period.end.date()


def _only(span: Span, form: Form) -> str:
    """The form's query for the days of a bar."""
    dates = {"from_date": span.first.isoformat(), "to_date": span.last.isoformat()}
    return form.instead(period="", home="", **dates)


def _currencies(found: Values) -> tuple[str, list[str]]:
    """The currency to draw, that of most bars, and those left out."""
    bars = Counter(currency for amounts in found.values() for currency in amounts or ())
    first, *others = sorted(bars, key=lambda one: (-bars[one], one)) or [""]
    return first, others


def _point(span: Span, found: Values, chart: Chart, url: str) -> Point:
    amounts = found.get(span)
    value = None if amounts is None else amounts.get(chart.unit, Decimal(0))
    return Point(
        label=_label(span),
        short=formats.date_format(span.first, "MONTH_DAY_FORMAT"),
        value=value,
        said=_said(value, chart),
        url=url,
    )


def _label(span: Span) -> str:
    if span.first == span.last:
        return f"{formats.date_format(span.first, 'l')}, {formats.date_format(span.first)}"
    return in_words(span.period("UTC"))


def _said(value: Decimal | None, chart: Chart) -> str:
    if value is None:
        return _t("not added up")
    if chart.name not in COUNTED:
        return f"{exact(value)} {chart.unit}".strip()
    n = int(value)
    if chart.name == "calls":
        return ngettext("%(n)d call", "%(n)d calls", n) % {"n": n}
    return ngettext("%(n)d transaction", "%(n)d transactions", n) % {"n": n}


def _counted(found: Mapping[Span, int]) -> Values:
    return {span: {"": Decimal(n)} for span, n in found.items()}


def _calls(name: str, form: CallsForm, spans: Sequence[Span]) -> Values:
    ask, zone = connect().get_call_history, form.chosen.zone
    only = form.cleaned_data["only"]
    if name == "calls" and not only:
        return _counted(
            counts(lambda p: ask(p).total_count or 0, form.count_params(), spans, zone, form.now)
        )
    currency = "" if form.cleaned_data["child_account_id"] else account_currency()

    def amounts(rows: Sequence[CallSessionInfoType]) -> Amounts:
        wanted = [row for row in rows if not only or REFINEMENTS[only](row)]
        if name == "calls":
            return {"": Decimal(len(wanted))}
        return {currency: sum((row.cost or Decimal(0) for row in wanted), Decimal(0))}

    params = replace(form.params(), desc_order=False)  # what is new moves no row
    return sums(
        lambda p: ask(p).result, params, amounts, spans, zone, form.now, name=f"{name}:{only}"
    )


def _transactions(name: str, form: TransactionsForm, spans: Sequence[Span]) -> Values:
    ask, zone = connect().get_transaction_history, form.chosen.zone
    if name == "transactions":
        return _counted(
            counts(lambda p: ask(p).total_count or 0, form.count_params(), spans, zone, form.now)
        )
    sign = -1 if name == "out" else 1

    def amounts(rows: Sequence[TransactionInfoType]) -> Amounts:
        found: dict[str, Decimal] = {}
        for row in rows:
            amount = max(sign * row.amount, Decimal(0))
            found[row.currency] = found.get(row.currency, Decimal(0)) + amount
        return found

    params = replace(form.params(), desc_order=False)  # what is new moves no row
    return sums(lambda p: ask(p).result, params, amounts, spans, zone, form.now, name=name)
