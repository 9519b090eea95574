"""Home: where a person's work begins."""

from collections.abc import Collection
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe

from history.accounts import only_elsewhere
from history.listing import Link
from history.middleware import Request
from history.models import RecentSearch, SavedView
from history.permissions import Right, may, rights
from history.views.charts import on_home

RECENT = 8


@require_safe
def home(request: Request) -> HttpResponse:
    if elsewhere := only_elsewhere(request.user):
        return redirect(elsewhere)
    user = cast(User, request.user).pk
    context = {
        "starts": _starts(rights(request.user)),
        "recent": [
            Link(label=f"{search.get_page_display()} · {search.words}", url=_address(search))
            for search in RecentSearch.here.filter(user_id=user)[:RECENT]
        ],
        "views": [
            Link(label=view.name, url=f"{reverse(view.page)}?{view.query}")
            for view in SavedView.here.filter(owner_id=user)[:RECENT]
        ],
        "charts": on_home(request) if may(request.user, Right.CALLS) else [],
    }
    return render(request, "history/home.html", context)


def _address(search: RecentSearch) -> str:
    return f"{reverse(search.page)}?{search.query}"


def _starts(allowed: Collection[Right]) -> list[Link]:
    """What most working days begin with, as far as the person's rights go."""
    calls = reverse("calls")
    starts = [
        (Right.CALLS, _t("Today's calls"), f"{calls}?period=today"),
        (Right.CALLS, _t("Failed today"), f"{calls}?period=today&only=failed"),
        (Right.CALLS, _t("Missed today"), f"{calls}?period=today&only=missed"),
        (
            Right.TRANSACTIONS,
            _t("Last month's transactions"),
            f"{reverse('transactions')}?period=last_month",
        ),
        (Right.AUDIT, _t("Changes of the account"), f"{reverse('audit')}?period=last_7_days"),
    ]
    if Right.LISTEN not in allowed:  # who hears no calls comes for the books
        starts.sort(key=lambda start: start[0] is Right.CALLS)
    return [Link(label=label, url=url) for right, label, url in starts if right in allowed]
