"""What templates ask about a call session that its fields do not say by themselves."""

from django import template

from history import verdict
from history.api.replies import CallInfoType, CallSessionInfoType

register = template.Library()


@register.filter
def outcome(session: CallSessionInfoType) -> verdict.Outcome:
    return verdict.outcome(session)


@register.filter
def reason(call: CallInfoType) -> verdict.Reason:
    return verdict.reason(call)


@register.filter
def first_call(session: CallSessionInfoType) -> CallInfoType | None:
    return session.calls[0] if session.calls else None


@register.filter
def caller(call: CallInfoType | None) -> str:
    """The number the call came from."""
    if call is None:
        return ""
    return (call.remote_number if call.incoming else call.local_number) or ""


@register.filter
def called(call: CallInfoType | None) -> str:
    """The number the call went to."""
    if call is None:
        return ""
    return (call.local_number if call.incoming else call.remote_number) or ""


@register.filter
def more_calls(session: CallSessionInfoType) -> int:
    """How many calls there are beside the first."""
    return max(0, len(session.calls) - 1)


@register.filter
def playable(session: CallSessionInfoType) -> int:
    """How many of its recordings can still be heard."""
    return sum(1 for record in session.records if record.record_url and not record.is_removed)


@register.filter
def since(call: CallInfoType, session: CallSessionInfoType) -> int:
    """Seconds from the start of the session to that of one of its calls."""
    return max(0, round((call.start_time - session.start_date).total_seconds()))
