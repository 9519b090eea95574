"""The page of people, and what can be done with one. Every change leaves an entry in the trail."""

from typing import cast

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dashboard.models import Invitation
from dashboard.people.forms import GrantForm, InvitationForm, RolesForm
from dashboard.people.rules import (
    demand_change,
    give_roles,
    last_as,
    may_change,
    roles_of,
    roles_to_give,
    withdraw_links_of,
)
from history.middleware import Request
from history.models import Grant, accounts
from history.models.trail import Action
from history.permissions import ROLES, Right, allowed, needs, role_name
from history.trail import note


def _people() -> QuerySet[User]:
    factors = Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES)
    return User.objects.order_by("-is_active", "username").prefetch_related(
        "groups", Prefetch("authenticator_set", queryset=factors, to_attr="factors")
    )


def _listed(request: Request, form: InvitationForm, link: str = "") -> HttpResponse:
    people = [(person, roles_of(person)) for person in _people()]
    invitations = Invitation.open_ones().filter(person=None).select_related("by")
    context = {
        "people": people,
        "invitations": invitations,
        "form": form,
        "link": link,
        "roles": list(ROLES),
        "rights": [(right, [right in allowed(role) for role in ROLES]) for right in Right],
    }
    return render(request, "people/people.html", context)


@require_safe
@needs(Right.PEOPLE)
def people(request: Request) -> HttpResponse:
    return _listed(request, InvitationForm(request.user))


@require_POST
@never_cache
@needs(Right.PEOPLE)
def invite(request: Request) -> HttpResponse:
    """Makes an invitation and shows its link, this once."""
    form = InvitationForm(request.user, request.POST)
    if not form.is_valid():
        return _listed(request, form)
    said = form.cleaned_data
    made, secret = Invitation.issue(
        cast(User, request.user), said["days"], note=said["note"], roles=said["roles"]
    )
    note(request, Action.SETTINGS, "invitation", made.pk, made=said["note"], roles=said["roles"])
    return _listed(request, InvitationForm(request.user), address(request, secret))


def address(request: Request, secret: str) -> str:
    # In the query, which logs leave out.
    return request.build_absolute_uri(f"{reverse('join')}?key={secret}")


@require_POST
@needs(Right.PEOPLE)
def withdraw(request: Request, pk: int) -> HttpResponse:
    gone, _rows = Invitation.open_ones().filter(pk=pk, person=None).delete()
    if gone:
        note(request, Action.SETTINGS, "invitation", pk, withdrawn=True)
        messages.success(request, _t("The invitation is withdrawn; its link opens nothing."))
    else:
        messages.error(request, _t("This invitation was used or withdrawn already."))
    return redirect("people")


def _found(pk: int) -> User:
    return get_object_or_404(_people(), pk=pk)


def _shown(
    request: Request,
    person: User,
    form: RolesForm,
    link: str = "",
    grant: GrantForm | None = None,
) -> HttpResponse:
    context = {
        "grant": grant or GrantForm(request.user),
        "grants": person.grants.select_related("account"),
        "person": person,
        "form": form,
        "link": link,
        "may_change": may_change(request.user, person),
        "sessions": UserSession.objects.purge_and_list(person),
        "roles": roles_of(person),
        "from_provider": bool(settings.OIDC_ROLE_MAP)
        and SocialAccount.objects.filter(user=person).exists(),
    }
    return render(request, "people/person.html", context)


@require_safe
@needs(Right.PEOPLE)
def person(request: Request, pk: int) -> HttpResponse:
    found = _found(pk)
    return _shown(request, found, RolesForm(request.user, found))


@require_POST
@needs(Right.PEOPLE)
@transaction.atomic
def roles(request: Request, pk: int) -> HttpResponse:
    found = _found(pk)
    demand_change(request.user, found)
    form, before = RolesForm(request.user, found, request.POST), roles_of(found)
    if form.is_valid() and (last := last_as(found)) and last not in form.given:
        form.add_error("roles", _last_words(found, last))
    if not form.is_valid():
        return _shown(request, found, form)
    give_roles(found, form.given)
    withdraw_links_of(found)
    _note(request, found, roles=form.given, roles_before=before)
    messages.success(request, _t("The roles of %(name)s are saved.") % {"name": found.username})
    return redirect("person", pk)


def _last_words(person: User, role: str) -> str:
    return _t(
        "%(name)s is the last active %(role)s: nobody could give this role back. "
        "Make somebody else %(role)s first."
    ) % {"name": person.username, "role": role_name(role)}


def _note(request: Request, person: User, **details: object) -> None:
    note(request, Action.SETTINGS, "person", person.pk, name=person.username, **details)


@require_POST
@needs(Right.PEOPLE)
@transaction.atomic
def active(request: Request, pk: int) -> HttpResponse:
    """Lets a person in (`on=1`), or out: at once, with all sessions and scripts."""
    found, on = _found(pk), request.POST.get("on") == "1"
    demand_change(request.user, found)
    if problem := "" if on else _why_not_deactivate(request, found):
        messages.error(request, problem)
        return redirect("person", pk)
    User.objects.filter(pk=pk).update(is_active=on)
    if not on:
        _end_sessions(found)
        withdraw_links_of(found)
    _note(request, found, active=on)
    said = _t("%(name)s may sign in again.") if on else _t("%(name)s is signed out and stays out.")
    messages.success(request, said % {"name": found.username})
    return redirect("person", pk)


def _why_not_deactivate(request: Request, person: User) -> str:
    if person.pk == request.user.pk:
        return _t("You cannot deactivate yourself. Ask another administrator.")
    return _last_words(person, last) if (last := last_as(person)) else ""


def _end_sessions(person: User) -> int:
    sessions = list(UserSession.objects.filter(user=person))
    for session in sessions:
        session.end()
    return len(sessions)


@require_POST
@needs(Right.PEOPLE)
@transaction.atomic
def grant(request: Request, pk: int) -> HttpResponse:
    """Gives a role in one account."""
    found = _found(pk)
    demand_change(request.user, found)
    form = GrantForm(request.user, request.POST)
    if not form.is_valid():
        return _shown(request, found, RolesForm(request.user, found), grant=form)
    account, role = accounts.find(form.cleaned_data["account"]), form.cleaned_data["role"]
    if not account.pk:  # that of the settings is kept once there is something to keep
        account.save()
    Grant.objects.get_or_create(person=found, account=account, role=role)
    _note(request, found, granted=role, account=account.slug)
    messages.success(
        request,
        _t("%(name)s is %(role)s in “%(account)s” now.")
        % {"name": found.username, "role": role, "account": account.name},
    )
    return redirect("person", pk)


@require_POST
@needs(Right.PEOPLE)
@transaction.atomic
def grant_end(request: Request, pk: int, grant_pk: int) -> HttpResponse:
    found = _found(pk)
    demand_change(request.user, found)
    ended = get_object_or_404(found.grants.select_related("account"), pk=grant_pk)
    if ended.role not in roles_to_give(request.user):
        raise PermissionDenied(_t("Only an owner may change an owner."))
    ended.delete()
    _note(request, found, taken=ended.role, account=ended.account.slug)
    messages.success(request, _t("The role in “%(name)s” is taken away.") % {"name": ended.account})
    return redirect("person", pk)


@require_POST
@needs(Right.PEOPLE)
def sessions(request: Request, pk: int) -> HttpResponse:
    """Signs a person out everywhere."""
    found = _found(pk)
    demand_change(request.user, found)
    _note(request, found, sessions_ended=_end_sessions(found))
    messages.success(request, _t("%(name)s is signed out everywhere.") % {"name": found.username})
    return redirect("person", pk)


@require_POST
@needs(Right.PEOPLE)
def second_factor(request: Request, pk: int) -> HttpResponse:
    """Forgets a person's second factors: the telephone is lost, and the codes too."""
    found = _found(pk)
    demand_change(request.user, found)
    Authenticator.objects.filter(user=found).delete()
    _note(request, found, second_factor="removed")
    messages.success(
        request, _t("The password alone lets %(name)s in now.") % {"name": found.username}
    )
    return redirect("person", pk)


@require_POST
@never_cache
@needs(Right.PEOPLE)
def new_password(request: Request, pk: int) -> HttpResponse:
    """Makes a link for a new password and shows it, this once."""
    found = _found(pk)
    demand_change(request.user, found)
    _link, secret = Invitation.issue(cast(User, request.user), 1, person=found)
    _note(request, found, link="new password")
    return _shown(request, found, RolesForm(request.user, found), address(request, secret))
