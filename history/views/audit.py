"""The Audit log page: who did what, from where, how risky it was, and the count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from history import refine
from history.addresses import url
from history.ahead import Answered
from history.api import wire
from history.api.client import Client, RemoteError
from history.api.replies import AuditLogInfoType
from history.commands import risk
from history.connection import connect
from history.forms_audit import ONLY, AuditForm
from history.listing import Column, Link, nothing, time_column
from history.middleware import Request
from history.paging import Pager, onward, pager, previous
from history.permissions import Right, needs
from history.rates import limited, looking_through
from history.views.lists import defaults, draw, kept_view, total_of

COLUMNS = (
    Column(name="who", label=_("Who")),
    Column(name="what", label=_("What")),
    Column(name="command", label=_("Command")),
    Column(name="ip", label=_("From")),
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Entries, where they stand in the log, and how many were looked at to find them."""

    entries: Sequence[AuditLogInfoType]
    pager: Pager
    looked_at: int | None = None
    finished: bool = True
    stopped: RemoteError | None = None


@require_safe
@needs(Right.AUDIT)
@limited("scans", looking_through)
def audit(request: Request) -> HttpResponse:
    if view := kept_view(request, "audit"):
        return redirect(view)
    form = AuditForm(request.GET, defaults(request))
    answered = None
    if form.is_valid():
        timezone.activate(wire.zone(form.chosen.zone))
        answered = Answered(lambda: answer(form), partial(_shown, form))

    def around() -> dict[str, Any]:
        context: dict[str, Any] = {"tabs": _tabs(form), "tabs_label": _t("Which entries")}
        if answered:
            context["export_url"] = f"{url('report_new')}?{form.instead(kind='audit', only='')}"
        return context

    return draw(request, "audit", form, around, answered)


def answer(form: AuditForm) -> Answer:
    """The entries the form asks for; risky ones by looking through those fetched."""
    if form.cleaned_data["only"]:
        return _risky(form)
    page = connect().get_audit_log(form.params())
    moments = [_when(entry) for entry in page.result]
    more = len(page.result) == form.rows
    total_url = reverse("audit_total")
    return Answer(entries=page.result, pager=pager(form, moments, more=more, total_url=total_url))


def _risky(form: AuditForm) -> Answer:
    ask = connect().get_audit_log
    found = refine.look(ask, form.params(), lambda entry: bool(risk(entry)), _when, rows=form.rows)
    return Answer(
        entries=found.rows,
        pager=Pager(
            first=1 if found.rows else 0,
            last=len(found.rows),
            previous_url=previous(form),
            next_url="" if found.finished else onward(form, found.position, found.tail),
            sizes=(),
            about=not found.finished,
        ),
        looked_at=found.looked_at,
        finished=found.finished,
        stopped=found.stopped,
    )


def _when(entry: AuditLogInfoType) -> datetime:
    return entry.requested


def _shown(form: AuditForm, found: Answer) -> dict[str, Any]:
    """What the template needs to show an answer."""
    count = len(found.entries)
    return {
        "answer": found,
        "pager": found.pager,
        "columns": [time_column(form, _("When")), *COLUMNS],
        "empty": None if count else nothing(form, path=reverse("audit"), what=_t("entries")),
        "announce": ngettext("%(n)d entry shown", "%(n)d entries shown", count) % {"n": count},
    }


def _tabs(form: AuditForm) -> list[Link]:
    only = form.query.get("only", "")
    return [
        Link(label=label, url=f"?{form.instead(only=name)}", current=only == name)
        for name, label in (("", _("All")), *ONLY)
    ]


@require_safe
@needs(Right.AUDIT)
@limited("counts")
def total(request: Request) -> HttpResponse:
    """The count of all entries that match, once the rows are there."""
    return total_of(request, AuditForm(request.GET, defaults(request)), Client.get_audit_log)
