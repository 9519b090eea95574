"""Scripts of calls: what happens in a session, second by second.

A script is a function that plays one session on a `Scene`: it calls in and out, records, uses
resources. The stage hands out ids and chances; `sandbox.seed` turns the finished scene into
rows. Charged parts get the id of their transaction here, in the second they end.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import NormalDist

from sandbox import world
from sandbox.schema import IDS_PER_SECOND, first_id
from sandbox.world import EndReason, Party, PriceGroup, Rule, User

DAY = 86_400
MAX_TALK = 2 * 3600


class Ids:
    """Ids that tell the time: each second has its block of them (see `sandbox.schema`)."""

    def __init__(self) -> None:
        self._given: dict[int, int] = {}

    def take(self, moment: int) -> int:
        """The next id of that second, or of the next one that has any left."""
        given = self._given.get(moment, 0)
        while given == IDS_PER_SECOND:
            moment += 1
            given = self._given.get(moment, 0)
        self._given[moment] = given + 1
        return first_id(moment) + given

    def forget_before(self, moment: int) -> None:
        self._given = {second: n for second, n in self._given.items() if second >= moment}


@dataclass(slots=True)
class Call:
    call_id: int
    start: int
    duration: int | None  # None: never answered
    local_number: str
    remote_number: str
    remote_kind: str
    incoming: bool
    end_reason: EndReason
    group: PriceGroup | None  # None: free
    cost: int
    transaction_id: int | None
    diversion: str | None = None
    record_id: int | None = None
    custom_data: str | None = None

    @property
    def end(self) -> int:
        return self.start + (self.duration or 0)


@dataclass(slots=True)
class Record:
    record_id: int
    name: str | None
    start: int
    duration: int
    channels: int
    cost: int
    transaction_id: int
    expires_at: int
    transcribed_at: int | None = None
    removed_at: int | None = None
    own_storage: bool = False


@dataclass(slots=True)
class Usage:
    usage_id: int
    resource_type: str
    used_at: int
    quantity: int
    cost: int
    transaction_id: int
    call_id: int | None


@dataclass(slots=True)
class Event:
    time: int
    kind: str
    user_id: int | None = None
    custom_data: str | None = None


@dataclass(slots=True)
class Waiting:
    """A caller's way through a queue. `kind` of its events: queued, offered, missed, answered,
    hangup, unserviced, rejected."""

    request_id: str
    queue_id: int
    begin: int
    caller: str
    priority: int
    custom_data: str | None
    waiting: int = 0
    user_id: int | None = None
    in_service: int | None = None
    after_service: int | None = None
    operator_hangup: bool = False
    unserviced: bool = False
    rejected: bool = False
    events: list[Event] = field(default_factory=list)


class Stage:
    """What all scenes share: chance, callers, and the counters of ids."""

    def __init__(self, chance: Random, audience: Mapping[int, Sequence[Party]]) -> None:
        self.chance = chance
        self.audience = audience
        self.session_ids = Ids()
        self.transaction_ids = Ids()
        self.call_id = 3_310_000_000
        self.record_id = 550_000
        self.usage_id = 88_100_000
        bell = NormalDist(mu=4.6, sigma=1.05)
        talks = (int(2.718281828 ** bell.inv_cdf((n + 0.5) / 4096)) for n in range(4096))
        self._talks = tuple(min(max(talk, 4), MAX_TALK) for talk in talks)

    def below(self, limit: int) -> int:
        """A whole number from 0 to before `limit`; quicker than randrange."""
        return int(self.chance.random() * limit)

    def between(self, low: int, high: int) -> int:
        return low + int(self.chance.random() * (high - low + 1))

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def talk(self) -> int:
        """Seconds of a conversation: half of them under two minutes, a few over an hour."""
        return self._talks[int(self.chance.random() * 4096)]


class Scene:
    """One session while it is played."""

    __slots__ = (
        "account_id",
        "calls",
        "custom_data",
        "end",
        "finish_reason",
        "happens",
        "quality",
        "records",
        "rule",
        "session_id",
        "stage",
        "start",
        "stretch",
        "usages",
        "user_id",
        "waiting",
    )

    def __init__(self, stage: Stage, rule: Rule, start: int, stretch: int | None = None) -> None:
        """`stretch` makes the conversation that long."""
        self.stage = stage
        self.rule = rule
        self.account_id = rule.application.account_id
        self.session_id = stage.session_ids.take(start)
        self.start = start
        self.end = start
        self.stretch = stretch
        self.user_id: int | None = None
        self.custom_data: str | None = None
        self.finish_reason = world.NORMAL
        self.quality = "Standard"
        self.calls: list[Call] = []
        self.records: list[Record] = []
        self.usages: list[Usage] = []
        self.waiting: Waiting | None = None
        self.happens = stage.happens

    # Who takes part

    def caller(self) -> Party:
        """Someone of the account's audience; those at its head turn up again and again."""
        audience = self.stage.audience[self.account_id]
        luck = self.stage.chance.random()
        return audience[int(len(audience) * luck * luck)]

    def own_number(self) -> str:
        numbers = world.NUMBERS[self.rule.application]
        luck = self.stage.chance.random()
        return numbers[int(len(numbers) * luck * luck)]

    def colleague(self) -> User:
        users = world.USERS[self.account_id]
        return users[self.stage.below(len(users))]

    def talk(self) -> int:
        return self.stretch or self.stage.talk()

    # What happens

    def call_in(
        self,
        at: int,
        caller: Party,
        seconds: int | None,
        *,
        local: str | None = None,
        end_reason: EndReason = world.CLEARED,
        diversion: str | None = None,
    ) -> Call:
        """A call from outside to one of the account's numbers."""
        local = local or self.own_number()
        # Now and then a caller hides the number.
        number = "anonymous" if self.happens(0.01) else caller.number
        group = world.INCOMING_GROUP.get(local)
        call = self._call(at, seconds, local, number, caller.kind, True, end_reason, group)
        call.diversion = diversion
        return call

    def call_out(
        self,
        at: int,
        party: Party,
        seconds: int | None,
        *,
        local: str | None = None,
        end_reason: EndReason = world.CLEARED,
    ) -> Call:
        """A call to someone outside; `local` is the number that is shown there."""
        local = local or self.own_number()
        return self._call(
            at, seconds, local, party.number, party.kind, False, end_reason, party.group
        )

    def call_user(
        self,
        at: int,
        user: User,
        seconds: int | None,
        *,
        incoming: bool = False,
        end_reason: EndReason = world.CLEARED,
    ) -> Call:
        """A call between the platform and a user's own device, which costs nothing."""
        local = self.rule.application.name.partition(".")[0]
        return self._call(at, seconds, local, user.name, "user", incoming, end_reason, None)

    def _call(
        self,
        at: int,
        seconds: int | None,
        local: str,
        remote: str,
        kind: str,
        incoming: bool,
        end_reason: EndReason,
        group: PriceGroup | None,
    ) -> Call:
        stage = self.stage
        stage.call_id += 1
        cost, transaction_id, end = 0, None, at + (seconds or 0)
        if seconds and group:
            cost = -(-group.price * seconds // 60)
            transaction_id = stage.transaction_ids.take(end)
        call = Call(
            stage.call_id,
            at,
            seconds,
            local,
            remote,
            kind,
            incoming,
            end_reason,
            group,
            cost,
            transaction_id,
        )
        self.calls.append(call)
        if end > self.end:
            self.end = end
        return call

    def record(
        self,
        call: Call,
        *,
        channels: int = 1,
        name: str | None = None,
        transcribed: bool = False,
    ) -> None:
        """Records an answered call from shortly after its start to its end."""
        stage = self.stage
        start = call.start + (0 if self.stretch else stage.below(3))
        seconds = call.end - start
        if seconds < 5:
            return
        stage.record_id += 1
        luck = stage.chance.random()
        days = 92 if luck < 0.7 else 183 if luck < 0.9 else 366
        record = Record(
            stage.record_id,
            name,
            start,
            seconds,
            channels,
            -(-world.RECORD_PRICE * seconds // 60),
            stage.transaction_ids.take(call.end),
            (call.end // DAY + days) * DAY,
            own_storage=stage.happens(0.004),
        )
        if transcribed:
            record.transcribed_at = call.end + 45 + seconds // 4
            self.use("TRANSCRIPTION", record.transcribed_at, -(-seconds // 60), call)
        self.records.append(record)
        call.record_id = record.record_id

    def use(self, resource_type: str, at: int, quantity: int, call: Call | None = None) -> None:
        stage = self.stage
        stage.usage_id += 1
        self.usages.append(
            Usage(
                stage.usage_id,
                resource_type,
                at,
                quantity,
                world.RESOURCES[resource_type].price * quantity,
                stage.transaction_ids.take(at),
                call.call_id if call else None,
            )
        )

    def failure(self) -> EndReason:
        return world.FAILURES[self.stage.below(len(world.FAILURES))]

    def forget_after(self, moment: int) -> None:
        """Drops the calls that would begin after `moment`, with what belongs to them."""
        dropped = {call.call_id for call in self.calls if call.start > moment}
        if not dropped:
            return
        gone = {call.record_id for call in self.calls if call.call_id in dropped}
        self.calls = [call for call in self.calls if call.call_id not in dropped]
        self.records = [record for record in self.records if record.record_id not in gone]
        self.usages = [usage for usage in self.usages if usage.call_id not in dropped]


# The scripts


def support_line(scene: Scene) -> None:
    """A caller waits in a queue until an operator takes the call, gives up, or is turned away."""
    stage, recorded = scene.stage, scene.rule.flavour == "recorded"
    caller = scene.caller()
    scene.custom_data = _ticket(stage)
    begin = scene.start + stage.between(1, 4)
    luck = 1.0 if scene.stretch else stage.chance.random()
    if luck < 0.03:
        _turned_away(scene, caller, begin)
    elif luck < 0.16:
        _given_up(scene, caller, begin)
    else:
        _served(scene, caller, begin, recorded=recorded)


def _queue(scene: Scene, caller: Party, begin: int) -> Waiting:
    stage = scene.stage
    waiting = Waiting(
        request_id=f"{stage.chance.getrandbits(48):012x}-{scene.session_id % 97:02d}",
        queue_id=scene.rule.queue or 0,
        begin=begin,
        caller=caller.number,
        priority=1 + (stage.chance.random() < 0.1),
        custom_data=scene.custom_data,
        events=[Event(begin, "queued")],
    )
    scene.waiting = waiting
    return waiting


def _turned_away(scene: Scene, caller: Party, begin: int) -> None:
    scene.call_in(scene.start, caller, begin - scene.start + 4)
    waiting = _queue(scene, caller, begin)
    waiting.unserviced = waiting.rejected = True
    waiting.events.append(Event(begin, "rejected", custom_data="max_queue_size"))


def _given_up(scene: Scene, caller: Party, begin: int) -> None:
    patience = scene.stage.between(6, 240)
    scene.call_in(scene.start, caller, begin - scene.start + patience)
    waiting = _queue(scene, caller, begin)
    waiting.waiting = patience
    waiting.unserviced = True
    waiting.events.append(Event(begin + patience, "unserviced"))


def _served(scene: Scene, caller: Party, begin: int, *, recorded: bool) -> None:
    stage = scene.stage
    operator = scene.colleague()
    waiting = _queue(scene, caller, begin)
    wait = 0 if scene.stretch else int(stage.chance.expovariate(1 / 22))
    at = begin + wait
    if stage.happens(0.12):
        missed = scene.colleague()
        scene.call_user(begin, missed, None, end_reason=world.OFFLINE)
        waiting.events.append(Event(begin, "offered", missed.user_id))
        waiting.events.append(Event(begin, "missed", missed.user_id))
    seconds = scene.talk()
    incoming = scene.call_in(scene.start, caller, at - scene.start + seconds)
    talk = scene.call_user(at, operator, seconds)
    if stage.happens(0.7):
        scene.use("TTS_TEXT_GOOGLE", scene.start + 1, stage.between(60, 180), incoming)
    if stage.happens(0.15):
        scene.call_user(talk.start + seconds // 2, scene.colleague(), seconds - seconds // 2)
    if recorded or stage.happens(0.7):
        scene.record(
            incoming,
            channels=2 if recorded else 1,
            name=f"{scene.rule.name}-{scene.session_id}" if recorded else None,
            transcribed=scene.rule.name == "patients" or stage.happens(0.08),
        )
    scene.user_id = waiting.user_id = operator.user_id
    waiting.waiting = wait
    waiting.in_service = seconds
    waiting.after_service = stage.between(0, 45)
    waiting.operator_hangup = stage.happens(0.35)
    waiting.events += (
        Event(at, "offered", operator.user_id),
        Event(at, "answered", operator.user_id),
        Event(
            talk.end, "hangup", operator.user_id, "operator" if waiting.operator_hangup else None
        ),
    )


def answering_machine(scene: Scene) -> None:
    """Nobody is there: a greeting, a beep, a message."""
    stage = scene.stage
    call = scene.call_in(scene.start, scene.caller(), scene.stretch or stage.between(8, 95))
    scene.use("TTS_TEXT_GOOGLE", scene.start + 1, stage.between(120, 260), call)
    if stage.happens(0.5):
        scene.record(call, name="voicemail", transcribed=stage.happens(0.5))
        scene.custom_data = "voicemail"


def forwarded(scene: Scene) -> None:
    """A call that was diverted to us goes on to a mobile phone."""
    stage = scene.stage
    caller, target = scene.caller(), scene.caller()
    ring = stage.between(4, 22)
    local = scene.own_number()
    diversion = target.number if stage.happens(0.7) else None
    if not scene.stretch and stage.happens(0.22):
        # Half of the time the first call is only answered once the second one is.
        answered, reason = (ring, world.CLEARED) if stage.happens(0.5) else (None, world.GAVE_UP)
        scene.call_in(
            scene.start, caller, answered, local=local, end_reason=reason, diversion=diversion
        )
        scene.call_out(scene.start + 2, target, None, local=local, end_reason=scene.failure())
        return
    seconds = scene.talk()
    scene.call_in(scene.start, caller, ring + seconds, local=local, diversion=diversion)
    scene.call_out(scene.start + ring, target, seconds, local=local)
    if stage.happens(0.3):
        scene.custom_data = f"courier;{stage.between(1, 40)}"


def notification(scene: Scene) -> None:
    """A machine calls someone to say something, if anybody answers."""
    stage = scene.stage
    campaign = f"campaign-{scene.start // (14 * DAY) % 27 + 1}"
    scene.custom_data = campaign if stage.happens(0.8) else _order(stage)
    patient, at = scene.caller(), scene.start + 1
    if not scene.stretch and stage.happens(0.38):
        scene.call_out(at, patient, None, end_reason=scene.failure())
        scene.end = at = at + stage.between(20, 90)
        # A second try, which is answered half of the time.
        if stage.happens(0.4):
            return
        if stage.happens(0.5):
            scene.call_out(at, patient, None, end_reason=scene.failure())
            return
    seconds = scene.stretch or stage.between(9, 48)
    call = scene.call_out(at + stage.between(3, 28), patient, seconds)
    scene.use("VOICEMAILDETECTION", call.start, 1, call)
    scene.use(scene.rule.flavour, call.start + 2, stage.between(60, 320), call)


def conference(scene: Scene) -> None:
    """Several people in a room, most of them by telephone."""
    stage = scene.stage
    scene.quality = "HD" if stage.happens(0.7) else "Ultra HD"
    room = {"room": stage.chance.choice(ROOMS), "moderated": True}
    scene.custom_data = json.dumps(room, ensure_ascii=False)
    host = scene.colleague()
    scene.user_id = host.user_id
    seconds = scene.stretch or max(scene.talk() * 4, 240)
    first = scene.call_user(scene.start, host, seconds, incoming=True)
    for _ in range(stage.between(2, 6)):
        late = stage.below(min(180, seconds // 2))
        scene.call_in(scene.start + late, scene.caller(), seconds - late - stage.below(30))
    minutes = -(-seconds // 60) * len(scene.calls)
    scene.use("AUDIOHDCONFERENCE", scene.start, minutes)
    if scene.stretch or stage.happens(0.5):
        scene.record(first, channels=2, name=f"room-{scene.session_id}")


def click_to_call(scene: Scene) -> None:
    """An employee's device is called first, then the customer."""
    stage = scene.stage
    employee, customer = scene.colleague(), scene.caller()
    scene.user_id = employee.user_id
    if stage.happens(0.35):
        scene.custom_data = _deal(stage)
    if not scene.stretch and stage.happens(0.06):
        scene.call_user(scene.start, employee, None, end_reason=world.OFFLINE)
        return
    ring = 1 if scene.stretch else stage.between(3, 20)
    if not scene.stretch and stage.happens(0.3):
        scene.call_user(scene.start, employee, ring, incoming=not scene.rule.flavour)
        scene.call_out(scene.start + 1, customer, None, end_reason=scene.failure())
        return
    seconds = scene.talk()
    scene.call_user(scene.start, employee, ring + seconds, incoming=not scene.rule.flavour)
    call = scene.call_out(scene.start + ring, customer, seconds)
    if stage.happens(0.8):
        scene.record(call, channels=2, transcribed=stage.happens(0.4))


def voice_bot(scene: Scene) -> None:
    """A machine listens and answers; sometimes it hands over to a person."""
    stage, ears = scene.stage, scene.rule.flavour
    seconds = scene.stretch or stage.between(12, 150)
    handed_over = stage.happens(0.2)
    talk = stage.talk() if handed_over else 0
    call = scene.call_in(scene.start, scene.caller(), seconds + talk)
    scene.use("CALLSESSION", scene.start, 1)
    scene.use(ears, scene.start + 4, -(-seconds // 30), call)
    scene.use("TTS_TEXT_GOOGLE", scene.start + 1, stage.between(80, 600), call)
    if handed_over:
        person = scene.colleague()
        scene.call_user(scene.start + seconds, person, talk)
        scene.user_id = person.user_id
    if stage.happens(0.4):
        scene.custom_data = json.dumps(
            {"intent": stage.chance.choice(INTENTS), "sure": round(stage.chance.random(), 2)}
        )


def video_visit(scene: Scene) -> None:
    """A doctor and a patient on their devices, with pictures."""
    stage = scene.stage
    doctor, patient = scene.colleague(), f"patient{stage.between(1000, 9999)}"
    scene.quality = "HD"
    scene.user_id = doctor.user_id
    seconds = scene.talk() + 60
    first = scene.call_user(scene.start, doctor, seconds, incoming=True)
    guest = scene.call_user(scene.start + 3, doctor._replace(name=patient), seconds - 5)
    guest.custom_data = f"Sprechstunde {stage.between(1, 12)}"
    minutes = -(-seconds // 60)
    scene.use("VIDEOCALL", scene.start + 3, minutes, guest)
    if scene.rule.flavour:
        scene.use("VIDEORECORD", scene.start + 3, minutes, first)


def sip_trunk(scene: Scene) -> None:
    """The branch office's own exchange calls through us."""
    stage = scene.stage
    desk = Party(f"sip:{stage.between(200, 260)}@pbx.nordlicht-us.example", "sip", world.SIP_GROUP)
    seconds = scene.talk()
    ring = stage.between(1, 9)
    if not scene.stretch and stage.happens(0.25):
        scene.call_in(scene.start, desk, ring + 3)
        scene.call_out(scene.start + 1, scene.caller(), None, end_reason=scene.failure())
        return
    scene.call_in(scene.start, desk, seconds + ring)
    scene.call_out(scene.start + ring, scene.caller(), seconds)


def without_money(scene: Scene) -> None:
    """The account's balance is used up: nothing gets through."""
    scene.finish_reason = world.OUT_OF_FUNDS
    scene.call_out(scene.start, scene.caller(), None, end_reason=world.NO_MONEY)


SCRIPTS: Mapping[str, Callable[[Scene], None]] = {
    script.__name__: script
    for script in (
        support_line,
        answering_machine,
        forwarded,
        notification,
        conference,
        click_to_call,
        voice_bot,
        video_visit,
        sip_trunk,
        without_money,
    )
}


# What scenarios attach to sessions

INTENTS = ("order_status", "return_parcel", "opening_hours", "speak_to_human", "termin_ändern")
ROOMS = ("Köln", "Süd", "Vorstand", "Łódź", "New York", "Переговорная 2")
NOTES = (
    "Rückruf für Frau Müller",
    "заказ №4417, доставка",
    "ваучер; второй звонок",
    'VIP, "Herr Doktor" verlangt\nzweite Zeile',
    "rappel après 18 h",
    "予約の変更",
    "100 % refund, please; see e-mail, thanks",
    "☎️ call back",
)


def _ticket(stage: Stage) -> str | None:
    luck = stage.chance.random()
    if luck < 0.4:
        return None
    if luck < 0.72:
        return f"ticket-{stage.between(4000, 9999)}"
    if luck < 0.82:
        return json.dumps(
            {"ticket": stage.between(4000, 9999), "lang": stage.chance.choice(("de", "en", "tr"))}
        )
    return NOTES[stage.below(len(NOTES))]


def _order(stage: Stage) -> str:
    return f'order={stage.between(10_000, 99_999)};gift="{stage.chance.choice(("yes", "no"))}",A'


def _deal(stage: Stage) -> str:
    amount = f"{stage.between(100, 9000)},50 €"
    return json.dumps({"deal": stage.between(1, 4000), "value": amount}, ensure_ascii=False)
