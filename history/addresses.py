"""Addresses of our pages, as Django's `reverse` says them, but remembered: a list names some sixty,
and to work each out anew takes longer than to draw its rows' times and numbers."""

from functools import lru_cache

from django.urls import get_script_prefix, reverse

_STAND_IN = 1_900_000_000


def url(name: str, *arguments: object) -> str:
    """The address of a page, in the active account. Raises NoReverseMatch where there is none."""
    prefix = get_script_prefix()
    if len(arguments) == 1 and type(arguments[0]) is int and arguments[0] >= 0:
        before, after = _around(prefix, name)
        return f"{before}{arguments[0]}{after}"
    return _whole(prefix, name, arguments)


@lru_cache(maxsize=1024)
def _whole(prefix: str, name: str, arguments: tuple[object, ...]) -> str:
    return reverse(name, args=arguments)


@lru_cache(maxsize=256)
def _around(prefix: str, name: str) -> tuple[str, str]:
    """What stands before and after the number of a page that has one."""
    before, _number, after = reverse(name, args=[_STAND_IN]).rpartition(str(_STAND_IN))
    return before, after
