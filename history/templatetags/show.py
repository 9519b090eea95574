"""How values look on every page: money, times, durations, numbers, sizes, icons and badges."""

from datetime import date, datetime, time, timedelta, tzinfo
from datetime import timezone as tz
from decimal import Decimal
from functools import lru_cache
from html import escape

import phonenumbers
from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber

from history import masking
from history.numbers import HIDDEN, is_masked

register = template.Library()

MINUS = "\u2212"
NONE = "\u2013"

# The mark a badge wears before its word, so that colour never speaks alone.
_MARKS = {"good": "check", "bad": "x", "warn": "alert", "info": "clock", "quiet": "minus"}
# Django's names of what dashboard/formats says for each language.
_STYLES = {
    "date": "SHORT_DATE_FORMAT",
    "time": "TIME_FORMAT",
    "short": "SHORT_DATETIME_FORMAT",
}
_UNITS = (_("KB"), _("MB"), _("GB"), _("TB"))


def _markup(text: str) -> SafeString:
    """For what lists hold by the thousand, where format_html is slow: what may need escaping
    was escaped by the caller."""
    return SafeString(text)


# Money


@register.filter
def amount(value: Decimal | int | None, places: int = 2) -> SafeString:
    """An exact amount without its currency, for a column whose head names it.

    Every digit is kept and at least two decimals are shown. `places` reserves room for that
    many decimals, so that decimal marks of a column stand under each other.
    """
    if value is None:
        return _nothing()
    text = exact(value)
    missing = max(places, 2) - _decimals(value)
    pad = f'<span class="pad" data-pad="{"0" * missing}"></span>' if missing else ""
    name = "amount negative" if value < 0 else "amount"
    return _markup(f'<data class="{name}" value="{value:f}">{text}{pad}</data>')


@register.filter
def money(value: Decimal | int | None, currency: str = "") -> SafeString:
    """An exact amount with its currency: `−0.0060 USD`. Nothing is rounded."""
    if value is None:
        return _nothing()
    return format_html(
        '<data class="{}" value="{}">{}{}</data>',
        "money negative" if value < 0 else "money",
        format(value, "f"),
        exact(value),
        format_html('<span class="currency">\u00a0{}</span>', currency) if currency else "",
    )


def exact(value: Decimal | int) -> str:
    places, size = _decimals(value), abs(Decimal(value))
    if size < 1_000_000 and places < 20:
        text = f"{size:,.{places}f}".translate(_separators(get_language()))
    else:
        text = formats.number_format(size, places, force_grouping=True)
    return f"{MINUS}{text}" if value < 0 else text


@lru_cache
def _separators(language: str | None) -> dict[int, str]:
    """What a language writes for `,` and `.` in a number: lists hold thousands of them, and
    number_format asks anew for each. All our languages group by three."""
    names = {",": "THOUSAND_SEPARATOR", ".": "DECIMAL_SEPARATOR"}
    return str.maketrans({sign: str(formats.get_format(name)) for sign, name in names.items()})


def _decimals(value: Decimal | int) -> int:
    exponent = Decimal(value).as_tuple().exponent
    return max(2, -exponent) if isinstance(exponent, int) else 2


# Times


@register.filter
def moment(value: datetime | None, style: str = "") -> SafeString:
    """An aware time in the current zone, which its title names.

    Styles: none (date and time to the second), `date`, `time`, `short` (no year, no seconds)
    and `ago` (kept fresh by a script where one runs).
    """
    if value is None:
        return _nothing()
    local, language = timezone.localtime(value), get_language()
    if style == "ago":
        return format_html(
            '<time class="ago" datetime="{}" title="{}" data-relative>{}</time>',
            local.isoformat(),
            _at(local, _in_full(*_day_of(local), language)),
            ago(value),
        )
    pattern = _STYLES.get(style, "DATETIME_FORMAT")
    return _markup(_at(local, _moment(*_day_of(local), pattern, language)))


# Rows share few days, and to write one is slow: what a day looks like is remembered, with marks
# where the clock goes. All our languages write that alike.
_CLOCK, _SHORT_CLOCK = "\0", "\1"


def _at(local: datetime, day: str) -> str:
    clock = f"{local.hour:02}:{local.minute:02}:{local.second:02}"
    return day.replace(_CLOCK, clock).replace(_SHORT_CLOCK, clock[:5])


def _day_of(local: datetime) -> tuple[date, tzinfo | None, timedelta | None]:
    return local.date(), local.tzinfo, local.utcoffset()


@lru_cache(maxsize=1024)
def _moment(
    day: date, zone: tzinfo | None, offset: timedelta | None, pattern: str, language: str | None
) -> str:
    return (
        f'<time class="nowrap" datetime="{day.isoformat()}T{_CLOCK}{_ahead(offset)}"'
        f' title="{escape(_in_full(day, zone, offset, language))}">'
        f"{escape(_written(day, pattern))}</time>"
    )


@lru_cache(maxsize=1024)
def _in_full(day: date, zone: tzinfo | None, offset: timedelta | None, language: str | None) -> str:
    words = f"{formats.date_format(day, 'l')}, {formats.date_format(day, 'DATE_FORMAT')}"
    # Not by date_format, which leaves the offset out in the repeated hour, where it matters most.
    return f"{words}, {_written(day, 'TIME_FORMAT')} {zone} (UTC{_ahead(offset)})"


def _ahead(offset: timedelta | None) -> str:
    """`+02:00`."""
    return f"{datetime(2000, 1, 1, tzinfo=tz(offset or timedelta())):%:z}"


def _written(day: date, pattern: str) -> str:
    """A day in one of Django's formats."""
    text = formats.date_format(datetime.combine(day, time()), pattern)
    return text.replace("00:00:00", _CLOCK).replace("00:00", _SHORT_CLOCK)


def ago(value: datetime, now: datetime | None = None) -> str:
    """How long ago, or how soon, in the largest unit that is whole."""
    seconds = round(((now or timezone.now()) - value).total_seconds())
    if abs(seconds) < 45:
        return _t("just now")
    span = _span(abs(seconds))
    return (_t("%(span)s ago") if seconds > 0 else _t("in %(span)s")) % {"span": span}


def _span(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(seconds / 3600)
    if hours < 24:
        return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}
    days = round(seconds / 86400)
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


@register.filter
def duration(value: int | timedelta | None) -> SafeString:
    """Seconds as `1:36` or `1:02:03`, and in words for those who listen."""
    if value is None:
        return _nothing()
    seconds = round(value.total_seconds()) if isinstance(value, timedelta) else value
    return _duration(seconds, get_language())


# What follows is remembered where it is the same in many rows.


@lru_cache(maxsize=4096)
def _duration(seconds: int, language: str | None) -> SafeString:
    words = escape(in_words(seconds))
    return _markup(
        f'<time class="duration" datetime="PT{seconds}S" title="{words}">'
        f'<span aria-hidden="true">{clock(seconds)}</span>'
        f'<span class="hidden-text">{words}</span></time>'
    )


@register.filter
def clock(seconds: int) -> str:
    """Seconds as a bare `0:12`, `1:36` or `1:02:03`."""
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"{MINUS}{text}" if seconds < 0 else text


@register.filter
def in_words(seconds: int) -> str:
    """Seconds as `1 min 36 s`; parts that are zero are left out."""
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = []
    if hours:
        parts.append(_t("%(n)d h") % {"n": hours})
    if minutes:
        parts.append(_t("%(n)d min") % {"n": minutes})
    if rest or not parts:
        parts.append(_t("%(n)d s") % {"n": rest})
    return (MINUS if seconds < 0 else "") + " ".join(parts)


# Numbers


@register.filter
def count(value: int | None) -> SafeString:
    """A whole number with its thousands apart, as the language writes them."""
    if value is None:
        return _nothing()
    text = formats.number_format(abs(value), 0, force_grouping=True)
    return format_html('<span class="count">{}{}</span>', MINUS if value < 0 else "", text)


@register.filter
def filesize(value: Decimal | int | None) -> SafeString:
    """Bytes as `640 bytes`, `12.4 MB`; the exact number is in the title."""
    if value is None:
        return _nothing()
    size = int(value)
    exact = ngettext("%(n)s byte", "%(n)s bytes", size) % {
        "n": formats.number_format(size, 0, force_grouping=True)
    }
    if size < 1000:
        return format_html('<data class="nowrap" value="{}">{}</data>', size, exact)
    power = min((len(str(size)) - 1) // 3, len(_UNITS))
    scaled = Decimal(size) / 1000**power
    text = formats.number_format(scaled, 1 if scaled < 100 else 0)
    return format_html(
        '<data class="nowrap" value="{}" title="{}">{}\u00a0{}</data>',
        size,
        exact,
        text,
        _UNITS[power - 1],
    )


@register.filter
def phone(value: str | None) -> SafeString:
    """A telephone number in international form with its region; anything else unchanged.

    A masked one says in words what is hidden.
    """
    if not value:
        return _nothing()
    if is_masked(value):
        words = ngettext("%(n)d digit is hidden", "%(n)d digits are hidden", value.count(HIDDEN))
        return format_html(
            '<span class="phone masked" title="{}"><span aria-hidden="true">{}</span>'
            '<span class="hidden-text">{}</span></span>',
            words % {"n": value.count(HIDDEN)},
            value,
            _t("%(start)s … ending in %(end)s") % _ends(value),
        )
    known = _telephone(value)
    if known is None:
        return _markup(f'<span class="anywhere">{escape(value)}</span>')
    region, words = known
    return _markup(
        f'<span class="phone" data-region="{region}" title="{region}">{escape(words)}</span>'
    )


def phone_in_words(value: str) -> str:
    """The number as bare text: what people read of it."""
    known = _telephone(value)
    return known[1] if known else value


def _ends(masked: str) -> dict[str, str]:
    return {
        "start": masked.partition(HIDDEN)[0].strip(" -("),
        "end": masked.rpartition(HIDDEN)[2].strip(" -)"),
    }


@lru_cache(maxsize=4096)
def _telephone(text: str) -> tuple[str, str] | None:
    """Region and international form; `None` for what is no number. Remembered, since finding out
    takes as long as the rest of a row, and an account's own numbers are in all of them."""
    digits = text.removeprefix("+")
    # The platform leaves the plus out. Short digits are extensions and services, not numbers.
    if not (digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 15):
        return None
    return _valid(_read(digits)) or _valid(_parsed(digits))


def _valid(number: PhoneNumber | None) -> tuple[str, str] | None:
    if number is None:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number_for_region(number, region):
        return None
    form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return region, phonenumbers.format_number(number, form)


def _read(digits: str) -> PhoneNumber | None:
    """The number as it stands, country code first. Most are that, and need none of what parsing
    looks for beside it: other ways to write them, and prefixes to leave out."""
    for length in (1, 2, 3):
        code, national = int(digits[:length]), digits[length:]
        if code in COUNTRY_CODE_TO_REGION_CODE and not national.startswith("0"):
            return PhoneNumber(country_code=code, national_number=int(national))
    return None


def _parsed(digits: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None


def _nothing() -> SafeString:
    return _nothing_in(get_language())


@lru_cache
def _nothing_in(language: str | None) -> SafeString:
    return _markup(
        f'<span class="none"><span aria-hidden="true">{NONE}</span>'
        f'<span class="hidden-text">{escape(_t("none"))}</span></span>'
    )


@register.filter
def hidden(text: object) -> str:
    """Text of our own tables as the reader may see it: telephone numbers masked if need be."""
    return masking.hidden(str(text))


@register.filter
def hidden_number(number: str) -> str:
    """A telephone number of our own tables as the reader may see it."""
    return masking.hidden_number(number)


# Signs


@register.simple_tag
def icon(name: str, label: StrOrPromise = "") -> SafeString:
    """A drawing of the sprite in components/_sprite.html; silent unless it has a label."""
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="#i-{}"/></svg>', label, name
        )
    return _markup(f'<svg class="icon" aria-hidden="true"><use href="#i-{name}"/></svg>')


@register.simple_tag
def badge(label: StrOrPromise, tone: str = "quiet", mark: str = "") -> SafeString:
    """A state in a word: its tone is `good`, `bad`, `warn`, `info` or `quiet`.

    Each tone has a mark of its own; `mark` names another icon.
    """
    return _badge(str(label), tone, mark or _MARKS.get(tone, "minus"))


@lru_cache(maxsize=1024)
def _badge(label: str, tone: str, mark: str) -> SafeString:
    return _markup(f'<span class="badge badge-{tone}">{icon(mark)}{escape(label)}</span>')


@register.simple_tag
def direction(incoming: bool | None) -> SafeString:
    """Which way a call went, as a drawing with hidden words."""
    return _nothing() if incoming is None else _direction(incoming, get_language())


@lru_cache
def _direction(incoming: bool, language: str | None) -> SafeString:
    name, words, way = (
        ("phone-incoming", _t("Incoming"), "in")
        if incoming
        else ("phone-outgoing", _t("Outgoing"), "out")
    )
    words = escape(words)
    return _markup(
        f'<span class="direction direction-{way}" title="{words}">{icon(name)}'
        f'<span class="hidden-text">{words}</span></span>'
    )
