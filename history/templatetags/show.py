"""How values look on every page: money, times, durations, numbers, sizes, icons and badges."""

from datetime import datetime, timedelta
from decimal import Decimal

import phonenumbers
from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django_stubs_ext import StrOrPromise

register = template.Library()

MINUS = "\u2212"
NONE = "\u2013"

# The mark a badge wears before its word, so that colour never speaks alone.
_MARKS = {"good": "check", "bad": "x", "warn": "alert", "info": "clock", "quiet": "minus"}
_STYLES = {"date": "d M Y", "time": "H:i:s", "short": "d M, H:i"}
_UNITS = ("KB", "MB", "GB", "TB")


# Money


@register.filter
def amount(value: Decimal | int | None, places: int = 2) -> SafeString:
    """An exact amount without its currency, for a column whose head names it.

    Every digit is kept and at least two decimals are shown. `places` reserves room for that
    many decimals, so that decimal marks of a column stand under each other.
    """
    if value is None:
        return _nothing()
    text = _exact(value)
    missing = max(places, 2) - _decimals(value)
    pad = format_html('<span class="pad" data-pad="{}"></span>', "0" * missing) if missing else ""
    return format_html(
        '<data class="{}" value="{}">{}{}</data>',
        "amount negative" if value < 0 else "amount",
        format(value, "f"),
        text,
        pad,
    )


@register.filter
def money(value: Decimal | int | None, currency: str = "") -> SafeString:
    """An exact amount with its currency: `−0.0060 USD`. Nothing is rounded."""
    if value is None:
        return _nothing()
    return format_html(
        '<data class="{}" value="{}">{}{}</data>',
        "money negative" if value < 0 else "money",
        format(value, "f"),
        _exact(value),
        format_html('<span class="currency">\u00a0{}</span>', currency) if currency else "",
    )


def _exact(value: Decimal | int) -> str:
    text = formats.number_format(abs(Decimal(value)), _decimals(value), force_grouping=True)
    return f"{MINUS}{text}" if value < 0 else text


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
    local = timezone.localtime(value)
    if style == "ago":
        return format_html(
            '<time class="ago" datetime="{}" title="{}" data-relative>{}</time>',
            local.isoformat(),
            _in_full(local),
            ago(value),
        )
    return format_html(
        '<time class="nowrap" datetime="{}" title="{}">{}</time>',
        local.isoformat(),
        _in_full(local),
        formats.date_format(local, _STYLES.get(style, "d M Y, H:i:s")),
    )


def _in_full(local: datetime) -> str:
    zone = timezone.get_current_timezone_name()
    # Not by date_format, which leaves the offset out in the repeated hour, where it matters most.
    offset = f"{local:%:z}"
    return f"{formats.date_format(local, 'l, j E Y, H:i:s')} {zone} (UTC{offset})"


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
    return format_html(
        '<time class="duration" datetime="PT{}S" title="{}">'
        '<span aria-hidden="true">{}</span><span class="hidden-text">{}</span></time>',
        seconds,
        in_words(seconds),
        clock(seconds),
        in_words(seconds),
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
    """A telephone number in international form with its region; anything else unchanged."""
    if not value:
        return _nothing()
    number = _telephone(value)
    if number is None:
        return format_html('<span class="anywhere">{}</span>', value)
    return format_html(
        '<span class="phone" data-region="{}" title="{}">{}</span>',
        phonenumbers.region_code_for_number(number) or "",
        phonenumbers.region_code_for_number(number) or "",
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
    )


def _telephone(text: str) -> phonenumbers.PhoneNumber | None:
    digits = text.removeprefix("+")
    # The platform leaves the plus out. Short digits are extensions and services, not numbers.
    if not (digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 15):
        return None
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _nothing() -> SafeString:
    return format_html(
        '<span class="none"><span aria-hidden="true">{}</span>'
        '<span class="hidden-text">{}</span></span>',
        NONE,
        _t("none"),
    )


# Signs


@register.simple_tag
def icon(name: str, label: StrOrPromise = "") -> SafeString:
    """A drawing of the sprite in components/_sprite.html; silent unless it has a label."""
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="#i-{}"/></svg>', label, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def badge(label: StrOrPromise, tone: str = "quiet", mark: str = "") -> SafeString:
    """A state in a word: its tone is `good`, `bad`, `warn`, `info` or `quiet`.

    Each tone has a mark of its own; `mark` names another icon.
    """
    drawing = icon(mark or _MARKS.get(tone, "minus"))
    return format_html('<span class="badge badge-{}">{}{}</span>', tone, drawing, label)


@register.simple_tag
def direction(incoming: bool | None) -> SafeString:
    """Which way a call went, as a drawing with hidden words."""
    if incoming is None:
        return _nothing()
    name, words, way = (
        ("phone-incoming", _t("Incoming"), "in")
        if incoming
        else ("phone-outgoing", _t("Outgoing"), "out")
    )
    return format_html(
        '<span class="direction direction-{}" title="{}">{}'
        '<span class="hidden-text">{}</span></span>',
        way,
        words,
        icon(name),
        words,
    )
