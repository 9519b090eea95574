import sys

from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import RedisError

from dashboard.health import findings

# What the parts below us raise when they are away, rather than when we made a mistake.
AWAY = (OperationalError, InterfaceError, RedisError)


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers. Says nothing of the database, Redis or the remote API."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether all parts are there: 200, or 503 with what is wrong, as JSON."""
    found = findings.now()
    ready = all(words == "ok" for words in found.values())
    status = "ready" if ready else "not ready"
    return JsonResponse({"status": status, "parts": found}, status=200 if ready else 503)


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Where browsers look for it on their own, as for a page that is a file."""
    return HttpResponseRedirect(static("favicon.svg"))


@login_not_required
def no_mail(request: HttpRequest, page: str) -> HttpResponse:
    """In place of pages that would send mail, which goes nowhere from here."""
    return render(request, "people/no_mail.html", status=404)


# Errors. Their pages need no database and tell the id under which the log has more.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, "400.html", 400)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours, or a part that is away for the moment."""
    if isinstance(sys.exc_info()[1], AWAY):
        answer = _error(request, "503.html", 503)
        answer.headers["Retry-After"] = "10"
        return answer
    return _error(request, "500.html", 500)


def _error(request: HttpRequest, template: str, status: int) -> HttpResponse:
    context = {"request_id": getattr(request, "request_id", "")}
    return HttpResponse(render_to_string(template, context), status=status)
