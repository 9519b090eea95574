"""The filters of the ACD page. The API takes and gives its times in UTC."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from history.api.methods import GetACDHistory
from history.forms import FilterForm, Group
from history.numbers import as_stored


class AcdForm(FilterForm[GetACDHistory]):
    method = GetACDHistory
    labels: ClassVar = {
        "acd_queue_id": _("Queue IDs"),
        "user_id": _("Operator IDs"),
        "callerid": _("Caller"),
        "min_waiting_time": _("Waited at least"),
        "unserviced": _("Left without being served"),
        "rejected": _("Turned away"),
        "operator_hangup": _("Ended by the operator"),
        "custom_data": _("Custom data"),
        "acd_session_history_id": _("ACD session IDs"),
        "acd_request_id": _("Request IDs"),
    }
    prominent = ("acd_queue_id", "user_id")
    groups = (
        Group(title=_("Caller"), names=("callerid", "custom_data")),
        Group(title=_("What happened"), names=("unserviced", "rejected", "operator_hangup")),
        Group(title=_("Waiting"), names=("min_waiting_time",)),
        Group(title=_("Identifiers"), names=("acd_session_history_id", "acd_request_id")),
    )
    own = ("session", "view")
    utc_only = True

    def clean_callerid(self) -> str | None:
        text: str | None = self.cleaned_data["callerid"]
        return as_stored(text, self.defaults.region) if text else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("rejected") and cleaned.get("unserviced") is False:
            self.add_error(
                "unserviced",
                _("Who is turned away is not served: choose “Any” or “Yes” here."),
            )
        return cleaned
