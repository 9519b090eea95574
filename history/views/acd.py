"""The ACD page: callers' ways through the queues, their count, and one of them with its events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from history.addresses import url
from history.ahead import Answered
from history.api import wire
from history.api.client import Client
from history.api.methods import GetACDHistory
from history.api.replies import ACDSessionInfoType, Page
from history.connection import connect
from history.forms_acd import AcdForm
from history.listing import Column, Link, nothing, time_column
from history.middleware import Request
from history.paging import Pager, pager
from history.permissions import Right, needs
from history.queues import common_scale, lanes, seconds_drawn, since_begin
from history.rates import limited
from history.views.lists import defaults, draw, kept_view, total_of

EVER = timedelta(days=3 * 366)

COLUMNS = (
    Column(name="queue", label=_("Queue")),
    Column(name="operator", label=_("Operator")),
    Column(name="priority", label=_("Priority"), number=True),
    Column(name="outcome", label=_("Outcome")),
    Column(name="course", label=_("Course")),
    Column(name="wait", label=_("Waited"), number=True),
    Column(name="service", label=_("In service"), number=True),
    Column(
        name="after",
        label=_("After"),
        number=True,
        help=_("What the operator did after the call, before taking the next."),
    ),
)


@require_safe
@needs(Right.ACD)
def acd(request: Request) -> HttpResponse:
    if view := kept_view(request, "acd"):
        return redirect(view)
    form = AcdForm(request.GET, defaults(request))
    answered = None
    if form.is_valid():
        timezone.activate(wire.zone(form.chosen.zone))
        answered = Answered(lambda: _answer(form), lambda found: _shown(form, *found))

    def around() -> dict[str, Any]:
        context: dict[str, Any] = {"tabs": _tabs(form), "tabs_label": _t("Which callers")}
        if answered:
            context["export_url"] = f"{url('report_new')}?{form.instead(kind='acd')}"
        return context

    return draw(request, "acd", form, around, answered)


def _answer(form: AcdForm) -> tuple[Page[ACDSessionInfoType], set[int]]:
    """The callers, and which of them were turned away."""
    page = connect().get_acd_history(form.params())
    return page, _turned_away(form, page.result)


def _shown(form: AcdForm, page: Page[ACDSessionInfoType], turned_away: set[int]) -> dict[str, Any]:
    """What the template needs to show an answer."""
    rows, count = page.result, len(page.result)
    return {
        "sessions": rows,
        "turned_away": turned_away,
        "scale": common_scale(rows),
        "columns": [time_column(form, _("Joined")), *COLUMNS],
        "pager": _pager(form, rows, page.total_count),
        "empty": None if count else nothing(form, path=reverse("acd"), what=_t("callers")),
        "announce": ngettext("%(n)d caller shown", "%(n)d callers shown", count) % {"n": count},
    }


def _pager(form: AcdForm, rows: Sequence[ACDSessionInfoType], total: int | None) -> Pager:
    """ACD answers come with their total; after a walk it counts what is left, so ask again."""
    moments = [row.begin_time for row in rows]
    shown = pager(form, moments, more=len(rows) == form.rows, total_url=reverse("acd_total"))
    return shown if form.cleaned_data["after"] else replace(shown, total=total)


def _turned_away(form: AcdForm, rows: Sequence[ACDSessionInfoType]) -> set[int]:
    """Which of the rows were turned away. A row does not say so, only the filter does."""
    unserved = tuple(row.acd_session_history_id for row in rows if row.user_id is None)
    asked: bool | None = form.cleaned_data["rejected"]
    if asked is not None or not unserved:
        return set(unserved) if asked else set()
    question = form.params(
        acd_session_history_id=unserved, rejected=True, offset=0, count=len(unserved)
    )
    page = connect().get_acd_history(question)
    return {row.acd_session_history_id for row in page.result}


def _tabs(form: AcdForm) -> list[Link]:
    """By outcome, as the API's own filters tell them apart."""
    values = {name: form.query.get(name, "") for name in ("unserviced", "rejected")}
    tabs = (
        (_("All"), {"unserviced": "", "rejected": ""}),
        (_("Served"), {"unserviced": "false", "rejected": ""}),
        (_("Not served"), {"unserviced": "true", "rejected": ""}),
        (_("Turned away"), {"unserviced": "", "rejected": "true"}),
    )
    return [
        Link(label=label, url=f"?{form.instead(**said)}", current=values == said)
        for label, said in tabs
    ]


@require_safe
@needs(Right.ACD)
@limited("counts")
def total(request: Request) -> HttpResponse:
    """The count of all callers that match."""
    return total_of(request, AcdForm(request.GET, defaults(request)), Client.get_acd_history)


@require_safe
@needs(Right.ACD)
def session_page(request: Request, acd_id: int) -> HttpResponse:
    return _session(request, acd_id, "history/acd_session.html")


@require_safe
@needs(Right.ACD)
def session_panel(request: Request, acd_id: int) -> HttpResponse:
    """The same, for the drawer."""
    return _session(request, acd_id, "history/_acd_session.html")


def _session(request: Request, acd_id: int, template: str) -> HttpResponse:
    session = _find(acd_id)
    context = {
        "session": session,
        "lanes": lanes(session),
        "seconds": seconds_drawn(session),
        "events": [(since_begin(session, n), event) for n, event in enumerate(session.events)],
        "turned_away": any(event.type == "rejected" for event in session.events),
    }
    return render(request, template, context)


def _find(acd_id: int) -> ACDSessionInfoType:
    """The session with its events; Http404 when the API knows none of that ID."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    page = connect().get_acd_history(
        GetACDHistory(
            from_date=now - EVER,
            to_date=now + timedelta(days=1),
            acd_session_history_id=(acd_id,),
            with_events=True,
            count=1,
        )
    )
    if not page.result:
        raise Http404(_t("There is no ACD session with the ID %(id)d.") % {"id": acd_id})
    return page.result[0]
