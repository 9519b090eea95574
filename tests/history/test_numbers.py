"""Numbers between how people write them and how the platform stores them."""

import pytest

from history.numbers import as_stored, looks_like_number, masked, masked_text


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+49 30 5550-1234", "493055501234"),
        ("0049 (30) 55501234", "493055501234"),
        ("tel:+493055501234", "493055501234"),
        ("\u202a+49\u00a030\u00a055501234\u202c", "493055501234"),
        ("493055501234", "493055501234"),
        ("operator7", "operator7"),
        ("sip:anna@example.org", "sip:anna@example.org"),
    ],
)
def test_any_notation_becomes_what_is_stored(written: str, stored: str) -> None:
    assert as_stored(written) == stored


def test_a_local_number_needs_its_country() -> None:
    assert as_stored("030 55501234", region="DE") == "493055501234"
    assert as_stored("030 55501234") == "03055501234"


def test_an_international_number_stays_itself_in_any_country() -> None:
    assert as_stored("4930901820", region="DE") == "4930901820"


def test_tells_numbers_from_other_digits() -> None:
    assert looks_like_number("+49 30 901820")
    assert not looks_like_number("915")
    assert not looks_like_number("operator7")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("79161234542", "+7 916 •••-••-42"),
        ("442079460958", "+44 20 •••• ••58"),
        ("4930123456", "+49 30 ••••56"),
        ("493012345", "+49 •• •••45"),  # too short to tell its prefix
        ("12345678901234", "••••••••••••34"),  # of no country
        ("1021", "1021"),
        ("operator7", "operator7"),
        ("sip:4917012345678@pbx.example", "sip:+49 170 ••••••78@pbx.example"),
    ],
)
def test_a_masked_number_keeps_its_country_prefix_and_two_digits(number: str, shown: str) -> None:
    assert masked(number) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call +49 (30) 5550-1234 back", "call +49 30 ••••••34 back"),
        ('{"phone":"442079460958"}', '{"phone":"+44 20 •••• ••58"}'),
        ("0170 12345678 or 0049 170 1234 5678", "+49 170 ••••••78 or +49 170 ••••••78"),
        ("session 915004471 of 2026-06-15 12:00:00.123", None),
        ("order 3104567890, 192.0.2.101, 1.234567890", None),
    ],
)
def test_text_is_masked_where_it_holds_numbers(text: str, shown: str | None) -> None:
    assert masked_text(text, known=["4917012345678"]) == (shown or text)
