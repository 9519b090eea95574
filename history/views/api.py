"""Reports for scripts: JSON with a personal token. docs/reports.md describes it.

Errors are {"error": {"code", "message", "fields"}} with the HTTP status that fits.
"""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from history import masking
from history.api.client import RemoteError
from history.connection import account_zone
from history.forms import Defaults
from history.models import ApiToken, Report, accounts
from history.models.people import Preferences
from history.models.reports import State
from history.permissions import may_open
from history.rates import advice, seconds_to_wait, words
from history.reports import access, storing
from history.reports.drafts import FORMS, Draft
from history.tasks import send
from history.trouble import trouble
from history.views.downloads import csv_of

MOST_LISTED = 100
MAX_BODY = 64 * 1024

type Endpoint = Callable[..., HttpResponseBase]


class Problem(Exception):
    """What a script is told instead of an answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: dict[str, Any] | None = None,
        after: int = 0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.after = after  # seconds until it is worth asking again
        self.body = {"code": code, "message": message, "fields": fields or {}}


def endpoint(**scopes: str) -> Callable[[Endpoint], Endpoint]:
    """A view for scripts: `scopes` says which scope each verb needs (GET=…, POST=…)."""

    def decorate(view: Endpoint) -> Endpoint:
        @csrf_exempt
        @login_not_required
        @wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                verb = "GET" if request.method == "HEAD" else request.method or ""
                if verb not in scopes:
                    raise Problem(405, "method", f"{request.method} is not known here.")
                request.user = _token(request, scopes[verb]).owner
                if not may_open(request.user, accounts.current()):
                    raise Http404
                return view(request, *args, **kwargs)
            except Problem as problem:
                response = JsonResponse({"error": problem.body}, status=problem.status)
                if problem.status == 401:
                    response.headers["WWW-Authenticate"] = "Bearer"
                if problem.after:
                    response.headers["Retry-After"] = str(problem.after)
                return response
            except Http404:
                error = {"code": "not_found", "message": "There is no such report.", "fields": {}}
                return JsonResponse({"error": error}, status=404)
            except RemoteError as error:
                words = trouble(error)
                body = {"code": "remote", "message": str(words.happened), "fields": {}}
                return JsonResponse({"error": body}, status=502)

        return run

    return decorate


def _token(request: HttpRequest, scope: str) -> ApiToken:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = ApiToken.find(secret.strip()) if kind.lower() == "bearer" else None
    if token is None:
        raise Problem(401, "token", "Send a valid token: Authorization: Bearer vxl_…")
    if scope not in token.scopes:
        raise Problem(403, "scope", f"This token lacks the scope {scope}.")
    return token


@endpoint(GET="reports:read", POST="reports:order")
def reports(request: HttpRequest) -> HttpResponseBase:
    """GET lists the newest reports, POST orders one."""
    if request.method == "POST":
        return _order(request)
    rows = access.visible(request.user)
    if (state := request.GET.get("state")) in State.values:
        rows = rows.filter(state=state)
    return JsonResponse({"reports": [as_json(request, row) for row in rows[:MOST_LISTED]]})


def _order(request: HttpRequest) -> HttpResponseBase:
    if seconds := seconds_to_wait(request, "exports"):
        raise Problem(429, "too_many", f"{words('exports')} {advice(seconds)}", after=seconds)
    asked = _body(request)
    kind = str(asked.pop("kind", ""))
    if kind not in FORMS:
        known = ", ".join(FORMS)
        raise Problem(400, "invalid", f"kind: {kind!r} is not one of {known}", {"kind": known})
    if not access.may_order(request.user, kind):
        raise Problem(403, "forbidden", f"You may not order reports of the kind {kind}.")
    key = str(asked.pop("key", ""))[:40]
    draft = Draft(kind=kind, query=_query(asked), defaults=_defaults(request))
    if not draft.valid:
        fields = {name: [str(e) for e in errors] for name, errors in draft.form.errors.items()}
        raise Problem(400, "invalid", "Some fields need other values.", fields)
    if unknown := draft.form.ignored():
        names = {name: ["is not known"] for name, _value in unknown}
        raise Problem(400, "invalid", "Some fields are not known.", names)
    if stops := [warning for warning in draft.warnings() if warning.stops]:
        raise Problem(400, "pointless", " ".join(f"{w.text} {w.advice}" for w in stops))
    owner = request.user
    order_key = f"api-{owner.pk}-{key}" if key else None
    report, made = draft.order(owner, key=order_key)  # type: ignore[arg-type]
    if made:
        send(report)
    return JsonResponse(as_json(request, report), status=202 if made else 200)


def _body(request: HttpRequest) -> dict[str, Any]:
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY:
        raise Problem(413, "too_large", "The order is longer than 64 KB.")
    try:
        asked = json.loads(request.body or b"{}")
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise Problem(400, "invalid", 'Send a JSON object such as {"kind": "transactions", …}.')
    return asked


def _query(asked: dict[str, Any]) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, value in asked.items():
        values = value if isinstance(value, list) else [value]
        texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in values]
        query[name] = ";".join(texts)
    return query


def _defaults(request: HttpRequest) -> Defaults:
    user = cast(User, request.user)
    prefs = Preferences.objects.filter(user=user).first() or Preferences()
    return Defaults(zone=prefs.zone_name, account_zone=account_zone)


@endpoint(GET="reports:read", DELETE="reports:order")
def report(request: HttpRequest, pk: int) -> HttpResponseBase:
    """GET tells how far a report is; DELETE cancels it, or deletes its file."""
    found = _find(request, pk)
    if request.method == "DELETE":
        if not access.may_change(request.user, found):
            raise Problem(403, "forbidden", "It belongs to somebody else.")
        if not storing.cancel(found):
            storing.delete_file(found, "Deleted by a script.")
        found = _find(request, pk)
    return JsonResponse(as_json(request, found))


@endpoint(GET="reports:read")
def file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The CSV, with Range, ETag and HEAD; 409 while there is none yet."""
    found = _find(request, pk)
    if found.state != State.STORED:
        raise Problem(409, "no_file", f"The report is {found.state}: it has no file.")
    return csv_of(request, found)


def _find(request: HttpRequest, pk: int) -> Report:
    found = access.visible(request.user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def as_json(request: HttpRequest, row: Report) -> dict[str, Any]:
    """A report as scripts see it: sizes in bytes, amounts as text, moments in UTC."""

    def at(moment: Any) -> str | None:
        return moment.isoformat() if moment else None

    return {
        "id": row.pk,
        "kind": row.kind,
        "state": row.state,
        "note": row.note,
        "params": masking.hidden_in(row.params),
        "timezone": row.zone,
        "rows": row.rows_done,
        "bytes": row.bytes_done,
        "bytes_expected": row.bytes_expected,
        "size": row.size,
        "csv_size": row.csv_size,
        "sha256": row.sha256,
        "verified": row.verified,
        "checks": row.checks,
        "sums": row.sums,
        "history_report_id": row.remote_id,
        "created": at(row.created),
        "stored": at(row.stored),
        "expires": at(row.expires),
        "url": request.build_absolute_uri(reverse("api_report", args=[row.pk])),
        "file": request.build_absolute_uri(reverse("api_report_file", args=[row.pk]))
        if row.state == State.STORED
        else None,
    }
