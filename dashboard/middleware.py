"""Around every page: what sign-in needs to know of each request."""

import time
from collections.abc import Callable

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.http import HttpRequest
from django.http.response import HttpResponseBase

type View = Callable[[HttpRequest], HttpResponseBase]

# "Last seen" is this exact; noting every request would cost a write each.
SEEN_EVERY = 5 * 60  # seconds


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
    now, here = int(time.time()), get_adapter(request).get_client_ip(request)
    if now - at > SEEN_EVERY or here != address:
        request.session["seen"] = (now, here)
        UserSession.objects.create_from_request(request)
