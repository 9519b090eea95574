"""The one search box: tells what was pasted into it and where that is to be found."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.numbers import as_stored, looks_like_number

_PART_OF_NUMBER = 6  # digits that are too few for any ID or number
_WHOLE_NUMBER = 11  # digits that make a valid number certain even without its plus
_MONTH = {"period": "last_30_days"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One way to read what was typed: what it would be, and the page that shows it."""

    what: StrOrPromise
    url: str


def readings(text: str, region: str | None = None) -> Sequence[Reading]:
    """The ways to read `text`, the likeliest first; exactly one when there is no doubt."""
    text = text.strip()
    if not text:
        return ()
    if "://" in text:
        return _link(text)
    if text[0] in "{[" or text[0] == '"':
        return (_exact_data(text), _part(text))
    parts = [part.strip() for part in re.split(r"[\n\r,;]+", text) if part.strip()]
    if len(parts) > 1:
        return _list(parts, region)
    return _single(text, region)


def _link(text: str) -> Sequence[Reading]:
    """A link of the platform to a log or a recording, else just text."""
    query = parse_qs(urlsplit(text).query)
    session = query.get("sessionid", query.get("session_id", [""]))[0]
    if session.isdigit():
        return (_session(session),)
    record = query.get("record_id", [""])[0]
    if record.isdigit():
        url = _to("recordings", contains=record, **_MONTH)
        return (Reading(what=_("Recording %s") % record, url=url),)
    return (_part(text),)


def _list(parts: Sequence[str], region: str | None) -> Sequence[Reading]:
    joined = ",".join(parts)
    numbers = Reading(
        what=_("Calls with any of %d numbers") % len(parts),
        url=_to("calls", remote_number=",".join(as_stored(p, region) for p in parts), **_MONTH),
    )
    if not all(part.isdigit() for part in parts) or all(map(looks_like_number, parts)):
        return (numbers,)
    sessions = Reading(
        what=_("%d call sessions by ID") % len(parts),
        url=_to("calls", call_session_history_id=joined, period="last_12_months"),
    )
    charges = Reading(
        what=_("%d transactions by ID") % len(parts),
        url=_to("transactions", transaction_id=joined, period="last_12_months"),
    )
    return (sessions, charges, numbers)


def _single(text: str, region: str | None) -> Sequence[Reading]:
    stored = as_stored(text, region)
    if not stored.isdigit():
        words = (_part(text), _exact_data(text))
        return words if " " in text else (*words, _number(stored))
    if len(stored) <= _PART_OF_NUMBER:
        return (_part(stored),)
    certain = text.startswith(("+", "00", "tel:")) or len(stored) >= _WHOLE_NUMBER
    if certain and looks_like_number(stored):
        return (_number(stored),)
    readings = [_session(stored), _charge(stored), _part(stored)]
    if looks_like_number(stored) or not text.isdigit():
        readings.insert(0, _number(stored))
    return readings


def _number(number: str) -> Reading:
    return Reading(
        what=_("Calls with the number %s") % number,
        url=_to("calls", remote_number=number, **_MONTH),
    )


def _session(text: str) -> Reading:
    return Reading(what=_("Call session %s") % text, url=reverse("call", args=[int(text)]))


def _charge(text: str) -> Reading:
    return Reading(
        what=_("Transaction %s") % text,
        url=_to("transactions", transaction_id=text, period="last_12_months"),
    )


def _part(text: str) -> Reading:
    return Reading(
        what=_("Calls with “%s” in a number or in custom data") % text,
        url=_to("calls", contains=text),
    )


def _exact_data(text: str) -> Reading:
    return Reading(
        what=_("Calls whose custom data is exactly “%s”") % text,
        url=_to("calls", call_session_history_custom_data=text, **_MONTH),
    )


def _to(page: str, **query: str) -> str:
    return f"{reverse(page)}?{urlencode(query)}"
