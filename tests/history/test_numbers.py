"""Numbers between how people write them and how the platform stores them."""

import pytest

from history.numbers import as_stored, looks_like_number


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
