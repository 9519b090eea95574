"""What became of a call session, in words: answered or why not, who ended it, what to do.

The API gives a SIP code and a few words per call, and a finish reason per session; it does not
say which side hung up, so nothing here pretends to know that.

Source of codes: RFC 3261 §21, RFC 6432 (Q.850 in SIP), and
https://voximplant.com/docs/references/voxengine/callevents on what VoxEngine reports.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.api.replies import CallInfoType, CallSessionInfoType
from history.templatetags.show import in_words

SHORT = 10  # seconds
COSTLY = Decimal("0.50")  # of the account's currency
NORMAL = "Normal termination"


class Outcome(StrEnum):
    """One word for a session, as lists show it."""

    ANSWERED = "answered"
    MISSED = "missed"
    FAILED = "failed"
    ACTIVE = "active"
    NO_CALLS = "no_calls"

    @property
    def label(self) -> StrOrPromise:
        return _OUTCOMES[self][0]

    @property
    def tone(self) -> str:
        """`good`, `bad`, `warn`, `info` or `quiet`: which badge it wears."""
        return _OUTCOMES[self][1]


_OUTCOMES: Mapping[Outcome, tuple[StrOrPromise, str]] = {
    Outcome.ANSWERED: (_("Answered"), "good"),
    Outcome.MISSED: (_("Missed"), "warn"),
    Outcome.FAILED: (_("Failed"), "bad"),
    Outcome.ACTIVE: (_("In progress"), "info"),
    Outcome.NO_CALLS: (_("No calls"), "quiet"),
}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A SIP code in plain words: what happened, and what somebody can do about it."""

    what: StrOrPromise
    advice: StrOrPromise = ""


CODES: Mapping[int, Reason] = {
    200: Reason(what=_("ended normally")),
    400: Reason(
        what=_("the request was malformed"), advice=_("Check the number and the caller ID.")
    ),
    401: Reason(what=_("sign-in was refused"), advice=_("Check the SIP user name and password.")),
    402: Reason(what=_("the account had no money"), advice=_("Top up the account.")),
    403: Reason(
        what=_("the call was forbidden"),
        advice=_("Check that the caller ID is verified and the destination allowed."),
    ),
    404: Reason(what=_("the number does not exist"), advice=_("Check the number, digit by digit.")),
    407: Reason(what=_("the proxy asked for a password"), advice=_("Check the SIP registration.")),
    408: Reason(what=_("nobody answered in time"), advice=_("Try again, or at another hour.")),
    410: Reason(what=_("the number is no longer in use"), advice=_("Ask for the new number.")),
    415: Reason(
        what=_("the media format was not accepted"), advice=_("Check the codecs of both sides.")
    ),
    480: Reason(
        what=_("the other side was unavailable"),
        advice=_("The user or phone was offline or switched off: try later."),
    ),
    481: Reason(what=_("the call was already gone")),
    483: Reason(what=_("the call went round in circles"), advice=_("Look for a forwarding loop.")),
    484: Reason(what=_("the number is incomplete"), advice=_("Check for missing digits.")),
    486: Reason(what=_("the line was busy"), advice=_("Try again in a few minutes.")),
    487: Reason(
        what=_("the caller hung up before an answer"),
        advice=_("Nobody picked up quickly enough; look at the ringing time."),
    ),
    488: Reason(what=_("no common media format"), advice=_("Check the codecs of both sides.")),
    500: Reason(
        what=_("a server on the way failed"),
        advice=_("Try again; if it lasts, send the call's diagnostics to support."),
    ),
    502: Reason(what=_("a gateway on the way failed"), advice=_("Try again in a few minutes.")),
    503: Reason(
        what=_("the carrier had no free line"),
        advice=_("Try again; if it lasts, use another route."),
    ),
    504: Reason(what=_("a server on the way did not answer"), advice=_("Try again later.")),
    600: Reason(what=_("every phone was busy"), advice=_("Try again in a few minutes.")),
    603: Reason(what=_("the call was declined"), advice=_("The other side chose not to answer.")),
    604: Reason(what=_("the number exists nowhere"), advice=_("Check the number.")),
    606: Reason(what=_("no agreement on the media"), advice=_("Check the codecs of both sides.")),
}

FINISHES: Mapping[str, Reason] = {
    "Insufficient funds": Reason(
        what=_("the account ran out of money"), advice=_("Top up the account, then call again.")
    ),
    "Internal error (billing timeout)": Reason(
        what=_("the platform's billing did not answer"),
        advice=_("Not your fault: try again, and report it if it lasts."),
    ),
    "Terminated administratively": Reason(
        what=_("an administrator of the platform ended it"),
        advice=_("Ask Voximplant's support why."),
    ),
    "JS session error": Reason(
        what=_("the scenario stopped with an error"), advice=_("Read the session log.")
    ),
    "JS Error": Reason(
        what=_("the scenario stopped with an error"), advice=_("Read the session log.")
    ),
    "Timeout": Reason(
        what=_("the session exceeded its time limit"),
        advice=_("Check that the scenario ends itself."),
    ),
}


def reason(call: CallInfoType) -> Reason:
    """Why a call ended, in words; for an unknown code the platform's own."""
    end = call.end_reason
    if end is None:
        return Reason(what=_t("the platform gave no reason"))
    if end.code is not None and end.code in CODES:
        return CODES[end.code]
    return Reason(what=end.details or _t("the platform gave no reason"))


def outcome(session: CallSessionInfoType) -> Outcome:
    """What became of a session whose calls were asked for."""
    if session.active and session.duration is None:
        return Outcome.ACTIVE
    if not session.calls:
        return Outcome.FAILED if _broke(session) else Outcome.NO_CALLS
    if not any(call.successful for call in session.calls):
        return Outcome.MISSED if session.calls[0].incoming else Outcome.FAILED
    if _broke(session):
        return Outcome.FAILED
    reached_for = [call for call in session.calls if not call.incoming]
    if session.calls[0].incoming and reached_for and not any(c.successful for c in reached_for):
        return Outcome.MISSED
    return Outcome.ANSWERED


def _broke(session: CallSessionInfoType) -> bool:
    return session.finish_reason not in (None, "", NORMAL)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The first line of a call's page, and what can be done about it."""

    outcome: Outcome
    sentence: StrOrPromise
    advice: StrOrPromise = ""


def verdict(session: CallSessionInfoType, cost: str = "") -> Verdict:
    """The session's story in one sentence: what became of it, why, how long, and what it cost
    where `cost` says so (`0.0060 EUR`)."""
    what = outcome(session)
    story, advice = _story(session, what)
    if cost:
        story = _t("%(story)s, cost %(cost)s") % {"story": story, "cost": cost}
    return Verdict(outcome=what, sentence=f"{story}.", advice=advice)


def _story(session: CallSessionInfoType, what: Outcome) -> tuple[str, StrOrPromise]:
    lasted = in_words(session.duration or 0)
    if what is Outcome.ACTIVE:
        return _t("The session is still running"), ""
    if _broke(session):
        finish = FINISHES.get(session.finish_reason or "")
        why = finish.what if finish else session.finish_reason
        story = _t("The session broke off after %(lasted)s: %(why)s")
        return story % {"lasted": lasted, "why": why}, finish.advice if finish else ""
    if what is Outcome.NO_CALLS:
        return _t("The scenario ran for %(lasted)s without any call") % {"lasted": lasted}, ""
    call = decisive_call(session)
    why, advice = _why(call), reason(call).advice
    if what is Outcome.ANSWERED:
        talked = in_words(call.duration or 0)
        return _t("Answered: talked for %(talked)s, %(why)s") % {"talked": talked, "why": why}, ""
    words = (
        _t("Nobody was reached: %(why)s after %(lasted)s")
        if what is Outcome.MISSED
        else _t("Not answered: %(why)s after %(lasted)s")
    )
    # The platform times only calls that were answered; the session went on at least as long.
    return words % {"why": why, "lasted": in_words(call.duration or session.duration or 0)}, advice


def _why(call: CallInfoType) -> str:
    """The reason with its code, which support staff look up."""
    end = call.end_reason
    code = f" ({end.code})" if end is not None and end.code is not None else ""
    return f"{reason(call).what}{code}"


def decisive_call(session: CallSessionInfoType) -> CallInfoType:
    """The call that explains the outcome: the last one of those that decide it."""
    if outcome(session) is Outcome.ANSWERED:
        return next(call for call in session.calls if call.successful)
    return next(
        (call for call in reversed(session.calls) if not call.successful), session.calls[-1]
    )


# Refinements of lists: what the API cannot be asked for.


def is_short(session: CallSessionInfoType) -> bool:
    lengths = [call.duration or 0 for call in session.calls if call.successful]
    return bool(lengths) and max(lengths) < SHORT


def has_recording(session: CallSessionInfoType) -> bool:
    return any(not record.is_removed for record in session.records)


def is_costly(session: CallSessionInfoType) -> bool:
    return (session.cost or Decimal(0)) >= COSTLY


REFINEMENTS: Mapping[str, Callable[[CallSessionInfoType], bool]] = {
    "failed": lambda session: outcome(session) is Outcome.FAILED,
    "missed": lambda session: outcome(session) is Outcome.MISSED,
    "short": is_short,
    "recorded": has_recording,
    "costly": is_costly,
}


def mentions(session: CallSessionInfoType, text: str) -> bool:
    """Whether part of a number or of the custom data equals `text`, letters of either case."""
    wanted = text.casefold()
    digits = "".join(filter(str.isdigit, text))
    for call in session.calls:
        for number in (call.remote_number, call.local_number, call.diversion_number):
            if number and (wanted in number.casefold() or (digits and digits in number)):
                return True
    data = (session.custom_data, *(call.custom_data for call in session.calls))
    return any(wanted in value.casefold() for value in data if value)
