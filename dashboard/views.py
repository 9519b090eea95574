from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers. Says nothing of the database, Redis or the remote API."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Where browsers look for it on their own, as for a page that is a file."""
    return HttpResponseRedirect(static("favicon.svg"))


@login_not_required
def no_mail(request: HttpRequest, page: str) -> HttpResponse:
    """In place of pages that would send mail, which goes nowhere from here."""
    return render(request, "people/no_mail.html", status=404)
