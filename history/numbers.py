"""Telephone numbers between how people write them and how the platform stores them."""

import re

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
