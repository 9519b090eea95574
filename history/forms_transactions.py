"""The filters of the Transactions page."""

import re
from typing import Any, ClassVar

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.api.methods import RESOURCE_TYPES, GetTransactionHistory
from history.fields import PastedList
from history.forms import FilterForm, Group
from history.words import FAMILIES, type_choices


class NameList(PastedList):
    """Names, which may hold commas themselves: separated by semicolons or lines."""

    separators = re.compile(r"[\n\r\t;]+")


class Ticks(forms.CheckboxSelectMultiple):
    """Check boxes that a link may also say as one `;` list, as the API writes it."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        texts = super().value_from_datadict(data, files, name) or []
        return [part for text in texts for part in text.split(";") if part]


CHARTS = (("out", _("Went out")), ("into", _("Came in")), ("transactions", _("Transactions")))


def _such_as() -> str:
    return _t("Such as %(known)s.") % {"known": ", ".join(RESOURCE_TYPES[:4])}


_such_as_known = lazy(_such_as, str)  # in the language of who looks


class TransactionsForm(FilterForm[GetTransactionHistory]):
    method = GetTransactionHistory
    labels: ClassVar = {
        "is_uncommitted": _("On hold"),
        "transaction_type": _("Types"),
        "transaction_id": _("Transaction IDs"),
        "payment_reference": _("Payment reference"),
        "user_id": _("User IDs"),
        "users_transactions_only": _("Users' transactions only"),
        "child_account_id": _("Child accounts"),
        "children_transactions_only": _("Child accounts' transactions only"),
        "application_id": _("Application ID"),
        "application_name": _("Application"),
        "resource_type": _("Resource types"),
        "price_group_name": _("Price groups"),
        "subscription_id": _("Subscription IDs"),
        "subscription_name": _("Subscriptions"),
        "use_accounting_dates": _("The period means accounting dates"),
        "with_extended_info": _("Extended info"),
    }
    choices: ClassVar = {"transaction_type": tuple(type_choices())}
    fixed: ClassVar = {"with_total_count": False}
    prominent = ("application_name", "user_id")
    groups = (
        Group(
            title=_("Transaction"),
            names=("transaction_id", "payment_reference", "use_accounting_dates"),
        ),
        Group(
            title=_("Charged for"),
            names=(
                "application_id",
                "resource_type",
                "price_group_name",
                "subscription_id",
                "subscription_name",
                "with_extended_info",
            ),
        ),
        Group(
            title=_("Whose"),
            names=(
                "child_account_id",
                "children_transactions_only",
                "users_transactions_only",
            ),
        ),
        Group(title=_("Kind"), names=("transaction_type",)),
    )
    own = ("transaction", "view")

    chart = forms.ChoiceField(required=False, label=_("Chart"), choices=CHARTS)

    @classmethod
    def make_fields(cls) -> dict[str, forms.Field]:
        fields = super().make_fields()
        fields["with_extended_info"].help_text = _(
            "Adds application, subscription, resource type and price group to each row."
        )
        types = fields["transaction_type"]
        types.widget = Ticks(choices=cls.choices["transaction_type"], attrs={"class": "ticks"})
        for name in ("subscription_name", "price_group_name"):
            told = fields[name]
            fields[name] = NameList(required=False, label=told.label, help_text=told.help_text)
        fields["resource_type"].help_text = _such_as_known()
        return fields

    def _shown(self, name: str) -> StrOrPromise:
        if name == "transaction_type":
            chosen = set(self.cleaned_data[name])
            for family in FAMILIES:
                if chosen == family.types.keys():
                    return family.label
        return super()._shown(name)
