"""A report before it is ordered: from a list's query to params, with all that should be said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import QueryDict
from django.utils import formats, timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.api.client import RemoteError
from history.api.methods import (
    GetACDHistory,
    GetAuditLog,
    GetBriefCallHistory,
    GetCallHistory,
    GetTransactionHistory,
    Method,
    parameters,
)
from history.connection import connect
from history.forms import CallsForm, Defaults, FilterForm
from history.forms_acd import AcdForm
from history.forms_audit import AuditForm
from history.forms_transactions import TransactionsForm
from history.models import accounts
from history.models.reports import Kind, Report, State
from history.periods import Period
from history.reports import access
from history.reports.kinds import fields_of
from history.trouble import trouble

# What one request can bring at once.
SMALL = 1000
XLSX_ROWS = 1_048_575  # of a sheet, without its head


class OnHoldForm(TransactionsForm):
    """Holds only, whatever the query says."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["is_uncommitted"] = True
        return cleaned


FORMS: Mapping[str, type[FilterForm[Any]]] = {
    Kind.CALLS: CallsForm,
    Kind.CALLS_BRIEF: CallsForm,
    Kind.TRANSACTIONS: TransactionsForm,
    Kind.TRANSACTIONS_ON_HOLD: OnHoldForm,
    Kind.ACD: AcdForm,
    Kind.AUDIT: AuditForm,
}
# The page whose query a kind understands: for links back, and for names of columns.
PAGES: Mapping[str, str] = {
    Kind.CALLS: "calls",
    Kind.CALLS_BRIEF: "calls",
    Kind.TRANSACTIONS: "transactions",
    Kind.TRANSACTIONS_ON_HOLD: "transactions",
    Kind.ACD: "acd",
    Kind.AUDIT: "audit",
}
KINDS_OF_PAGE: Mapping[str, tuple[str, ...]] = {
    "calls": (Kind.CALLS, Kind.CALLS_BRIEF),
    "transactions": (Kind.TRANSACTIONS, Kind.TRANSACTIONS_ON_HOLD),
    "acd": (Kind.ACD,),
    "audit": (Kind.AUDIT,),
}
# Names in a query that are the export's own and no filter.
OWN = ("kind", "what", "shared", "order_key", "csrfmiddlewaretoken", "format", "account")
_UNSENT = ("count", "offset", "desc_order", "with_total_count")


@dataclass(frozen=True, kw_only=True)
class Warn:
    """Something to know before ordering; `stops` means that ordering makes no sense."""

    text: StrOrPromise
    advice: StrOrPromise = ""
    stops: bool = False


@dataclass(kw_only=True)
class Draft:
    """An order as a form describes it. `now` is when it is looked at."""

    kind: str
    query: QueryDict
    defaults: Defaults
    now: datetime = field(default_factory=timezone.now)

    @cached_property
    def form(self) -> FilterForm[Any]:
        # A refusal by the API tells of a parameter, a form of its field: both by the same name.
        return FORMS[self.kind](without(self.query, *OWN), self.defaults, self.now)

    @property
    def valid(self) -> bool:
        return self.form.is_valid()

    @property
    def period(self) -> Period:
        return self.form.chosen

    @property
    def page(self) -> str:
        return PAGES[self.kind]

    @cached_property
    def params(self) -> Method:
        """The question, with all its rows, on the wall clock of the period's zone."""
        params: Method = self.form.params(offset=0, count=None, desc_order=False, **self.asked())
        if self.kind != Kind.CALLS_BRIEF:
            return params
        shared = {
            name: getattr(params, name)
            for name in parameters(GetBriefCallHistory)
            if hasattr(params, name) and name not in ("output", "is_async")
        }
        return GetBriefCallHistory(**shared)

    def asked(self) -> Mapping[str, object]:
        """The period as the API is asked for files."""
        period = self.form.chosen
        return period.asked_in_utc() if self.form.utc_only else period.asked_in_zone()

    @cached_property
    def fields(self) -> dict[str, str]:
        return fields_of(self.params)

    @cached_property
    def counted(self) -> "int | RemoteError | None":
        """How many sessions, transactions or entries match now, or why nobody could say. Asked
        once: a page must not wait three times for an API that is down."""
        question = self.form.count_params()
        client = connect()
        try:
            match question:
                case GetCallHistory():
                    return client.get_call_history(question).total_count
                case GetTransactionHistory():
                    return client.get_transaction_history(question).total_count
                case GetACDHistory():
                    return client.get_acd_history(question).total_count
                case GetAuditLog():
                    return client.get_audit_log(question).total_count
        except RemoteError as error:
            return error
        return None

    @property
    def expected(self) -> int | None:
        """The count, where there is one."""
        return self.counted if isinstance(self.counted, int) else None

    def filters(self) -> str:
        """The list's query that this order repeats, with the period as it is now."""
        query = without(self.query, *OWN, "offset", "after", "skipped", "call", "period")
        query["from_date"] = f"{self.period.start:%Y-%m-%d %H:%M:%S}"
        query["to_date"] = f"{self.period.end:%Y-%m-%d %H:%M:%S}"
        query["timezone"] = self.period.zone
        return query.urlencode()

    def warnings(self) -> list[Warn]:
        """What to know before ordering, the worst first. Asks the API for the count."""
        found = [*self._about_period(), *self._about_filters(), *self._about_size()]
        return sorted(found, key=lambda warning: not warning.stops)

    def _about_period(self) -> list[Warn]:
        if self.period.start > self.now:
            return [
                Warn(
                    text=_t("The period lies in the future: there is nothing to export yet."),
                    advice=_t("Choose an earlier period."),
                    stops=True,
                )
            ]
        if self.period.end > self.now:
            return [
                Warn(
                    text=_t("The period is not over: the file will hold what there is by now."),
                    advice=_t("Its opening and closing balance belong to the whole period."),
                )
            ]
        return []

    def _about_filters(self) -> list[Warn]:
        found = []
        for name in ("only", "contains"):
            if self.form.cleaned_data.get(name):
                found.append(
                    Warn(
                        text=_t(
                            "“%(label)s” is looked for on the page only; the API cannot filter on"
                            " it."
                        )
                        % {"label": self.form.fields[name].label},
                        advice=_t("The file will hold all rows that match the other filters."),
                    )
                )
        if self.kind == Kind.CALLS_BRIEF:
            known = parameters(GetBriefCallHistory)
            for chip in self.form.chips():
                if chip.name not in known:
                    found.append(
                        Warn(
                            text=_t("The brief report cannot be filtered by “%(label)s”.")
                            % {"label": chip.label},
                            advice=_t("Choose “Calls”, or remove this filter."),
                            stops=True,
                        )
                    )
        return found

    def _about_size(self) -> list[Warn]:
        if self.period.start > self.now:
            return []
        if isinstance(self.counted, RemoteError):
            words = trouble(self.counted)
            return [
                Warn(
                    text=_t("The rows could not be counted: %(why)s") % {"why": words.happened},
                    advice=words.advice,
                    # What the API refuses to count it will refuse to report.
                    stops=not words.can_retry,
                )
            ]
        rows = self.expected
        if rows == 0:
            return [
                Warn(
                    text=_t("Nothing matches in this period: there is nothing to export."),
                    advice=_t("Choose a longer period or remove filters."),
                    stops=True,
                )
            ]
        if rows is not None and rows > settings.REPORT_MAX_ROWS:
            numbers = {
                "rows": formats.number_format(rows, force_grouping=True),
                "most": formats.number_format(settings.REPORT_MAX_ROWS, force_grouping=True),
            }
            return [
                Warn(
                    text=_t("%(rows)s is more than a report may have here (%(most)s).") % numbers,
                    advice=_t("Choose a shorter period, and order several reports."),
                    stops=True,
                )
            ]
        if rows is not None and rows > XLSX_ROWS:
            return [
                Warn(
                    text=_t("An Excel sheet ends after %(most)s rows; this is more.")
                    % {"most": formats.number_format(XLSX_ROWS, force_grouping=True)},
                    advice=_t("The workbook will have several sheets. The CSV has no such limit."),
                )
            ]
        return []

    @property
    def small(self) -> bool:
        """Whether all of it can be fetched at once."""
        return self.expected is not None and 0 < self.expected <= SMALL

    def equal(self, user: AbstractBaseUser) -> Report | None:
        """A report the person may see that answers this very question: being made, or stored
        and complete, that is made after the period was over."""
        same = Report.same_as(accounts.slug(), self.kind, self.fields, self.now)
        for report in same.filter(pk__in=access.visible(user).values("pk")).order_by("-created"):
            if report.state != State.STORED or report.created > self.period.end:
                return report
        return None

    def order(
        self,
        owner: AbstractBaseUser | None,
        *,
        key: str | None = None,
        shared: bool = False,
        columns: tuple[str, ...] = (),
        schedule_id: int | None = None,
    ) -> tuple[Report, bool]:
        """The row, and whether this call made it: a key orders once."""
        values = {
            "kind": self.kind,
            "params": self.fields,
            "query": self.filters(),
            "columns": list(columns),
            "zone": self.period.zone,
            "owner_id": owner.pk if owner else None,
            "shared": shared,
            "schedule_id": schedule_id,
        }
        if key is None:
            return Report.objects.create(**values), True
        return Report.objects.get_or_create(account=accounts.slug(), order_key=key, defaults=values)


def without(query: QueryDict, *names: str) -> QueryDict:
    rest = query.copy()
    for name in names:
        rest.pop(name, None)
    return rest


KIND_HELP: Mapping[str, StrOrPromise] = {
    Kind.CALLS: _("A row for each call, with all the API knows of it and of its session."),
    Kind.CALLS_BRIEF: _("A row for each call with its numbers, length, cost and end."),
    Kind.TRANSACTIONS: _("Charged and paid amounts; checked against the account's balance."),
    Kind.TRANSACTIONS_ON_HOLD: _("Money set aside, but not charged yet."),
    Kind.ACD: _("A row for each caller in a queue."),
    Kind.AUDIT: _("A row for each command given in the account."),
}


# The columns of a file that a page shows whatever is chosen there.
_ALWAYS_SHOWN: Mapping[str, tuple[str, ...]] = {
    "calls": ("session_id", "session_start_date", "call_start_time"),
    "transactions": (
        "transaction_id",
        "performed_at",
        "transaction_type",
        "transaction_description",
        "amount",
        "currency",
        # What was charged for, where it was asked for.
        "application_name",
        "subscription_name",
        "resource_type",
        "price_group_name",
    ),
    "acd": (
        "begin_time",
        "acd_queue_id",
        "user_id",
        "priority",
        "waiting_duration",
        "in_service_duration",
        "after_service_duration",
        "event_time",
        "event_type",
        "event_user_id",
    ),
    "audit": ("requested", "subuser_name", "ip", "cmd_name", "cmd_args", "cmd_result"),
}
# And those that each chosen column shows. The usual ones are the page's without a choice.
_SHOWN_ON_CALLS: Mapping[str, tuple[str, ...]] = {
    "from": ("call_incoming", "call_local_number", "call_remote_number"),
    "to": ("call_incoming", "call_local_number", "call_remote_number"),
    "length": ("session_duration", "call_duration"),
    "outcome": (
        "session_finish_reason",
        "call_successful",
        "call_end_code",
        "call_end_details",
    ),
    "cost": ("call_cost",),
    "records": ("call_record_url",),
    "application": ("session_application_id", "session_application_name"),
    "rule": ("session_rule_name",),
    "user": ("session_user_id",),
    "custom_data": ("session_custom_data", "call_custom_data"),
}
USUAL_ON_CALLS = ("from", "to", "length", "outcome", "cost", "records", "application")


def view_columns(draft: Draft) -> tuple[str, ...]:
    """The columns of the file that the page shows; those of them that a file has are taken."""
    shown: Sequence[str] = ()
    if draft.page == "calls":
        shown = draft.query.getlist("columns") or USUAL_ON_CALLS
    chosen = [column for name in shown for column in _SHOWN_ON_CALLS.get(name, ())]
    return tuple(dict.fromkeys((*_ALWAYS_SHOWN[draft.page], *chosen)))
