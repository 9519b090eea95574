"""The filters of the Audit log page."""

import re
from ipaddress import ip_address
from typing import ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from history.api.methods import GetAuditLog
from history.fields import IdList
from history.forms import FilterForm, Group

_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)

ONLY = (("risky", _("Risky")),)


class AuditForm(FilterForm[GetAuditLog]):
    method = GetAuditLog
    labels: ClassVar = {
        "filtered_cmd": _("Commands"),
        "filtered_admin_user_id": _("Who, by ID"),
        "filtered_ip": _("IP addresses"),
        "advanced_filters": _("Related to"),
        "audit_log_id": _("Entry IDs"),
    }
    fixed: ClassVar = {"with_total_count": False}
    prominent = ("filtered_cmd", "advanced_filters")
    groups = (
        Group(title=_("Who"), names=("filtered_admin_user_id", "filtered_ip")),
        Group(title=_("Entries"), names=("audit_log_id",)),
    )
    own = ("view",)

    # A refinement: the API knows no risk, so the rows fetched are looked through.
    only = forms.ChoiceField(required=False, label=_("Only"), choices=[("", _("All")), *ONLY])

    def clean_filtered_cmd(self) -> tuple[str, ...]:
        commands: tuple[str, ...] = self.cleaned_data["filtered_cmd"]
        for command in commands:
            if not _COMMAND.fullmatch(command):
                raise ValidationError(
                    _("“%(value)s” is not a command. Write names such as DeleteRecord."),
                    params={"value": command[:60]},
                )
        return commands

    def clean_filtered_ip(self) -> tuple[str, ...]:
        addresses: tuple[str, ...] = self.cleaned_data["filtered_ip"]
        for address in addresses:
            try:
                ip_address(address)
            except ValueError:
                raise ValidationError(
                    _("“%(value)s” is not an IP address such as 203.0.113.9 or 2001:db8::9."),
                    params={"value": address[:60]},
                ) from None
        return addresses

    def clean_filtered_admin_user_id(self) -> str | None:
        """One ID, or several as the newer API takes them."""
        text: str = self.cleaned_data["filtered_admin_user_id"] or ""
        ids = IdList(required=False).to_python(text)
        return ";".join(map(str, ids)) or None
