"""Personal tokens: made, shown once, withdrawn."""

from datetime import timedelta
from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from history.middleware import Request
from history.models import ApiToken
from history.models.tokens import SCOPES
from history.permissions import Right, needs


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("What for"), max_length=60, help_text=_("Such as “month end script”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        choices=SCOPES,
        initial=[name for name, _label in SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        initial=90,
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("A year")), (0, _("Ever"))],
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.EXPORT)
def tokens(request: Request) -> HttpResponse:
    """The person's tokens; a POST makes one and shows its secret, this once."""
    form = TokenForm(request.POST or None)
    secret = ""
    user = cast(User, request.user)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        expires = timezone.now() + timedelta(days=said["days"]) if said["days"] else None
        _token, secret = ApiToken.issue(user, said["name"], said["scopes"], expires)
        form = TokenForm()
    context = {
        "form": form,
        "secret": secret,
        "tokens": ApiToken.objects.filter(owner_id=user.pk),
        "scope_labels": dict(SCOPES),
        "now": timezone.now(),
        "base": request.build_absolute_uri("/"),
    }
    return render(request, "history/tokens.html", context)


@require_POST
@needs(Right.EXPORT)
def withdraw(request: Request, pk: int) -> HttpResponse:
    get_object_or_404(ApiToken, pk=pk, owner_id=request.user.pk).delete()
    messages.info(request, _t("The token is withdrawn: what uses it is refused from now on."))
    return redirect("tokens")
