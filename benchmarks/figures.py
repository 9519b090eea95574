"""What a benchmark says: one JSON line a figure, and how it times things fairly."""

import json
import statistics
import time
from collections.abc import Callable, Sequence


def tell(
    name: str,
    value: float,
    unit: str,
    *,
    floor: float | None = None,
    ratio: float | None = None,
    n: int = 1,
) -> None:
    """Prints one figure. `floor` is the same without us, or done by a peer; `n` measurements."""
    if ratio is None and floor:
        ratio = value / floor
    figure = {"name": name, "value": _short(value), "unit": unit}
    print(
        json.dumps({**figure, "floor": _short(floor), "ratio": ratio and round(ratio, 2), "n": n}),
        flush=True,
    )


def _short(value: float | None) -> float | None:
    """Three digits that count: more would be noise."""
    return None if value is None else float(f"{value:.3g}")


def alternate(rounds: int, *ways: Callable[[], object], warm_up: int = 1) -> list[list[float]]:
    """Milliseconds of each way, taken in turn, so that whatever else the machine does meets all
    alike. The first turns, which warm up, do not count."""
    for _turn in range(warm_up):
        for way in ways:
            way()
    taken: list[list[float]] = [[] for _ in ways]
    for _turn in range(rounds):
        for way, times in zip(ways, taken, strict=True):
            times.append(milliseconds(way))
    return taken


def milliseconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return (time.perf_counter() - began) * 1000


def p50(times: Sequence[float]) -> float:
    return statistics.median(times)


def p95(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
