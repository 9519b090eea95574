"""Calls at any depth, and how often each asks the kernel for memory."""

import resource
import sys
import threading
from collections.abc import Callable

import pytest

from dashboard.room import with_room

DEPTHS, CALLS = 300, 500


def many_calls() -> None:
    def leaf() -> None:
        pass

    for _ in range(CALLS):
        leaf()


def below(depth: int, call: Callable[[], None]) -> None:
    return below(depth - 1, call) if depth else call()


def most_faults(way: Callable[[int, Callable[[], None]], None]) -> int:
    """Page faults of a thread that makes small calls, at the depth where there are most."""
    found: list[int] = []

    def look() -> None:
        for depth in range(DEPTHS):
            before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
            way(depth, many_calls)
            found.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return max(found)


@pytest.mark.skipif(sys.platform != "linux", reason="faults of a thread are counted on Linux")
def test_calls_at_any_depth_ask_for_no_memory() -> None:
    assert most_faults(below) >= CALLS, "this Python needs no room any more: see dashboard/room.py"
    assert most_faults(with_room(below)) < CALLS / 5


def test_a_call_with_room_is_the_same_call() -> None:
    def divided(a: int, *, by: int) -> float:
        return a / by

    assert with_room(divided)(6, by=3) == 2
    with pytest.raises(ZeroDivisionError):
        with_room(divided)(6, by=0)
