"""How often one person may ask for what costs much: counted in Redis, by all web processes.

A limit is courtesy to others and a brake on whoever collects data; what a right forbids it does
not replace. Without Redis nobody is held up.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Concatenate, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_stubs_ext import StrOrPromise
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from history import masking

logger = logging.getLogger(__name__)

# What is counted, in words. How much of it is in settings.RATE_LIMITS.
KINDS: Mapping[str, StrOrPromise] = {
    "scans": _("searches that look through calls"),
    "numbers": _("searches by telephone number"),
    "counts": _("counts of calls and statements"),
    "charges": _("looks at what a call cost or a charge paid for"),
    "recordings": _("pieces of recordings"),
    "downloads": _("downloads of recordings, transcripts and logs"),
    "peaks": _("drawings of recordings"),
    "previews": _("looks into reports"),
    "exports": _("exports"),
    "reveals": _("reveals of numbers"),
}


@cache
def _limiter(url: str) -> MovingWindowRateLimiter:
    storage = RedisStorage(
        url, key_prefix="voxledger:rates", wrap_exceptions=True,
        socket_connect_timeout=2, socket_timeout=2,
    )  # fmt: skip
    return MovingWindowRateLimiter(storage)


@cache
def _limit(text: str) -> RateLimitItem:
    return parse(text)


def seconds_to_wait(request: HttpRequest, kind: str) -> int:
    """Counts one more of that kind; 0 to go on, else the seconds after which there is room."""
    limit, who = _limit(settings.RATE_LIMITS[kind]), str(request.user.pk)
    try:
        limiter = _limiter(settings.CACHE_URL)
        if limiter.hit(limit, kind, who):
            return 0
        return max(
            1, math.ceil(limiter.get_window_stats(limit, kind, who).reset_time - time.time())
        )
    except StorageError as error:
        logger.warning("Nobody is held up, since rates cannot be counted: %s", error)
        return 0


def too_many(request: HttpRequest, kind: str, seconds: int) -> HttpResponse:
    """The page, or the fragment, that says so; what was asked and typed can be sent once more."""
    template = "429_fragment.html" if getattr(request, "htmx", False) else "429.html"
    names = [name for name in request.POST if name != "csrfmiddlewaretoken"]
    context = {
        "happened": words(kind),
        "advice": advice(seconds),
        "again": request.get_full_path(),
        "is_post": request.method == "POST",
        "fields": [(name, value) for name in names for value in request.POST.getlist(name)],
    }
    response = render(request, template, context, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def words(kind: str) -> str:
    limit = _limit(settings.RATE_LIMITS[kind])
    return _t("The limit for %(what)s is %(n)d in %(span)s for each person; it is reached.") % {
        "n": limit.amount,
        "what": KINDS[kind],
        "span": _span(limit.get_expiry()),
    }


def advice(seconds: int) -> str:
    return _t("Try again in %(span)s. What you asked for is kept.") % {"span": _span(seconds)}


def _span(seconds: int) -> str:
    if seconds < 120:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    minutes = math.ceil(seconds / 60)
    return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}


def always(request: HttpRequest) -> bool:
    return True


def posted(request: HttpRequest) -> bool:
    return request.method == "POST"


def looking_through(request: HttpRequest) -> bool:
    """What the API cannot filter by is looked for row by row."""
    return any(request.GET.get(name) for name in ("only", "contains"))


def by_number(request: HttpRequest) -> bool:
    """A guess of what is hidden from the person; who sees numbers whole need not guess."""
    said = request.POST if request.method == "POST" else request.GET
    return masking.current() is not None and any(said.get(name) for name in masking.NUMBERS)


def limited[**P, R: HttpRequest, A: HttpResponseBase](
    kind: str, counts: Callable[[HttpRequest], bool] = always
) -> Callable[[Callable[Concatenate[R, P], A]], Callable[Concatenate[R, P], A]]:
    """A view that a person reaches so often; only requests that `counts` says do count."""

    def decorate(view: Callable[Concatenate[R, P], A]) -> Callable[Concatenate[R, P], A]:
        @wraps(view)
        def counted(request: R, *args: P.args, **kwargs: P.kwargs) -> A:
            if counts(request) and (seconds := seconds_to_wait(request, kind)):
                return cast(A, too_many(request, kind, seconds))
            return view(request, *args, **kwargs)

        return cast(Callable[Concatenate[R, P], A], counted)

    return decorate
