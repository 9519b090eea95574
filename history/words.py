"""Human names for what the API calls by code: kinds of transaction, events of a queue.

Lists of values are open: a name nobody knows yet is shown with its underscores taken out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Family:
    """Kinds of transaction that a person thinks of together; `name` is for addresses."""

    name: str
    label: StrOrPromise
    types: Mapping[str, StrOrPromise]


# Every value of GetTransactionHistory's transaction_type, each once.
FAMILIES: Sequence[Family] = (
    Family(
        name="charges",
        label=_("Charges"),
        types={
            "resource_charge": _("Calls and resources"),
            "mau_charge": _("Monthly active users"),
            "mau_overrun": _("Active users over the plan"),
            "im_charge": _("Instant messages"),
            "im_overrun": _("Messages over the plan"),
            "fmc_charge": _("Fixed-mobile convergence"),
            "sip_registration_charge": _("SIP registration"),
            "services": _("Services"),
            "techsupport_charge": _("Technical support"),
            "development_fee": _("Development"),
            "tax_charge": _("Tax"),
        },
    ),
    Family(
        name="payments",
        label=_("Payments"),
        types={
            "card_payment": _("Card payment"),
            "card_periodic_payment": _("Card payment, scheduled"),
            "card_overrun_payment": _("Card payment, automatic top-up"),
            "rub_card_payment": _("Rouble card payment"),
            "rub_card_periodic_payment": _("Rouble card payment, scheduled"),
            "rub_card_overrun_payment": _("Rouble card payment, automatic top-up"),
            "paypal_payment": _("PayPal payment"),
            "paypal_periodic_payment": _("PayPal payment, scheduled"),
            "paypal_overrun_payment": _("PayPal payment, automatic top-up"),
            "robokassa_payment": _("Robokassa payment"),
            "wire_transfer": _("Wire transfer"),
            "us_wire_transfer": _("US wire transfer"),
            "grace_credit_provision": _("Grace credit given"),
            "grace_credit_payment": _("Grace credit paid back"),
        },
    ),
    Family(
        name="transfers",
        label=_("Transfers"),
        types={
            "money_transfer_to_child": _("Sent to a child account"),
            "money_acceptance_from_child": _("Received from a child account"),
            "money_transfer_to_parent": _("Sent to the parent account"),
            "money_acceptance_from_parent": _("Received from the parent account"),
            "user_money_transfer": _("Transfer to a user"),
            "money_distribution": _("Distribution of money"),
        },
    ),
    Family(
        name="subscriptions",
        label=_("Subscriptions"),
        types={
            "subscription_charge": _("Subscription fee"),
            "subscription_installation_charge": _("Subscription set-up"),
            "monthly_fee_charge": _("Monthly fee"),
            "mgp_charge": _("Minimum payment"),
            "mgp_startup": _("Plan Startup"),
            "mgp_business": _("Plan Business"),
            "mgp_big_business": _("Plan Big Business"),
            "mgp_enterprise": _("Plan Enterprise"),
            "mgp_large_enterprise": _("Plan Large Enterprise"),
        },
    ),
    Family(
        name="numbers",
        label=_("Phone numbers"),
        types={
            "phone_number_charge": _("Number fee"),
            "phone_number_installation": _("Number set-up"),
            "toll_free_phone_number_charge": _("Toll-free number fee"),
            "toll_free_phone_number_installation": _("Toll-free number set-up"),
        },
    ),
    Family(
        name="adjustments",
        label=_("Adjustments"),
        types={
            "adjustment": _("Adjustment"),
            "refund": _("Refund"),
            "discount": _("Discount"),
            "promo": _("Promotion"),
            "gift": _("Gift"),
            "gift_revoke": _("Gift taken back"),
        },
    ),
)

_TYPES = {name: label for family in FAMILIES for name, label in family.types.items()}

# What a call, a recording or another resource is charged by: such a transaction has a session.
CHARGE_OF_A_SESSION = "resource_charge"

_EVENTS: Mapping[str, StrOrPromise] = {
    "queued": _("Joined the queue"),
    "offered": _("Offered to an operator"),
    "missed": _("The operator did not take it"),
    "answered": _("Answered"),
    "hangup": _("Ended"),
    "unserviced": _("Left without being served"),
    "rejected": _("Turned away"),
}


def transaction_type(name: str) -> StrOrPromise:
    """`card_overrun_payment` → “Card payment, automatic top-up”."""
    return _TYPES.get(name) or _plain(name)


def type_choices() -> Iterator[tuple[StrOrPromise, Sequence[tuple[str, StrOrPromise]]]]:
    """All kinds of transaction in their groups, as a form's choices."""
    for family in FAMILIES:
        yield family.label, tuple(family.types.items())


def acd_event(name: str) -> StrOrPromise:
    """`queued` → “Joined the queue”; what comes is not public, so any name may."""
    return _EVENTS.get(name) or _plain(name)


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()
