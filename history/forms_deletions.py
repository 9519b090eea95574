"""What deletions, legal holds and retention rules are asked for."""

import re
from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from history.api import wire
from history.fields import NumberList
from history.models.deletions import LegalHold, RetentionRule, Scope
from history.numbers import as_stored

# Above so many a number is typed too easily: a word goes with it.
A_WORD_ABOVE = 100
MOST_CHOSEN = 200
_RECORD = re.compile(r"(?:(\d{1,18})-)?(\d{1,18})", re.ASCII)


def phrase(count: int) -> str:
    """What must be typed to delete so many recordings; empty for one."""
    if count <= 1:
        return ""
    return f"DELETE {count}" if count > A_WORD_ABOVE else str(count)


class ConfirmForm(forms.Form):
    """The last word before an order: why, and for several how many, typed."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        min_length=5,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It stands on the certificate and in the trail. No names or numbers, please."),
        error_messages={"required": _("Say why, in a few words: nothing is deleted without.")},
    )
    typed = forms.CharField(
        required=False,
        label=_("Confirm"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    order_key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, count: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.phrase = phrase(count)
        self.count = count
        if self.phrase:
            self.fields["typed"].label = _t("Type %(phrase)s to confirm") % {"phrase": self.phrase}
        else:
            del self.fields["typed"]

    def clean_typed(self) -> str:
        typed = " ".join(self.cleaned_data["typed"].split())
        if typed != self.phrase:
            raise ValidationError(
                ngettext(
                    "“%(typed)s” is not “%(phrase)s”. %(count)d recording would go for good:"
                    " type it exactly, or leave this page.",
                    "“%(typed)s” is not “%(phrase)s”. %(count)d recordings would go for good:"
                    " type it exactly, or leave this page.",
                    self.count,
                ),
                params={"typed": typed, "phrase": self.phrase, "count": self.count},
            )
        return typed


class SearchForm(forms.Form):
    """All recordings of a number, of an application, or of a period."""

    scope = forms.ChoiceField(
        label=_("Delete all recordings"),
        choices=[
            (Scope.NUMBER, _("of calls with a customer’s number (an erasure request)")),
            (Scope.APPLICATION, _("of an application")),
            (Scope.PERIOD, _("of a period")),
        ],
        widget=forms.RadioSelect,
        initial=Scope.NUMBER,
    )
    numbers = NumberList(
        required=False,
        label=_("Numbers"),
        help_text=_("One or several, in any notation. All years are searched, or the period."),
    )
    application = forms.CharField(required=False, label=_("Application"), max_length=200)
    since = forms.DateField(
        required=False,
        label=pgettext_lazy("period", "From"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    until = forms.DateField(
        required=False, label=_("Until"), widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, zone: str, region: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = wire.zone(zone)
        numbers = self.fields["numbers"]
        if isinstance(numbers, NumberList):
            numbers.region = region

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        scope, first, last = said.get("scope"), said.get("since"), said.get("until")
        if scope == Scope.NUMBER and not said.get("numbers") and "numbers" not in self.errors:
            self.add_error("numbers", _("Write the number whose recordings are to go."))
        if scope == Scope.APPLICATION and not said.get("application"):
            self.add_error("application", _("Write the application’s name as the platform has it."))
        if scope == Scope.PERIOD and not (first and last):
            self.add_error("until" if first else "since", _("Say both days, the first and last."))
        if first and last and last < first:
            self.add_error(
                "until",
                _t("The period ends (%(last)s) before it begins (%(first)s). Swap its days.")
                % {"first": first, "last": last},
            )
        return said

    def wanted(self) -> dict[str, Any]:
        """The fields of the order."""
        said = self.cleaned_data
        scope, first, last = said["scope"], said["since"], said["until"]
        return {
            "scope": scope,
            "numbers": list(said["numbers"]) if scope == Scope.NUMBER else [],
            "application": said["application"].strip() if scope == Scope.APPLICATION else "",
            "from_date": datetime.combine(first, time.min, self.zone) if first else None,
            "to_date": datetime.combine(last, time.max, self.zone) if last else None,
        }


class HoldForm(forms.ModelForm[LegalHold]):
    class Meta:
        model = LegalHold
        fields = ("kind", "value", "reason")
        labels = {  # noqa: RUF012
            "kind": _("What"),
            "value": _("ID or number"),
            "reason": _("Reason"),
        }

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        kind, value = said.get("kind"), (said.get("value") or "").strip()
        if kind == LegalHold.Kind.NUMBER:
            value = as_stored(value)
        elif value and not (value.isascii() and value.isdigit() and len(value) <= 18):
            self.add_error(
                "value",
                _t("“%(value)s” is not an ID. Write a whole number such as 915004471.")
                % {"value": value[:60]},
            )
        said["value"] = value
        if value and LegalHold.here.filter(kind=kind, value=value, lifted=None).exists():
            self.add_error("value", _("This is on hold already."))
        return said


class RetentionForm(forms.ModelForm[RetentionRule]):
    keep_days = forms.IntegerField(
        label=_("Keep for"),
        min_value=1,
        max_value=3 * 366,
        help_text=_("Days. Recordings of older calls are deleted, once a day."),
    )

    class Meta:
        model = RetentionRule
        fields = ("application", "keep_days", "reason")
        labels = {"application": _("Application"), "reason": _("Reason")}  # noqa: RUF012
        help_texts = {  # noqa: RUF012
            "application": _("Its name as the platform has it. Empty: all of the account.")
        }


def chosen(records: list[str], sessions: list[str]) -> list[tuple[int, int]]:
    """Pairs of session and record from a query: `record=SESSION-RECORD`, or both named in turn.

    Raises ValidationError.
    """
    pairs = []
    for position, text in enumerate(records[: MOST_CHOSEN + 1]):
        match = _RECORD.fullmatch(text)
        session = (match and match[1]) or (sessions[position] if position < len(sessions) else "")
        if match is None or not _RECORD.fullmatch(session) or "-" in session:
            raise ValidationError(
                _("“%(value)s” does not name a recording and its call."),
                params={"value": text[:60]},
            )
        pairs.append((int(session), int(match[2])))
    if len(pairs) > MOST_CHOSEN:
        raise ValidationError(
            _("At most %(most)d recordings are chosen one by one; search for more instead."),
            params={"most": MOST_CHOSEN},
        )
    return list(dict.fromkeys(pairs))
