"""Reports in words: what the list, the tray and a report's page say of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Case, F, Q, When
from django.utils import formats
from django.utils.html import strip_tags
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django_stubs_ext import StrOrPromise

from dashboard.prepared import Prepared
from history.addresses import url
from history.listing import in_words
from history.masking import hidden_in
from history.models import accounts
from history.models.reports import ACTIVE, Kind, Report, State
from history.reports.access import Person
from history.reports.kinds import spec_of
from history.templatetags.show import exact, filesize
from history.templatetags.show import in_words as seconds_in_words

TONES: Mapping[str, str] = {
    State.ORDERED: "quiet",
    State.BUILDING: "info",
    State.DOWNLOADING: "info",
    State.VERIFYING: "info",
    State.STORED: "good",
    State.FAILED: "bad",
    State.CANCELLED: "quiet",
    State.EXPIRED: "quiet",
}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A stop on a report's way; without a time it lies ahead or was left out."""

    label: StrOrPromise
    at: datetime | None
    current: bool = False
    bad: bool = False


@dataclass(frozen=True)
class Shown:
    """A report as templates use it; the row itself is `row`."""

    row: Report

    @property
    def title(self) -> str:
        name = str(self.row.get_kind_display())
        if self.row.kind == Kind.REMOTE:
            return _t("Platform report %(id)d") % {"id": self.row.remote_id or 0}
        return f"{name}, {self.span}" if self.span else name

    @property
    def span(self) -> str:
        """The period as people write it."""
        return in_words(self.row.period) if self.row.period else ""

    @property
    def url(self) -> str:
        return url("report", self.row.pk)

    @property
    def state(self) -> StrOrPromise:
        row = self.row
        if row.state == State.STORED:
            return _t("Differs") if row.differences else _t("Verified")
        if row.state == State.ORDERED and not row.asked:
            return _t("Queued")
        return row.get_state_display()

    @property
    def tone(self) -> str:
        if self.row.state == State.STORED and self.row.differences:
            return "warn"
        return TONES[self.row.state]

    @property
    def detail(self) -> StrOrPromise:
        """What is known of how far it is, or what came of it."""
        row = self.row
        if row.note:
            return row.note
        match row.state:
            case State.ORDERED:
                ahead = row.ahead
                if not ahead:
                    return _t("Begins in a moment.")
                words = ngettext("%(n)d report before it.", "%(n)d reports before it.", ahead)
                return words % {"n": ahead}
            case State.BUILDING:
                return _t("Voximplant builds it as report %(id)d.") % {"id": row.remote_id or 0}
            case State.DOWNLOADING | State.VERIFYING:
                return self._done()
            case State.STORED:
                return _t("%(rows)s, %(size)s") % {"rows": self.rows, "size": _size(row.size)}
        return ""

    def _done(self) -> str:
        row = self.row
        if row.kind == Kind.ACD:
            return self.rows
        if row.bytes_expected:
            sizes = {"done": _size(row.bytes_done), "whole": _size(row.bytes_expected)}
            return _t("%(done)s of %(whole)s") % sizes
        return _size(row.bytes_done)

    @property
    def aside(self) -> str:
        """Rate and time left of a download."""
        row = self.row
        if row.state != State.DOWNLOADING or not row.rate:
            return ""
        rate = _t("%(size)s/s") % {"size": _size(row.rate)}
        left = row.seconds_left
        return (
            f"{rate} · {_t('%(time)s left') % {'time': seconds_in_words(left)}}" if left else rate
        )

    @property
    def rows(self) -> str:
        words = ngettext("%(n)s row", "%(n)s rows", self.row.rows_done)
        return words % {"n": formats.number_format(self.row.rows_done, force_grouping=True)}

    @property
    def job(self) -> Mapping[str, Any]:
        """For components/_job.jinja."""
        return {
            "title": self.title,
            "url": self.url,
            "detail": self.detail,
            "aside": self.aside,
            "state": self.state,
            "tone": self.tone,
            "percent": self.row.percent,
            "done": not self.row.active,
        }

    def way(self) -> Iterator[Moment]:
        """The stops of its way, with their times."""
        row = self.row
        own = row.kind == Kind.ACD
        yield Moment(label=_t("Ordered"), at=row.created, current=row.state == State.ORDERED)
        if not own:
            yield Moment(
                label=_t("Accepted by Voximplant"),
                at=row.accepted,
                current=row.state == State.BUILDING,
            )
            yield Moment(label=_t("Built"), at=row.built)
        yield Moment(
            label=_t("Collected") if own else _t("Downloaded"),
            at=row.downloaded,
            current=row.state == State.DOWNLOADING,
        )
        yield Moment(
            label=_t("Verified and stored"), at=row.stored, current=row.state == State.VERIFYING
        )
        if row.state in (State.FAILED, State.CANCELLED, State.EXPIRED):
            yield Moment(label=row.get_state_display(), at=row.ended, bad=row.state == State.FAILED)

    def sums(self) -> list[Mapping[str, object]]:
        """Columns that were added up: name, unit and total of each."""
        spec = spec_of(self.row)
        money = spec.money if spec else ()
        return [
            {
                "column": column,
                "unit": unit,
                "total": exact(Decimal(total)) if column in money else total,
            }
            for column, totals in self.row.sums.items()
            for unit, total in totals.items()
        ]

    def filters(self) -> list[tuple[str, str]]:
        """What was asked for beside the period."""
        asked = hidden_in(self.row.params or self.row.remote.get("filters") or {})
        return [
            (name, str(value))
            for name, value in asked.items()
            if name not in ("from_date", "to_date", "timezone") and str(value) != ""
        ]


def _size(size: int | None) -> str:
    return strip_tags(filesize(size))


def _left(seconds: int) -> str:
    return _t("%(time)s left") % {"time": seconds_in_words(seconds)}


IN_TRAY = 6


_runs = Q(state__in=ACTIVE)
_newest = Prepared(
    lambda account, person: Report.objects.filter(account=account, owner_id=person).order_by(
        Case(When(_runs, then=0), default=1),
        Case(When(_runs, then=F("created")), default=F("updated")).desc(),
    )[:IN_TRAY],
    account=str,
    person=int,
)


def tray_of(user: Person) -> Mapping[str, Any]:
    """The person's running reports and fresh results, for components/_tray.jinja."""
    newest = _newest(account=accounts.slug(), person=cast(User, user).pk)
    running = sum(report.active for report in newest)
    if running == IN_TRAY:
        running = Report.here.filter(_runs, owner_id=user.pk).count()
    return {
        "url": url("report_tray"),
        "all_url": url("reports"),
        "running": running,
        "jobs": [Shown(report).job for report in newest],
    }
