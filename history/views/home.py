"""Home: where a person's work begins."""

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
from history.templatetags.charts import Point

DAYS = 14
RECENT = 8


@require_safe
def home(request: Request) -> HttpResponse:
    user = request.user.pk
    context = {
        "starts": _starts(),
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


def _starts() -> list[Link]:
    """What most working days begin with."""
    calls = reverse("calls")
    return [
        Link(label=_t("Today's calls"), url=f"{calls}?period=today"),
        Link(label=_t("Failed today"), url=f"{calls}?period=today&only=failed"),
        Link(label=_t("Missed today"), url=f"{calls}?period=today&only=missed"),
        Link(
            label=_t("Last month's transactions"),
            url=f"{reverse('transactions')}?period=last_month",
        ),
        Link(label=_t("Changes of the account"), url=f"{reverse('audit')}?period=last_7_days"),
    ]


@require_safe
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
