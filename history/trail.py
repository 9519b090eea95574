"""Writing the trail: `note` is the one way, `noted` is the middleware that uses it for pages.

What is looked at, searched, played and fetched is noted here by the names of addresses, so that
a view cannot forget it; what a view alone knows (a deletion, a revealed number) it notes itself.

Details never hold a whole telephone number, an address of the vendor or a secret: of each long
run of digits that is not an ID only the last four stay.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from celery import shared_task
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache, caches
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from history.media import Kind, Purpose, Reference
from history.models import accounts
from history.models.trail import Action, TrailEntry, TrailHead, prune

logger = logging.getLogger(__name__)

type Person = AbstractBaseUser | AnonymousUser | None

# A player fetches a recording in many pieces; within this time they count as one listening.
ONCE_IN = 10 * 60  # seconds
MOST_DETAILS, LONGEST = 40, 200


def note(
    by: HttpRequest | Person,
    action: Action,
    kind: str = "",
    key: object = "",
    **details: Any,
) -> TrailEntry:
    """Adds to the trail what somebody did: a request says who and from where, a person who.

    `kind` and `key` name the object. Details become plain text, numbers and lists of them.
    """
    user = getattr(by, "user", None) if isinstance(by, HttpRequest) else by
    known = user is not None and user.is_authenticated
    return TrailEntry.append(
        who_id=user.pk if user is not None and known else None,
        who=user.get_username()[:150] if user is not None and known else "",
        action=action,
        kind=kind,
        key=str(key)[:80],
        details=_plain({name: value for name, value in details.items() if value not in (None, "")}),
        ip=address_of(by) if isinstance(by, HttpRequest) else "",
    )


def address_of(request: HttpRequest) -> str:
    """The address a request came from; sign-in counts its attempts by the same one."""
    if not hasattr(request, "_address"):
        try:
            request._address = str(get_adapter(request).get_client_ip(request))  # type: ignore[attr-defined]
        except PermissionDenied:
            request._address = ""  # type: ignore[attr-defined]
    address: str = request._address  # type: ignore[attr-defined]
    return address


def _plain(value: Any) -> Any:
    """As JSON that reads back exactly as it was written, on every database."""
    if isinstance(value, Mapping):
        return {_text(name): _plain(part) for name, part in list(value.items())[:MOST_DETAILS]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part) for part in list(value)[:MOST_DETAILS]]
    return value if value is None or isinstance(value, (bool, int)) else _text(value)


def _text(value: object) -> str:
    # PostgreSQL knows no zero bytes.
    return str(value).replace("\0", "")[:LONGEST]


# Searches

# Whatever else looks like a number of somebody is cut to its last digits.
_IDS = re.compile(r".*_id|.*_ids|kind|period|from_date|to_date|timezone|after|count|on")
_LONG = re.compile(r"\+?\d(?:[\s().\-/]{0,2}\d){5,}")


def masked(text: str) -> str:
    """The text with every long number cut to its last four digits: `…1234`."""
    return _LONG.sub(lambda found: f"…{re.sub(r'\D', '', found[0])[-4:]}", text)


def asked(query: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The filters of a query as the trail keeps them."""
    said: dict[str, str] = {}
    for name, value in query:
        if value and name != "csrfmiddlewaretoken":
            kept = value if _IDS.fullmatch(name) else masked(value)
            said[name] = f"{said[name]}, {kept}" if name in said else kept
    return said


def _query(request: HttpRequest) -> dict[str, str]:
    return asked((name, value) for name in request.GET for value in request.GET.getlist(name))


# What pages are


@dataclass(frozen=True, kw_only=True)
class Page:
    """What reaching an address means: the action, the kind of object, which of the address's
    parts is its key, and whether the query is told."""

    action: Action
    kind: str
    key: str = ""
    query: bool = False


def _search(kind: str) -> Page:
    return Page(action=Action.SEARCH, kind=kind, query=True)


def _view(kind: str, key: str) -> Page:
    return Page(action=Action.VIEW, kind=kind, key=key)


PAGES: Mapping[str, Page] = {
    "calls": _search("calls"),
    "recordings": _search("recordings"),
    "transactions": _search("transactions"),
    "acd": _search("acd"),
    "audit": _search("audit"),
    "search": _search("everything"),
    "call": _view("session", "session_id"),
    "call_panel": _view("session", "session_id"),
    "recording_panel": _view("recording", "record_id"),
    "transaction": _view("transaction", "transaction_id"),
    "transaction_panel": _view("transaction", "transaction_id"),
    "acd_session": _view("acd_session", "acd_id"),
    "acd_session_panel": _view("acd_session", "acd_id"),
    "report": _view("report", "pk"),
    "report_file": Page(action=Action.DOWNLOAD, kind="report", key="pk"),
    "report_copy": Page(action=Action.DOWNLOAD, kind="report", key="pk"),
    "api_report_file": Page(action=Action.DOWNLOAD, kind="report", key="pk"),
    "report_now": Page(action=Action.EXPORT, kind="rows", query=True),
    "deletion": _view("deletion", "pk"),
    "accounts_one": _view("account", "slug"),
    "trail": Page(action=Action.SEARCH, kind="trail", query=True),
    "trail_file": Page(action=Action.EXPORT, kind="trail", query=True),
    "certificate": Page(action=Action.DOWNLOAD, kind="certificate", key="pk"),
    "certificate_json": Page(action=Action.DOWNLOAD, kind="certificate", key="pk"),
}
# Parts of pages that are noted themselves, what moves by itself, and files that `_media` notes.
QUIET = frozenset(
    {
        *(
            "home",
            "calls_chart",
            "transactions_chart",
            "zones",
            "report_tray",
            "report_row",
            "report_live",
        ),
        *("calls_total", "transactions_total", "transactions_balances", "acd_total"),
        *("audit_total", "call_charges", "call_others", "heard", "heard_by", "deletion_live"),
        *("media", "media_renew", "waveform", "player", "transcript", "session_log"),
    }
)
# A POST that is none of these counts as a change of settings, whoever adds it.
POSTS: Mapping[str, Page] = {
    "report_new": Page(action=Action.EXPORT, kind="report"),
    "api_reports": Page(action=Action.EXPORT, kind="report"),
    "report_platform": Page(action=Action.EXPORT, kind="report"),
}
# Views that note what they do themselves, and better.
OWN = frozenset(
    {"heard", "reveal", "deletion", "deletion_new", "deletion_search", "deletion_act"}
    | {"holds", "hold_lift"}
    | {"retention", "retention_act"}
    | {"accounts_add", "accounts_look", "accounts_key", "accounts_act", "grant", "grant_end"}
    | {"join", "invite", "invitation_withdraw", "person_roles", "person_active"}
    | {"person_sessions", "person_factor", "person_password"}
)


def noted(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: what was reached, or refused, goes into the trail before the answer leaves.

    If it cannot be written, nothing is shown.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        try:
            _note_answer(request, response)
        except BaseException:
            response.close()  # an open recording holds a place
            raise
        return response

    return middleware


def note_ahead(request: HttpRequest) -> None:
    """For a view that waits for the API: its page is noted meanwhile, whatever the API will say."""
    match = request.resolver_match
    if match is not None and request.method == "GET":
        _note_page(request, match.url_name or "", match.kwargs)
        request.is_noted = True  # type: ignore[attr-defined]


def _note_answer(request: HttpRequest, response: HttpResponseBase) -> None:
    if getattr(request, "is_noted", False):
        return
    match = request.resolver_match
    if match is None or not request.user.is_authenticated or match.app_name or match.namespace:
        return
    name, status = match.url_name or "", response.status_code
    if name.startswith(("account_", "socialaccount_", "mfa_")):
        return
    if status == 403:
        note(request, Action.REFUSED, "page", name, method=request.method)
    elif request.method == "POST":
        _note_post(request, name, status, match.kwargs)
    elif request.method == "GET" and status in (200, 206):
        _note_page(request, name, match.kwargs)


def _note_post(request: HttpRequest, name: str, status: int, parts: Mapping[str, Any]) -> None:
    # A form that comes back with its errors changed nothing; tokens are shown where they are made.
    happened = status in (201, 202, 204, 302, 303) or (status == 200 and name == "tokens")
    if name in OWN or not happened:
        return
    page = POSTS.get(name, Page(action=Action.SETTINGS, kind=name[:20]))
    details = {part: value for part, value in parts.items() if part != "pk"}
    note(request, page.action, page.kind, parts.get("pk", ""), **details)


def _note_page(request: HttpRequest, name: str, parts: Mapping[str, Any]) -> None:
    if name in ("media", "transcript", "session_log"):
        _note_media(request, again=name == "media")
        return
    page = PAGES.get(name)
    if page is not None:
        details = {part: value for part, value in parts.items() if part != page.key}
        if page.query:
            details["query"] = _query(request)
        note(request, page.action, page.kind, parts.get(page.key, ""), **details)
    elif name and name not in QUIET and not request.headers.get("HX-Request"):
        # A page nobody thought of here is noted by its name.
        note(request, Action.VIEW, "page", name, **parts)


_OF_KIND = {Kind.RECORDING: Action.PLAY, Kind.TRANSCRIPT: Action.VIEW, Kind.LOG: Action.VIEW}


def _note_media(request: HttpRequest, *, again: bool) -> None:
    found: Reference | None = getattr(request, "opened", None)
    if found is None:
        return
    action = Action.DOWNLOAD if found.purpose is Purpose.DOWNLOAD else _OF_KIND[found.kind]
    key = found.record_id or found.session_id
    # Pieces of one listening are one entry. A later one, or another person's, is another.
    once = f"trail:{accounts.slug()}:{request.user.pk}:{action}:{found.kind}:{key}"
    # A seek waits for this: a piece that follows another one within a minute asks nobody else.
    nearby = caches["nearby"]
    if again and not (nearby.add(once, True) and cache.add(once, True, ONCE_IN)):
        return
    try:
        note(request, action, found.kind, key, session=found.session_id)
    except BaseException:
        # Not shown, so the next piece is the first.
        nearby.delete(once)
        cache.delete(once)
        raise


# Sign-in


@receiver(user_logged_in)
def _signed_in(sender: object, request: HttpRequest, user: User, **_: object) -> None:
    _note_person(request, user, Action.SIGN_IN)


@receiver(user_logged_out)
def _signed_out(
    sender: object, request: HttpRequest | None, user: User | None, **_: object
) -> None:
    if user is not None:
        _note_person(request, user, Action.SIGN_OUT)


@receiver(user_login_failed)
def _failed(
    sender: object,
    credentials: Mapping[str, Any],
    request: HttpRequest | None = None,
    **_: object,
) -> None:
    """Who does not exist is not named: people type passwords into the wrong box."""
    name = str(credentials.get("username") or credentials.get("login") or "")[:150]
    user = User.objects.filter(username=name).first()
    _note_person(request, user, Action.SIGN_IN_FAILED)


def _note_person(request: HttpRequest | None, user: User | None, action: Action) -> None:
    TrailEntry.append(
        account="",  # one signs in to all of them
        who_id=user.pk if user else None,
        who=user.get_username() if user else "",
        action=action,
        ip=address_of(request) if request is not None else "",
    )


# Who heard it


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What one person heard of a recording: merged ranges of seconds, and when last."""

    who: str
    at: datetime
    ranges: tuple[tuple[int, int], ...]

    @property
    def seconds(self) -> int:
        return sum(end - start for start, end in self.ranges)


def heard_by(record_id: int) -> list[Hearing]:
    """Everybody who opened a recording of the account to listen, or downloaded it; the latest
    first."""
    entries = TrailEntry.objects.filter(
        account=accounts.slug(),
        kind=Kind.RECORDING,
        key=str(record_id),
        action__in=(Action.PLAY, Action.HEARD, Action.DOWNLOAD),
    ).order_by("-number")
    people: dict[tuple[int | None, str], list[TrailEntry]] = {}
    for entry in entries:
        people.setdefault((entry.who_id, entry.who), []).append(entry)
    return [
        Hearing(who=who, at=found[0].at, ranges=merged(r for e in found for r in _ranges(e)))
        for (_id, who), found in people.items()
    ]


def _ranges(entry: TrailEntry) -> list[tuple[int, int]]:
    return [(start, end) for start, end in entry.details.get("seconds", ())]


def merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same seconds in as few ranges as there can be, in order."""
    whole: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return tuple(whole)


# By the calendar


@shared_task
def prune_trail() -> None:
    """Ends what is older than it is to be kept, and writes the newest hash into the log.

    A log is kept elsewhere: with a hash from it `verify_trail --known` finds a trail that was
    rewritten as a whole.
    """
    if ended := prune(timezone.now() - timedelta(days=settings.TRAIL_KEEP_DAYS)):
        logger.info("%s rows of the trail were ended: their time is over", ended)
    head = TrailHead.objects.filter(pk=1).first()
    if head is not None:
        logger.info("The trail stands at %s", head)
