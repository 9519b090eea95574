"""What a link opens: somebody new chooses name and password, somebody known a new password."""

from allauth.account.utils import perform_login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.models import Invitation
from dashboard.people.forms import JoinForm, NewPasswordForm
from dashboard.people.rules import give_roles
from history.models.trail import Action
from history.trail import note


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    secret = request.GET.get("key", "")
    link = Invitation.find(secret)
    if link is None or link.used or link.is_over or (link.person and not link.person.is_active):
        return _closed(request, link)
    form = _form(link, request)
    if not form.is_valid():
        return render(request, "people/join.html", {"form": form, "link": link, "secret": secret})
    person = _let_in(link, form)
    if person is None:
        return _closed(request, Invitation.find(secret))
    note(request, Action.SETTINGS, "person", person.pk, name=person.username, link_used=link.pk)
    return perform_login(request, person)  # type: ignore[no-any-return]


def _form(link: Invitation, request: HttpRequest) -> JoinForm | NewPasswordForm:
    data = request.POST if request.method == "POST" else None
    return NewPasswordForm(link.person, data) if link.person else JoinForm(data)


@transaction.atomic
def _let_in(link: Invitation, form: JoinForm | NewPasswordForm) -> User | None:
    """The person who may now sign in; None when somebody else was faster with this link."""
    if not link.claim():
        return None
    person: User = form.save()
    if link.person is None:
        give_roles(person, link.roles)
    return person


def _closed(request: HttpRequest, link: Invitation | None) -> HttpResponse:
    """Says why a link opens nothing: used, over, or never made."""
    return render(request, "people/link_closed.html", {"link": link}, status=410)
