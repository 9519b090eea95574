"""Makes a believable account: thirteen months of calls, money and changes, from a seed.

`rhythm` says when sessions start, `scenes` plays them, `ledger` performs what they cost,
`trail` tells who changed what, `facets` makes all of it searchable. Here the parts become rows.
"""

# Statements are put together from our own words only; values are bound.
# ruff: noqa: S608

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sandbox import facets, rhythm, trail, world
from sandbox.ledger import Entry, Ledger, schedule
from sandbox.rhythm import Period, Start
from sandbox.scenes import SCRIPTS, Call, Ids, Record, Scene, Stage, Usage, Waiting
from sandbox.schema import BITMAP_TABLES, FACET_TABLES, INDEXES, TABLES, VERSION, Row
from sandbox.trail import Removal
from sandbox.world import Party, PriceGroup

MONTHS = 13
AHEAD = timedelta(days=14)
HOUR, DAY = 3600, 86_400
MAX_ANOMALIES = 30
ODDITIES = ("charge_without_call", "call_without_charge", "differing_amount")


def seed(
    path: Path,
    *,
    sessions: int = 20_000,
    seed: int = 1,
    now: datetime | None = None,
    ahead: timedelta = AHEAD,
) -> None:
    """Writes a new file with `sessions` sessions up to `now`, and what comes `ahead` of it.

    The same arguments give the same bytes. The future is there so that a running sandbox lives:
    the store shows what lies before its clock.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            _prepare(connection)
            connection.execute("BEGIN")
            Play(connection, seed, sessions, now, now + ahead).run()
            facets.fill(connection)
            connection.execute("COMMIT")
            connection.executescript(f"{INDEXES} PRAGMA journal_mode = WAL;")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection) -> None:
    # Nobody reads the file before it is finished, and an unfinished one is thrown away.
    connection.executescript(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -300000;"
        f"{TABLES} {FACET_TABLES} {BITMAP_TABLES}"
    )


def thirteen_months_before(now: datetime) -> datetime:
    """The same day of the month, or the 28th where that month is shorter."""
    years, month = divmod(now.month - 1 - MONTHS, 12)
    return now.replace(year=now.year + years, month=month + 1, day=min(now.day, 28))


class Play:
    """One performance: from the first start to the last row."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        seed: int,
        sessions: int,
        now: datetime,
        end: datetime,
    ) -> None:
        begin = thirteen_months_before(now)
        self.connection = connection
        self.chance = Random(seed)  # noqa: S311 - a story, not a secret
        self.seed = seed
        self.sessions = sessions
        self.period = Period(
            begin=int(begin.timestamp()), now=int(now.timestamp()), end=int(end.timestamp())
        )
        self.dry_spell = self.period.dry_spell
        self.stage = Stage(self.chance, self._audience())
        self.ledger = Ledger(self.chance, self.stage.transaction_ids, sessions)
        schedule(self.ledger, begin, now, end)
        self.ledger.withdraw(world.POLAND, self.dry_spell.start)
        refilled = self.ledger.policies[world.POLAND].top_up
        self.ledger.transfer(world.POLAND, self.dry_spell.stop, refilled)
        self.acd_ids = Ids()
        self.acd_event_id = 7_700_000
        self.removals: list[Removal] = []
        self.played = 0
        self.odd_at = self._odd_sessions()  # the next one last
        self.rows: dict[str, list[Row]] = {}

    def _audience(self) -> dict[int, list[Party]]:
        return {
            plan.account_id: list(
                world.parties(self.chance, plan.phone, 40 + int(self.sessions * plan.share / 3))
            )
            for plan in world.ACCOUNTS
        }

    def _odd_sessions(self) -> list[int]:
        """Which sessions in the row of all have something wrong with their charges."""
        if self.sessions < 60:
            return []
        wanted = min(MAX_ANOMALIES, max(3, self.sessions // 1500))
        return sorted(self.chance.sample(range(self.sessions * 9 // 10), wanted), reverse=True)

    def run(self) -> None:
        self._write_world()
        day = 0
        for start in rhythm.starts(self.chance, self.period, self.sessions):
            if start.moment >= day + DAY:
                day = start.moment // DAY * DAY
                self._end_of_day(day)
            self._add(self._perform(start))
        # The last charges come when the last calls have ended.
        self._end_of_day(self.period.end + 30 * DAY)
        self.rows["audit_log"] = list(
            trail.entries(self.chance, self.period, self.sessions, self.removals)
        )
        self._write()

    def _end_of_day(self, moment: int) -> None:
        self.rows.setdefault("transactions", []).extend(self.ledger.settle(moment))
        self.stage.session_ids.forget_before(moment - DAY)
        self.stage.transaction_ids.forget_before(moment - DAY)
        if len(self.rows["transactions"]) > 5000:
            self._write()

    def _write(self) -> None:
        for table, rows in self.rows.items():
            if rows:
                places = ", ".join("?" * len(rows[0]))
                self.connection.executemany(
                    f"INSERT INTO {table} VALUES ({places})",
                    rows,
                )
        self.rows = {}

    # From a start to a finished scene

    def _perform(self, start: Start) -> Scene:
        scene = Scene(self.stage, start.rule, start.moment, start.stretch)
        if scene.account_id == world.POLAND and start.moment in self.dry_spell:
            SCRIPTS["without_money"](scene)
            return scene
        SCRIPTS[start.rule.script](scene)
        if start.moment <= self.period.now:
            scene.forget_after(self.period.now)
        if scene.finish_reason == world.NORMAL and not start.stretch:
            scene.finish_reason = self._finish(start)
        return scene

    def _finish(self, start: Start) -> str:
        """Nearly always normal; the first sessions marked for a mishap meet one each."""
        if start.twist.startswith("mishap"):
            n = int(start.twist.removeprefix("mishap "))
            return [*world.MISHAPS, *[world.NORMAL] * 12][n]
        luck = self.stage.below(100_000)
        for reason, share in world.MISHAPS.items():
            luck -= share
            if luck < 0:
                return reason
        return world.NORMAL

    # From a scene to rows

    def _add(self, scene: Scene) -> None:
        self._row("sessions", self._session_row(scene))
        odd = self._odd_call(scene)
        for call in scene.calls:
            self._row("calls", _call_row(scene, call))
            if call is odd:
                self._charge_oddly(scene, call)
            elif call.transaction_id:
                self.ledger.add(call.transaction_id, self._call_charge(scene, call))
        for record in scene.records:
            self._maybe_remove(scene.account_id, record)
            self._row("records", _record_row(scene, record))
            charge = _charge(scene, -record.cost, record.record_id, world.RECORD_GROUP)
            self.ledger.add(record.transaction_id, charge)
        for usage in scene.usages:
            self._row("usages", _usage_row(scene, usage))
            group = world.RESOURCE_GROUPS[usage.resource_type]
            charge = _charge(scene, -usage.cost, usage.usage_id, group)
            self.ledger.add(usage.transaction_id, charge)
        if scene.waiting:
            self._add_waiting(scene, scene.waiting)

    def _row(self, table: str, row: Row) -> None:
        self.rows.setdefault(table, []).append(row)

    def _session_row(self, scene: Scene) -> Row:
        luck = scene.session_id * 2_654_435_761 >> 7
        return (
            scene.session_id,
            scene.account_id,
            scene.rule.application.application_id,
            scene.rule.rule_id,
            scene.user_id,
            scene.start,
            scene.end - scene.start + luck % 3,
            world.INITIATORS[luck % len(world.INITIATORS)],
            world.MEDIA_SERVERS[luck % len(world.MEDIA_SERVERS)],
            scene.finish_reason,
            scene.quality,
            scene.custom_data,
        )

    def _call_charge(self, scene: Scene, call: Call) -> Entry:
        charge = _charge(scene, -call.cost, call.call_id, call.group)
        if call.end > self.period.now:
            charge.held_at = call.start
        return charge

    def _maybe_remove(self, account_id: int, record: Record) -> None:
        """Now and then somebody deletes a recording, which the audit trail remembers."""
        if record.own_storage or not self.stage.happens(0.015):
            return
        moment = record.start + record.duration + self.stage.between(2 * HOUR, 45 * DAY)
        if moment < min(self.period.now, record.expires_at):
            record.removed_at = moment
            self.removals.append(Removal(record.record_id, account_id, moment))

    def _add_waiting(self, scene: Scene, waiting: Waiting) -> None:
        acd_id = self.acd_ids.take(waiting.begin)
        self._row(
            "acd_sessions",
            (
                acd_id,
                waiting.request_id,
                scene.account_id,
                scene.session_id,
                waiting.begin,
                waiting.priority,
                waiting.queue_id,
                waiting.user_id,
                waiting.waiting,
                waiting.in_service,
                waiting.after_service,
                waiting.caller,
                waiting.custom_data,
                waiting.operator_hangup,
                waiting.unserviced,
                waiting.rejected,
            ),
        )
        for event in waiting.events:
            self.acd_event_id += 1
            row = (acd_id, self.acd_event_id, event.time, event.kind, event.user_id)
            self._row("acd_events", (*row, event.custom_data))

    # What reconciliation has to find

    def _odd_call(self, scene: Scene) -> Call | None:
        """The call whose charge will be wrong, if one is due and the scene has a charged call."""
        self.played += 1
        if not self.odd_at or self.played < self.odd_at[-1] or scene.account_id != world.PARENT:
            return None
        return next((call for call in scene.calls if call.transaction_id), None)

    def _charge_oddly(self, scene: Scene, call: Call) -> None:
        assert call.transaction_id is not None  # noqa: S101 - chosen for having one
        charge = self._call_charge(scene, call)
        kind = ODDITIES[len(self.odd_at) % len(ODDITIES)]
        self.odd_at.pop()
        odd: Row
        if kind == "call_without_charge":
            odd = (scene.session_id, call.call_id, call.transaction_id, call.cost, None)
        elif kind == "differing_amount":
            charge.amount = -call.cost - self.stage.between(1_000, 90_000)
            self.ledger.add(call.transaction_id, charge)
            odd = (scene.session_id, call.call_id, call.transaction_id, call.cost, charge.amount)
        else:
            self.ledger.add(call.transaction_id, charge)
            self.stage.call_id += 1
            transaction_id = self.stage.transaction_ids.take(call.end + 37)
            ghost = _charge(scene, -call.cost, self.stage.call_id, call.group)
            self.ledger.add(transaction_id, ghost)
            odd = (None, self.stage.call_id, transaction_id, None, -call.cost)
        self._row("anomalies", (kind, scene.account_id, *odd))

    # What was there before

    def _write_world(self) -> None:
        facts = {
            "version": VERSION,
            "seed": self.seed,
            "sessions": self.sessions,
            "begin": self.period.begin,
            "now": self.period.now,
            "end": self.period.end,
        }
        self.rows = {
            "facts": list(facts.items()),
            "accounts": [
                (
                    plan.account_id,
                    plan.name,
                    plan.email,
                    world.api_key(self.chance),
                    plan.currency,
                    plan.location,
                    plan.parent_id,
                )
                for plan in world.ACCOUNTS
            ],
            "applications": [
                (a.application_id, a.account_id, a.name, a.secure) for a in world.APPLICATIONS
            ],
            "rules": [(r.rule_id, r.application.application_id, r.name) for r in world.RULES],
            "users": [
                (user.user_id, account_id, user.name, user.display_name)
                for account_id, users in world.USERS.items()
                for user in users
            ],
            "phone_numbers": [
                (number, application.account_id, application.application_id)
                for application, numbers in world.NUMBERS.items()
                for number in numbers
            ],
            "queues": [(queue_id, *queue) for queue_id, queue in world.QUEUES.items()],
            "subscriptions": [subscription[:3] for subscription in world.SUBSCRIPTIONS],
            "price_groups": [group[:3] for group in world.PRICE_GROUPS],
            "end_reasons": list(world.END_REASONS),
        }
        self._write()


def _charge(scene: Scene, amount: int, part_id: int, group: PriceGroup | None) -> Entry:
    return Entry(
        scene.account_id,
        "resource_charge",
        amount,
        None,
        scene.rule.application.application_id,
        scene.user_id,
        group,
        part_id,
    )


def _call_row(scene: Scene, call: Call) -> Row:
    return (
        scene.session_id,
        call.call_id,
        call.start,
        call.duration,
        call.local_number,
        call.remote_number,
        call.remote_kind,
        call.diversion,
        call.incoming,
        call.duration is not None,
        call.transaction_id,
        call.record_id,
        call.cost,
        call.custom_data,
        call.end_reason.end_reason_id,
        call.group.price_group_id if call.group else None,
    )


def _record_row(scene: Scene, record: Record) -> Row:
    return (
        record.record_id,
        scene.session_id,
        record.name,
        record.start,
        record.duration,
        record.channels,
        record.cost,
        record.transaction_id,
        record.transcribed_at,
        record.expires_at,
        record.removed_at,
        record.own_storage,
    )


def _usage_row(scene: Scene, usage: Usage) -> Row:
    resource = world.RESOURCES[usage.resource_type]
    return (
        scene.session_id,
        usage.usage_id,
        usage.resource_type,
        usage.cost,
        resource.description,
        usage.used_at,
        usage.transaction_id,
        usage.quantity,
        resource.unit,
        usage.call_id,
    )
