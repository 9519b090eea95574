"""What a person keeps: settings and saved views."""

from typing import cast
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history.fields import ZoneField
from history.forms import ROWS
from history.middleware import Request
from history.models import Preferences, SavedView
from history.models.people import PAGES


class PreferencesForm(forms.ModelForm[Preferences]):
    zone = ZoneField(
        required=False,
        label=_("Time zone"),
        help_text=_("All times are shown in it. Empty: the zone of this installation."),
    )
    rows = forms.TypedChoiceField(
        label=_("Rows per page"), coerce=int, choices=[(n, str(n)) for n in ROWS]
    )

    language = forms.ChoiceField(
        required=False,
        label=_("Language and number format"),
        # Each by its own name: who reads none of the others finds it.
        choices=[
            ("", _("As the browser asks")),
            *(
                (code, get_language_info(code)["name_local"].title())
                for code, _n in settings.LANGUAGES
            ),
        ],
    )

    class Meta:
        model = Preferences
        fields = ("zone", "rows", "theme", "density", "language", "region")
        labels = {  # noqa: RUF012
            "theme": _("Theme"),
            "density": _("Density"),
            "region": _("Country of local numbers"),
        }
        help_texts = {  # noqa: RUF012
            "region": _("Two letters, such as DE: then 030 1234567 is understood as +49 30 …")
        }

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"]
        if zone == "auto":
            raise ValidationError(_("Choose a zone by name here, such as Europe/Berlin."))
        return zone

    def clean_region(self) -> str:
        region: str = self.cleaned_data["region"].upper()
        if region and region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValidationError(
                _("“%(value)s” is not a country. Write two letters, such as DE or ES."),
                params={"value": region},
            )
        return region


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: Request) -> HttpResponse:
    form = PreferencesForm(request.POST or None, instance=request.prefs)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _t("Your settings are saved."))
        response = redirect("settings")
        response.set_cookie("theme", form.instance.theme, max_age=365 * 24 * 3600, samesite="Lax")
        return response
    views = SavedView.here.filter(owner_id=request.user.pk)
    return render(request, "history/settings.html", {"form": form, "saved_views": views})


@require_safe
def zones(request: Request) -> HttpResponse:
    """The known time zones, for the suggestions of every zone field; fetched when one is used."""
    names = sorted(name for name in available_timezones() if "/" in name)
    response = render(request, "history/_zones.html", {"zones": ["auto", "UTC", *names]})
    response.headers["Cache-Control"] = "private, max-age=86400"
    return response


class SavedViewForm(forms.Form):
    page = forms.ChoiceField(choices=PAGES)
    name = forms.CharField(max_length=60)
    query = forms.CharField(required=False, max_length=8000)
    shared = forms.BooleanField(required=False)
    is_default = forms.BooleanField(required=False)


@require_POST
def save_view(request: Request) -> HttpResponse:
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, _t("The view was not saved: give it a name of 1 to 60 characters."))
        page = request.POST.get("page", "")
        place = reverse(page) if page in dict(PAGES) else reverse("home")
        query = urlsplit("?" + request.POST.get("query", "")).query
        return redirect(f"{place}?{query}")
    kept = form.cleaned_data
    view = SavedView.keep(
        cast(User, request.user),
        kept["page"],
        kept["name"],
        kept["query"],
        shared=kept["shared"],
        is_default=kept["is_default"],
    )
    messages.success(request, _t("The view “%(name)s” is saved.") % {"name": view.name})
    return redirect(f"{reverse(view.page)}?{view.query}")


@require_POST
def delete_view(request: Request, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedView.here, pk=pk, owner_id=request.user.pk)
    view.delete()
    messages.success(request, _t("The view “%(name)s” is deleted.") % {"name": view.name})
    return redirect("settings")
