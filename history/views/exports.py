"""From a list to a report: what to know before, the order itself; small ones at once."""

import tempfile
import uuid
from pathlib import Path
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import FileResponse, Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_http_methods, require_safe

from history import masking
from history.api.methods import GetHistoryReports
from history.connection import connect
from history.forms import FilterForm
from history.listing import Link, in_words, period_button
from history.middleware import Request
from history.models import accounts
from history.models.reports import Copy, Kind, Report
from history.paging import Pager
from history.permissions import Right, demand, needs
from history.rates import by_number, limited, posted
from history.reports import access, files
from history.reports.drafts import (
    FORMS,
    KIND_HELP,
    KINDS_OF_PAGE,
    OWN,
    PAGES,
    SMALL,
    Draft,
    view_columns,
    without,
)
from history.reports.shown import Shown
from history.spreadsheets import rows_of, write_excel_csv, write_xlsx
from history.tasks import send
from history.views.downloads import masked_csv
from history.views.lists import defaults


def _draft(request: Request, query: QueryDict) -> Draft:
    kind = query.get("kind", "")
    if kind not in FORMS:
        raise Http404(_t("“%(kind)s” is not a kind of report.") % {"kind": kind[:40]})
    return Draft(kind=kind, query=query, defaults=defaults(request))


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.EXPORT)
@limited("numbers", by_number)
@limited("exports", posted)
def new(request: Request) -> HttpResponse:
    """The order form, with what should be known before; a POST orders."""
    draft = _draft(request, request.POST if request.method == "POST" else request.GET)
    demand(request.user, access.SHOWS[draft.kind])
    if not draft.valid:
        context = {"form": draft.form, "kind": Kind(draft.kind), "list_url": _list_url(draft)}
        return render(request, "history/report_invalid.html", context, status=400)
    if request.method == "POST" and not any(w.stops for w in draft.warnings()):
        return _order(request, draft)
    return render(request, "history/report_new.html", _offer(request, draft))


def _list_url(draft: Draft) -> str:
    return f"/{PAGES[draft.kind]}/?{without(draft.query, *OWN).urlencode()}"


def _offer(request: Request, draft: Draft) -> dict[str, Any]:
    warnings = draft.warnings()
    equal = draft.equal(cast(User, request.user))
    form: FilterForm[Any] = draft.form
    return {
        "draft": draft,
        "kind": Kind(draft.kind),
        "kinds": [
            {
                "label": Kind(kind).label,
                "help": KIND_HELP[kind],
                "url": _again(draft, kind=kind),
                "current": kind == draft.kind,
            }
            for kind in KINDS_OF_PAGE[PAGES[draft.kind]]
        ],
        "period": period_button(form),
        "presets": [
            Link(label=preset.label, url=f"?kind={draft.kind}&{preset.url[1:]}")
            for preset in period_button(form).presets
        ],
        "span": in_words(form.chosen),
        "chips": form.chips(),
        "expected": draft.expected,
        "warnings": warnings,
        "stops": any(warning.stops for warning in warnings),
        "equal": Shown(equal) if equal else None,
        "small": draft.small and draft.kind != Kind.CALLS_BRIEF,
        "most": SMALL,
        "now_url": f"{reverse('report_now')}?{draft.query.urlencode()}",
        "fields": [
            (name, value)
            for name in draft.query
            if name not in ("csrfmiddlewaretoken", "order_key", "what", "shared")
            for value in draft.query.getlist(name)
        ],
        "order_key": uuid.uuid4().hex,
        "list_url": _list_url(draft),
        "schedule_url": f"{reverse('schedule_new')}?kind={draft.kind}&{draft.filters()}",
    }


def _again(draft: Draft, **changes: str) -> str:
    query = draft.query.copy()
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}"


def _order(request: Request, draft: Draft) -> HttpResponse:
    key = request.POST.get("order_key", "")
    report, made = draft.order(
        cast(User, request.user),
        key=f"{request.user.pk}-{key[:40]}" if key else None,
        shared=request.POST.get("shared") == "true",
        columns=view_columns(draft) if request.POST.get("what") == "view" else (),
    )
    if made:
        send(report)
        messages.success(
            request, _t("Ordered. You can go on working, or close this page: it goes on by itself.")
        )
    response = redirect("report", report.pk)
    response.headers["HX-Trigger"] = "tray"
    return response


# At once


@require_safe
@needs(Right.EXPORT)
@limited("numbers", by_number)
@limited("exports")
def now(request: Request) -> HttpResponseBase:
    """Up to 1000 rows as a file, while the person waits."""
    draft = _draft(request, request.GET)
    demand(request.user, access.SHOWS[draft.kind])
    if not draft.valid or draft.kind == Kind.CALLS_BRIEF:
        return redirect(f"{reverse('report_new')}?{request.GET.urlencode()}")
    if not draft.small:
        messages.warning(
            request,
            _t("This is not a small export (1 to %(most)d rows): order a report instead.")
            % {"most": SMALL},
        )
        return redirect(f"{reverse('report_new')}?{request.GET.urlencode()}")
    columns = view_columns(draft) if request.GET.get("what") == "view" else ()
    report = Report(
        kind=draft.kind,
        params=draft.fields,
        zone=draft.period.zone,
        columns=list(columns),
        owner=cast(User, request.user),
    )
    return _file_at_once(request, draft, report, request.GET.get("format", "csv"))


def _file_at_once(request: Request, draft: Draft, report: Report, format: str) -> HttpResponseBase:
    client = connect()
    fetched = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    params = draft.form.params(offset=0, count=SMALL, desc_order=False, **draft.asked())
    client.download_csv(params, fetched)
    fetched.seek(0)
    suffix = {"csv": "csv", Copy.Format.XLSX: "xlsx", Copy.Format.EXCEL_CSV: "excel.csv"}
    if format not in suffix:
        raise Http404
    is_masked = masking.current() is not None
    ending = f"masked.{suffix[format]}" if is_masked else suffix[format]
    name = files.download_name(report, client.account_id, ending).replace("_rNone", "")
    if format == "csv" and is_masked:
        return masked_csv(request, files.as_text(fetched), name)
    if format == "csv":
        return FileResponse(
            fetched, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8"
        )
    write = write_xlsx if format == Copy.Format.XLSX else write_excel_csv
    with tempfile.TemporaryDirectory() as folder, files.as_text(fetched) as text:
        report.rows_done = draft.expected or 0
        path = Path(folder) / "copy"
        rows = rows_of(text)
        rows = masking.hidden_rows(rows) if is_masked else rows
        write(report, rows, path, lambda _rows: None)
        # Open, so that it can be read after its name is gone.
        return FileResponse(path.open("rb"), as_attachment=True, filename=name)


# The platform's own reports


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.ALL_REPORTS)
def platform(request: Request) -> HttpResponse:
    """Reports the platform lists, whoever ordered them; a POST fetches one."""
    if request.method == "POST":
        return _fetch(request)
    offset = request.GET.get("offset", "0")
    skip = int(offset) if offset.isascii() and offset.isdigit() else 0
    question = GetHistoryReports(history_type="all", desc_order=True, count=50, offset=skip)
    page = connect().get_history_reports(question)
    ids = [listed.history_report_id for listed in page.result]
    known: dict[int | None, Report] = {}
    for report in access.visible(request.user).filter(remote_id__in=ids).order_by("created"):
        known[report.remote_id] = report
    total = page.total_count or len(ids)
    context = {
        "rows": [
            {"listed": listed, "ours": known.get(listed.history_report_id)}
            for listed in page.result
        ],
        "pager": Pager(
            first=skip + 1 if ids else 0,
            last=skip + len(ids),
            total=total,
            previous_url=f"?offset={max(0, skip - 50)}" if skip else "",
            next_url=f"?offset={skip + 50}" if skip + 50 < total else "",
            sizes=(),
        ),
    }
    return render(request, "history/report_platform.html", context)


def _fetch(request: Request) -> HttpResponse:
    text = request.POST.get("history_report_id", "")
    if not (text.isascii() and text.isdigit()):
        raise Http404
    user = cast(User, request.user)
    report, made = Report.objects.get_or_create(
        account=accounts.slug(),
        order_key=f"remote-{user.pk}-{text}-{request.POST.get('order_key', '')[:20]}",
        defaults={
            "kind": Kind.REMOTE,
            "remote_id": int(text),
            "state": "building",
            "owner_id": user.pk,
        },
    )
    if made:
        send(report)
    return redirect("report", report.pk)
