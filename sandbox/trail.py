"""The audit trail: what people and programs changed in the account, and from where."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from sandbox import world
from sandbox.rhythm import Period
from sandbox.scenes import Ids
from sandbox.schema import Row
from sandbox.world import PARENT

MASKED = "********"

type Fields = dict[str, Any]


class Actor(NamedTuple):
    """Who gives commands. The account's holder has neither id nor name."""

    subuser_id: int | None
    name: str | None
    ips: tuple[str, ...]


ACTORS = (
    Actor(None, None, ("203.0.113.5", "203.0.113.9")),
    Actor(118, "release-robot", ("203.0.113.62",)),
    Actor(121, "katrin.vogel", ("203.0.113.9", "198.51.100.201", "2001:db8:40::17")),
    Actor(122, "jens.otto", ("203.0.113.9", "192.0.2.77")),
    Actor(125, "finance", ("203.0.113.118",)),
    Actor(131, "мария.соколова", ("192.0.2.130", "203.0.113.9")),
)
KEEPERS = ACTORS[2:4]  # who deletes recordings


class Removal(NamedTuple):
    """A recording that somebody deleted."""

    record_id: int
    account_id: int
    moment: int


class Choice:
    """Things of one account that a command can be about."""

    def __init__(self, chance: Random, account_id: int) -> None:
        self.chance = chance
        self.applications = [a for a in world.APPLICATIONS if a.account_id == account_id]
        self.users = world.USERS[account_id]
        self.rules = world.RULES_OF[account_id]
        self.numbers = [n for a in self.applications for n in world.NUMBERS[a]]
        self.queues = [queue for queue, (owner, _) in world.QUEUES.items() if owner == account_id]

    def id(self) -> int:
        return self.chance.randrange(1_000, 99_999)

    def user(self) -> int:
        return self.chance.choice(self.users).user_id

    def application(self) -> int:
        return self.chance.choice(self.applications).application_id

    def number(self) -> str:
        return self.chance.choice(self.numbers)

    def queue(self) -> int:
        return self.chance.choice(self.queues)


DONE = {"result": 1}

type Command = Callable[[Choice], tuple[Fields, Fields]]

# How often, the command, its arguments and its result.
COMMANDS: tuple[tuple[int, str, Command], ...] = (
    (9, "BindSkill", lambda c: (
        {"user_id": [c.user(), c.user()], "skill_id": [c.chance.randrange(305, 320)],
         "bind": c.chance.random() < 0.7}, DONE)),
    (4, "AddSkill", lambda c: (
        {"skill_name": c.chance.choice(("Deutsch", "English", "Türkçe", "Kasse", "Notfall"))},
        {"result": 1, "skill_id": c.chance.randrange(305, 320)})),
    (2, "DelSkill", lambda c: ({"skill_id": [c.chance.randrange(305, 320)]}, DONE)),
    (6, "AddUser", lambda c: (
        {"user_name": f"operator{c.chance.randrange(9, 90)}", "user_password": MASKED,
         "user_display_name": "Neue Kollegin", "application_id": c.application()},
        {"result": 1, "user_id": c.id()})),
    (4, "DelUser", lambda c: ({"user_id": [c.id()]}, DONE)),
    (14, "SetUserInfo", lambda c: (
        {"user_id": c.user(), "user_password": MASKED, "user_active": c.chance.random() < 0.9},
        DONE)),
    (2, "TransferMoneyToUser", lambda c: (
        {"user_id": [c.user()], "amount": 3, "currency": "EUR"}, DONE)),
    (3, "AddQueue", lambda c: (
        {"application_id": c.application(), "acd_queue_name": f"Team {c.chance.randrange(1, 9)}",
         "max_queue_size": 30}, {"result": 1, "acd_queue_id": c.id()})),
    (8, "SetQueueInfo", lambda c: (
        {"acd_queue_id": c.queue(), "max_waiting_time": c.chance.choice((60, 120, 300)),
         "auto_binding": False}, DONE)),
    (2, "DelQueue", lambda c: ({"acd_queue_id": c.id()}, DONE)),
    (9, "BindUserToQueue", lambda c: (
        {"user_id": [c.user()], "acd_queue_id": [c.queue()], "bind": c.chance.random() < 0.6},
        DONE)),
    (2, "AddApplication", lambda c: (
        {"application_name": f"test{c.chance.randrange(1, 60)}",
         "secure_record_storage": c.chance.random() < 0.5},
        {"result": 1, "application_id": c.id()})),
    (2, "DelApplication", lambda c: ({"application_id": [c.id()]}, DONE)),
    (5, "SetApplicationInfo", lambda c: (
        {"application_id": c.application(), "secure_record_storage": True}, DONE)),
    (5, "AddRule", lambda c: (
        {"application_id": c.application(), "rule_name": f"campaign-{c.chance.randrange(1, 60)}",
         "rule_pattern": "4930[0-9]+;4940[0-9]+", "scenario_id": [c.id()]},
        {"result": 1, "rule_id": c.id()})),
    (6, "SetRuleInfo", lambda c: (
        {"rule_id": c.chance.choice(c.rules).rule_id, "video_conference": False}, DONE)),
    (3, "DelRule", lambda c: ({"rule_id": [c.id()]}, DONE)),
    (2, "ReorderRules", lambda c: (
        {"rule_id": [rule.rule_id for rule in reversed(c.rules)]}, DONE)),
    (8, "AddScenario", lambda c: (
        {"scenario_name": f"greeting_{c.chance.randrange(1, 60)}", "rewrite": True},
        {"result": 1, "scenario_id": c.id()})),
    (30, "SetScenarioInfo", lambda c: (
        {"scenario_id": c.chance.randrange(40_100, 40_125),
         "scenario_script": f"<{c.chance.randrange(800, 20_000)} bytes>"}, DONE)),
    (3, "BindScenario", lambda c: (
        {"scenario_id": [c.id()], "rule_id": c.chance.choice(c.rules).rule_id, "bind": True},
        DONE)),
    (3, "DelScenario", lambda c: ({"scenario_id": [c.id()]}, DONE)),
    (25, "StartScenarios", lambda c: (
        {"rule_id": c.chance.choice(c.rules).rule_id,
         "script_custom_data": f"campaign-{c.chance.randrange(1, 28)}"},
        {"result": 1, "call_session_history_id": c.chance.randrange(10**9, 9 * 10**9)})),
    (8, "CreateCallList", lambda c: (
        {"rule_id": c.chance.choice(c.rules).rule_id, "name": "Termine morgen; Erinnerung",
         "priority": 5, "max_simultaneous": 10, "num_attempts": 3, "file_content": "<csv>"},
        {"result": True, "list_id": c.id(), "count": c.chance.randrange(20, 900)})),
    (3, "AttachPhoneNumber", lambda c: (
        {"country_code": "DE", "phone_category_name": "GEOGRAPHIC", "phone_count": 1},
        {"result": 1, "phone_numbers": [{"phone_id": c.id(), "phone_number": c.number()}]})),
    (2, "DeactivatePhoneNumber", lambda c: ({"phone_number": [c.number()]}, DONE)),
    (6, "BindPhoneNumberToApplication", lambda c: (
        {"phone_number": [c.number()], "application_id": c.application(), "bind": True}, DONE)),
    (3, "SetPhoneNumberInfo", lambda c: (
        {"phone_number": [c.number()], "auto_charge": True}, DONE)),
    (4, "CreateKey", lambda c: (
        {"description": "billing export", "role_name": [c.chance.choice(("Accountant", "Owner"))]},
        {"result": {"key_id": world.api_key(c.chance), "private_key": MASKED}})),
    (3, "DeleteKey", lambda c: ({"key_id": world.api_key(c.chance)}, DONE)),
    (3, "SetKeyRoles", lambda c: (
        {"key_id": world.api_key(c.chance), "role_name": ["Support", "Supervisor"]}, DONE)),
    (2, "RemoveKeyRoles", lambda c: (
        {"key_id": world.api_key(c.chance), "role_name": ["Owner"]}, DONE)),
    (2, "AddSubUser", lambda c: (
        {"new_subuser_name": f"trainee{c.chance.randrange(1, 30)}",
         "new_subuser_password": MASKED, "role_name": ["Support"]},
        {"result": 1, "subuser_id": c.chance.randrange(132, 190)})),
    (4, "SetSubUserInfo", lambda c: (
        {"subuser_id": c.chance.choice((118, 121, 122, 125, 131)),
         "new_subuser_password": MASKED}, DONE)),
    (2, "DelSubUser", lambda c: ({"subuser_id": c.chance.randrange(132, 190)}, DONE)),
    (2, "AddAuthorizedAccountIP", lambda c: (
        {"authorized_ip": f"203.0.113.{c.chance.randrange(1, 250)}", "allowed": True}, DONE)),
    (2, "DelAuthorizedAccountIP", lambda c: (
        {"authorized_ip": f"203.0.113.{c.chance.randrange(1, 250)}"}, DONE)),
    (3, "SetAccountInfo", lambda c: (
        {"new_account_password": MASKED, "language_code": "de", "min_balance_to_notify": 25.5},
        DONE)),
    (3, "AddPstnBlackListItem", lambda c: (
        {"pstn_blacklist_phone": c.number()}, {"result": 1, "pstn_blacklist_id": c.id()})),
    (2, "DelPstnBlackListItem", lambda c: ({"pstn_blacklist_id": c.id()}, DONE)),
    (2, "CreateSipRegistration", lambda c: (
        {"sip_username": "pbx", "proxy": "pbx.nordlicht-us.example", "password": MASKED},
        {"result": 1, "sip_registration_id": c.id()})),
    (2, "DeleteSipRegistration", lambda c: ({"sip_registration_id": c.id()}, DONE)),
)  # fmt: skip


class Change(NamedTuple):
    moment: int
    account_id: int
    actor: Actor
    ip: str
    command: str
    arguments: Fields
    result: Fields


def entries(
    chance: Random, period: Period, sessions: int, removals: list[Removal]
) -> Iterator[Row]:
    """Rows of `audit_log` in the order of time: deletions of recordings, and all the rest."""
    ids = Ids()
    changes = [*_deletions(chance, removals), *_changes(chance, period, sessions)]
    for change in sorted(changes, key=lambda change: change.moment):
        yield (
            ids.take(change.moment),
            change.account_id,
            change.actor.subuser_id,
            change.actor.name,
            change.moment,
            change.ip,
            change.command,
            json.dumps(change.arguments, ensure_ascii=False),
            json.dumps(change.result, ensure_ascii=False),
        )


def _deletions(chance: Random, removals: list[Removal]) -> Iterator[Change]:
    for removal in removals:
        actor = chance.choice(KEEPERS)
        yield Change(
            moment=removal.moment,
            account_id=removal.account_id,
            actor=actor,
            ip=chance.choice(actor.ips),
            command="DeleteRecord",
            arguments={"record_id": removal.record_id},
            result=DONE,
        )


def _changes(chance: Random, period: Period, sessions: int) -> Iterator[Change]:
    """Each command once in the parent account, then as often as its weight says, anywhere."""
    choices = {plan.account_id: Choice(chance, plan.account_id) for plan in world.ACCOUNTS}
    accounts, shares = list(choices), [0.85, 0.05, 0.05, 0.05]
    weights = [weight for weight, _, _ in COMMANDS]
    more = chance.choices(COMMANDS, weights, k=400 + min(sessions // 100, 6000))
    for n, (_, command, write) in enumerate([*COMMANDS, *more]):
        first = n < len(COMMANDS)
        account_id = PARENT if first else chance.choices(accounts, shares)[0]
        actor = chance.choice(ACTORS) if account_id == PARENT else ACTORS[0]
        arguments, result = write(choices[account_id])
        yield Change(
            moment=_office_hour(chance, period),
            account_id=account_id,
            actor=actor,
            ip=chance.choice(actor.ips),
            command=command,
            arguments=arguments,
            result=result,
        )


def _office_hour(chance: Random, period: Period) -> int:
    day = chance.randrange(period.begin, period.end) // 86_400 * 86_400
    moment = day + int(chance.triangular(6, 21, 10) * 3600)
    return min(max(moment, period.begin), period.end)
