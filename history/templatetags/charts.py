"""Charts drawn by the server, to scale: bars per day and lanes over time, each with a table.

Positions across are percentages, so that a drawing fills whatever width it gets while its
words keep their size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10

from django import template
from django.utils import formats
from django_stubs_ext import StrOrPromise

register = template.Library()

type Number = Decimal | int

PLOT = 152  # height of a bar chart in CSS pixels
TOP, FOOT = 14, 20  # room above the highest bar, and below the line where bars stand
LANE = 36


@dataclass(frozen=True, kw_only=True)
class Point:
    """A bar: what it stands for, how much, how much of that is the marked part, where it leads.

    `short` is written below the bar, `label` is said in full; `said` is the value in words.
    A `value` of `None` is not known: that is drawn as a frame without a bar.
    """

    label: StrOrPromise
    value: Number | None
    said: StrOrPromise
    short: StrOrPromise = ""
    part: Number = 0
    part_said: StrOrPromise = ""
    url: str = ""
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of a lane, in seconds from the beginning of the timeline."""

    start: int
    end: int
    label: StrOrPromise
    tone: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment on a lane, in seconds from the beginning of the timeline."""

    at: int
    label: StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Lane:
    name: StrOrPromise
    note: StrOrPromise = ""
    icon: str = ""
    spans: Sequence[Span] = ()
    marks: Sequence[Mark] = ()


@register.inclusion_tag("components/_bar_chart.html")
def bar_chart(
    points: Sequence[Point],
    title: StrOrPromise,
    value_name: StrOrPromise,
    part_name: StrOrPromise = "",
    unit: str = "",
    plot: int = PLOT,
) -> dict[str, object]:
    """Bars per day; `part_name` names the marked part, if points have one."""
    most = _round_up(max((point.value for point in points if point.value), default=0))
    whole = all(point.value % 1 == 0 for point in points if point.value)
    bottom = plot - FOOT
    grid = [
        {"y": _px(bottom - (bottom - TOP) * float(share)), "said": _said(most * share)}
        for share in (Decimal(1), Decimal("0.5"))
        # Between whole things there is no half.
        if most and (not whole or most * share % 1 == 0)
    ]
    step = 100 / max(len(points), 1)
    every = ceil(len(points) / 8) or 1
    return {
        "title": title,
        "value_name": value_name,
        "part_name": part_name,
        "unit": unit,
        "empty": all(point.value == 0 for point in points),
        "plot": plot,
        "base": bottom,
        "top": TOP,
        "room": bottom - TOP,
        "below": bottom + 15,
        "grid": grid,
        # As wide as its longest figure, at 7 pixels a letter.
        "axis": 7 * max((len(line["said"]) for line in grid), default=1),
        "bars": [
            _bar(point, most, number * step, step, bottom)
            | {
                "short": point.short if number % every == 0 else "",
                # Left out where the chart is narrow.
                "minor": bool(number // every % 2),
            }
            for number, point in enumerate(points)
        ],
    }


def _bar(point: Point, most: Number, left: float, step: float, bottom: int) -> dict[str, object]:
    height = _height(point.value or 0, most, bottom - TOP)
    part = min(_height(point.part, most, bottom - TOP), height)
    return {
        "point": point,
        "left": f"{left:.3f}%",
        "step": f"{step:.3f}%",
        "x": f"{left + step * 0.14:.3f}%",
        "width": f"{step * 0.72:.3f}%",
        "middle": f"{left + step / 2:.3f}%",
        "y": _px(bottom - height),
        "height": _px(height),
        "part_y": _px(bottom - part),
        "part_height": _px(part) if part else "",
    }


def _px(number: float) -> str:
    """For an attribute of SVG, which knows no decimal comma."""
    return f"{number:.1f}"


def _said(number: Decimal) -> str:
    places = max(0, -int(number.normalize().as_tuple().exponent))
    return formats.number_format(number, places, force_grouping=True)


def _height(value: Number, most: Number, room: int) -> float:
    if not most or value <= 0:
        return 0
    # A day with anything at all is seen.
    return max(2.0, float(value / Decimal(most)) * room)


def _round_up(value: Number) -> Decimal:
    """The next number that is 1, 2, 2.5, 4, 5 or 8 times a power of ten."""
    if value <= 0:
        return Decimal(0)
    scale = Decimal(10) ** floor(log10(value))
    steps = (Decimal(text) for text in ("1", "2", "2.5", "4", "5", "8", "10"))
    return next(step * scale for step in steps if step * scale >= value)


@register.inclusion_tag("components/_timeline.html")
def timeline(lanes: Sequence[Lane], seconds: int, title: StrOrPromise) -> dict[str, object]:
    """Lanes over `seconds`, drawn to scale."""
    length = max(seconds, 1)
    return {
        "title": title,
        "ticks": [{"x": _across(at, length), "at": at} for at in _ticks(length)],
        "lanes": [
            {
                "lane": lane,
                "spans": [_span(span, length) for span in lane.spans],
                "marks": [{"mark": mark, "x": _across(mark.at, length)} for mark in lane.marks],
            }
            for lane in lanes
        ],
    }


def _span(span: Span, length: int) -> dict[str, object]:
    share = (span.end - span.start) / length
    # The words stand in the bar, else behind it, else before it where it is near the edge.
    inside = share > 0.25
    behind = span.end / length < 0.82
    return {
        "span": span,
        "seconds": span.end - span.start,
        "x": _across(span.start, length),
        "width": f"{max(share * 100, 0.4):.3f}%",
        "text_x": _across(span.end if behind and not inside else span.start, length),
        "before": not (behind or inside),
        "inside": inside,
    }


def _across(at: int, length: int) -> str:
    return f"{at / length * 100:.3f}%"


def _ticks(length: int) -> list[int]:
    """Round moments, at most seven of them."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step = next((step for step in steps if length / step <= 6), ceil(length / 6))
    return list(range(0, length + 1, step))
