"""Remembered addresses are those that Django would make."""

import pytest
from django.urls import NoReverseMatch, reverse, set_script_prefix

from history.addresses import url


@pytest.mark.parametrize("round", range(2))
def test_addresses_are_those_of_reverse(round: int) -> None:
    assert url("calls") == reverse("calls")
    for number in (0, 7, 3_141_592_653_589_793, 1_900_000_000):
        assert url("call", number) == reverse("call", args=[number])
    assert url("media", "sealed-1") == reverse("media", args=["sealed-1"])


def test_addresses_are_those_of_the_account() -> None:
    assert url("calls") == "/calls/"
    set_script_prefix("/@other/")
    try:
        assert (url("calls"), url("call", 4)) == ("/@other/calls/", "/@other/calls/4/")
    finally:
        set_script_prefix("/")
    assert (url("calls"), url("call", 4)) == ("/calls/", "/calls/4/")


def test_there_is_no_address_for_what_has_none() -> None:
    for wrong in (("no such page",), ("calls", 4), ("call", "half")):
        with pytest.raises(NoReverseMatch):
            url(*wrong)
