"""The Recordings page: every recording of a period, to be played where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from history import refine
from history.ahead import Answered
from history.api import wire
from history.api.client import RemoteError
from history.api.replies import CallSessionInfoType
from history.connection import account_currency, connect
from history.forms_recordings import RecordingsForm
from history.listing import Column, Empty, nothing, sizes, time_column
from history.middleware import Request
from history.paging import Pager, onward, previous
from history.permissions import Right, may, needs
from history.rates import by_number, limited
from history.recordings import Recording, recordings
from history.templatetags.show import duration, filesize, money
from history.views.lists import defaults, draw, kept_view

SOON = 30  # days before its end in which a recording is marked


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Recordings, in how many calls, and how many sessions were looked at to find them."""

    recordings: Sequence[Recording]
    sessions: int
    looked_at: int
    cut_short: bool  # the look ended at its bound, before the page was full
    pager: Pager
    stopped: RemoteError | None = None


@require_safe
@needs(Right.RECORDINGS)
@limited("numbers", by_number)
@limited("scans")
def listed(request: Request) -> HttpResponse:
    if view := kept_view(request, "recordings"):
        return redirect(view)
    form = RecordingsForm(request.GET, defaults(request))
    answered = None
    if form.is_valid():
        timezone.activate(wire.zone(form.chosen.zone))
        user = cast(User, request.user)
        shown = partial(_shown, form, costs=may(user, Right.COSTS))
        answered = Answered(lambda: answer(form, user.pk), shown)
    return draw(request, "recordings", form, dict, answered)


def answer(form: RecordingsForm, user_id: int) -> Answer:
    """The recordings the form asks for.

    The API lists sessions, most without any recording: they are looked through, within bounds,
    until a page is full of calls with one that is wanted.
    """

    def wanted(session: CallSessionInfoType) -> list[Recording]:
        return [found for found in recordings(session, user_id) if form.wants(found)]

    def has_wanted(session: CallSessionInfoType) -> bool:
        return bool(wanted(session))

    def started(session: CallSessionInfoType) -> datetime:
        return session.start_date

    ask = connect().get_call_history
    found = refine.look(ask, form.params(), has_wanted, started, rows=form.rows, most=refine.MOST)
    rows = [recording for session in found.rows for recording in wanted(session)]
    return Answer(
        recordings=rows,
        sessions=len(found.rows),
        looked_at=found.looked_at,
        stopped=found.stopped,
        cut_short=not found.finished and len(found.rows) < form.rows,
        pager=Pager(
            first=1 if rows else 0,
            last=len(rows),
            previous_url=previous(form),
            next_url="" if found.finished else onward(form, found.position, found.tail),
            sizes=sizes(form),
            about=not found.finished,
        ),
    )


def _shown(form: RecordingsForm, found: Answer, *, costs: bool) -> dict[str, Any]:
    currency = account_currency() if costs else ""
    count = len(found.recordings)
    return {
        "answer": found,
        "pager": found.pager,
        "columns": [c for c in _columns(form, currency) if costs or c.name != "cost"],
        "stats": _stats(found, currency, costs=costs) if count else [],
        "empty": None if count else _nothing(form, found),
        "soon": SOON,
        "announce": ngettext("%(n)d recording shown", "%(n)d recordings shown", count)
        % {"n": count},
    }


def _nothing(form: RecordingsForm, found: Answer) -> Empty:
    """Calls without a recording are not nothing: the page says how many it looked at."""
    empty = nothing(form, path=reverse("recordings"), what=_t("recordings"))
    if not found.looked_at:
        return empty
    looked = ngettext(
        "%(n)d call was looked through, and no recording that matches was found.",
        "%(n)d calls were looked through, and no recording that matches was found.",
        found.looked_at,
    )
    title = _t("No recording matches") if form.chips() else _t("No call was recorded")
    return replace(empty, title=title, text=looked % {"n": found.looked_at})


def _columns(form: RecordingsForm, currency: str) -> list[Column]:
    return [
        time_column(form, _("Call started")),
        Column(name="play", label=_("Play"), hidden=True, narrow=True),
        Column(name="numbers", label=_("Call")),
        Column(name="name", label=_("Recording")),
        Column(name="length", label=_("Length"), number=True),
        Column(name="size", label=_("Size"), number=True),
        Column(name="cost", label=_("Cost"), number=True, unit=currency),
        Column(name="transcript", label=_("Transcript")),
        Column(
            name="expires",
            label=_("Kept until"),
            help=_("The day on which the platform deletes it, as chosen when it was recorded."),
        ),
    ]


def _stats(found: Answer, currency: str, *, costs: bool) -> list[dict[str, Any]]:
    """Sums of what is shown, and of nothing else."""
    records = [recording.record for recording in found.recordings]
    cost = sum((record.cost or Decimal(0) for record in records), Decimal(0))
    size = sum((record.file_size or Decimal(0) for record in records), Decimal(0))
    length = sum(record.duration or 0 for record in records)
    looked = ngettext(
        "%(n)d call was looked through", "%(n)d calls were looked through", found.looked_at
    ) % {"n": found.looked_at}
    stats: list[dict[str, Any]] = [
        {"label": _t("Recordings shown"), "value": len(records), "note": looked},
        {"label": _t("Length"), "value": duration(length)},
        {"label": _t("Size"), "value": filesize(size)},
    ]
    return [*stats, {"label": _t("Cost"), "value": money(cost, currency)}] if costs else stats
