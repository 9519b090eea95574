"""Forms of accounts: a key is taken in and never shown again."""

import json
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from history.models.accounts import DEFAULT, HUES, Account

MOST_KEY = 64 * 1024  # bytes; a real one has two or three thousand
MOST_CHILDREN = 1000


class KeyText(forms.Textarea):
    """What was typed does not come back to the page."""

    def format_value(self, value: object) -> str:
        return ""


class KeyForm(forms.Form):
    """A service account's key as a file or as text, or an account's ID with its API key. Gives
    `key`, the JSON that is sealed."""

    key_file = forms.FileField(
        required=False,
        label=_("Key file"),
        help_text=_(
            "The JSON file that the control panel gives under Settings → Service accounts."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"}),
    )
    key_text = forms.CharField(
        required=False,
        max_length=MOST_KEY,
        label=_("Or its text"),
        widget=KeyText(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )
    account_id = forms.RegexField(
        r"\d{1,18}",
        required=False,
        label=_("Or an account ID"),
        error_messages={"invalid": _("An account ID is digits alone, such as 48211.")},
    )
    api_key = forms.CharField(
        required=False,
        max_length=500,
        label=_("with its API key"),
        help_text=_("It may do everything in the account. A service account's key may do less."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean_key_file(self) -> str:
        file: UploadedFile[bytes] | None = self.cleaned_data["key_file"]
        if file is None:
            return ""
        if (file.size or 0) > MOST_KEY:
            raise forms.ValidationError(
                _("“%(name)s” is larger than a key file ever is (64 KB). Choose another file."),
                params={"name": file.name},
            )
        try:
            return str(file.read(), "utf-8")
        except UnicodeDecodeError:
            raise forms.ValidationError(
                _("“%(name)s” is not a key file: it is not text. Choose the JSON file."),
                params={"name": file.name},
            ) from None

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        number, api_key = said.get("account_id"), said.get("api_key")
        if bool(number) != bool(api_key) and not self.errors:
            self.add_error(
                "account_id" if api_key else "api_key",
                _("An account ID and its API key belong together: give both."),
            )
        ways = [said.get("key_file"), said.get("key_text"), number and api_key]
        if not self.errors and sum(map(bool, ways)) != 1:
            self.add_error(
                "key_file",
                _("Give one key: the file, its text, or an account ID with its API key."),
            )
        if number and api_key:
            said["key"] = json.dumps({"account_id": int(number), "api_key": api_key})
        else:
            said["key"] = said.get("key_file") or said.get("key_text") or ""
        return said


class LookForm(forms.ModelForm[Account]):
    """How an account is called and marked in the header, and what its children are called."""

    children = forms.CharField(
        required=False,
        label=_("Child accounts"),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "One a line: its ID, and a name if you like. Those that called lately are found by"
            " the test of the key."
        ),
    )

    class Meta:
        model = Account
        fields = ("name", "letter", "hue")
        labels = {"name": _("Name"), "letter": _("Letter"), "hue": _("Colour")}  # noqa: RUF012
        widgets = {  # noqa: RUF012
            "hue": forms.Select(choices=[(hue, hue) for hue in range(1, HUES + 1)])
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance.children.items()
        self.initial["children"] = "\n".join(f"{child} {name}".strip() for child, name in kept)

    def clean_hue(self) -> int:
        hue: int = self.cleaned_data["hue"]
        if not 1 <= hue <= HUES:
            raise forms.ValidationError(_("Choose a colour from the list."))
        return hue

    def clean_children(self) -> dict[str, str]:
        known: dict[str, str] = {}
        for line in self.cleaned_data["children"].splitlines()[:MOST_CHILDREN]:
            child, _space, name = line.strip().partition(" ")
            if child and not (child.isascii() and child.isdigit() and len(child) <= 18):
                raise forms.ValidationError(
                    _("“%(line)s”: begin the line with the ID of the child account, in digits."),
                    params={"line": line.strip()[:60]},
                )
            if child:
                known[child] = name.strip()[:60]
        return known

    def save(self, commit: bool = True) -> Account:
        self.instance.children = self.cleaned_data["children"]
        return super().save(commit)


class AddForm(KeyForm):
    name = forms.CharField(max_length=60, label=_("Name"))
    slug = forms.CharField(
        required=False,
        max_length=40,
        label=_("In addresses"),
        help_text=_("Letters a–z, digits and “-”. Cannot be changed later: links hold it."),
        validators=[
            RegexValidator(
                r"^[a-z0-9-]*$",
                _("“%(value)s” has other signs than a–z, 0–9 and “-”. Try another."),
            )
        ],
    )

    field_order = ("name", "slug", "key_file", "key_text", "account_id", "api_key")

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        if "name" in said and "slug" in said:
            said["slug"] = said["slug"] or slugify(said["name"])[:40].strip("-_").replace("_", "-")
            if not said["slug"]:
                self.add_error("slug", _("Say what addresses call it, such as “berlin”."))
            elif said["slug"] == DEFAULT or Account.objects.filter(slug=said["slug"]).exists():
                self.add_error(
                    "slug",
                    forms.ValidationError(
                        _("“%(slug)s” is taken, or was once. Choose another."),
                        params={"slug": said["slug"]},
                    ),
                )
        return said
