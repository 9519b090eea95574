"""What templates ask about transactions, queues and audit entries."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _t

from history import commands, queues, words
from history.api.replies import ACDSessionInfoType, AuditLogInfoType
from history.forms import FilterForm

register = template.Library()

register.filter("transaction_type", words.transaction_type)
register.filter("acd_event", words.acd_event)
register.filter("sentence", commands.sentence)
register.filter("risk", commands.risk)
register.filter("refused", commands.refused)
register.filter("facts", commands.facts)
register.simple_tag(queues.waterfall, name="waterfall")


@register.simple_tag
def narrowed(form: FilterForm[Any], name: str, value: object) -> str:
    """The address of the list with this filter added."""
    return f"?{form.instead(**{name: str(value)})}"


@register.simple_tag
def calls_around(moment: datetime, seconds: int) -> str:
    """The query of the Calls page for so many seconds around a moment, in the current zone."""
    local = timezone.localtime(moment)
    margin = timedelta(seconds=seconds)
    start, end = (f"{end:%Y-%m-%d %H:%M:%S}" for end in (local - margin, local + margin))
    zone = timezone.get_current_timezone_name()
    return urlencode({"from_date": start, "to_date": end, "timezone": zone})


@register.filter
def served(session: ACDSessionInfoType) -> bool:
    """Whether an operator took the caller."""
    return session.in_service_duration is not None


@register.filter
def actor(entry: AuditLogInfoType) -> str:
    """Who gave the command; the account's own holder has neither name nor ID."""
    if entry.subuser_name:
        return entry.subuser_name
    if entry.subuser_id:
        return _t("Sub-user %(id)d") % {"id": entry.subuser_id}
    return _t("Account owner")
