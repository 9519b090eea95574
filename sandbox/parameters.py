"""From the fields of a request to declared params, with the rules that are the server's own.

`wire.decode` checks each parameter; here stands what depends on several of them, on the command's
spelling, on the time and on how strict the sandbox is told to be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from history.api import wire
from history.api.methods import (
    ASYNC_SPELLINGS,
    METHODS,
    DeleteRecord,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
    Method,
    parameters,
)
from sandbox.answers import Fields, Refusal
from sandbox.credentials import IDENTITY, PROOFS

# What many clients send with every request; a declared parameter of that name goes first.
ALWAYS_ALLOWED = frozenset({"cmd", *PROOFS, *IDENTITY})


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How strict the sandbox is.

    `strict` refuses unknown parameters (492), `require_dates` a request without both dates
    (134), `lenient_async` takes `is_async=true` without `output=csv`, as the SDKs send it.
    """

    strict: bool = False
    require_dates: bool = False
    lenient_async: bool = False


def is_command(name: str) -> bool:
    return name in METHODS or name in ASYNC_SPELLINGS


def read(command: str, fields: Fields, rules: Rules, now: datetime, location: str) -> Method:
    """The params of a command; Refusal with the API's code and the parameter's name otherwise.

    `location` is the zone that `timezone=auto` stands for; the params name it.
    """
    spelling = ASYNC_SPELLINGS.get(command)
    method = spelling.method if spelling else METHODS[command]
    given = {name: texts for name, values in fields.items() if (texts := [v for v in values if v])}
    if rules.strict:
        _refuse_unknown(command, method, given)
    if spelling:
        given = {name: texts for name, texts in given.items() if name not in spelling.absent}
        given = {name: [text] for name, text in spelling.fixed.items()} | given
    _check_together(method, given)
    if _says(given, "is_async", "true") and rules.lenient_async:
        given.setdefault("output", ["csv"])
    given = _with_dates(method, given, rules, now, location)
    try:
        params = wire.decode(method, given)
    except wire.BadParameter as bad:
        raise Refusal(bad.code, f"Bad value in '{bad.name}': {bad.reason}.", bad.name) from None
    return _settled(command, params, given, location)


def _refuse_unknown(command: str, method: type[Method], given: Mapping[str, Any]) -> None:
    known = parameters(method).keys() | ALWAYS_ALLOWED
    for name in given:
        if name not in known:
            raise Refusal(492, f"Parameter '{name}' is unknown to {command}.", name)


def _says(given: Fields, name: str, text: str) -> bool:
    accepted = {"true": ("true", "1"), "false": ("false", "0")}[text]
    return given.get(name, [""])[-1].lower() in accepted


def _check_together(method: type[Method], given: Fields) -> None:
    """Parameters that exclude or need one another."""
    if (
        method in (GetCallHistory, GetBriefCallHistory)
        and {"application_id", "application_name"} <= given.keys()
    ):
        msg = "Only one of 'application_id' and 'application_name' may be given."
        raise Refusal(458, msg, "application_name")
    if method is GetBriefCallHistory:
        if "output" not in given:
            raise Refusal(134, "Required parameter 'output' is missing or empty.", "output")
        if _says(given, "is_async", "false"):
            msg = "GetBriefCallHistory has no synchronous form: 'is_async' has to be true."
            raise Refusal(101, msg, "is_async")
    if method is DeleteRecord and not given.keys() & {"record_url", "record_id"}:
        raise Refusal(
            134, "Required parameter 'record_url' or 'record_id' is missing.", "record_id"
        )


def _with_dates(
    method: type[Method], given: Fields, rules: Rules, now: datetime, location: str
) -> Fields:
    """Both dates; where neither was given the last month, as the newer documentation says."""
    if "from_date" not in parameters(method):
        return given
    missing = [name for name in ("from_date", "to_date") if name not in given]
    if len(missing) == 1 or (missing and rules.require_dates):
        name = missing[0]
        raise Refusal(134, f"Required parameter '{name}' is missing or empty.", name)
    if not missing:
        return given
    zone = _zone(given.get("timezone", ["Etc/GMT"])[-1], location)
    end = now.astimezone(zone).replace(tzinfo=None)
    start = end - timedelta(days=30)
    if method is GetTransactionHistory and _says(given, "is_uncommitted", "true"):
        start = datetime(1970, 1, 2)  # noqa: DTZ001 - a wall clock: all that is on hold
    dates = {"from_date": start, "to_date": end}
    return given | {n: [day.isoformat(" ", "seconds")] for n, day in dates.items()}


def _zone(name: str, location: str) -> tzinfo:
    name = location if name == wire.AUTO else name
    return wire.zone(name if wire.is_zone(name) else "Etc/GMT")


def _settled(command: str, params: Method, given: Fields, location: str) -> Method:
    """The params with what the reference leaves to the server made explicit."""
    changes: dict[str, Any] = {}
    if getattr(params, "timezone", None) == wire.AUTO:
        changes["timezone"] = location
    if isinstance(params, GetHistoryReports) and params.history_report_id:
        # An explicit id is looked up among all types, unless a type is asked for as well.
        changes |= {} if "history_type" in given else {"history_type": "all"}
    if isinstance(params, GetAuditLog) and params.filtered_admin_user_id:
        ids = params.filtered_admin_user_id.split(";")
        if not all(text.strip().isdecimal() for text in ids if text.strip()):
            msg = f"Bad value in 'filtered_admin_user_id': '{params.filtered_admin_user_id}'."
            raise Refusal(284, msg, "filtered_admin_user_id")
    if getattr(params, "is_async", False) and getattr(params, "output", "csv") != "csv":
        raise Refusal(105, f"{command}: 'is_async' works with output=csv only.", "output")
    return replace(params, **changes) if changes else params  # type: ignore[type-var]
