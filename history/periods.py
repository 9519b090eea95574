"""Periods as people choose them: two ends in one zone, and how the API is asked for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.api import wire

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Period:
    """Aware `start` and `end`, both inclusive at a second's precision, in the zone `zone`."""

    start: datetime
    end: datetime
    zone: str

    def asked(self) -> Mapping[str, object]:
        """`from_date`, `to_date` and `timezone` for the API, exact on every day of the year.

        The wall clock of the chosen zone goes out as it is, unless the zone changes its clock
        within the period: then one of its hours is ambiguous, and the API is asked in GMT.
        """
        steady = self.start.utcoffset() == self.end.utcoffset() and not self._changes_inside()
        name = self.zone if steady else "Etc/GMT"
        zone = wire.zone(name)
        return {
            "from_date": self.start.astimezone(zone).replace(tzinfo=None),
            "to_date": self.end.astimezone(zone).replace(tzinfo=None),
            "timezone": name,
        }

    def asked_in_utc(self) -> Mapping[str, datetime]:
        """`from_date` and `to_date` for methods whose dates are always UTC."""
        return {
            "from_date": self.start.astimezone(UTC).replace(tzinfo=None),
            "to_date": self.end.astimezone(UTC).replace(tzinfo=None),
        }

    def asked_in_zone(self) -> Mapping[str, object]:
        """As `asked`, but always on the wall clock of the zone: for files, whose times are read
        by people. On a day when the clock is set back one hour of such a file reads twice.
        """
        return {
            "from_date": self.start.replace(tzinfo=None),
            "to_date": self.end.replace(tzinfo=None),
            "timezone": self.zone,
        }

    @property
    def length(self) -> timedelta:
        return self.end.astimezone(UTC) - self.start.astimezone(UTC) + SECOND

    @property
    def hours(self) -> int:
        return round(self.length.total_seconds() / 3600)

    def before(self) -> "Period":
        """The period of the same length that ends where this one begins."""
        end = self.start.astimezone(UTC) - SECOND
        zone = wire.zone(self.zone)
        start = (end - self.length + SECOND).astimezone(zone)
        return Period(start=start, end=end.astimezone(zone), zone=self.zone)

    def _changes_inside(self) -> bool:
        # Zones that change twice within a period end with the offset they began with.
        moment = self.start.astimezone(UTC)
        zone = wire.zone(self.zone)
        first = self.start.utcoffset()
        while moment < self.end:
            if moment.astimezone(zone).utcoffset() != first:
                return True
            moment += 20 * DAY
        return False


type Days = tuple[datetime, datetime]


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time.min, moment.tzinfo)


def _days(back: int, upto: int = 0) -> Callable[[datetime], Days]:
    """From midnight `back` days ago until the end of the day `upto` days ago."""
    return lambda now: (_midnight(now - back * DAY), _midnight(now + (1 - upto) * DAY))


def _months(back: int) -> Callable[[datetime], Days]:
    """The calendar month `back` months ago, whole."""

    def month(now: datetime) -> Days:
        index = now.year * 12 + now.month - 1 - back
        first = _midnight(now).replace(year=index // 12, month=index % 12 + 1, day=1)
        index += 1
        return first, first.replace(year=index // 12, month=index % 12 + 1)

    return month


def _last_day(now: datetime) -> Days:
    end = (now.astimezone(UTC) + SECOND).astimezone(now.tzinfo)
    return (end.astimezone(UTC) - DAY).astimezone(now.tzinfo), end


PRESETS: Mapping[str, tuple[StrOrPromise, Callable[[datetime], Days]]] = {
    "last_24_hours": (_("Last 24 hours"), _last_day),
    "today": (_("Today"), _days(0)),
    "yesterday": (_("Yesterday"), _days(1, upto=1)),
    "last_7_days": (_("Last 7 days"), _days(6)),
    "last_30_days": (_("Last 30 days"), _days(29)),
    "this_month": (_("This month"), _months(0)),
    "last_month": (_("Last month"), _months(1)),
    "last_90_days": (_("Last 90 days"), _days(89)),
    "last_12_months": (_("Last 12 months"), _days(364)),
}


def preset(name: str, zone: str, now: datetime) -> Period:
    """The preset period `name` as it stands at `now`; KeyError for an unknown name.

    Ends are calendar days of the zone, so a day with a clock change has 23 or 25 hours.
    """
    there: tzinfo = wire.zone(zone)
    start, after = PRESETS[name][1](now.astimezone(there).replace(microsecond=0))
    return Period(start=start, end=_second_before(after), zone=zone)


def _second_before(moment: datetime) -> datetime:
    return (moment.astimezone(UTC) - SECOND).astimezone(moment.tzinfo)
