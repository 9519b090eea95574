"""When sessions start: more by day than by night, on weekdays, and as the customer grows.

Also the starts that have to be there whatever chance says: a burst in one second, the hour that
daylight saving repeats, a three-hour conference, conversations that are still going on.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import accumulate, groupby
from random import Random
from typing import NamedTuple

from sandbox import world
from sandbox.world import RULES_OF, AccountPlan, Rule

HOUR, DAY = 3600, 86_400
QUARTER = 900

# Share of a weekday's sessions by local hour.
WEEKDAY = (2, 1, 1, 1, 2, 5, 14, 38, 82, 110, 118, 104, 76, 84, 102, 108, 92, 66, 40, 26, 17, 11,
           7, 4)  # fmt: skip
WEEKEND = 0.28
GROWTH = 0.35  # over the whole period
QUIET_DAYS = {(12, 24): 0.3, (12, 25): 0.12, (12, 26): 0.15, (12, 31): 0.35, (1, 1): 0.15}


class Start(NamedTuple):
    """A session begins; `twist` is what must happen to it, `stretch` how long it talks."""

    moment: int
    rule: Rule
    twist: str = ""
    stretch: int | None = None


@dataclass(frozen=True, kw_only=True)
class Period:
    """Unix seconds: from `begin` to `now` lies the past, up to `end` what is yet to come."""

    begin: int
    now: int
    end: int

    @property
    def dry_spell(self) -> range:
        """The seconds of a working day on which the Polish account had no money."""
        zone = world.ACCOUNTS[-1].zone
        day = datetime.fromtimestamp(self.now - (self.now - self.begin) * 2 // 5, zone)
        morning = (day - timedelta(days=day.weekday())).replace(
            hour=9, minute=30, second=0, microsecond=0
        )
        return range(int(morning.timestamp()), int(morning.timestamp()) + 5 * HOUR)


def starts(chance: Random, period: Period, sessions: int) -> Iterator[Start]:
    """So many starts up to now and, at the same pace, those until the end; in order of time."""
    special = special_starts(chance, period, sessions)[:sessions]
    special.sort(key=lambda start: start.moment)
    rhythm = Rhythm(chance, period)
    return heapq.merge(
        special, rhythm.starts(sessions - len(special)), key=lambda start: start.moment
    )


class Rhythm:
    """Hours of all accounts with their weights; `starts` draws from them."""

    def __init__(self, chance: Random, period: Period) -> None:
        self.chance = chance
        self.period = period
        self._mood: dict[tuple[int, date], float] = {}
        first = period.begin // HOUR
        self.hours = [
            (hour * HOUR, plan, _local_hour(hour * HOUR, plan))
            for hour in range(first, -(-period.end // HOUR))
            for plan in world.ACCOUNTS
        ]
        self.weights = [self._weight(*hour) for hour in self.hours]
        self._now_index = (period.now // HOUR - first) * len(world.ACCOUNTS)

    def starts(self, sessions: int) -> Iterator[Start]:
        past = list(accumulate(self.weights[: self._now_index + len(world.ACCOUNTS)]))
        yield from self._draw(past, sessions, self.period.begin, self.period.now)
        future = [0.0] * self._now_index + self.weights[self._now_index :]
        expected = round(sessions * sum(future) / past[-1])
        if expected and self.period.end > self.period.now:
            cumulated = list(accumulate(future))
            yield from self._draw(cumulated, expected, self.period.now + 1, self.period.end)

    def _draw(self, cumulated: list[float], k: int, first: int, last: int) -> Iterator[Start]:
        drawn = self.chance.choices(range(len(cumulated)), cum_weights=cumulated, k=k)
        drawn.sort()
        for start, indexes in groupby(drawn, key=lambda index: self.hours[index][0]):
            low, high = max(start, first), min(start + HOUR - 1, last)
            hour = [self._start(index, low, high) for index in indexes]
            hour.sort(key=lambda start: start.moment)
            yield from hour

    def _start(self, index: int, low: int, high: int) -> Start:
        _, plan, local = self.hours[index]
        rule = pick_rule(self.chance, plan.account_id, local.hour)
        moment = low + int(self.chance.random() * (high - low + 1))
        if rule.batch:
            moment = max(low, moment - moment % QUARTER)
        return Start(moment, rule)

    def _weight(self, start: int, plan: AccountPlan, local: datetime) -> float:
        """How many sessions of the account to expect in that hour, up to a factor."""
        overlap = min(start + HOUR, self.period.end) - max(start, self.period.begin)
        weight = WEEKDAY[local.hour] * plan.share * overlap / HOUR
        if local.weekday() >= 5:
            weight *= WEEKEND
        weight *= QUIET_DAYS.get((local.month, local.day), 1)
        weight *= 1 + GROWTH * (start - self.period.begin) / (self.period.now - self.period.begin)
        key = (plan.account_id, local.date())
        if key not in self._mood:
            self._mood[key] = self.chance.uniform(0.85, 1.15) * self.chance.choice(MOODS)
        return weight * self._mood[key]


MOODS = (*[1.0] * 60, 1.6, 0.6)  # once in a while a day is not like the others


def _local_hour(moment: int, plan: AccountPlan) -> datetime:
    return datetime.fromtimestamp(moment, plan.zone)


_CHOICES = {
    (account_id, by_day): (rules, list(accumulate(r.day if by_day else r.night for r in rules)))
    for account_id, rules in RULES_OF.items()
    for by_day in (True, False)
}


def pick_rule(chance: Random, account_id: int, local_hour: int) -> Rule:
    rules, weights = _CHOICES[account_id, 8 <= local_hour < 19]
    return chance.choices(rules, cum_weights=weights)[0]


def special_starts(chance: Random, period: Period, sessions: int) -> list[Start]:
    """The starts that must not be missing, the most important first."""
    rules = {rule.name: rule for rule in world.RULES}
    support = (rules["inbound"], rules["patients"], rules["orders"], rules["infolinia"])
    going_on = [
        Start(period.now - 40 - 95 * n, support[n % 4], "going on", 900 + 700 * n) for n in range(6)
    ]
    dry = period.dry_spell
    no_money = [Start(dry[len(dry) * (n + 1) // 6], rules["wizyty"]) for n in range(5)]
    extremes = [
        Start(period.now - 40 * DAY, rules["rooms"], "long", 3 * HOUR),
        Start(period.now - 6 * DAY, rules["patients"], "short", 4),
    ]
    every = [
        Start(_working_hour(chance, period), rule, f"mishap {n % 12}")
        for n, rule in enumerate(rule for rule in world.RULES for _ in range(3))
    ]
    second = _working_hour(chance, period) // QUARTER * QUARTER
    burst = [Start(second, rules["appointment-reminder"])] * min(60, sessions // 20)
    return [*going_on, *extremes, *no_money, *_around_clock_changes(chance, period), *every, *burst]


def _working_hour(chance: Random, period: Period) -> int:
    day = (period.now - chance.randrange(3 * DAY, 60 * DAY)) // DAY
    return day * DAY + chance.randrange(8 * HOUR, 16 * HOUR)


def _around_clock_changes(chance: Random, period: Period) -> list[Start]:
    """Sessions in the hours before and after the clocks of the parent account change."""
    zone = world.ACCOUNTS[0].zone
    changes = [
        hour
        for hour in range(period.begin // HOUR * HOUR + HOUR, period.now, HOUR)
        if _offset(hour, zone) != _offset(hour - 1, zone)
    ]
    rules = [rule for rule in RULES_OF[world.PARENT] if rule.night]
    return [
        Start(change + shift, chance.choice(rules))
        for change in changes
        # Half an hour before and after: where an hour is repeated, the same wall-clock time.
        for shift in (-1800, 1800, -3600, -3000, -61, -1, 0, 1, 59, 3000, 3599)
    ]


def _offset(moment: int, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(moment, zone).utcoffset()
