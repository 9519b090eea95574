"""The accounts' money: charges as they come, fees on their days, top-ups when it runs low.

Entries wait in the order of their ids, which is the order of time, until `settle` performs
them: each gets the balance it leaves behind. Whatever depends on a balance is decided then.
"""

import heapq
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random

from sandbox import world
from sandbox.scenes import Ids
from sandbox.schema import Row, first_id, moment_of
from sandbox.world import AMERICA, PARENT, POLAND, SHOP, AccountPlan, PriceGroup

UNIT = 1_000_000  # micro-units in one unit of a currency
HOUR, DAY = 3600, 86_400
DOLLARS_PER_EURO = 1.0834
COST_OF_A_SESSION = 45_000  # rough, only to choose sizes of top-ups
LEFT_OVER = 850_000  # what stays in an account whose money was withdrawn


@dataclass(slots=True)
class Entry:
    """A transaction to be; its `amount` may be worked out when it is performed.

    `top_ups` switches the account's top-ups off or on again.
    """

    account_id: int
    kind: str
    amount: "int | Callable[[Ledger], int]"
    description: str | None = None
    application_id: int | None = None
    user_id: int | None = None
    group: PriceGroup | None = None
    part_id: int | None = None
    subscription_id: int | None = None
    reference: str | None = None
    held_at: int | None = None
    top_ups: bool | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """When an account's balance falls below `threshold` it gets `top_up` more.

    `monthly` is about what it spends in a month.
    """

    opening: int
    threshold: int
    top_up: int
    monthly: int


def policies(sessions: int) -> dict[int, Policy]:
    """Sizes that fit what the accounts spend: a few top-ups a month, and no fee is too much."""
    found = {
        plan.account_id: _policy(plan, sessions, reserve=45 * UNIT)
        for plan in world.ACCOUNTS
        if plan.parent_id
    }
    # The parent can always send a child its top-up.
    reserve = 110 * UNIT + 2 * max(policy.top_up for policy in found.values())
    parent = next(plan for plan in world.ACCOUNTS if not plan.parent_id)
    return found | {parent.account_id: _policy(parent, sessions, reserve=reserve)}


def _policy(plan: AccountPlan, sessions: int, *, reserve: int) -> Policy:
    fees = (60 if plan.parent_id else 200) * UNIT
    monthly = fees + int(plan.share * sessions * COST_OF_A_SESSION / 13)
    top_up = _round_sum(max(monthly // 3, reserve))
    return Policy(
        opening=2 * top_up,
        threshold=max(top_up // 5, reserve),
        top_up=top_up,
        monthly=monthly,
    )


def _round_sum(amount: int) -> int:
    """The next of 20, 50, 100, 200, 500 … units."""
    step = 10 * UNIT
    while True:
        for factor in (2, 5, 10):
            if amount <= factor * step:
                return factor * step
        step *= 10


class Ledger:
    """Performs entries in the order of time; `settle` yields rows of `transactions`."""

    def __init__(self, chance: Random, ids: Ids, sessions: int) -> None:
        self.chance = chance
        self.ids = ids
        self.policies = policies(sessions)
        self.balances = dict.fromkeys(self.policies, 0)
        self.last_amount = 0
        self._not_topped_up: set[int] = set()
        self._waiting: list[tuple[int, Entry]] = []

    def add(self, transaction_id: int, entry: Entry) -> None:
        heapq.heappush(self._waiting, (transaction_id, entry))

    def add_at(self, moment: int, entry: Entry) -> None:
        self.add(self.ids.take(moment), entry)

    def settle(self, until: int) -> Iterator[Row]:
        """Performs everything before the second `until`."""
        limit = first_id(until)
        while self._waiting and self._waiting[0][0] < limit:
            transaction_id, entry = heapq.heappop(self._waiting)
            yield self._perform(transaction_id, entry)

    def _perform(self, transaction_id: int, entry: Entry) -> Row:
        account_id, moment, amount = entry.account_id, moment_of(transaction_id), entry.amount
        if not isinstance(amount, int):
            amount = amount(self)
        self.last_amount = amount
        self.balances[account_id] = balance = self.balances[account_id] + amount
        if entry.top_ups is not None:
            (self._not_topped_up.discard if entry.top_ups else self._not_topped_up.add)(account_id)
        if balance < self.policies[account_id].threshold:
            self._top_up(account_id, moment)
        return (
            transaction_id,
            account_id,
            moment,
            amount,
            balance,
            entry.kind,
            entry.description,
            entry.reference,
            entry.user_id,
            entry.application_id,
            entry.subscription_id,
            entry.group.price_group_id if entry.group else None,
            entry.part_id,
            entry.held_at,
        )

    def _top_up(self, account_id: int, moment: int) -> None:
        """The parent's card is charged within minutes; children get money from the parent."""
        if account_id in self._not_topped_up:
            return
        self._not_topped_up.add(account_id)
        moment += self.chance.randrange(20, 90)
        if account_id != PARENT:
            self.transfer(account_id, moment, self.policies[account_id].top_up)
            return
        # A transfer to a child can be more than one top-up replaces.
        missing = max(0, -self.balances[PARENT]) + self.policies[PARENT].top_up
        words = "Automatic top-up, card *4417"
        amount = _round_sum(missing)
        self.add_at(moment, Entry(PARENT, "card_overrun_payment", amount, words, top_ups=True))

    def transfer(self, child_id: int, moment: int, amount: int) -> None:
        """From the parent to a child, whose ledger mirrors it in the child's currency."""
        rate = exchange_rate(child_id)
        words = "" if rate == 1 else f", rate {rate}"
        sent = Entry(
            PARENT,
            "money_transfer_to_child",
            -round(amount / rate),
            f"To account {child_id}{words}",
        )
        accepted = Entry(
            child_id,
            "money_acceptance_from_parent",
            amount,
            f"From account {PARENT}{words}",
            top_ups=True,
        )
        self.add_at(moment, sent)
        self.add_at(moment, accepted)

    def withdraw(self, child_id: int, moment: int) -> None:
        """The parent takes back nearly all; nobody tops the child up until it is sent money."""
        taken = Entry(
            child_id,
            "money_transfer_to_parent",
            lambda ledger: min(0, LEFT_OVER - ledger.balances[child_id]),
            f"To account {PARENT}",
            top_ups=False,
        )
        accepted = Entry(
            PARENT,
            "money_acceptance_from_child",
            lambda ledger: -ledger.last_amount,
            f"From account {child_id}",
        )
        self.add_at(moment, taken)
        self.add_at(moment, accepted)


def exchange_rate(child_id: int) -> float:
    """What one unit of the parent's currency is worth in the child's."""
    currency = next(plan.currency for plan in world.ACCOUNTS if plan.account_id == child_id)
    return DOLLARS_PER_EURO if currency == "USD" else 1


# What can be told beforehand: openings, fees, payments on their days, one-offs


def schedule(ledger: Ledger, begin: datetime, now: datetime, end: datetime) -> None:
    """Adds everything that does not come from calls, between `begin` and `end`."""
    open_accounts(ledger, begin)
    calendar = list(months(begin, end))
    for moment, entry in (
        *number_fees(calendar, now),
        *subscriptions(calendar, begin),
        *monthly_fees(calendar),
        *payments(ledger, calendar),
        *one_offs(begin, now),
    ):
        if begin < moment < end:
            second = int(moment.timestamp())
            entry.held_at = second - DAY if entry.kind in HELD and moment > now else None
            ledger.add_at(second, entry)


HELD = ("phone_number_charge", "toll_free_phone_number_charge", "subscription_charge")

type Planned = Iterator[tuple[datetime, Entry]]


def months(begin: datetime, end: datetime) -> Iterator[datetime]:
    """Midnight of the first day of each month that the period touches."""
    month = begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month < end:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def _on(month: datetime, day: int, hour: int = 4, minute: int = 10) -> datetime:
    last = monthrange(month.year, month.month)[1]
    return month.replace(day=min(day, last), hour=hour, minute=minute)


def open_accounts(ledger: Ledger, begin: datetime) -> None:
    second = int(begin.timestamp())
    opening = ledger.policies[PARENT].opening
    for child_id in ledger.policies:
        if child_id != PARENT:
            opening += round(ledger.policies[child_id].opening / exchange_rate(child_id))
    first = Entry(PARENT, "wire_transfer", opening, "Opening payment", reference="NL-OPENING")
    ledger.add_at(second, first)
    for child_id in ledger.policies:
        if child_id != PARENT:
            ledger.transfer(child_id, second, ledger.policies[child_id].opening)
    for application, numbers in world.NUMBERS.items():
        for number in numbers:
            kind = f"{_number_kind(number)}_installation"
            words = f"Phone number {number}"
            amount = -2_000_000 if number == world.TOLL_FREE else -500_000
            account_id, application_id = application.account_id, application.application_id
            entry = Entry(account_id, kind, amount, words, application_id=application_id)
            ledger.add_at(second + 60, entry)


def _number_kind(number: str) -> str:
    return "toll_free_phone_number" if number == world.TOLL_FREE else "phone_number"


def number_fees(calendar: list[datetime], now: datetime) -> Planned:
    """Each number on its own day of the month; the first falls due half a day from now."""
    due = now + timedelta(hours=12)
    rented = [(app, number) for app, numbers in world.NUMBERS.items() for number in numbers]
    for n, (application, number) in enumerate(rented):
        day = due + timedelta(days=n)
        price = 19_000_000 if number == world.TOLL_FREE else 1_290_000
        for month in calendar:
            yield (
                _on(month, day.day, day.hour, day.minute),
                Entry(
                    application.account_id,
                    f"{_number_kind(number)}_charge",
                    -price,
                    f"Phone number {number}",
                    application_id=application.application_id,
                ),
            )


def subscriptions(calendar: list[datetime], begin: datetime) -> Planned:
    """Each is set up on its first day and paid for on that day of the following months."""
    for subscription_id, account_id, name, price, day in world.SUBSCRIPTIONS:
        days = [moment for month in calendar if (moment := _on(month, day, 5)) > begin]
        for moment in days:
            verb = "installation_charge" if moment == days[0] else "charge"
            entry = Entry(account_id, f"subscription_{verb}", -price, name)
            entry.subscription_id = subscription_id
            yield moment, entry


MONTHLY_FEES = (
    # account, day, kind, micro-units, description
    (PARENT, 1, "monthly_fee_charge", -5_000_000, "Monthly fee"),
    (SHOP, 1, "monthly_fee_charge", -2_000_000, "Monthly fee"),
    (POLAND, 1, "monthly_fee_charge", -2_000_000, "Monthly fee"),
    (AMERICA, 1, "monthly_fee_charge", -2_000_000, "Monthly fee"),
    (AMERICA, 2, "tax_charge", -1_370_000, "Federal and state taxes, fees"),
    (AMERICA, 8, "sip_registration_charge", -3_500_000, "SIP registration pbx"),
    (SHOP, 2, "mau_charge", -4_200_000, "Monthly active users"),
    (SHOP, 2, "im_charge", -1_600_000, "Messages"),
    (PARENT, 20, "techsupport_charge", -12_000_000, "Technical support by telephone"),
)


def monthly_fees(calendar: list[datetime]) -> Planned:
    for account_id, day, kind, amount, words in MONTHLY_FEES:
        for month in calendar:
            yield _on(month, day), Entry(account_id, kind, amount, words)


def payments(ledger: Ledger, calendar: list[datetime]) -> Planned:
    """A card each month, an invoice by wire each quarter, a refund now and then."""
    monthly = ledger.policies[PARENT].monthly
    number = count(4_410)
    for month in calendar:
        yield (
            _on(month, 5, 8),
            Entry(
                PARENT,
                "card_periodic_payment",
                _round_sum(monthly // 5),
                "Monthly payment, card *4417",
            ),
        )
        if month.month % 3 == 1:
            reference = f"RE-{month:%Y-%m}-{next(number)}"
            amount = _round_sum(monthly // 2)
            wire = Entry(PARENT, "wire_transfer", amount, "Wire transfer", reference=reference)
            yield _on(month, 11, 9, 32), wire
        if month.month % 2 == 0:
            words = f"Refund, support case {next(number)}"
            yield _on(month, 23, 13), Entry(PARENT, "refund", 1_340_000, words)


# account, share of the way from begin to now, kind, micro-units, description, reference
ONE_OFFS: tuple[tuple[int, float, str, int, str, str | None], ...] = (
    (PARENT, 0.01, "gift", 5_000_000, "Welcome gift", None),
    (PARENT, 0.04, "promo", 10_000_000, "Promo code NORDLICHT10", None),
    (PARENT, 0.09, "development_fee", -45_000_000, "Scenario development, 1 hour", None),
    (PARENT, 0.12, "paypal_payment", 30_000_000, "PayPal", "PAYID-L5T2KQ41"),
    (PARENT, 0.15, "paypal_periodic_payment", 15_000_000, "PayPal, monthly", "PAYID-M7QX0A72"),
    (PARENT, 0.16, "paypal_overrun_payment", 25_000_000, "PayPal, automatic", "PAYID-M8RC4B13"),
    (SHOP, 0.18, "rub_card_payment", 12_000_000, "Card of a Russian bank", "RC-118201"),
    (SHOP, 0.19, "rub_card_periodic_payment", 8_000_000, "Card of a Russian bank", "RC-118377"),
    (SHOP, 0.20, "rub_card_overrun_payment", 8_000_000, "Card of a Russian bank", "RC-118402"),
    (SHOP, 0.22, "robokassa_payment", 11_500_000, "Robokassa", "RK-90417733"),
    (PARENT, 0.26, "card_payment", 100_000_000, "Card *4417", "ch_3NqL0417"),
    (AMERICA, 0.30, "us_wire_transfer", 250_000_000, "Wire transfer", "FED-20417-77"),
    (SHOP, 0.33, "grace_credit_provision", 20_000_000, "Grace credit", None),
    (SHOP, 0.35, "grace_credit_payment", -20_000_000, "Grace credit paid back", None),
    (PARENT, 0.38, "gift_revoke", -2_000_000, "Unused part of the gift", None),
    (PARENT, 0.41, "adjustment", -640_000, "Correction of rounding, last quarter", None),
    (SHOP, 0.44, "mau_overrun", -3_100_000, "Active users above the plan", None),
    (SHOP, 0.45, "im_overrun", -900_000, "Messages above the plan", None),
    (AMERICA, 0.48, "fmc_charge", -2_750_000, "Mobile extension", None),
    (PARENT, 0.52, "services", -60_000_000, "Number porting", None),
    (PARENT, 0.55, "money_distribution", -9_000_000, "Distribution among users", None),
    (SHOP, 0.58, "mgp_charge", -10_000_000, "Minimum payment, remainder", None),
    (SHOP, 0.60, "mgp_startup", -5_000_000, "Plan Startup", None),
    (SHOP, 0.63, "mgp_business", -9_000_000, "Plan Business", None),
    (SHOP, 0.66, "mgp_big_business", -14_000_000, "Plan Big business", None),
    (SHOP, 0.69, "mgp_enterprise", -19_000_000, "Plan Enterprise", None),
    (SHOP, 0.72, "mgp_large_enterprise", -29_000_000, "Plan Large enterprise", None),
    (PARENT, 0.75, "discount", 18_200_000, "Volume discount", None),
    (AMERICA, 0.80, "adjustment", 410_000, "Double charge taken back", None),
    (PARENT, 0.86, "card_payment", 50_000_000, "Card *4417", "ch_3PzT8820"),
    (PARENT, 0.97, "card_payment", 80_000_000, "Card *4417", "ch_3QeV1203"),
    (PARENT, 0.985, "refund", 2_180_000, "Refund, support case 4391", None),
)


def one_offs(begin: datetime, now: datetime) -> Planned:
    """Each rare kind of transaction at least once, and money for single users."""
    for account_id, share, kind, amount, words, reference in ONE_OFFS:
        moment = (begin + (now - begin) * share).replace(hour=9, minute=41, second=12)
        yield moment, Entry(account_id, kind, amount, words, reference=reference)
    for n, user in enumerate(world.USERS[PARENT][:4]):
        moment = (begin + (now - begin) * (0.3 + 0.15 * n)).replace(hour=11, minute=5)
        words = f"To user {user.name}"
        yield (
            moment,
            Entry(PARENT, "user_money_transfer", -3_000_000, words, user_id=user.user_id),
        )
