"""Filter forms: a query string in, frozen params for the client out, and nothing else does so.

Fields are named as the API's parameters, so a link reads like the request it makes. What a page
adds — `period`, `order`, `columns` … — is not sent.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy
from django_stubs_ext import StrOrPromise

from history import masking
from history.api import wire
from history.api.methods import MAX_OFFSET, GetCallHistory, Method, parameters
from history.fields import InstantField, MomentField, NumberList, ZoneField, field_for
from history.models.people import POSITION
from history.periods import PRESETS, Period, preset

ROWS = (20, 50, 100, 1000)
ORDERS = (("newest", _("Newest first")), ("oldest", _("Oldest first")))


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a form assumes where the query says nothing: the user's settings."""

    zone: str = "UTC"
    rows: int = 50
    region: str | None = None
    period: str = "last_7_days"
    account_zone: Callable[[], str] = lambda: "UTC"


@dataclass(frozen=True, kw_only=True)
class Chip:
    """An applied filter: what it says and the query without it."""

    name: str
    label: StrOrPromise
    value: StrOrPromise
    without: str


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields that stand together in the filter panel."""

    title: StrOrPromise
    names: Sequence[str]


class FilterForm[M: Method](forms.Form):
    """Base of the list pages' forms.

    A subclass names its remote `method`, the `labels` of the parameters a person may set, the
    parameters the page itself has `fixed`, and which fields stand always (`prominent`) or in
    the panel (`groups`).
    """

    method: ClassVar[type[Method]]
    labels: ClassVar[Mapping[str, StrOrPromise]]
    choices: ClassVar[Mapping[str, Sequence[Any]]] = {}
    fixed: ClassVar[Mapping[str, object]] = {}
    prominent: ClassVar[Sequence[str]] = ()
    groups: ClassVar[Sequence[Group]] = ()
    own: ClassVar[Sequence[str]] = ()  # query names of the page that are no fields
    refined: ClassVar[Sequence[str]] = ()  # fields that are not sent, and filter all the same
    utc_only: ClassVar[bool] = False

    period = forms.ChoiceField(
        required=False,
        label=_("Period"),
        choices=[(name, label) for name, (label, _days) in PRESETS.items()],
        error_messages={
            "invalid_choice": _("“%(value)s” is not a known period. Choose one from the list.")
        },
    )
    from_date = MomentField(required=False, label=pgettext_lazy("period", "From"))
    to_date = MomentField(required=False, label=pgettext_lazy("period", "To"), at_end=True)
    timezone = ZoneField(required=False, label=_("Time zone"))
    order = forms.ChoiceField(required=False, label=_("Order"), choices=ORDERS)
    count = forms.CharField(required=False, label=_("Rows"))
    # The place in the list: rows to skip, beginning `after` a moment once the API's limit on
    # skipping was reached; `skipped` rows lie before that.
    offset = forms.CharField(required=False, widget=forms.HiddenInput)
    after = InstantField(required=False, widget=forms.HiddenInput)
    skipped = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, query: QueryDict, defaults: Defaults, now: datetime | None = None) -> None:
        self.query = query
        self.defaults = defaults
        self.now = now or timezone.now()
        type(self).base_fields = _fields_of(type(self))
        super().__init__(query)
        for name, field in self.fields.items():
            if isinstance(field, NumberList):
                self.fields[name] = own = copy(field)
                own.region = defaults.region
                own.most_numbers = masking.MOST_NUMBERS if masking.current() else None

    @classmethod
    def make_fields(cls) -> dict[str, forms.Field]:
        """The declared fields and those of the parameters. All forms of the class share them."""
        fields, declared = dict(cls.declared_fields), parameters(cls.method)
        for name, label in cls.labels.items():
            said = {"label": label}
            if name in cls.choices:
                said["choices"] = cls.choices[name]  # type: ignore[assignment]
            fields[name] = field_for(declared[name], **said)
        for name in cls.prominent:
            fields[name].widget.attrs.setdefault("size", "9")  # they share one line
        return fields

    # From text to types

    def _clean_fields(self) -> None:
        """As Django does it, but what the query does not name says what it always says."""
        blank = _blank(type(self))
        for name, field in self.fields.items():
            try:
                said = name in self.query
                self.cleaned_data[name] = field.clean(self[name].data) if said else blank[name]
                if hook := getattr(self, f"clean_{name}", None):
                    self.cleaned_data[name] = hook()
            except ValidationError as error:
                self.add_error(name, error)

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"] or self.defaults.zone
        return self.defaults.account_zone() if name == wire.AUTO else name

    def clean_count(self) -> int:
        text: str = self.cleaned_data["count"] or str(self.defaults.rows)
        most = parameters(self.method)["count"].param.maximum or max(ROWS)
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
            raise ValidationError(
                _("“%(value)s” rows cannot be shown. Choose a number from 1 to %(most)d."),
                params={"value": text[:20], "most": most},
            )
        return int(text)

    def clean_offset(self) -> int:
        text: str = self.cleaned_data["offset"] or "0"
        if not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_OFFSET):
            raise ValidationError(
                _(
                    "“%(value)s” rows cannot be skipped: the API skips at most %(most)d."
                    " Choose a shorter period, or follow the pages."
                ),
                params={"value": text[:20], "most": MAX_OFFSET},
            )
        return int(text)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not {"timezone", "period", "from_date", "to_date"} & self.errors.keys():
            self._clean_period(cleaned)
        return cleaned

    def _clean_period(self, cleaned: dict[str, Any]) -> None:
        zone, first, last = cleaned["timezone"], cleaned["from_date"], cleaned["to_date"]
        if not (first or last):
            name = cleaned["period"] or self.defaults.period
            cleaned["chosen"] = preset(name, zone, self.now)
            return
        if not first:
            self.add_error("from_date", _("Say where the period begins, or remove its end."))
            return
        here = wire.zone(zone)
        last = last or self.now.astimezone(here).replace(tzinfo=None, microsecond=0)
        if first > last:
            message = _("The period ends (%(last)s) before it begins (%(first)s). Swap its ends.")
            error = ValidationError(message, params={"first": first, "last": last})
            self.add_error("to_date", error)
            return
        cleaned["chosen"] = Period(
            # A repeated hour belongs to the period whole: its first pass opens, its second ends.
            start=first.replace(tzinfo=here, fold=0),
            end=last.replace(tzinfo=here, fold=1),
            zone=zone,
        )

    # What it says

    @property
    def chosen(self) -> Period:
        period: Period = self.cleaned_data["chosen"]
        return period

    @property
    def rows(self) -> int:
        rows: int = self.cleaned_data["count"]
        return rows

    @property
    def newest_first(self) -> bool:
        return bool(self.cleaned_data["order"] != "oldest")

    def params(self, **changes: object) -> M:
        """The question this form asks, as the client takes it; the form must be valid."""
        period = self._remaining()
        asked = period.asked_in_utc() if self.utc_only else period.asked()
        said = {name: self.cleaned_data[name] for name in self.labels}
        paged = {
            "desc_order": self.newest_first,
            "count": self.rows,
            "offset": self.cleaned_data["offset"],
        }
        params: M = self.method(**{**self.fixed, **asked, **paged, **said, **changes})  # type: ignore[assignment]
        return params

    def count_params(self) -> M:
        """The same question for the count of all matches: one row, from the first on."""
        whole = self.chosen.asked_in_utc() if self.utc_only else self.chosen.asked()
        counts = {"with_total_count": True} if "with_total_count" in self.fixed else {}
        bare = {name: False for name in self.fixed if name.startswith("with_")}
        return self.params(**{**bare, **whole, **counts, "count": 1, "offset": 0})

    def _remaining(self) -> Period:
        """The part of the period that lies after the rows already passed."""
        after: datetime | None = self.cleaned_data.get("after")
        if after is None:
            return self.chosen
        moment = after.astimezone(wire.zone(self.chosen.zone))
        if self.newest_first:
            return replace(self.chosen, end=moment)
        return replace(self.chosen, start=moment)

    # What a page shows of it

    def chips(self) -> list[Chip]:
        """The filters in force, each with the query that lacks it."""
        return [
            Chip(
                name=name,
                label=self.fields[name].label or name,
                value=self._shown(name),
                without=self.without(name),
            )
            for name in (*self.labels, *self.refined)
            if (name in self.query and name not in self.errors and self.cleaned_data.get(name))
            or (self.cleaned_data.get(name) is False and name in self.query)
        ]

    def _shown(self, name: str) -> StrOrPromise:
        value, field = self.cleaned_data[name], self.fields[name]
        if value is True:
            return _t("yes")
        if value is False:
            return _t("no")
        if isinstance(value, tuple):
            if len(value) > 3:
                return ngettext("%(n)d value", "%(n)d values", len(value)) % {"n": len(value)}
            words: dict[str, StrOrPromise] = dict(_flat(getattr(field, "choices", ())))
            return ", ".join(str(words[part]) if part in words else str(part) for part in value)
        if isinstance(field, forms.ChoiceField):
            return str(dict(_flat(field.choices)).get(value, value))
        return str(value)

    def without(self, *names: str) -> str:
        """The query without these names; page positions never survive a change of filter."""
        return urlencode(self._rest({*names, *POSITION}))

    def at(self, **position: object) -> str:
        """The query at another place of the list."""
        given = [(name, str(value)) for name, value in position.items() if value]
        return urlencode(self._rest(set(POSITION)) + given)

    def instead(self, **values: str) -> str:
        """The query with these values in place of its own, empty ones left out, from row one."""
        given = [(name, value) for name, value in values.items() if value]
        rest = self._rest({*values, *POSITION})
        return urlencode(rest + given, safe=";", quote_via=quote)

    def _rest(self, left_out: Collection[str]) -> list[tuple[str, str]]:
        """Names and values of the query; not as a copy of it, which is slow, for rows of a list
        have several such links."""
        return [
            (name, str(value))
            for name, several in self.query.lists()
            if name not in left_out
            for value in several
        ]

    def carried(self) -> list[tuple[str, str]]:
        """What the filter bar does not show and its answer must not forget: preset, order, tab."""
        ends = ("from_date", "to_date", "timezone")
        shown = {*ends, *self.prominent, *(n for group in self.groups for n in group.names)}
        left_out = {*shown, *POSITION, *self.own}
        return [
            (name, value)
            for name in self.fields
            if name not in left_out
            for value in self.query.getlist(name)
            if value
        ]

    def ignored(self) -> list[tuple[str, str]]:
        """Names and values in the query that this page does not know, from old or wrong links."""
        known = {*self.fields, *self.own, "fresh"}
        return [(name, str(value)) for name, value in self.query.items() if name not in known]

    def active_in_panel(self) -> int:
        """How many filters of the folded panel are set, for its badge."""
        return sum(1 for group in self.groups for name in group.names if self.query.get(name))

    def panel(self) -> list[tuple[StrOrPromise, list[forms.BoundField]]]:
        return [(group.title, [self[name] for name in group.names]) for group in self.groups]

    def always(self) -> list[forms.BoundField]:
        return [self[name] for name in self.prominent]


class _Fields(dict[str, forms.Field]):
    """Django copies the fields of a class deeply for each form, which costs as much as to clean
    them. Ours are changed by none."""

    def __deepcopy__(self, memo: object) -> dict[str, forms.Field]:
        return dict(self)


@cache
def _fields_of(form: type[FilterForm[Any]]) -> _Fields:
    return _Fields(form.make_fields())


@cache
def _blank(form: type[FilterForm[Any]]) -> Mapping[str, Any]:
    """What each field makes of nothing. All of them may be left out."""
    nothing = QueryDict()
    return {
        name: field.clean(field.widget.value_from_datadict(nothing, MultiValueDict(), name))
        for name, field in _fields_of(form).items()
    }


def _flat(choices: Any) -> list[tuple[str, StrOrPromise]]:
    """Choices without their groups."""
    flat: list[tuple[str, StrOrPromise]] = []
    for value, label in choices:
        if isinstance(label, (list, tuple)):
            flat.extend(label)
        else:
            flat.append((value, label))
    return flat


ONLY = (
    ("failed", pgettext_lazy("calls", "Failed")),
    ("missed", pgettext_lazy("calls", "Missed")),
    ("short", _("Short")),
    ("recorded", _("With recording")),
    ("costly", _("Costly")),
)


CHARTS = (("calls", _("Calls")), ("cost", _("Cost")))


class CallsForm(FilterForm[GetCallHistory]):
    method = GetCallHistory
    labels: ClassVar = {
        "remote_number": _("Client numbers"),
        "local_number": _("Platform numbers"),
        "application_id": _("Application ID"),
        "application_name": _("Application"),
        "rule_name": _("Rule"),
        "user_id": _("User IDs"),
        "call_session_history_id": _("Session IDs"),
        "call_session_history_custom_data": _("Custom data"),
        "min_duration": _("At least"),
        "max_duration": _("At most"),
        "child_account_id": _("Child accounts"),
        "children_calls_only": _("Children's calls only"),
    }
    fixed: ClassVar = {
        "with_calls": True,
        "with_records": True,
        "with_other_resources": True,
        "with_total_count": False,
    }
    refined = ("contains",)
    prominent = ("contains", "application_name")
    groups = (
        Group(title=_("Numbers"), names=("remote_number", "local_number")),
        Group(
            title=_("Session"),
            names=(
                "call_session_history_id",
                "call_session_history_custom_data",
                "user_id",
            ),
        ),
        Group(title=_("Application"), names=("application_id", "rule_name")),
        Group(title=_("Call length"), names=("min_duration", "max_duration")),
        Group(title=_("Child accounts"), names=("child_account_id", "children_calls_only")),
    )
    own = ("columns", "call", "view")

    chart = forms.ChoiceField(required=False, label=_("Chart"), choices=CHARTS)
    # Refinements: the API cannot filter on these, so the rows fetched are looked through.
    only = forms.ChoiceField(required=False, label=_("Only"), choices=[("", _("All")), *ONLY])
    contains = forms.CharField(
        required=False,
        label=_("Part of a number or data"),
        max_length=100,
        help_text=_(
            "Looks through the calls of the period, since the API knows whole numbers only."
        ),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("application_id") and cleaned.get("application_name"):
            self.add_error(
                "application_id",
                _("Say the application's ID or its name, not both: the API takes one of them."),
            )
        if cleaned.get("rule_name") and not (
            cleaned.get("application_id") or cleaned.get("application_name")
        ):
            self.add_error("rule_name", _("A rule applies only together with its application."))
        shortest, longest = cleaned.get("min_duration"), cleaned.get("max_duration")
        if shortest and longest and shortest > longest:
            self.add_error("max_duration", _("Shorter than “At least”. Swap the two."))
        return cleaned
