"""Home: where a person's work begins."""

from collections.abc import Collection
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from history.connection import connect
from history.daily import DayCount, calls_per_day
from history.listing import Link
from history.middleware import Request
from history.models import RecentSearch, SavedView
from history.permissions import Right, needs, rights
from history.templatetags.charts import Point

DAYS = 14
RECENT = 8


@require_safe
def home(request: Request) -> HttpResponse:
    user = cast(User, request.user).pk
    context = {
        "starts": _starts(rights(request.user)),
        "recent": [
            Link(label=f"{search.get_page_display()} · {search.words}", url=_address(search))
            for search in RecentSearch.objects.filter(user_id=user)[:RECENT]
        ],
        "views": [
            Link(label=view.name, url=f"{reverse(view.page)}?{view.query}")
            for view in SavedView.objects.filter(owner_id=user)[:RECENT]
        ],
        "days": DAYS,
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


@require_safe
@needs(Right.CALLS)
def calls_by_day(request: Request) -> HttpResponse:
    """The chart of calls per day, fetched after the page: it takes a request a day."""
    zone = request.prefs.zone_name
    counts = calls_per_day(connect(), zone, DAYS, timezone.now())
    context = {"points": [_point(count) for count in counts], "zone": zone}
    return render(request, "history/_calls_by_day.html", context)


def _point(count: DayCount) -> Point:
    said = ngettext("%(n)d call", "%(n)d calls", count.calls) % {"n": count.calls}
    day = count.day.isoformat()
    return Point(
        label=formats.date_format(count.day, "l j F"),
        short=formats.date_format(count.day, "j M"),
        value=count.calls,
        said=said,
        url=f"{reverse('calls')}?from_date={day}&to_date={day}",
    )
