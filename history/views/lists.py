"""What the list pages share: a person's defaults, saved views, recent searches."""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.core.paginator import Page
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import get_script_prefix
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from history import masking
from history.addresses import url
from history.ahead import Answered
from history.answers import Drawn
from history.api.client import Client, RemoteError
from history.api.methods import Method
from history.api.replies import Page as Reply
from history.connection import account_zone, connect
from history.forms import Defaults, FilterForm
from history.jinja import draw_page
from history.listing import Link, period_button
from history.middleware import Request
from history.models import RecentSearch, SavedView
from history.models.people import without_position
from history.paging import Pager
from history.permissions import rights
from history.trail import note_ahead


def defaults(request: Request) -> Defaults:
    """What the person's settings say where a query says nothing."""
    return Defaults(
        zone=request.prefs.zone_name,
        rows=request.prefs.rows,
        region=request.prefs.region or None,
        account_zone=account_zone,
    )


def kept_view(request: Request, page: str) -> str | None:
    """Where the person's default view of the page leads; only a bare address goes there."""
    if request.GET or request.htmx:
        return None
    view = SavedView.here.filter(owner_id=request.user.pk, page=page, is_default=True).first()
    return f"{url(page)}?{view.query}" if view and view.query else None


def remember(request: Request, page: str, form: FilterForm[Any]) -> None:
    """Notes a search with at least one filter among the person's recent ones."""
    chips = form.chips()
    if chips and not form.cleaned_data["offset"]:
        words = " · ".join(f"{chip.label}: {chip.value}" for chip in chips)
        user = cast(User, request.user)
        RecentSearch.note(user, page, request.GET.urlencode(), words)


def list_context(request: Request, page: str, form: FilterForm[Any]) -> dict[str, Any]:
    """What every list page gives `history/list.jinja`, whatever became of its question."""
    path = url(page)
    alone = request.htmx and request.htmx.target == "list"
    return {
        "around": "history/list_alone.jinja" if alone else "base.jinja",
        "form": form,
        "period": period_button(form),
        "keep": form.carried(),
        "page_name": page,
        "clear_url": f"{path}?view=none",
        "query": without_position(request.GET.urlencode()),
        "views": saved_views(request, page),
    }


def eyes(request: Request) -> Drawn:
    """Finds, or keeps, what is drawn of an answer for this person at this address, with all else
    that drawing looks at: rights, mask, settings, language, zone and the program itself."""
    if settings.DEBUG:
        return Drawn("")  # templates change
    person = (request.user.pk, sorted(rights(request.user)), masking.current())
    prefs = {name: value for name, value in vars(request.prefs).items() if name != "_state"}
    here = (translation.get_language(), timezone.get_current_timezone_name(), get_script_prefix())
    return Drawn(repr((_program(), *person, prefs, *here, request.get_full_path())))


@cache
def _program() -> int:
    """When what draws was last changed: an upgrade must not show what the one before has drawn."""
    kinds = ("history/**/*.py", "dashboard/formats/**/*.py", "templates/**/*", "locale/**/*.mo")
    sources = (path for kind in kinds for path in settings.BASE_DIR.glob(kind))
    return max(path.stat().st_mtime_ns for path in sources)


def saved_views(request: Request, page: str) -> list[Link]:
    """The saved views of a page that the person may open; the one in force is current."""
    here = without_position(request.GET.urlencode())
    path = url(page)
    return [
        Link(label=view.name, url=f"{path}?{view.query}", current=view.query == here)
        for view in SavedView.seen_by(cast(User, request.user), page)
        if view.owner_id == request.user.pk or not masking.is_secret(view.query)
    ]


def draw(
    request: Request,
    page: str,
    form: FilterForm[Any],
    around: Callable[[], dict[str, Any]],
    answered: Answered[Any] | None,
) -> HttpResponse:
    """The list page of that name, or the list alone where htmx replaces it; 502 where the answer
    turned out to be trouble. `around` is what the page shows whatever the answer says; without
    `answered` nothing is asked."""

    def draw_around() -> str:
        if answered:
            remember(request, page, form)
        context = {**list_context(request, page, form), **around(), "answered": answered}
        drawn = draw_page(request, f"history/{page}.jinja", context)
        if answered:
            note_ahead(request)
        return drawn

    whole = answered.page(draw_around) if answered else draw_around()
    response = HttpResponse(whole, status=answered.status if answered else 200)
    # Else the browser's Back may show a list without its page.
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response


def total_of[M: Method](
    request: Request, form: FilterForm[M], ask: Callable[[Client, M], Reply[Any]]
) -> HttpResponse:
    """The count of all rows that match, for the pager, once the rows are there."""
    count, failed = None, not form.is_valid()
    if not failed:
        try:
            count = ask(connect(), form.count_params()).total_count
        except RemoteError:
            failed = True
    shown = {"total": count, "failed": failed, "about": False, "url": ""}
    return render(request, "components/_total.jinja", shown, using="jinja")


def paged(request: Request, page: Page[Any]) -> Pager:
    """The pager of rows that are ours and counted; the query's `page` says where one is."""

    def at(number: int) -> str:
        query = request.GET.copy()
        query["page"] = str(number)
        return f"?{query.urlencode()}"

    return Pager(
        first=page.start_index(),
        last=page.end_index(),
        total=page.paginator.count,
        previous_url=at(page.previous_page_number()) if page.has_previous() else "",
        next_url=at(page.next_page_number()) if page.has_next() else "",
        sizes=(),
    )
