"""The wire format of the History section: params to and from request fields, JSON to replies.

Requests are flat text fields: `;` lists, `true`/`false`, wall-clock dates without a zone.
Answers are JSON; every number with a point becomes a `Decimal`, every date an aware datetime.

Source: the reference for names, types and lists; `docs/remote-api.md` for what the vendor's
SDKs add.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, available_timezones

from history.api.methods import ASYNC_SPELLINGS, Method, Param, Parameter, parameters
from history.api.replies import Page

DATE_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
TIME_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
MAX_DIGITS = 18  # what fits a 64-bit integer on the other side
AUTO = "auto"


class BadParameter(ValueError):
    """A request parameter that cannot be what it says; `code` is the API's error code."""

    def __init__(self, name: str, reason: str, code: int) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason
        self.code = code


class BadReply(ValueError):
    """An answer that does not have the declared shape; the text names the place and the value.

    `place` and `reason` leave out the value, which may be a number or somebody's data.
    """

    def __init__(self, place: str, reason: str, value: object = None) -> None:
        shown = "" if value is None else f"{_shown(value)} "
        super().__init__(f"{place}: {shown}{reason}")
        self.place = place
        self.reason = reason


# Requests


def encode(params: Method) -> dict[str, str]:
    """The request fields of `params`, without those that say what the server assumes anyway.

    Raises BadParameter for a value that cannot be written, such as a number with a `;` in it.
    """
    return {
        parameter.name: _write(parameter, value)
        for parameter in parameters(type(params)).values()
        if _is_sent(parameter, value := getattr(params, parameter.name))
    }


def encode_async(spelling: str, params: Method) -> dict[str, str]:
    """The request fields for one of ASYNC_SPELLINGS, which knows fewer than its method does."""
    alias = ASYNC_SPELLINGS[spelling]
    unsaid = {*alias.absent, *alias.fixed}
    return {name: text for name, text in encode(params).items() if name not in unsaid}


def _is_sent(parameter: Parameter, value: object) -> bool:
    if value is None or value == () or value == "":
        return False
    return parameter.required or parameter.param.always or value != parameter.default


def _write(parameter: Parameter, value: Any) -> str:
    if not parameter.is_list or isinstance(value, str):
        return _write_one(value)
    if parameter.param.json:
        return json.dumps(list(value))
    elements = [_write_one(element) for element in value]
    for element in elements:
        if ";" in element:
            reason = f"'{element}' contains ';', which separates the elements of a list"
            raise BadParameter(parameter.name, reason, parameter.param.code)
    return ";".join(elements)


def _write_one(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(" ", "seconds")  # strftime does not pad years below 1000
        case _:
            return str(value)


def decode[M: Method](method: type[M], given: Mapping[str, Sequence[str]]) -> M:
    """Params from request fields as they arrive: a name may come once or several times.

    Empty values count as absent and unknown names are ignored. Raises BadParameter, with the
    API's code for its cause, at the first field that is missing, malformed or out of bounds.
    """
    values = {
        name: _read_parameter(parameter, texts)
        for name, parameter in parameters(method).items()
        if (texts := [text for text in given.get(name, ()) if text])
    }
    for name, parameter in parameters(method).items():
        if parameter.default is MISSING and name not in values:
            raise BadParameter(name, "required, but missing or empty", 134)
    params = method(**values)
    _check_bounds(params)
    return params


def _read_parameter(parameter: Parameter, texts: Sequence[str]) -> Any:
    if not parameter.is_list:
        return _read_one(parameter, texts[-1])
    if parameter.allows_all and texts[-1].lower() in ("all", "any"):
        return "all"
    split = _read_json_list if parameter.param.json else _split_list
    elements = [element for text in texts for element in split(parameter, text)]
    limit = parameter.param.max_items
    if limit and len(elements) > limit:
        reason = f"{len(elements)} elements, at most {limit} are allowed"
        raise BadParameter(parameter.name, reason, parameter.param.code)
    return tuple(_read_one(parameter, element) for element in elements)


def _split_list(parameter: Parameter, text: str) -> list[str]:
    return [element.strip() for element in text.split(";") if element.strip()]


def _read_json_list(parameter: Parameter, text: str) -> list[str]:
    # The Python SDK sends a list here as repeated plain values instead of one JSON array.
    if not text.lstrip().startswith("["):
        return [text]
    try:
        elements = json.loads(text)
    except ValueError:
        elements = None
    if not isinstance(elements, list) or not all(isinstance(e, str) for e in elements):
        raise BadParameter(
            parameter.name, f"'{text}' is not a JSON array of strings", parameter.param.code
        )
    return elements


def _read_one(parameter: Parameter, text: str) -> Any:
    value = _READERS[parameter.kind](parameter, text)
    _check_value(parameter, value)
    return value


def _read_number(parameter: Parameter, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        kind = "a list of whole numbers" if parameter.is_list else "a whole number"
        raise BadParameter(parameter.name, f"'{text}' is not {kind}", parameter.param.code)
    return int(text)


def _read_boolean(parameter: Parameter, text: str) -> bool:
    match text.lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise BadParameter(parameter.name, f"'{text}' is not true or false", parameter.param.code)


def _read_timestamp(parameter: Parameter, text: str) -> datetime:
    try:
        return parse_wall_clock(text)
    except ValueError:
        reason = f"'{text}' is not a date in the form YYYY-MM-DD HH:mm:ss"
        raise BadParameter(parameter.name, reason, parameter.param.code) from None


def _read_string(parameter: Parameter, text: str) -> str:
    if parameter.name == "timezone" and not is_zone(text):
        raise BadParameter(parameter.name, f"'{text}' is not a time zone", parameter.param.code)
    return text


_READERS: Mapping[type, Callable[[Parameter, str], Any]] = {
    int: _read_number,
    bool: _read_boolean,
    datetime: _read_timestamp,
    str: _read_string,
}


def _check_value(parameter: Parameter, value: Any) -> None:
    param: Param = parameter.param
    if param.choices and value not in param.choices:
        known = ", ".join(param.choices[:8]) + (" …" if len(param.choices) > 8 else "")
        raise BadParameter(parameter.name, f"'{value}' is not one of {known}", param.code)
    if param.minimum is not None and value < param.minimum:
        reason = f"{value} is below the minimum of {param.minimum}"
        raise BadParameter(parameter.name, reason, param.code)
    if param.max_length is not None and len(value.encode()) > param.max_length:
        reason = f"longer than {param.max_length} bytes"
        raise BadParameter(parameter.name, reason, param.code)


def _check_bounds(params: Method) -> None:
    """What depends on a second parameter: periods, and limits that reports do not have."""
    for start, end in (("from_date", "to_date"), ("created_from", "created_to")):
        first, last = getattr(params, start, None), getattr(params, end, None)
        if first and last and first > last:
            raise BadParameter(start, f"'{first}' is later than {end} '{last}'", 123)
    if getattr(params, "is_async", False):
        return
    for parameter in parameters(type(params)).values():
        maximum, value = parameter.param.maximum, getattr(params, parameter.name)
        if maximum is not None and value is not None and value > maximum:
            reason = f"{value} is above the maximum of {maximum}"
            raise BadParameter(parameter.name, reason, parameter.param.code)


# Dates and zones


def parse_wall_clock(text: str) -> datetime:
    """`2026-03-02 08:14:09` as a naive datetime; ValueError for any other form."""
    if not TIME_SHAPE.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def format_wall_clock(moment: datetime, zone: tzinfo) -> str:
    """An aware moment as the API writes it: the wall clock of `zone`, without an offset."""
    return moment.astimezone(zone).replace(tzinfo=None).isoformat(" ", "seconds")


def instant(wall_clock: datetime, zone: tzinfo, *, last: bool = False) -> datetime:
    """The moment, in UTC, at which the clocks of `zone` show `wall_clock`.

    Where they show it twice, because they were set back, the first or the `last` of the two; a
    reading they skipped counts as if they had not been set forward.
    """
    first = wall_clock.replace(tzinfo=zone, fold=0).astimezone(UTC)
    again = wall_clock.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return max(first, again) if last else first


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether the API takes it as `timezone`: an IANA name, or `auto`."""
    return name == AUTO or name in _zones()


@cache
def zone(name: str) -> tzinfo:
    """The zone of that IANA name; ValueError for an unknown one."""
    if name not in _zones():
        raise ValueError(f"'{name}' is not a time zone")
    return UTC if name in ("Etc/GMT", "Etc/UTC", "UTC", "GMT") else ZoneInfo(name)


# Answers


def loads(body: bytes | str) -> Any:
    """JSON with every number that has a point or an exponent as a `Decimal`.

    Raises ValueError for anything that is not JSON, or not meant to be read by anyone.
    """
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (RecursionError, ArithmeticError) as error:  # nested a thousand deep, 1e(10^20)
        raise ValueError(str(error)) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


type Clock = Callable[[datetime], datetime]
type Reader = Callable[[Any, Clock], Any]


def _clock(zone: tzinfo, shown_in: tzinfo | None = None) -> Clock:
    """What makes a wall clock of `zone` an aware moment, in `shown_in` if that is given."""
    if shown_in is None or shown_in is zone:
        return lambda wall_clock: wall_clock.replace(tzinfo=zone)
    return lambda wall_clock: wall_clock.replace(tzinfo=zone).astimezone(shown_in)


def read[R](reply: type[R], value: object, zone: tzinfo, where: str) -> R:
    """One object of an answer as `reply`; its wall clocks are those of `zone`.

    Fields the class does not know are kept in its `extra`. Raises BadReply, which begins with
    `where` and names the field and the value, for a missing or a mistyped one.
    """
    try:
        reader: Reader = _object_reader(cast(Any, reply))
        result: R = reader(value, _clock(zone))
    except _Misfit as misfit:
        raise misfit.in_reply(where) from None
    return result


def read_page[R](
    reply: type[R], body: Mapping[str, Any], timezone: str, shown_in: str | None = None
) -> Page[R]:
    """A list answer; `timezone` names the zone of its dates where the answer does not.

    With `shown_in` the moments are moved to that zone. Raises BadReply.
    """
    named = body.get("timezone", timezone)
    if not isinstance(named, str) or named not in _zones():
        raise BadReply("timezone", "is not a time zone", named)
    clock = _clock(zone(named), zone(shown_in) if shown_in else None)
    try:
        rows = _list_reader(reply)(body.get("result"), clock)
    except _Misfit as misfit:
        raise misfit.in_reply("result") from None
    warnings = body.get("warnings")
    return Page(
        result=rows,
        count=read_number(body, "count") if "count" in body else len(rows),
        timezone=shown_in or named,
        total_count=read_number(body, "total_count") if "total_count" in body else None,
        warnings=tuple(map(str, warnings)) if isinstance(warnings, list) else (),
    )


def read_number(body: Mapping[str, Any], field: str) -> int:
    """A whole number of the envelope; BadReply if it is missing or anything else."""
    try:
        return _read_int(body.get(field), _clock(UTC))
    except _Misfit as misfit:
        raise misfit.in_reply(field) from None


class _Misfit(Exception):
    """Collects the path to a misfit while the readers unwind."""

    def __init__(self, reason: str, value: object = None, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value
        self.path = path

    def in_reply(self, where: str) -> BadReply:
        return BadReply(f"{where}{self.path}", self.reason, self.value)


@cache
def _object_reader(reply: type[Any]) -> Reader:
    """A reader of JSON objects as `reply`.

    A page holds thousands of objects with a dozen fields each, so the common case is short: a
    value that JSON already made of the declared type goes right into its slot. Writing slots
    passes by `__init__`, which in a frozen class takes twice as long for the same.
    """
    hints = get_type_hints(reply)
    plan = [
        (
            f.name,
            hint if (hint := _bare(hints[f.name])) in _JSON_TYPES else None,
            _value_reader(hint),
            f.default,
            getattr(reply, f.name).__set__,
            f".{f.name}",
        )
        for f in fields(reply)
        if f.name != "extra"
    ]
    known = frozenset(name for name, *_ in plan)
    put_extra = reply.extra.__set__

    def read_object(value: Any, clock: Clock) -> Any:
        if type(value) is not dict:
            raise _Misfit("is not an object", value)
        get, made, absent = value.get, object.__new__(reply), 0
        for name, kind, reader, default, put, place in plan:
            raw = get(name)
            if type(raw) is kind:
                put(made, raw)
            elif raw is not None:
                put(made, _read_at(place, reader, raw, clock))
            elif default is not MISSING:
                put(made, default)
                absent += 1
            else:
                raise _Misfit("missing", path=place)
        all_known = len(value) == len(plan) - absent
        put_extra(made, {} if all_known else {n: value[n] for n in sorted(value.keys() - known)})
        return made

    return read_object


def _read_at(place: str, reader: Reader, value: Any, clock: Clock) -> Any:
    try:
        return reader(value, clock)
    except _Misfit as misfit:
        misfit.path = f"{place}{misfit.path}"
        raise


def _bare(hint: Any) -> Any:
    """The type itself, without the `| None` of what may be missing."""
    if get_origin(hint) in (Union, UnionType):
        return next(option for option in get_args(hint) if option is not NoneType)
    return hint


def _value_reader(hint: Any) -> Reader:
    if get_origin(hint) is tuple:
        return _list_reader(get_args(hint)[0])
    if get_origin(hint) is Mapping:
        return _read_mapping
    if hint in _VALUE_READERS:
        return _VALUE_READERS[hint]
    return getattr(hint, "from_wire", None) or _object_reader(hint)


def _list_reader(hint: Any) -> Reader:
    reader = _value_reader(hint)

    def read_list(value: Any, clock: Clock) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _Misfit("is not a list", value)
        return tuple(
            [_read_at(f"[{index}]", reader, element, clock) for index, element in enumerate(value)]
        )

    return read_list


def _read_mapping(value: Any, clock: Clock) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Misfit("is not an object", value)
    return value


def _read_int(value: Any, clock: Clock) -> int:
    if type(value) is int:
        return value
    # 1E+999999 is whole, too; nobody should write out its digits.
    if isinstance(value, Decimal) and value.adjusted() < MAX_DIGITS and value % 1 == 0:
        return int(value)
    raise _Misfit("is not a whole number", value)


def _read_decimal(value: Any, clock: Clock) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    raise _Misfit("is not a number", value)


def _read_bool(value: Any, clock: Clock) -> bool:
    if isinstance(value, bool):
        return value
    raise _Misfit("is not true or false", value)


def _read_text(value: Any, clock: Clock) -> str:
    if isinstance(value, str):
        return value
    if type(value) is int:  # TransactionInfoType.account_id: text in the docs, unproven
        return str(value)
    raise _Misfit("is not text", value)


def _read_moment(value: Any, clock: Clock) -> datetime:
    if isinstance(value, str):
        try:
            return clock(parse_wall_clock(value))
        except ValueError:
            pass
    raise _Misfit("is not a date in the form YYYY-MM-DD HH:mm:ss", value)


def _read_date(value: Any, clock: Clock) -> date:
    if isinstance(value, str) and DATE_SHAPE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise _Misfit("is not a date in the form YYYY-MM-DD", value)


_VALUE_READERS: Mapping[Any, Reader] = {
    int: _read_int,
    Decimal: _read_decimal,
    bool: _read_bool,
    str: _read_text,
    datetime: _read_moment,
    date: _read_date,
}
# What JSON itself can make of the declared types.
_JSON_TYPES = frozenset({int, Decimal, bool, str})


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"
