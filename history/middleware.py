"""Around every view: the person's settings before it, remote failures after it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject
from django_htmx.middleware import HtmxDetails

from dashboard.prepared import Prepared
from history.accounts import switch
from history.answers import as_of
from history.api import wire
from history.api.client import RemoteError
from history.media import Reference
from history.models import Preferences
from history.navigation import rail
from history.permissions import Right, rights
from history.reports.shown import tray_of
from history.trouble import trouble

type View = Callable[[HttpRequest], HttpResponse]


class Request(HttpRequest):
    """A request as our views get it: behind sign-in, with htmx and the person's settings."""

    htmx: HtmxDetails
    prefs: Preferences
    opened: Reference  # a file of a call (history/views/media.py)


def preferences(get_response: View) -> View:
    """Puts the person's settings on the request and makes their zone and language current."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.prefs = prefs = _preferences(request)  # type: ignore[attr-defined]
        with timezone.override(wire.zone(prefs.zone_name)):
            if not prefs.language:
                return get_response(request)
            with translation.override(prefs.language):
                response = get_response(request)
                response.headers.setdefault("Content-Language", prefs.language)
                return response

    return middleware


def _preferences(request: HttpRequest) -> Preferences:
    user = request.user
    if not user.is_authenticated:
        return Preferences(theme=_cookie_theme(request))
    kept = _preferences_of(person=user.pk)
    return kept[0] if kept else Preferences(user_id=user.pk, theme=_cookie_theme(request))


_preferences_of = Prepared(lambda person: Preferences.objects.filter(user_id=person), person=int)


def _cookie_theme(request: HttpRequest) -> str:
    """The theme last chosen in this browser: what a person without settings gets."""
    theme = request.COOKIES.get("theme", "auto")
    return theme if theme in dict(Preferences.THEMES) else "auto"


class RemoteErrors:
    """A RemoteError that a view did not answer itself becomes the error page or fragment."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, RemoteError):
            return None
        is_fragment = bool(getattr(request, "htmx", False))
        template = "history/_trouble.html" if is_fragment else "history/trouble.html"
        return render(request, template, {"trouble": trouble(error)}, status=502)


def frame(request: HttpRequest) -> dict[str, object]:
    """Context of every page: what the frame around it needs."""
    signed_in = request.user.is_authenticated
    allowed = rights(request.user)
    choices = SimpleLazyObject(lambda: switch(request) if signed_in else [])
    return {
        "version": settings.VERSION,
        "may": {right.value: right in allowed for right in Right},
        # Fragments have no frame: asked for only where it is shown.
        "tray": Right.EXPORT in allowed and SimpleLazyObject(lambda: tray_of(request.user)),
        "accounts": choices,
        "account": SimpleLazyObject(lambda: next((one for one in choices if one.current), None)),
        "prefs": getattr(request, "prefs", None) or Preferences(),
        "as_of": SimpleLazyObject(as_of),  # known once the answer is there
        "nav": rail(request, allowed) if signed_in else (),
    }
