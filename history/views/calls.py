"""The Calls page: a list of sessions, their count, and one session in a drawer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django_stubs_ext import StrOrPromise

from history import paging, refine
from history.api import wire
from history.api.client import RemoteError
from history.api.replies import CallSessionInfoType
from history.connection import connect
from history.forms import ONLY, CallsForm
from history.middleware import Request
from history.trouble import trouble
from history.verdict import REFINEMENTS, mentions
from history.views.lists import defaults, kept_view, remember

COLUMNS: Sequence[tuple[str, StrOrPromise]] = (
    ("from", _("From")),
    ("to", _("To")),
    ("length", _("Length")),
    ("outcome", _("Outcome")),
    ("cost", _("Cost")),
    ("records", _("Recording")),
    ("application", _("Application")),
    ("rule", _("Rule")),
    ("user", _("User")),
    ("custom_data", _("Custom data")),
    ("session", _("Session")),
)
USUAL = ("from", "to", "length", "outcome", "cost", "records", "application")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the Calls page shows: sessions, where they stand, how far was looked."""

    sessions: Sequence[CallSessionInfoType]
    pager: paging.Pager
    looked_at: int | None = None
    finished: bool = True


@require_safe
def calls(request: Request) -> HttpResponse:
    if view := kept_view(request, "calls"):
        return redirect(view)
    form = CallsForm(request.GET, defaults(request))
    context: dict[str, Any] = {"form": form, "tabs": ONLY, "all_columns": COLUMNS}
    status = 200
    if form.is_valid():
        timezone.activate(wire.zone(form.chosen.zone))
        remember(request, "calls", form)
        try:
            context["answer"] = answer(form)
        except RemoteError as error:
            context["trouble"] = trouble(error)
            status = 502
    context["columns"] = chosen_columns(request)
    return render(request, "history/calls.html", context, status=status)


def answer(form: CallsForm) -> Answer:
    """The sessions the form asks for; refined ones by looking through those fetched."""
    only, contains = form.cleaned_data["only"], form.cleaned_data["contains"]
    if not (only or contains):
        page = connect().get_call_history(form.params())
        moments = [session.start_date for session in page.result]
        more = len(page.result) == form.rows
        return Answer(sessions=page.result, pager=paging.pager(form, moments, more=more))
    return _refined(form, only, contains)


def _refined(form: CallsForm, only: str, contains: str) -> Answer:
    def wanted(session: CallSessionInfoType) -> bool:
        return (not only or REFINEMENTS[only](session)) and (
            not contains or mentions(session, contains)
        )

    found = refine.look(connect(), form.params(), wanted, rows=form.rows)
    return Answer(
        sessions=found.sessions,
        pager=paging.Pager(
            first=1 if found.sessions else 0,
            last=len(found.sessions),
            previous=form.at() if form.cleaned_data["offset"] or form.query.get("after") else None,
            next=None if found.finished else paging.onward(form, found.position, found.tail),
        ),
        looked_at=found.looked_at,
        finished=found.finished,
    )


@require_safe
def total(request: Request) -> HttpResponse:
    """The count of all sessions that match, for the pager, once the rows are there."""
    form = CallsForm(request.GET, defaults(request))
    count = None
    if form.is_valid():
        count = connect().get_call_history(form.count_params()).total_count
    return render(request, "history/_total.html", {"count": count})


def chosen_columns(request: Request) -> set[str]:
    known = {name for name, _label in COLUMNS}
    return (set(request.GET.getlist("columns")) & known) or set(USUAL)
