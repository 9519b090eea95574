"""Telephone numbers between how people write them and how the platform stores them."""

import re
from collections.abc import Collection
from functools import lru_cache

import phonenumbers

# What people put between digits; a no-break space comes along from spreadsheets.
_DECORATION = re.compile(r"[\s\u00a0().\-/\u2010-\u2015\u202a-\u202e\u2066-\u2069]")


def as_stored(text: str, region: str | None = None) -> str:
    """A number as the platform stores it: E.164 digits without the plus, else unchanged.

    `+49 30 5550-1234`, `0049 30 55501234` and `tel:+493055501234` give `493055501234`; with
    the region DE so does `030 55501234`. User names and SIP addresses stay as they are.
    """
    text = text.strip().removeprefix("tel:")
    plain = _DECORATION.sub("", text)
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return text
    if plain.startswith("00"):
        return digits.removeprefix("00")
    if plain.startswith("+") or region is None:
        return digits
    return _in_region(plain, region) or digits


def _in_region(digits: str, region: str) -> str | None:
    for text in (f"+{digits}", digits):
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(
                number, phonenumbers.PhoneNumberFormat.E164
            ).removeprefix("+")
    return None


def looks_like_number(text: str) -> bool:
    """Whether it is a whole, valid telephone number in international form."""
    plain = _DECORATION.sub("", text.strip().removeprefix("tel:"))
    plain = plain.removeprefix("+") if not plain.startswith("00") else plain[2:]
    if not (plain.isascii() and plain.isdigit()):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{plain}"))
    except phonenumbers.NumberParseException:
        return False


# Masked: the country, the prefix and the last digits stay, so that one can tell numbers apart

HIDDEN = "\u2022"
SHORTEST = 7  # digits; what has fewer is an extension or a service
_LEFT, _LEAST_HIDDEN = 2, 4
_SEPARATED = r"[ \u00a0().\-/]{0,2}"
# A number written with its plus, or a bare run of digits that is no part of something longer.
_WRITTEN = re.compile(
    rf"\+\d(?:{_SEPARATED}\d){{6,14}}(?!\d)|(?<![\w.+])\d{{{SHORTEST},15}}(?![\w])", re.ASCII
)
_SURE = 10  # digits of a bare run that are enough for a number of some country


def is_masked(text: str) -> bool:
    return HIDDEN in text


@lru_cache(maxsize=4096)
def masked(number: str) -> str:
    """The number without its middle: `+7 916 \u2022\u2022\u2022-\u2022\u2022-42`.

    Country code, prefix and the last two digits stay; the prefix only where four digits or more
    are hidden then. Of what is no valid number only the last two stay. Text that is no number
    is masked as text.
    """
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return masked_text(number)
    if len(digits) < SHORTEST:
        return number
    written, kept = _written(digits)
    return _without_middle(written, kept)


def _written(digits: str) -> tuple[str, int]:
    """As people write it, and how many of its first digits may be shown."""
    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return digits, 0
    if not phonenumbers.is_valid_number(parsed):
        return digits, 0
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    country = len(str(parsed.country_code))
    first = re.match(r"\+\d+\D+(\d+)", written)
    prefix = country + (len(first[1]) if first else 0)
    hides_enough = len(digits) - prefix - _LEFT >= _LEAST_HIDDEN
    return written, prefix if hides_enough else country


def _without_middle(written: str, kept: int) -> str:
    count = sum(letter.isdigit() for letter in written)
    shown, at = "", 0
    for letter in written:
        at += letter.isdigit()
        hidden = letter.isdigit() and kept < at <= count - _LEFT
        shown += HIDDEN if hidden else letter
    return shown


def masked_text(text: str, known: Collection[str] = ()) -> str:
    """The text with every telephone number in it masked.

    A number is what stands with its plus, a bare run of digits that some country would dial, and
    each of `known` (numbers as the platform stores them) however it is written.
    """
    for number in known:
        if len(number) >= SHORTEST and number.isdigit():
            text = _any_spelling(number).sub(masked(number), text)
    return _WRITTEN.sub(_masked_if_number, text)


@lru_cache(maxsize=1024)
def _any_spelling(number: str) -> re.Pattern[str]:
    """The number with or without plus, country and zeros before it, with anything between."""
    end = _SEPARATED.join(number[-SHORTEST:])
    return re.compile(rf"(?:\+|\b)(?:\d{_SEPARATED}){{0,9}}{end}(?!\d)", re.ASCII)


def _masked_if_number(found: re.Match[str]) -> str:
    text = found[0]
    digits = re.sub(r"\D", "", text)
    if text.startswith("+") or (len(digits) >= _SURE and looks_like_number(digits)):
        return masked(digits)
    return text
