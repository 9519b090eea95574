"""The search box of every page."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from history.middleware import Request
from history.search import readings


@require_safe
def search(request: Request) -> HttpResponse:
    """Goes where the text leads; asks where it can be read in several ways."""
    text = request.GET.get("q", "")[:5000]
    found = readings(text, request.prefs.region or None)
    if len(found) == 1:
        return redirect(found[0].url)
    return render(request, "history/search.html", {"text": text.strip(), "readings": found})
