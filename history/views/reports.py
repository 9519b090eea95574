"""The Reports page with live rows, the tray, a report's own page and what one does there."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from history import masking
from history.listing import Link
from history.middleware import Request
from history.models.reports import ACTIVE, Copy, Kind, Report, State
from history.permissions import Right, needs
from history.rates import limited
from history.reports import access, copies, storing
from history.reports.drafts import KIND_HELP, KINDS_OF_PAGE, PAGES
from history.reports.shown import Shown, tray_of
from history.tasks import send, send_copy
from history.views.downloads import preview
from history.views.lists import paged

PER_PAGE = 50
PREVIEW_ROWS = 100

GROUPS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "": (_("All"), tuple(State.values)),
    "active": (_("Being made"), tuple(ACTIVE)),
    "stored": (_("Stored"), (State.STORED,)),
    "failed": (_("Failed"), (State.FAILED,)),
    "over": (_("Cancelled or deleted"), (State.CANCELLED, State.EXPIRED)),
}


@require_safe
@needs(Right.EXPORT)
def reports(request: Request) -> HttpResponse:
    group = request.GET.get("state", "")
    kind = request.GET.get("kind", "")
    mine = request.GET.get("whose") == "mine"
    rows = access.visible(request.user).select_related("owner")
    rows = rows.filter(state__in=GROUPS.get(group, GROUPS[""])[1])
    if kind in Kind.values:
        rows = rows.filter(kind=kind)
    if mine:
        rows = rows.filter(owner_id=request.user.pk)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": [_row(request, report) for report in page],
        "tabs": [
            Link(label=label, url=_with(request, state=name), current=name == group)
            for name, (label, _states) in GROUPS.items()
        ],
        "kinds": Kind.choices,
        "kind": kind,
        "state": group,
        "mine": mine,
        "orderable": _orderable(request),
        "pager": paged(request, page),
        "filtered": bool(group or kind or mine),
    }
    return render(request, "history/reports.html", context)


def _with(request: Request, **changes: object) -> str:
    query = request.GET.copy()
    if "page" not in changes:
        query.pop("page", None)
    for name, value in changes.items():
        query[name] = str(value)
        if not value:
            del query[name]
    return f"?{query.urlencode()}"


def _orderable(request: Request) -> list[dict[str, Any]]:
    """The kinds this person may order, with where that begins."""
    return [
        {
            "label": Kind(kind).label,
            "help": KIND_HELP[kind],
            "url": f"{reverse('report_new')}?kind={kind}&period=last_month",
        }
        for kinds in KINDS_OF_PAGE.values()
        for kind in kinds
        if access.may_order(request.user, kind)
    ]


def _row(request: Request, report: Report) -> dict[str, Any]:
    return {"shown": Shown(report), "changes": access.may_change(request.user, report)}


@require_safe
@needs(Right.EXPORT)
def row(request: Request, pk: int) -> HttpResponse:
    """One row of the list, as it is now; without a trigger once nothing moves any more."""
    report = get_object_or_404(access.visible(request.user).select_related("owner"), pk=pk)
    response = render(request, "history/_report_row.html", _row(request, report))
    if not report.active:
        response.headers["HX-Trigger"] = "tray"
    return response


@require_safe
@needs(Right.EXPORT)
def tray(request: Request) -> HttpResponse:
    """The person's running reports and fresh results, for the head of every page."""
    shown = {"tray": tray_of(request.user)}
    return render(request, "components/_tray.jinja", shown, using="jinja")


# One report


@require_safe
@needs(Right.EXPORT)
@limited("previews")
def report(request: Request, pk: int) -> HttpResponse:
    found = get_object_or_404(access.visible(request.user).select_related("owner"), pk=pk)
    context = _page(request, found)
    if found.state == State.STORED:
        try:
            head, *rows = preview(found, PREVIEW_ROWS) or [[]]
            context |= {"head": head, "preview": rows}
        except OSError:
            context["lost"] = True
    return render(request, "history/report.html", context)


@require_safe
@needs(Right.EXPORT)
def live(request: Request, pk: int) -> HttpResponse:
    """The part of a report's page that moves. When it is over, the whole page is shown anew."""
    found = get_object_or_404(access.visible(request.user).select_related("owner"), pk=pk)
    moving = found.active or any(c.state == Copy.State.MAKING for c in found.copies.all())
    if moving:
        return render(request, "history/_report_live.html", _page(request, found))
    response = HttpResponse(status=204)
    response.headers["HX-Refresh"] = "true"
    return response


def _page(request: Request, found: Report) -> dict[str, Any]:
    made = {copy.format: copy for copy in found.copies.all()}
    asked = f"kind={found.kind}&{found.query}"
    is_secret = found.owner_id != request.user.pk and masking.is_secret(found.query)
    page = None if is_secret else PAGES.get(found.kind)
    return {
        "report": found,
        "shown": Shown(found),
        "changes": access.may_change(request.user, found),
        "formats": [
            {"format": format, "label": format.label, "copy": made.get(format)}
            for format in _formats()
        ],
        "masked": masking.current() is not None,
        "moving": found.active or any(c.state == Copy.State.MAKING for c in made.values()),
        "list_url": f"/{page}/?{found.query}" if page else "",
        "again_url": f"{reverse('report_new')}?{asked}" if page else "",
        "schedule_url": f"{reverse('schedule_new')}?{asked}" if page else "",
        "expires": found.expires,
    }


def _formats() -> list[Copy.Format]:
    return Copy.Format.open_to(masked=masking.current() is not None)


# What one does with it


@require_POST
@needs(Right.EXPORT)
def act(request: Request, pk: int, deed: str) -> HttpResponse:
    """cancel, retry, delete (the file; the row stays), share and unshare."""
    found = get_object_or_404(access.visible(request.user), pk=pk)
    if not access.may_change(request.user, found):
        raise Http404
    said = ACTIONS[deed](request, found) if deed in ACTIONS else None
    if said is None:
        return HttpResponseBadRequest()
    messages.info(request, said)
    back = request.POST.get("back") == "list"
    return redirect("reports") if back else redirect("report", pk)


def _cancel(request: Request, found: Report) -> str:
    if storing.cancel(found):
        return _t("The report was cancelled.")
    return _t("There was nothing to cancel any more.")


def _retry(request: Request, found: Report) -> str:
    if not found.retry():
        return _t("It is not in a state to retry from.")
    send(found)
    return _t("It goes on from where it stopped.")


def _delete(request: Request, found: Report) -> str:
    words = _t("Deleted by %(who)s on %(day)s.") % {
        "who": request.user.get_username(),
        "day": f"{timezone.localtime():%Y-%m-%d %H:%M}",
    }
    if storing.delete_file(found, words):
        return _t("The file was deleted. What was ordered and proven stays here.")
    return _t("The file was gone already.")


def _share(request: Request, found: Report) -> str:
    shared = request.POST.get("shared") == "true"
    Report.objects.filter(pk=found.pk).update(shared=shared)
    if shared:
        return _t("Everybody who may order such reports can see it now.")
    return _t("Only you can see it now.")


ACTIONS = {"cancel": _cancel, "retry": _retry, "delete": _delete, "share": _share}


@require_POST
@needs(Right.EXPORT)
@limited("exports")
def make_copy(request: Request, pk: int, format: str) -> HttpResponse:
    """Makes the file in another format: at once when it is small, else by a worker."""
    found = get_object_or_404(access.visible(request.user), pk=pk, state=State.STORED)
    if format not in _formats():
        raise Http404
    copy, to_do = copies.wanted(found, format)
    if to_do and found.rows_done <= copies.AT_ONCE_ROWS:
        copies.make(copy.pk)
        copy.refresh_from_db()
    elif to_do:
        send_copy(copy.pk)
    if copy.state == Copy.State.READY:
        return redirect("report_copy", pk, format)
    return redirect("report", pk)
