"""A live page of every component in every state, for those who build pages: /styleguide/.

It is there while developing and in the demo, never where a real account is shown. Its samples
are made up; docs/design-system.md says what each component is for.
"""

import io
import math
import struct
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, wraps
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.safestring import SafeString

from history.navigation import PLACES, Stop
from history.templatetags import show
from history.templatetags.charts import Lane, Mark, Point, Span

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
SECONDS = 96

type View = Callable[..., HttpResponse]


@dataclass(frozen=True, kw_only=True)
class Column:
    label: str
    number: bool = False
    unit: str = ""
    help: str = ""
    url: str = ""
    sorted: str = ""
    narrow: bool = False
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    id: int
    at: datetime
    incoming: bool
    remote: str
    local: str
    outcome: tuple[str, str]
    seconds: int
    cost: Decimal
    application: str
    recorded: bool = False


@dataclass(frozen=True, kw_only=True)
class Link:
    label: str
    url: str = "#"
    current: bool = False
    count: int | None = None
    aside: str = ""
    icon: str = ""
    main: bool = False


@dataclass(frozen=True, kw_only=True)
class Chip:
    label: str
    value: str
    without: str = ""


@dataclass(frozen=True, kw_only=True)
class Fact:
    label: str
    value: str | SafeString
    copy: str = ""
    help: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Stat:
    label: str
    value: str | SafeString
    note: str | SafeString = ""
    unit: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Job:
    title: str
    state: str
    tone: str
    detail: str
    aside: str = ""
    percent: int | None = None
    done: bool = False
    url: str = "#"


@dataclass(frozen=True, kw_only=True)
class Tray:
    jobs: Sequence[Job]
    running: int
    url: str = "/styleguide/tray/"
    all_url: str = "#"


@dataclass(frozen=True, kw_only=True)
class Pager:
    first: int
    last: int
    total: int | None = None
    about: bool = False
    total_url: str = ""
    previous_url: str = ""
    next_url: str = ""
    sizes: Sequence[Link] = ()


@dataclass(frozen=True, kw_only=True)
class PeriodButton:
    label: str
    zone: str
    presets: Sequence[Link]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Account:
    name: str
    detail: str = ""
    letter: str = ""
    hue: int = 1
    url: str = "#"
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class Said:
    start: int
    who: str
    side: int
    text: str


@dataclass(frozen=True, kw_only=True)
class LogLine:
    number: int
    at: str
    level: str
    text: str
    when: datetime | None = None


class SampleForm(forms.Form):
    """A filter form as pages have them: fields that stand always, and groups in the panel."""

    remote_number = forms.CharField(
        required=False,
        label="Client numbers",
        widget=forms.Textarea(attrs={"rows": 1}),
        help_text="In any notation; paste a whole column.",
    )
    application = forms.ChoiceField(
        required=False,
        label="Application",
        choices=[("", "All"), ("support", "support-line"), ("dialer", "outbound-dialer")],
    )
    from_date = forms.CharField(required=False, label="From")
    to_date = forms.CharField(required=False, label="To")
    timezone = forms.CharField(required=False, label="Time zone")
    local_number = forms.CharField(
        required=False, label="Platform numbers", help_text="The number on the platform's side."
    )
    session = forms.CharField(required=False, label="Session IDs")
    custom_data = forms.CharField(required=False, label="Custom data")
    min_duration = forms.IntegerField(
        required=False,
        label="At least, seconds",
        error_messages={"invalid": "Write a whole number of seconds, as 90."},
    )
    children = forms.BooleanField(
        required=False, label="Child accounts only", help_text="Leaves out this account's own."
    )

    groups: ClassVar = (
        ("Numbers", ("local_number",)),
        ("Session", ("session", "custom_data")),
        ("Length", ("min_duration", "children")),
    )

    def active_in_panel(self) -> int:
        return 2

    def always(self) -> list[forms.BoundField]:
        return [self["remote_number"], self["application"]]

    def panel(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.groups]


class BadForm(forms.Form):
    """A form whose values are wrong, to show how that is said and that they are kept."""

    count = forms.IntegerField(
        label="Rows",
        widget=forms.TextInput,
        error_messages={"invalid": "“many” is not a number. Write one, as 50."},
    )
    zone = forms.CharField(label="Time zone", help_text="A name of the tz database.")
    reason = forms.CharField(
        label="Reason",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why: it is kept in the trail."},
    )
    kind = forms.ChoiceField(
        label="File", widget=forms.RadioSelect, choices=[("csv", "CSV"), ("xlsx", "XLSX")]
    )


ROWS = tuple(
    Row(
        id=915_004_471 - number * 37,
        at=NOW - timedelta(minutes=7 * number, seconds=13 * number),
        incoming=incoming,
        remote=remote,
        local="74951234567",
        outcome=outcome,
        seconds=seconds,
        cost=Decimal(cost),
        application=application,
        recorded=recorded,
    )
    for number, (incoming, remote, outcome, seconds, cost, application, recorded) in enumerate(
        (
            (True, "442079460958", ("Answered", "good"), 96, "0.0136", "support-line", True),
            (False, "74959876543", ("Busy (486)", "warn"), 0, "0", "outbound-dialer", False),
            (True, "4930901820", ("Answered", "good"), 1843, "0.2811", "support-line", True),
            (False, "12025550143", ("Failed (503)", "bad"), 0, "0", "outbound-dialer", False),
            (True, "anna@example.voximplant.com", ("In progress", "info"), 31, "0", "ivr", False),
            (True, "34912345678", ("Missed", "warn"), 12, "0.006", "support-line", False),
            (False, "5511987654321", ("Answered", "good"), 3723, "1.117", "outbound-dialer", True),
            (True, "1021", ("No calls", "quiet"), 4, "0.00125", "ivr", False),
        )
    )
)

COLUMNS = (
    Column(label="Started", unit="UTC", url="#", sorted="descending"),
    Column(label="Direction", hidden=True, narrow=True),
    Column(label="Client number"),
    Column(label="Platform number"),
    Column(label="Outcome", help="What became of the session, from its calls' end codes."),
    Column(label="Duration", number=True, url="#"),
    Column(label="Cost", number=True, unit="USD", url="#"),
    Column(label="Application"),
    Column(label="Recording", hidden=True, narrow=True),
)


def _days() -> list[Point]:
    points = []
    for day in range(30):
        date = (NOW - timedelta(days=29 - day)).date()
        calls = round(240 + 90 * math.sin(day / 2.2) - (170 if date.weekday() > 4 else 0))
        failed = calls // 9 + (40 if day == 21 else 0)
        points.append(
            Point(
                label=f"{date:%d %b %Y}",
                short=f"{date:%d %b}",
                value=calls,
                said=f"{calls} calls",
                part=failed,
                part_said=f"{failed} failed",
                url=f"?day={date}",
                current=day == 21,
            )
        )
    return points


LANES = (
    Lane(
        name="Client",
        note="+44 20 7946 0958",
        icon="phone-incoming",
        spans=(
            Span(start=0, end=9, label="Ringing", tone="wait"),
            Span(start=9, end=96, label="Talking", tone="good"),
        ),
        marks=(Mark(at=58, label="Hold"),),
    ),
    Lane(
        name="Operator 1",
        note="anna",
        icon="phone-outgoing",
        spans=(Span(start=12, end=27, label="No answer (480)", tone="bad"),),
    ),
    Lane(
        name="Operator 2",
        note="boris",
        icon="phone-outgoing",
        spans=(
            Span(start=28, end=34, label="Ringing", tone="wait"),
            Span(start=34, end=95, label="Talking", tone="good"),
        ),
    ),
    Lane(name="Recording", icon="mic", spans=(Span(start=34, end=95, label="Recording"),)),
)

LINES = tuple(
    Said(start=start, who=who, side=side, text=text)
    for start, who, side, text in (
        (2, "Operator", 1, "Good afternoon, support line, Boris speaking. How can I help?"),
        (9, "Client", 2, "Hello. My parcel was due on Friday, and the tracking stopped."),
        (17, "Operator", 1, "I am sorry about that. Can you give me the order number?"),
        (24, "Client", 2, "It is four seven one, double zero, eight."),
        (31, "Operator", 1, "Thank you. It left the depot this morning and arrives today."),
        (44, "Client", 2, "Good, that is all I wanted to know. Thank you!"),
    )
)

LOG = tuple(
    LogLine(
        number=number,
        at=f"+{at}",
        level=level,
        text=text,
        when=NOW + timedelta(milliseconds=120 * number),
    )
    for number, (at, level, text) in enumerate(
        (
            ("0.000", "info", "Session started, rule “support”, 1 scenario"),
            ("0.004", "debug", "Loaded module: Modules.Recorder"),
            ("0.117", "info", "CallAlerting from +44 20 7946 0958 to +7 495 123-45-67"),
            ("9.020", "info", "Call.answer()"),
            ("12.411", "info", "callUser({username: “anna”, callerid: “442079460958”})"),
            ("27.500", "warning", "CallFailed 480: User offline"),
            ("28.002", "info", "callUser({username: “boris”})"),
            ("58.730", "error", "TypeError: Cannot read properties of undefined (reading “id”)"),
            ("58.731", "debug", "    at onHold (support.js:41:17)\n    at dispatch (core.js:9:3)"),
            ("96.004", "info", "CallDisconnected, duration 96, cost 0.0136"),
        ),
        start=1,
    )
)

JOBS = (
    Job(
        title="Transactions, May 2026",
        state="Downloading",
        tone="info",
        percent=62,
        detail="18.4 of 29.7 MB",
        aside="2.1 MB/s, 5 s left",
    ),
    Job(title="Calls, 2025", state="Ordered", tone="quiet", detail="Waiting for Voximplant"),
    Job(title="Audit log, Q1 2026", state="Verified", tone="good", detail="41,902 rows", done=True),
    Job(
        title="Calls, last week",
        state="Failed",
        tone="bad",
        detail="Code 124: the period is too long",
        done=True,
    ),
)

ACCOUNTS = (
    Account(name="northwind-support", detail="48211", letter="N", hue=1, current=True),
    Account(name="northwind-sales", detail="48212", letter="S", hue=2),
    Account(name="acme-pilot", detail="51009", letter="A", hue=3),
)

PERIOD = PeriodButton(
    label="Last 7 days",
    zone="Europe/Berlin",
    presets=(
        Link(label="Today"),
        Link(label="Yesterday"),
        Link(label="Last 7 days", current=True),
        Link(label="Last 30 days"),
        Link(label="This month"),
        Link(label="Last month"),
    ),
    note="29 March has 23 hours: the clock is set forward.",
)


def _facts() -> tuple[Fact, ...]:
    return (
        Fact(label="Session ID", value="915004471", copy="915004471"),
        Fact(label="Started", value=show.moment(NOW)),
        Fact(label="Client number", value=show.phone("442079460958"), copy="+442079460958"),
        Fact(label="Duration", value=show.duration(SECONDS)),
        Fact(label="Application", value="support-line", url="#"),
        Fact(label="Cost", value=show.money(Decimal("0.0136"), "USD")),
        Fact(label="Rule", value="support", help="The routing rule that started the scenario."),
        Fact(label="Custom data", value='{"ticket": 8214}', copy='{"ticket": 8214}'),
    )


def _stats() -> tuple[Stat, ...]:
    return (
        Stat(label="Calls", value=show.count(8214), note="+4 % on the week before", url="#"),
        Stat(label="Answered", value="91.2", unit="%", note="7,491 of 8,214"),
        Stat(label="Talk time", value="214:08", unit="h"),
        Stat(
            label="Spent", value=show.money(Decimal("-1284.0612"), "USD"), note="4 currencies kept"
        ),
        Stat(label="Balance", value=show.money(Decimal("402.17"), "USD"), note="about 9 days"),
    )


def _frame() -> dict[str, object]:
    return {
        "nav": tuple(Stop(place, current=place.name == "calls") for place in PLACES),
        "account": ACCOUNTS[0],
        "accounts": ACCOUNTS,
        "tray": Tray(jobs=JOBS, running=2),
    }


def _samples() -> dict[str, object]:
    sizes = [Link(label=str(size), current=size == 50) for size in (20, 50, 100, 1000)]
    return {
        "rows": ROWS,
        "columns": COLUMNS,
        "chips": (
            Chip(label="Client numbers", value="12 numbers"),
            Chip(label="Application", value="support-line"),
            Chip(label="At least", value="10 s"),
        ),
        "tabs": (
            Link(label="All", current=True),
            Link(label="Failed", count=214),
            Link(label="Missed"),
            Link(label="Short"),
            Link(label="With recording"),
            Link(label="Costly"),
        ),
        "pager": Pager(
            first=1, last=50, total_url="/styleguide/total/", next_url="?offset=50", sizes=sizes
        ),
        "pager_last": Pager(first=8201, last=8214, total=8214, previous_url="?offset=8150"),
        "period": PERIOD,
        "form": SampleForm(),
        "bad_form": BadForm(
            {"count": "many", "zone": "Europe/Berlin", "reason": "", "kind": "csv"}
        ),
        "column_choices": [{"name": column.label, "label": column.label} for column in COLUMNS],
        "column_names": [column.label for column in COLUMNS],
        "points": _days(),
        "lanes": LANES,
        "seconds": SECONDS,
        "facts": _facts(),
        "stats": _stats(),
        "lines": LINES,
        "log": LOG,
        "jobs": JOBS,
        "now": NOW,
        "tones": ("good", "bad", "warn", "info", "quiet"),
        "amounts": [Decimal(text) for text in ("1284.0612", "-0.0060", "12", "-1250000.5", "0")],
        "empty_actions": (Link(label="Show the last 30 days", main=True), Link(label="Clear")),
        "menu": (
            Link(label="Failed today", current=True),
            Link(label="Sales, costly", aside="shared"),
        ),
        "json": '{\n  "call_session_history_id": 915004471,\n  "duration": 96\n}',
        "colours": COLOURS,
        "icons": ICONS,
    }


COLOURS = (
    *("canvas", "surface", "raised", "sunken", "hover", "selected", "line", "edge"),
    *("ink", "ink-2", "ink-3", "accent", "good", "warn", "bad", "quiet-mark"),
)

ICONS = (
    *("home", "phone", "phone-incoming", "phone-outgoing", "phone-missed", "conference"),
    *("mic", "record", "wallet", "queue", "shield", "file", "settings", "search", "filter"),
    *("calendar", "columns", "download", "export", "copy", "check", "x", "plus", "minus"),
    *("chevron-down", "chevron-up", "chevron-left", "chevron-right", "arrow-up", "arrow-down"),
    *("sort", "alert", "info", "clock", "play", "pause", "back10", "fwd10", "volume", "link"),
    *("external", "trash", "user", "moon", "sun", "contrast", "rows", "rows-wide", "menu"),
    *("more", "refresh", "star", "bookmark", "globe", "keyboard", "eye", "lock", "help"),
    *("flag", "sign-out", "code", "chart"),
)


def _for_developers(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        on_sandbox = urlsplit(settings.VOX_API_URL).hostname in settings.THIS_MACHINE
        if not (settings.DEBUG or on_sandbox):
            raise Http404
        return view(request, **kwargs)

    return login_not_required(guarded)


@_for_developers
def styleguide(request: HttpRequest) -> HttpResponse:
    return render(request, "styleguide.html", {**_samples(), **_frame()})


@_for_developers
def panel(request: HttpRequest, row: int) -> HttpResponse:
    found = next((sample for sample in ROWS if sample.id == row), ROWS[0])
    return render(request, "components/_styleguide_panel.html", {**_samples(), "row": found})


@_for_developers
def total(request: HttpRequest) -> HttpResponse:
    shown = {"total": 8214, "about": True}
    return render(request, "components/_total.jinja", shown, using="jinja")


@_for_developers
def tray(request: HttpRequest) -> HttpResponse:
    shown = {"tray": Tray(jobs=JOBS, running=2)}
    return render(request, "components/_tray.jinja", shown, using="jinja")


@_for_developers
def audio(request: HttpRequest) -> HttpResponse:
    """A chord that swells and falls, as a WAV file."""
    return HttpResponse(_chord(), content_type="audio/wav")


@_for_developers
def peaks(request: HttpRequest) -> HttpResponse:
    return JsonResponse([round(_swell(at / 400), 3) for at in range(400)], safe=False)


@cache
def _chord() -> bytes:
    rate = 8000
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(
            b"".join(
                struct.pack("<h", round(9000 * _swell(at / rate / 8) * math.sin(at * 0.31)))
                for at in range(rate * 8)
            )
        )
    return file.getvalue()


def _swell(share: float) -> float:
    return abs(math.sin(share * 23) * math.sin(share * 7.3)) * 0.8 + 0.1


urlpatterns = [
    path("", styleguide, name="styleguide"),
    path("panel/<int:row>/", panel),
    path("total/", total),
    path("tray/", tray),
    path("audio/", audio),
    path("peaks/", peaks),
]
