"""The Calls page: a list of sessions and their count."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from history import refine
from history.addresses import url
from history.ahead import Answered
from history.answers import Drawn
from history.api import wire
from history.api.client import Client, RemoteError
from history.api.replies import CallSessionInfoType
from history.connection import account_currency, connect
from history.forms import ONLY, CallsForm
from history.listing import Column, Link, chosen_columns, nothing, time_column
from history.middleware import Request
from history.paging import Pager, onward, pager, previous
from history.permissions import Right, may, needs
from history.rates import by_number, limited, looking_through
from history.reports.drafts import USUAL_ON_CALLS
from history.verdict import REFINEMENTS, mentions
from history.views.charts import above_list
from history.views.lists import defaults, draw, eyes, kept_view, total_of

USUAL = frozenset(USUAL_ON_CALLS)
COLUMNS = (
    Column(name="from", label=_("From")),
    Column(name="to", label=_("To")),
    Column(name="length", label=_("Length"), number=True, help=_("Of the whole session.")),
    Column(name="outcome", label=_("Outcome")),
    Column(name="cost", label=_("Cost"), number=True, help=_("Calls, recordings, resources.")),
    Column(name="records", label=_("Recording")),
    Column(name="application", label=_("Application")),
    Column(name="rule", label=_("Rule")),
    Column(name="user", label=_("User")),
    Column(name="custom_data", label=_("Custom data")),
    Column(name="session", label=_("Session")),
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Sessions, where they stand in the list, and how many were looked at to find them."""

    sessions: Sequence[CallSessionInfoType]
    pager: Pager
    looked_at: int | None = None
    finished: bool = True
    stopped: RemoteError | None = None


@require_safe
@needs(Right.CALLS)
@limited("numbers", by_number)
@limited("scans", looking_through)
def calls(request: Request) -> HttpResponse:
    if view := kept_view(request, "calls"):
        return redirect(view)
    form = CallsForm(request.GET, defaults(request))
    answered = None
    drawn = Drawn("")
    if form.is_valid():
        timezone.activate(wire.zone(form.chosen.zone))
        drawn = eyes(request)
        answered = Answered(lambda: answer(form, drawn), partial(_shown, form), drawn)

    def around() -> dict[str, Any]:
        context: dict[str, Any] = {"tabs": _tabs(form), "tabs_label": _t("Which calls")}
        if answered:
            currency = _currency(request, form)
            drawn.complete = currency != ""
            context |= _columns(request, form, currency)
        return {**context, "chart": above_list(request, "calls", form)}

    return draw(request, "calls", form, around, answered)


def answer(form: CallsForm, drawn: Drawn) -> Answer:
    """The sessions the form asks for; refined ones by looking through those fetched. Raises
    DrawnBefore, RemoteError."""
    only, contains = form.cleaned_data["only"], form.cleaned_data["contains"]
    if only or contains:
        return _refined(form, only, contains)
    with drawn.looked_for():
        page = connect().get_call_history(form.params())
    moments = [session.start_date for session in page.result]
    more = len(page.result) == form.rows
    total_url = url("calls_total")
    return Answer(sessions=page.result, pager=pager(form, moments, more=more, total_url=total_url))


def _refined(form: CallsForm, only: str, contains: str) -> Answer:
    def wanted(session: CallSessionInfoType) -> bool:
        return (not only or REFINEMENTS[only](session)) and (
            not contains or mentions(session, contains)
        )

    def started(session: CallSessionInfoType) -> datetime:
        return session.start_date

    ask = connect().get_call_history
    found = refine.look(ask, form.params(), wanted, started, rows=form.rows)
    moments = [session.start_date for session in found.rows]
    return Answer(
        sessions=found.rows,
        pager=Pager(
            first=1 if moments else 0,
            last=len(moments),
            previous_url=previous(form),
            next_url="" if found.finished else onward(form, found.position, found.tail),
            sizes=(),
            about=not found.finished,
        ),
        looked_at=found.looked_at,
        finished=found.finished,
        stopped=found.stopped,
    )


def _currency(request: Request, form: CallsForm) -> str | None:
    """The currency of the costs; `None` for who may not see them, empty where they may differ."""
    if not may(request.user, Right.COSTS):
        return None
    return "" if form.cleaned_data["child_account_id"] else account_currency()


def _shown(form: CallsForm, found: Answer) -> dict[str, Any]:
    """What the template needs to show an answer."""
    count = len(found.sessions)
    return {
        "answer": found,
        "pager": found.pager,
        "empty": None if count else nothing(form, path=url("calls"), what=_t("calls")),
        "announce": ngettext("%(n)d call shown", "%(n)d calls shown", count) % {"n": count},
    }


def _columns(request: Request, form: CallsForm, currency: str | None) -> dict[str, Any]:
    """The columns that are shown, those to choose from, and where all can be exported."""
    offered = _offered(currency)
    known = {column.name for column in offered}
    shown = chosen_columns(request.GET.getlist("columns"), known & USUAL, known)
    return {
        "shown": shown,
        "columns": [time_column(form, _("Started")), *(c for c in offered if c.name in shown)],
        "offered": offered,
        "usual": USUAL,
        "export_url": _export(request, form),
    }


@lru_cache
def _offered(currency: str | None) -> Sequence[Column]:
    return tuple(
        replace(column, unit=currency or "") if column.name == "cost" else column
        for column in COLUMNS
        if column.name != "cost" or currency is not None
    )


def _export(request: Request, form: CallsForm) -> str:
    if not may(request.user, Right.EXPORT):
        return ""
    return f"{url('report_new')}?{form.instead(kind='calls', only='', contains='', chart='')}"


def _tabs(form: CallsForm) -> list[Link]:
    query = form.without("only")
    everything = Link(label=_t("All"), url=f"?{query}", current=not form.query.get("only"))
    return [
        everything,
        *(
            Link(
                label=label,
                url=f"?{query}&only={name}" if query else f"?only={name}",
                current=form.query.get("only") == name,
            )
            for name, label in ONLY
        ),
    ]


@require_safe
@needs(Right.CALLS)
@limited("numbers", by_number)
@limited("counts")
def total(request: Request) -> HttpResponse:
    """The count of all sessions that match, for the pager, once the rows are there."""
    return total_of(request, CallsForm(request.GET, defaults(request)), Client.get_call_history)
