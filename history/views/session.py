"""One call session: its page, and the panel that the drawer shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe

from history.api.methods import GetCallHistory
from history.api.replies import CallSessionInfoType
from history.connection import connect
from history.middleware import Request
from history.verdict import verdict

AROUND = timedelta(days=2)  # of the day a link carries along
EVER = timedelta(days=3 * 366)  # recordings live at most three years; older sessions are gone


@require_safe
def panel(request: Request, session_id: int) -> HttpResponse:
    """The session in short, for the drawer."""
    session = find(request, session_id)
    context = {"session": session, "verdict": verdict(session)}
    return render(request, "history/_session.html", context)


@require_safe
def call(request: Request, session_id: int) -> HttpResponse:
    session = find(request, session_id)
    context: dict[str, Any] = {"session": session, "verdict": verdict(session)}
    return render(request, "history/call.html", context)


def find(request: Request, session_id: int) -> CallSessionInfoType:
    """The session with everything in it; Http404 when the API knows none of that ID.

    `?on=2026-03-02` in a link narrows the period the API must search.
    """
    start, end = _around(request.GET.get("on"))
    page = connect().get_call_history(
        GetCallHistory(
            from_date=start,
            to_date=end,
            call_session_history_id=(session_id,),
            with_calls=True,
            with_records=True,
            with_total_count=False,
            count=1,
        )
    )
    if not page.result:
        raise Http404(_t("There is no call session with the ID %(id)d.") % {"id": session_id})
    return page.result[0]


def _around(day: str | None) -> tuple[datetime, datetime]:
    try:
        moment = datetime.fromisoformat(day) if day else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo or not 1971 < moment.year < 9999:
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        return now - EVER, now + timedelta(days=1)
    return moment - AROUND, moment + AROUND
