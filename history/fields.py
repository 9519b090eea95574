"""Form fields that turn what people type and paste into the API's types, and only these do."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from history.api import wire
from history.api.methods import Parameter
from history.models import accounts
from history.numbers import as_stored

_SPLIT_IDS = re.compile(r"[\s,;]+")
_SPLIT_TEXTS = re.compile(r"[\n\r\t,;]+")


class PastedList(forms.CharField):
    """A list typed or pasted: separated by commas, semicolons or lines. Gives a tuple."""

    separators = _SPLIT_TEXTS

    def __init__(self, *, max_items: int | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 1, "autocomplete": "off"}))
        kwargs.setdefault("max_length", 20_000)
        super().__init__(**kwargs)
        self.max_items = max_items

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        elements = [part.strip() for part in self.separators.split(text) if part.strip()]
        if self.max_items and len(elements) > self.max_items:
            raise ValidationError(
                _("%(count)d entries; the API takes at most %(most)d. Remove some."),
                params={"count": len(elements), "most": self.max_items},
            )
        # Pasted columns repeat themselves; the API need not.
        return tuple(dict.fromkeys(self.element(element) for element in elements))

    def element(self, text: str) -> Any:
        return text

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """The length limit of the text was for the text; the tuple has none."""


class IdList(PastedList):
    separators = _SPLIT_IDS

    def element(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= wire.MAX_DIGITS):
            raise ValidationError(
                _("“%(value)s” is not an ID. Write whole numbers, separated by commas."),
                params={"value": text[:60]},
            )
        return int(text)


class NumberList(PastedList):
    """Telephone numbers in any notation; user names and SIP addresses pass unchanged."""

    region: str | None = None
    most_numbers: int | None = None

    def element(self, text: str) -> str:
        return as_stored(text, self.region)

    def clean(self, value: Any) -> Any:
        numbers = super().clean(value)
        if self.most_numbers is not None and len(numbers) > self.most_numbers:
            raise ValidationError(
                _(
                    "These are %(count)d numbers. Your role sees numbers masked, so search for at"
                    " most %(most)d at once."
                ),
                params={"count": len(numbers), "most": self.most_numbers},
            )
        return numbers


class IdField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return IdList().element(text) if text else None


class SecondsField(forms.CharField):
    """A whole number of seconds, or minutes and seconds as 1:30. Gives seconds."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        parts = text.split(":")
        if len(parts) > 3 or not all(p.isascii() and p.isdigit() and len(p) < 8 for p in parts):
            raise ValidationError(
                _("“%(value)s” is not a duration. Write seconds, such as 90, or 1:30."),
                params={"value": text[:60]},
            )
        seconds = 0
        for part in parts:
            seconds = seconds * 60 + int(part)
        return seconds


class MomentField(forms.CharField):
    """A date, or a date and a time, without a zone. Gives a naive datetime.

    A date alone means its first second, or with `at_end` its last.
    """

    def __init__(self, *, at_end: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault(
            "widget", forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1})
        )
        super().__init__(**kwargs)
        self.at_end = at_end

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo or moment.year < 1970:
            raise ValidationError(
                _("“%(value)s” is not a date. Write it as 2026-03-02 or 2026-03-02 14:30:00."),
                params={"value": text[:60]},
            )
        if len(text) == 10 and self.at_end:
            return datetime.combine(moment.date(), time(23, 59, 59))
        if len(text) == 16 and self.at_end:
            return moment.replace(second=59)
        return moment.replace(microsecond=0)

    def prepare_value(self, value: Any) -> Any:
        """What a datetime-local input understands, where that is possible."""
        if isinstance(value, datetime):
            return value.isoformat("T", "seconds")
        if isinstance(value, str) and len(value) == 10:
            return f"{value}T{'23:59:59' if self.at_end else '00:00:00'}"
        return value.replace(" ", "T") if isinstance(value, str) else value


class InstantField(forms.CharField):
    """A moment with its offset, as our own links carry it: 2026-03-02T13:30:00Z."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValidationError(
                _("“%(value)s” is not a moment such as 2026-03-02T13:30:00Z."),
                params={"value": text[:60]},
            )
        return moment


class ZoneField(forms.CharField):
    """An IANA time zone, or `auto` for the account's own."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}))
        super().__init__(**kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not wire.is_zone(value):
            raise ValidationError(
                _("“%(value)s” is not a time zone. Write one such as Europe/Berlin, or auto."),
                params={"value": value[:60]},
            )


class YesNoField(forms.TypedChoiceField):
    """Yes, no, or either. Gives True, False or None."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["choices"] = [("", _("Any")), ("true", _("Yes")), ("false", _("No"))]
        kwargs["coerce"] = lambda text: text == "true"
        kwargs["empty_value"] = None
        super().__init__(**kwargs)


class SeveralField(forms.MultipleChoiceField):
    """Several of the known values; a `;` list in one value counts too. Gives a tuple."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["error_messages"] = {
            "invalid_choice": _("“%(value)s” is not one of the known values. Choose from the list.")
        }
        super().__init__(**kwargs)

    def clean(self, value: Any) -> Any:
        texts: Iterable[str] = value or ()
        return tuple(super().clean([part for text in texts for part in text.split(";") if part]))


class CheckField(forms.BooleanField):
    """A check box that a link may also say as `true`, `1`, `false` or `0`."""

    def to_python(self, value: Any) -> bool:
        return str(value).lower() in ("true", "1", "on", "yes")


class _ChildInput(forms.TextInput):
    """Suggests the child accounts that are known of the active account."""

    def differs_by(self) -> object:
        """What its looks depend on beside the field: see history/jinja.py."""
        return tuple(accounts.current().children.items())

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        listed = f"{(attrs or {}).get('id', name)}-known"
        children = accounts.current().children.items()
        named = [(child, called or child) for child, called in children]
        options = format_html_join(
            "", '<option value="{}">{}</option>', [("all", _("All children")), *named]
        )
        control = super().render(name, value, {**(attrs or {}), "list": listed}, renderer)
        return format_html('{}<datalist id="{}">{}</datalist>', control, listed, options)


class ChildAccountsField(IdList):
    """IDs of child accounts, or the word `all`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_ChildInput(attrs={"autocomplete": "off"}), **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip().lower() == "all":
            return "all"
        return super().to_python(value)


def field_for(parameter: Parameter, **said: Any) -> forms.Field:
    """The form field that a declared parameter asks for; `said` are its label and the like."""
    # Not marked where it is declared, since that knows no Django; `make messages` finds it there.
    said = {"required": False, "help_text": _(parameter.param.help), **said}
    if parameter.allows_all and parameter.kind is int:
        return ChildAccountsField(**said)
    if parameter.is_list and parameter.param.choices:
        choices: Sequence[Any] = said.pop("choices", [(c, c) for c in parameter.param.choices])
        return SeveralField(choices=choices, **said)
    if parameter.is_list and parameter.kind is int:
        return IdList(max_items=parameter.param.max_items, **said)
    if parameter.is_list:
        cls = NumberList if parameter.param.code == _NUMBER_CODE else PastedList
        return cls(**said)
    return _single_field(parameter, said)


_NUMBER_CODE = 121  # the API's "invalid phone number": how a parameter says that it holds some


def _single_field(parameter: Parameter, said: Mapping[str, Any]) -> forms.Field:
    if parameter.kind is bool:
        return YesNoField(**said) if parameter.default is None else CheckField(**said)
    if parameter.kind is int:
        seconds = parameter.name.endswith(("duration", "waiting_time"))
        return SecondsField(**said) if seconds else IdField(**said)
    return forms.CharField(max_length=parameter.param.max_length or 1000, **said)
