"""The filters of the Recordings page: those of sessions, and some that only records answer."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from history.api.methods import GetCallHistory
from history.fields import CheckField, SecondsField
from history.forms import FilterForm, Group
from history.recordings import Recording, Sound, Written
from history.verdict import mentions

TRANSCRIPTS = [("", _("Any")), *((state.value, state.label) for state in Written)]


class RecordingsForm(FilterForm[GetCallHistory]):
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
        "child_account_id": _("Child accounts"),
    }
    fixed: ClassVar = {
        "with_calls": True,
        "with_records": True,
        "with_other_resources": False,
        "with_total_count": False,
    }
    prominent = ("contains", "application_name")
    groups = (
        Group(title=_("Recording"), names=("min_length", "transcript", "playable")),
        Group(title=_("Numbers"), names=("remote_number", "local_number")),
        Group(
            title=_("Session"),
            names=("call_session_history_id", "call_session_history_custom_data", "user_id"),
        ),
        Group(title=_("Application"), names=("application_id", "rule_name")),
        Group(title=_("Child accounts"), names=("child_account_id",)),
    )
    own = ("recording", "view")
    refined = ("contains", "min_length", "transcript", "playable")

    # Refinements: the API cannot filter on these, so the sessions fetched are looked through.
    contains = forms.CharField(
        required=False,
        label=_("Contains"),
        max_length=100,
        help_text=_("Part of a number, of custom data, of a recording's name, or a record ID."),
    )
    min_length = SecondsField(
        required=False, label=_("Shortest length"), help_text=_("Seconds, or minutes as in 1:30.")
    )
    transcript = forms.ChoiceField(required=False, label=_("Transcript"), choices=TRANSCRIPTS)
    playable = CheckField(required=False, label=_("Only those that can be played"))

    def wants(self, recording: Recording) -> bool:
        """Whether a recording passes what the API was not asked."""
        said: dict[str, Any] = self.cleaned_data
        record = recording.record
        return (
            (not said["min_length"] or (record.duration or 0) >= said["min_length"])
            and (not said["transcript"] or recording.written == said["transcript"])
            and (not said["playable"] or recording.sound is Sound.READY)
            and (not said["contains"] or _mentions(recording, said["contains"]))
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
        return cleaned


def _mentions(recording: Recording, text: str) -> bool:
    record = recording.record
    return (
        text == str(record.record_id)
        or text.casefold() in (record.record_name or "").casefold()
        or mentions(recording.session, text)
    )
