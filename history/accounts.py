"""Which account a page is about: the default one, or the one that its address names, `/@slug/…`."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, set_script_prefix

from history.models import accounts
from history.models.accounts import Account
from history.permissions import may_open

_INSIDE = re.compile(r"@[a-z0-9-]+/$")
_NAMED = re.compile(r"/@([a-z0-9-]{1,40})(/.*)")


def addressed(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: takes `/@slug` off the path and activates that account, so that everything below
    it, addresses that are made included, stays inside.

    An account that a person may not open is one that there is not. Whoever has not signed in is
    not told either: the page asks to sign in, the view of a script for its token.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with accounts.looked_up_once() if request.method == "GET" else nullcontext():
            return inside_one(request)

    def inside_one(request: HttpRequest) -> HttpResponseBase:
        named = _NAMED.fullmatch(request.path_info)
        if named is None:
            with accounts.using(None):
                return get_response(request)
        slug, request.path_info = named.groups()
        account = accounts.find(slug)
        if request.user.is_authenticated and not may_open(request.user, account):
            raise Http404
        with accounts.using(account), _under(f"{get_script_prefix()}@{slug}/"):
            return get_response(request)

    return middleware


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An account as the header offers it: see components/_account.jinja."""

    name: str
    detail: str
    letter: str
    hue: int
    url: str
    current: bool


def switch(request: HttpRequest) -> list[Choice]:
    """The accounts that the person may open, where there is more than one at all. Each leads to
    the like page; rows of one account are not those of another, so filters and rows stay."""
    every = accounts.all_of_them()
    if len(every) < 2:
        return []
    default = accounts.find().slug
    here, match = accounts.slug(), request.resolver_match
    path = request.path_info[1:] if match and not match.kwargs and request.method == "GET" else ""
    return [
        Choice(
            name=one.name,
            detail=str(one.number or ""),
            letter=one.sign,
            hue=one.hue,
            url=_address(one.slug, path, default),
            current=one.slug == here,
        )
        for one in every
        if _is_offered(request, one, here)
    ]


def only_elsewhere(user: AbstractBaseUser | AnonymousUser) -> str:
    """Where a person works who has no role in the active account, but in another one; or ""."""
    if may_open(user, accounts.current()):
        return ""
    open_ones = (one for one in accounts.all_of_them() if may_open(user, one))
    return next((address(one.slug) for one in open_ones), "")


def _is_offered(request: HttpRequest, one: Account, here: str) -> bool:
    return one.slug == here or (one.state == Account.State.ON and may_open(request.user, one))


def address(slug: str, path: str = "") -> str:
    """Where a path (without its first slash) is in an account: `/@slug/…` but for the default."""
    return _address(slug, path, accounts.find().slug)


def _address(slug: str, path: str, default: str) -> str:
    root = _INSIDE.sub("", get_script_prefix())
    return f"{root}{'' if slug == default else f'@{slug}/'}{path}"


@contextmanager
def inside(slug: str) -> Iterator[None]:
    """Addresses that are made are the account's."""
    with _under(address(slug)):
        yield


@contextmanager
def _under(prefix: str) -> Iterator[None]:
    outside = get_script_prefix()
    set_script_prefix(prefix)
    try:
        yield
    finally:
        set_script_prefix(outside)
