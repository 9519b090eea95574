"""Around every page: who is seen, who must set up a second factor, what a browser may do."""

import time
from collections.abc import Callable
from secrets import randbelow
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _t
from isal import igzip

from history.permissions import roles_anywhere
from history.trail import address_of

type View = Callable[[HttpRequest], HttpResponseBase]

# "Last seen" is this exact; noting every request would cost a write each.
SEEN_EVERY = 5 * 60  # seconds


# What no page here uses, no script that got in may use either.
POWERS = ", ".join(
    f"{power}=()"
    for power in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid"),
        *("magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
    )
)


def small_pages(get_response: View) -> View:
    """Packs pages, as Django's GZipMiddleware does, in a fifth of its time.

    Recordings and files are left alone: they are packed already and asked for in parts.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not isinstance(response, HttpResponse) or not _is_worth_packing(response):
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            response.content = _packed(response.content)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.content))
        return response

    return middleware


def _is_worth_packing(response: HttpResponse) -> bool:
    is_page = response.headers["Content-Type"].startswith("text/html")
    return is_page and len(response.content) >= 200 and "Content-Encoding" not in response.headers


def _packed(content: bytes) -> bytes:
    """With a file name of random length: who can have text put into a page must not be able to
    tell by its size whether a secret in it is alike (BREACH; https://ieeexplore.ieee.org/document/9754554).
    """
    packed = igzip.compress(content, compresslevel=2, mtime=0)
    name = b"a" * randbelow(100) + b"\0"
    # RFC 1952: of ten bytes the fourth says whether a name follows them.
    return packed[:3] + b"\x08" + packed[4:10] + name + packed[10:]


def csrf_cookie_once(get_response: View) -> View:
    """Only who has not got the cookie of forms gets it. Django sends it with each page that has a
    form, so that it never ends; ours is made anew at each sign-in and outlives that by months."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.META.get("CSRF_COOKIE_NEEDS_UPDATE"):
            patch_vary_headers(response, ("Cookie",))
            held = request.COOKIES.get(settings.CSRF_COOKIE_NAME)
            request.META["CSRF_COOKIE_NEEDS_UPDATE"] = held != request.META["CSRF_COOKIE"]
        return response

    return middleware


def powers(get_response: View) -> View:
    """Forbids the browser what pages do not need (Permissions-Policy)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", POWERS)
        return response

    return middleware


def seen(get_response: View) -> View:
    """Keeps the list of a person's sessions: from where, and when last."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            _note(request)
        return get_response(request)

    return middleware


def _note(request: HttpRequest) -> None:
    at, address = request.session.get("seen", (0, ""))
    # An address that changes is noted at once.
    now, here = int(time.time()), address_of(request)
    if now - at > SEEN_EVERY or here != address:
        request.session["seen"] = (now, here)
        UserSession.objects.create_from_request(request)


class SecondFactorFirst:
    """People whose role demands a second factor (MFA_REQUIRED_ROLES) set one up before all else.

    Who came by single sign-on gave it there.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: object, kwargs: object
    ) -> HttpResponseBase | None:
        if not settings.MFA_REQUIRED_ROLES or not getattr(view, "login_required", True):
            return None
        if _leads_to_a_second_factor(request) or not _lacks_a_second_factor(request):
            return None
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": resolve_url("mfa_index")})
        messages.warning(
            request, _t("Your role needs a second factor. Set up an app or a passkey to go on.")
        )
        return redirect("mfa_index")


def _leads_to_a_second_factor(request: HttpRequest) -> bool:
    match = request.resolver_match
    name = (match and match.url_name) or ""
    return name.startswith("mfa_") or name in ("account_logout", "account_reauthenticate")


def _lacks_a_second_factor(request: HttpRequest) -> bool:
    user = request.user
    if not isinstance(user, User) or not (
        user.is_superuser or roles_anywhere(user) & frozenset(settings.MFA_REQUIRED_ROLES)
    ):
        return False
    ways = {record.get("method") for record in get_authentication_records(request, user)}
    factors = Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES)
    return "socialaccount" not in ways and not factors.filter(user=user).exists()
