"""ACD sessions as drawings to scale: a small waterfall a row, a timeline for one session."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from django.utils.translation import gettext as _t
from django_stubs_ext import StrOrPromise

from history.api.replies import ACDSessionInfoType
from history.templatetags.charts import Lane, Mark, Span
from history.templatetags.show import in_words
from history.words import acd_event

_SCALES = (30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of an ACD session, in seconds; `tone` as the style sheet's spans have it."""

    name: str
    label: StrOrPromise
    tone: str
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A part drawn: percentages of the width; `cut` where it goes on beyond the scale."""

    tone: str
    label: str
    x: str
    width: str
    cut: bool


def parts(session: ACDSessionInfoType) -> Sequence[Part]:
    """Wait, service and after-service, in the order in which they follow each other."""
    return (
        Part(name="wait", label=_t("Waiting"), tone="wait", seconds=session.waiting_duration or 0),
        Part(
            name="service",
            label=_t("In service"),
            tone="",
            seconds=session.in_service_duration or 0,
        ),
        Part(
            name="after",
            label=_t("After service"),
            tone="quiet",
            seconds=session.after_service_duration or 0,
        ),
    )


def length(session: ACDSessionInfoType) -> int:
    """Seconds from joining the queue to the end of the last part."""
    return sum(part.seconds for part in parts(session))


def common_scale(sessions: Sequence[ACDSessionInfoType]) -> int:
    """The seconds that every waterfall of a page stands for.

    Nine of ten sessions fit. One call of two hours must not make slivers of all the others, so
    the longest are cut and say so.
    """
    lengths = sorted(map(length, sessions))
    usual = lengths[ceil(len(lengths) * 0.9) - 1] if lengths else 0
    return next((scale for scale in _SCALES if scale >= usual), usual)


def waterfall(session: ACDSessionInfoType, scale: int) -> list[Bar]:
    """The parts as bars over `scale` seconds."""
    bars: list[Bar] = []
    start = 0
    for part in parts(session):
        end = start + part.seconds
        if part.seconds and start < scale:
            share = (min(end, scale) - start) / scale * 100
            bars.append(
                Bar(
                    tone=part.tone,
                    label=f"{part.label}: {in_words(part.seconds)}",
                    x=f"{start / scale * 100:.2f}%",
                    width=f"{max(share, 0.6):.2f}%",
                    cut=end > scale,
                )
            )
        start = end
    return bars


def lanes(session: ACDSessionInfoType) -> list[Lane]:
    """The session for the `timeline` tag: a lane for each part that lasted, one for the events."""
    wait, service, after = parts(session)
    answered = wait.seconds + service.seconds
    ends = {"wait": wait.seconds, "service": answered, "after": answered + after.seconds}
    queue = _t("Queue %(id)s") % {"id": session.acd_queue_id} if session.acd_queue_id else ""
    operator = str(session.user_id or "")
    drawn = [
        Lane(name=part.label, note=note, icon=icon, spans=_span(part, ends[part.name]))
        for part, note, icon in (
            (wait, queue, "clock"),
            (service, operator, "phone"),
            (after, operator, "user"),
        )
    ]
    marks = [
        Mark(at=since_begin(session, n), label=acd_event(event.type))
        for n, event in enumerate(session.events)
    ]
    drawn.append(Lane(name=_t("Events"), icon="flag", marks=marks))
    return [lane for lane in drawn if lane.spans or lane.marks]


def _span(part: Part, end: int) -> list[Span]:
    if not part.seconds:
        return []
    return [Span(start=end - part.seconds, end=end, label=part.label, tone=part.tone)]


def since_begin(session: ACDSessionInfoType, event: int) -> int:
    """Seconds from joining the queue to the event of that number, from 0."""
    return max(0, round((session.events[event].time - session.begin_time).total_seconds()))


def seconds_drawn(session: ACDSessionInfoType) -> int:
    """How long the timeline of a session is: to its end, or its last event if that is later."""
    last = max((since_begin(session, n) for n in range(len(session.events))), default=0)
    return max(length(session), last, 1)
