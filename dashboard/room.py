"""Room for the calls of a thread.

CPython keeps the frames of a thread's calls in pieces of 16 KB, and returns a piece to the kernel
as soon as the call that began it is over. Where the depth of a page lies at the edge of a piece,
every small call of a template asks for memory and returns it: a hundred times a page, a quarter of
its time (docs/decisions/0086). A call that says it needs more than a piece gets a larger one, and
what it does not use has room for the calls below it. Memory that nobody touches costs nothing.

https://github.com/python/cpython/blob/3.13/Python/pystate.c (push_chunk)
"""

from collections.abc import Callable
from types import FunctionType
from typing import cast

_SLOTS = 20_000  # of 8 bytes: a piece of 256 KB, 96 KB of it free


def with_room[**P, T](call: Callable[P, T]) -> Callable[P, T]:
    """The same call, with room for all calls below it."""

    def wide(*args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)

    code = cast(FunctionType, wide).__code__
    cast(FunctionType, wide).__code__ = code.replace(co_stacksize=_SLOTS)
    return wide
