"""One call session: its page, the panel that the drawer shows, and what arrives later."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django.views.decorators.http import require_safe

from history import masking, sheet
from history.api.client import Refused, RemoteError
from history.api.methods import GetCallHistory, GetTransactionHistory
from history.api.replies import CallSessionInfoType, TransactionInfoType
from history.connection import account_currency, connect
from history.middleware import Request
from history.numbers import is_masked
from history.permissions import Right, demand, may, needs
from history.rates import limited
from history.recordings import recordings, with_waveforms
from history.templatetags.show import money
from history.trouble import trouble
from history.verdict import Outcome, outcome, verdict

AROUND = timedelta(days=2)  # of the day a link carries along
EVER = timedelta(days=3 * 366)  # recordings live at most three years; older sessions are gone
CONTEXT = timedelta(days=7)  # before and after a call, in which its number's other calls are shown
OTHERS = 50


class NoSession(Exception):
    """The API knows no session of that ID."""


@require_safe
@needs(Right.CALLS)
def call(request: Request, session_id: int) -> HttpResponse:
    """Everything about one call."""
    try:
        session = find(session_id, request.GET.get("on"))
    except NoSession:
        return _unknown(request, session_id, "history/call_unknown.html")
    drawn = sheet.lanes(session)
    context = _session(request, session) | {
        "facts": sheet.facts(session, connect().account_id),
        "lanes": drawn,
        "seconds": sheet.whole_length(session, drawn),
        "log": sheet.log(session, cast(User, request.user).pk),
        "raw": sheet.raw(session, with_costs=may(request.user, Right.COSTS)),
        "number": other_number(session),
        "others_url": _others_url(session),
    }
    return render(request, "history/call.html", context)


@require_safe
@needs(Right.CALLS)
def panel(request: Request, session_id: int, record_id: int | None = None) -> HttpResponse:
    """The session in short, for the drawer; one opened by a recording shows that one first."""
    if record_id is not None:
        demand(request.user, Right.RECORDINGS)
    try:
        session = find(session_id, request.GET.get("on"))
    except NoSession:
        return _unknown(request, session_id, "history/_call_unknown.html")
    context = _session(request, session) | {
        "facts": sheet.facts(session, connect().account_id)[:7],
    }
    context["recordings"].sort(key=lambda recording: recording.record.record_id != record_id)
    return render(request, "history/_session.html", context)


def _session(request: Request, session: CallSessionInfoType) -> dict[str, Any]:
    """What page and panel have in common."""
    user = cast(User, request.user)
    costs = may(request.user, Right.COSTS)
    currency = currency_of(session) if costs else ""
    on = timezone.localtime(session.start_date).date().isoformat()
    address = f"{reverse('call', args=[session.call_session_history_id])}?on={on}"
    whole_address = request.build_absolute_uri(address)
    return {
        "session": session,
        "verdict": verdict(session, _cost(session, currency) if costs else ""),
        "recordings": with_waveforms(recordings(session, user.pk)),
        "charges": sheet.charges(session, currency),
        "address": address,
        "whole_address": whole_address,
        "reveal": _reveal(request, session, address),
        "diagnostics": sheet.diagnostics(session, whole_address),
        "on": on,
    }


def _reveal(request: Request, session: CallSessionInfoType, address: str) -> dict[str, Any] | None:
    """For history/_reveal.html; nothing for who sees whole numbers anyway."""
    if masking.current() is None or not masking.numbers_of(session):
        return None
    return {
        "url": reverse("reveal", args=[session.call_session_history_id]),
        "next": address,
        "until": masking.revealed_until(request.session, session.call_session_history_id),
        "least": masking.LEAST_REASON,
    }


@require_safe
@needs(Right.COSTS)
@limited("charges")
def charges(request: Request, session_id: int) -> HttpResponse:
    """The table of charges again, each beside the transaction that booked it."""
    try:
        session = find(session_id, request.GET.get("on"))
    except NoSession:
        return _unknown(request, session_id, "history/_call_unknown.html")
    context: dict[str, Any] = {"session": session}
    currency, booked = currency_of(session), None
    try:
        booked = _booked(session)
    except RemoteError as error:
        context["trouble"] = trouble(error)
    context["charges"] = sheet.charges(session, currency, booked)
    return render(request, "history/_charges.html", context)


def _booked(session: CallSessionInfoType) -> Mapping[int, TransactionInfoType]:
    """The transactions of the session's parts, by their IDs."""
    ids = sorted({part.transaction_id for part in session.charged if part.transaction_id})
    if not ids:
        return {}
    start = session.start_date.astimezone(UTC).replace(tzinfo=None)
    end = start + timedelta(seconds=session.duration or 0) + sheet.BILLED_WITHIN
    page = connect().get_transaction_history(
        GetTransactionHistory(
            from_date=start - timedelta(days=1),
            to_date=end,
            transaction_id=tuple(ids),
            child_account_id="all" if _is_child(session) else (),
            with_total_count=False,
            count=1000,
        )
    )
    return {transaction.transaction_id: transaction for transaction in page.result}


@require_safe
@needs(Right.CALLS)
@limited("scans")
def others(request: Request, session_id: int) -> HttpResponse:
    """Other calls with the same number, a week before and after.

    Who may not know the number asks without it: then it is that of the call.
    """
    number = request.GET.get("number", "")
    day = _day(request.GET.get("on")) or _today()
    is_unknown = not number and masking.current() is not None
    if is_unknown:
        number = _number_of(session_id, request.GET.get("on"))
    if not number:
        raise Http404
    page = connect().get_call_history(
        GetCallHistory(
            from_date=day - CONTEXT,
            to_date=day + CONTEXT + timedelta(days=1),
            remote_number=(number,),
            with_calls=True,
            with_records=True,
            desc_order=True,
            with_total_count=True,
            count=OTHERS,
        )
    )
    found = [one for one in page.result if one.call_session_history_id != session_id]
    answered = sum(outcome(one) is Outcome.ANSWERED for one in found)
    context = {
        "number": "" if is_unknown else number,
        "sessions": found,
        "answered": answered,
        "total": max(0, (page.total_count or page.count) - 1),
        "first_day": (day - CONTEXT).date(),
        "last_day": (day + CONTEXT).date(),
    }
    return render(request, "history/_others.html", context)


def _others_url(session: CallSessionInfoType) -> str:
    number = other_number(session)
    on = timezone.localtime(session.start_date).date().isoformat()
    said = {"on": on} if is_masked(number) else {"number": number, "on": on}
    return f"{reverse('call_others', args=[session.call_session_history_id])}?{urlencode(said)}"


def _number_of(session_id: int, on: str | None) -> str:
    with masking.lifted():
        try:
            return other_number(find(session_id, on))
        except NoSession:
            return ""


# Finding it


def find(session_id: int, day: str | None) -> CallSessionInfoType:
    """The session with everything in it, of the account or of a child. Raises NoSession.

    A `day` such as 2026-03-02, which our links carry, spares the API a search through years;
    where it is wrong all years are searched.
    """
    near = _day(day)
    periods = [(near - AROUND, near + AROUND)] if near else []
    periods.append((_today() - EVER, _today() + timedelta(days=2)))
    for start, end in periods:
        for accounts in ((), "all"):
            if session := _ask(session_id, start, end, accounts):
                return session
    raise NoSession(session_id)


def _ask(
    session_id: int, start: datetime, end: datetime, accounts: tuple[int, ...] | str
) -> CallSessionInfoType | None:
    question = GetCallHistory(
        from_date=start,
        to_date=end,
        call_session_history_id=(session_id,),
        with_calls=True,
        with_records=True,
        child_account_id=cast(Any, accounts),
        with_total_count=False,
        count=1,
    )
    try:
        result = connect().get_call_history(question).result
    except Refused:
        # An account without children may refuse to be asked for them.
        if accounts:
            return None
        raise
    return result[0] if result else None


def _day(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo or not 1971 < moment.year < 9998:
        return None
    return moment


def _today() -> datetime:
    return timezone.now().astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _unknown(request: Request, session_id: int, template: str) -> HttpResponse:
    context = {"session_id": session_id, "on": request.GET.get("on", "")[:10]}
    return render(request, template, context, status=404)


def currency_of(session: CallSessionInfoType) -> str:
    """The currency of the session's costs; empty for a child's, which may have its own."""
    return "" if _is_child(session) else account_currency()


def _is_child(session: CallSessionInfoType) -> bool:
    return session.account_id not in (None, connect().account_id)


def _cost(session: CallSessionInfoType, currency: str) -> str:
    return "" if session.cost is None else strip_tags(money(session.cost, currency))


def other_number(session: CallSessionInfoType) -> str:
    """The number whose other calls may explain this one: the client's, of the first call."""
    return next((call.remote_number for call in session.calls if call.remote_number), "")
