"""The trail as a page and as a file, and who heard a recording."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_stubs_ext import StrOrPromise

from history.accounts import inside
from history.api import wire
from history.media import Expired, Forged, Kind, Reference
from history.middleware import Request
from history.models import accounts
from history.models.trail import Action, TrailEntry, TrailHead
from history.permissions import Right, may, needs, rights_everywhere
from history.spreadsheets import guarded
from history.trail import heard_by, note
from history.views.lists import paged

PER_PAGE = 100
COLUMNS = ("number", "at", "who_id", "who", "action", "kind", "key", "details", "ip", "account")
# A day of listening has no more: what says otherwise did not come from our player.
MOST_RANGES, LONGEST = 200, 24 * 3600
MOST_HEARD = 4_000  # letters

KINDS: dict[str, StrOrPromise] = {
    "recording": _("recording"),
    "transcript": _("transcript of recording"),
    "log": _("log of session"),
    "session": _("call"),
    "calls": _("calls"),
    "recordings": _("recordings"),
    "transactions": _("transactions"),
    "transaction": _("transaction"),
    "acd": _("call queues"),
    "acd_session": _("queue session"),
    "audit": _("the audit log"),
    "everything": _("everywhere"),
    "report": _("report"),
    "rows": _("rows of a list"),
    "trail": _("the trail"),
    "deletion": _("deletion"),
    "certificate": _("certificate of deletion"),
    "hold": _("legal hold"),
    "retention": _("retention rule"),
    "account": _("account"),
    "page": _("page"),
}
TONES = {
    Action.SIGN_IN_FAILED: "warn",
    Action.REFUSED: "warn",
    Action.DELETED: "bad",
    Action.DELETE_ORDERED: "bad",
    Action.DELETE_DONE: "bad",
    Action.PLAY: "info",
    Action.HEARD: "info",
    Action.DOWNLOAD: "info",
    Action.EXPORT: "info",
    Action.REVEAL: "info",
}


class TrailForm(forms.Form):
    who = forms.CharField(required=False, label=_("Who"), max_length=150)
    action = forms.ChoiceField(
        required=False,
        label=_("What"),
        choices=[("", _("Everything")), *Action.choices],
        error_messages={
            "invalid_choice": _("“%(value)s” is no kind of entry. Choose one from the list.")
        },
    )
    object = forms.CharField(
        required=False,
        label=_("Object"),
        max_length=80,
        help_text=_("The ID of a call, a recording, a report, a deletion …"),
    )
    account = forms.CharField(
        required=False, label=_("Account"), max_length=64, help_text=_("As addresses call it.")
    )
    since = forms.DateField(
        required=False,
        label=pgettext_lazy("period", "From"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        required=False, label=_("Until"), widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        first, last = said.get("since"), said.get("until")
        if first and last and last < first:
            self.add_error(
                "until",
                _("It ends (%(last)s) before it begins (%(first)s). Swap the days.")
                % {"first": first, "last": last},
            )
        return said

    def found(self, request: Request) -> "QuerySet[TrailEntry]":
        """The entries that match, the newest first; days are those of the person's zone. Who has
        the right in this account alone reads of this account alone."""
        said, here = self.cleaned_data, wire.zone(request.prefs.zone_name)
        rows = TrailEntry.objects.order_by("-number")
        if Right.TRAIL not in rights_everywhere(request.user):
            rows = rows.filter(account=accounts.slug())
        if said["account"]:
            rows = rows.filter(account=said["account"].strip())
        if said["who"]:
            rows = rows.filter(who__iexact=said["who"].strip())
        if said["action"]:
            rows = rows.filter(action=said["action"])
        if said["object"]:
            rows = rows.filter(key=said["object"].strip())
        if said["since"]:
            rows = rows.filter(at__gte=datetime.combine(said["since"], time.min, here))
        if said["until"]:
            rows = rows.filter(at__lte=datetime.combine(said["until"], time.max, here))
        return rows


@dataclass(frozen=True, kw_only=True)
class Shown:
    """An entry as the page shows it."""

    row: TrailEntry

    @property
    def action(self) -> StrOrPromise:
        return Action(self.row.action).label

    @property
    def tone(self) -> str:
        return TONES.get(Action(self.row.action), "quiet")

    @property
    def object(self) -> str:
        kind = str(KINDS.get(self.row.kind, self.row.kind.replace("_", " ")))
        return f"{kind} {self.row.key}".strip()

    @property
    def url(self) -> str:
        """Where the object is shown, of those kinds that have a page, in its account."""
        if self.row.account in ("", accounts.slug()):
            return self._url()
        with inside(self.row.account):
            return self._url()

    def _url(self) -> str:
        key = self.row.key if self.row.key.isascii() and self.row.key.isdigit() else ""
        session = self.row.details.get("session", self.row.details.get("session_id"))
        match self.row.kind:
            case "session" | "log" if key:
                return reverse("call", args=[int(key)])
            case "recording" | "transcript" if isinstance(session, int):
                return reverse("call", args=[session]) + "#recordings"
            case "report" if key:
                return reverse("report", args=[int(key)])
            case "deletion" | "certificate" if key:
                return reverse("deletion", args=[int(key)])
        return ""

    @property
    def facts(self) -> list[tuple[str, str]]:
        return [(name, _words(value)) for name, value in sorted(self.row.details.items())]


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in sorted(value.items())) or "–"
    if isinstance(value, list):
        return ", ".join(
            f"{part[0]}–{part[1]} s" if isinstance(part, list) and len(part) == 2 else str(part)
            for part in value
        )
    return str(value)


@require_safe
@needs(Right.TRAIL)
def trail(request: Request) -> HttpResponse:
    form = TrailForm(request.GET)
    context: dict[str, Any] = {"form": form, "filtered": any(request.GET.values())}
    if form.is_valid():
        page = Paginator(form.found(request), PER_PAGE).get_page(request.GET.get("page"))
        query = request.GET.copy()
        query.pop("page", None)
        context |= {
            "rows": [Shown(row=row) for row in page],
            "pager": paged(request, page),
            "file_url": f"{reverse('trail_file')}?{query.urlencode()}",
            "head": TrailHead.objects.filter(pk=1).first(),
        }
    return render(request, "history/trail.html", context)


@require_safe
@needs(Right.TRAIL)
def trail_file(request: Request) -> HttpResponseBase:
    """The entries that match as CSV, the oldest first, with their hashes; times in UTC."""
    form = TrailForm(request.GET)
    if not form.is_valid():
        return redirect(f"{reverse('trail')}?{request.GET.urlencode()}")
    rows = form.found(request).order_by("number")
    response = StreamingHttpResponse(_csv(rows), content_type="text/csv; charset=utf-8")
    name = f"voxledger-trail-{timezone.now():%Y%m%d-%H%M%S}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Line:
    """What `csv` writes to: gives the line back."""

    def write(self, line: str) -> str:
        return line


def _csv(rows: "QuerySet[TrailEntry]") -> Iterator[str]:
    write = csv.writer(cast(Any, _Line())).writerow
    yield "\ufeff" + cast(str, write([*COLUMNS, "previous", "hash"]))
    for row in rows.iterator(chunk_size=1000):
        cells: dict[str, Any] = {name: getattr(row, name) for name in COLUMNS}
        cells["at"] = row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        cells["who"], cells["key"] = guarded(row.who), guarded(row.key)
        cells["details"] = json.dumps(row.details, ensure_ascii=False, sort_keys=True)
        yield cast(str, write([*cells.values(), row.previous, row.hash]))


# Who heard it


@require_POST
@needs(Right.LISTEN)
def heard(request: Request) -> HttpResponse:
    """The player says which seconds of a recording were played; js/heard.js sends it."""
    try:
        found = Reference.unsealed(request.POST.get("reference", ""), request.user.pk)
    except Expired as error:
        found = error.reference
    except Forged:
        raise Http404 from None
    ranges = _ranges(request.POST.get("seconds", ""))
    if ranges is None or found.kind is not Kind.RECORDING:
        return HttpResponseBadRequest()
    note(
        request,
        Action.HEARD,
        Kind.RECORDING,
        found.record_id or "",
        session=found.session_id,
        seconds=ranges,
    )
    return HttpResponse(status=204)


def _ranges(text: str) -> list[tuple[int, int]] | None:
    """`0-12,30-45` as pairs; None for what is none."""
    ranges = []
    for part in text[:MOST_HEARD].split(",")[:MOST_RANGES]:
        start, dash, end = part.partition("-")
        if not (dash and start.isdecimal() and end.isdecimal() and len(part) < 14):
            return None
        if not int(start) < int(end) <= LONGEST:
            return None
        ranges.append((int(start), int(end)))
    return ranges


@require_safe
@needs(Right.LISTEN)
def who_heard(request: Request, record_id: int) -> HttpResponse:
    """Who heard a recording: names for whoever may see the trail, a count for others."""
    found = heard_by(record_id)
    user = cast(User, request.user)
    context = {"heard": found, "named": may(user, Right.TRAIL), "record_id": record_id}
    return render(request, "history/_heard_by.html", context)
