"""Voximplant accounts: which there are, how they fare, their keys, and who may open them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history.accounts import address
from history.accounts_health import forget, health_of
from history.accounts_keys import BadKey, attempt, give, like_roles, note, try_key
from history.connection import number_of
from history.forms_accounts import AddForm, KeyForm, LookForm
from history.middleware import Request
from history.models import accounts as known
from history.models.accounts import HUES, Account
from history.models.trail import Action
from history.permissions import Right, needs
from history.trail import note as trail

_secret = sensitive_post_parameters("key_text", "api_key")


@require_safe
@needs(Right.ACCOUNTS)
def accounts(request: Request) -> HttpResponse:
    rows = [
        {
            "account": one,
            "number": number_of(one),
            "health": health_of(one.slug),
            "url": address(one.slug),
        }
        for one in known.all_of_them()
    ]
    context = {"rows": [row for row in rows if not _is_gone(row)], "gone": filter(_is_gone, rows)}
    return render(request, "history/accounts.html", context)


def _is_gone(row: dict[str, Any]) -> bool:
    return bool(row["account"].state == Account.State.REMOVED)


@require_http_methods(["GET", "HEAD", "POST"])
@_secret
@needs(Right.ACCOUNTS)
def add(request: Request) -> HttpResponse:
    """An account with a key that works."""
    form = AddForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        account = Account(slug=said["slug"], name=said["name"], hue=_next_hue())
        if _take_key(form, account):
            # The first one of an installation without any is where people shall land.
            account.is_default = not known.in_settings() and not _has_default()
            account.save()
            _note(request, account, what="added", number=account.number)
            messages.success(request, _t("“%(name)s” works.") % {"name": account.name})
            return redirect("accounts_one", account.slug)
    return render(request, "history/account_add.html", {"form": form})


def _has_default() -> bool:
    return Account.objects.filter(is_default=True).exists()


def _next_hue() -> int:
    return len(known.all_of_them()) % HUES + 1


def _take_key(form: KeyForm, account: Account) -> bool:
    """Tests the form's key and puts it on the account; words on the form where it fails."""
    key = form.cleaned_data["key"]
    try:
        tried = try_key(key)
        _demand_same(account, tried.number)
    except BadKey as error:
        ways = ("key_file", "key_text", "api_key")
        form.add_error(next(way for way in ways if form.cleaned_data[way]), str(error))
        return False
    note(account, tried)
    give(account, key)
    return True


def _demand_same(account: Account, number: int) -> None:
    """IDs of calls and recordings mean something else in another Voximplant account."""
    if account.number not in (None, number):
        words = _t(
            "This key opens the Voximplant account %(now)d, the old one opened %(then)d. Add it as"
            " an account of its own: what is kept here belongs to the old one."
        )
        raise BadKey(words % {"now": number, "then": account.number})


def _note(request: Request, account: Account, **details: object) -> None:
    trail(request, Action.SETTINGS, "account", account.slug, name=account.name, **details)


def _found(slug: str) -> Account:
    account = known.find(slug)
    if not account.exists:
        raise Http404
    return account


@require_safe
@needs(Right.ACCOUNTS)
def account(request: Request, slug: str) -> HttpResponse:
    found = _found(slug)
    return _shown(request, found, LookForm(instance=found), KeyForm())


def _shown(
    request: Request, found: Account, look: forms.BaseForm, key: forms.BaseForm
) -> HttpResponse:
    everywhere = User.objects.filter(groups__isnull=False, is_active=True).distinct().count()
    context = {
        "shown": found,
        "number": number_of(found),
        "health": health_of(found.slug),
        "methods": [(name, code) for name, code in found.methods.items()],
        "roles": like_roles(found.methods),
        "look": look,
        "key": key,
        "url": address(found.slug),
        "is_default": known.find().slug == found.slug,
        "grants": found.grants.select_related("person") if found.pk else (),
        "everywhere": everywhere,
    }
    return render(request, "history/account.html", context)


@require_POST
@needs(Right.ACCOUNTS)
def look(request: Request, slug: str) -> HttpResponse:
    """Name, sign and children."""
    found = _found(slug)
    form = LookForm(request.POST, instance=found)
    if not form.is_valid():
        return _shown(request, found, form, KeyForm())
    form.save()
    _note(request, found, what="changed")
    messages.success(request, _t("Saved."))
    return redirect("accounts_one", slug)


@require_POST
@_secret
@needs(Right.ACCOUNTS)
def key(request: Request, slug: str) -> HttpResponse:
    """A new key in place of the old one, which stays where the new one fails."""
    found = _found(slug)
    if found.from_settings:
        raise Http404
    form = KeyForm(request.POST, request.FILES)
    if not form.is_valid() or not _take_key(form, found):
        return _shown(request, found, LookForm(instance=found), form)
    found.save()
    _note(request, found, what="key replaced", number=found.number)
    messages.success(request, _t("The new key works, and is used from now on."))
    return redirect("accounts_one", slug)


@require_POST
@needs(Right.ACCOUNTS)
def act(request: Request, slug: str, action: str) -> HttpResponse:
    """test, default, off, on, remove."""
    found = _found(slug)
    if action not in ACTIONS:
        raise Http404
    try:
        words = ACTIONS[action](request, found)
    except Refusal as error:
        messages.error(request, str(error))
    else:
        if action != "test":
            _note(request, found, what=action)
        messages.success(request, words)
    return redirect("accounts_one", slug)


class Refusal(Exception):
    """Why it was not done."""


def _test(request: Request, found: Account) -> str:
    forget(found.slug)
    with known.using(found):
        try:
            tried = attempt(found)
        except BadKey as error:
            raise Refusal(str(error)) from None
    note(found, tried)
    found.save()
    return _t("The key works.")


@transaction.atomic
def _default(request: Request, found: Account) -> str:
    if found.state != Account.State.ON:
        raise Refusal(_t("Switch it on first: people land in the default account."))
    Account.objects.filter(is_default=True).update(is_default=False)
    found.is_default = True
    found.save()
    return _t("Addresses without an account lead to “%(name)s” now.") % {"name": found.name}


def _off(request: Request, found: Account) -> str:
    _stop(found, Account.State.OFF)
    return _t("Switched off: nothing is asked for it. What is kept here stays readable.")


def _on(request: Request, found: Account) -> str:
    if not found.secret:
        raise Refusal(_t("It has no key: give one below."))
    found.state = Account.State.ON
    found.save(update_fields=["state"])
    return _t("Switched on.")


def _remove(request: Request, found: Account) -> str:
    if request.POST.get("typed", "").strip() != found.slug:
        raise Refusal(_t("Nothing was removed: type “%(slug)s” to confirm.") % {"slug": found.slug})
    found.secret = ""
    _stop(found, Account.State.REMOVED)
    return _t("Removed, and its key is gone. Its reports and deletions stay readable.")


def _stop(found: Account, state: str) -> None:
    if found.from_settings:
        raise Refusal(_t("This account comes from the settings: it goes when they name no other."))
    if known.find().slug == found.slug:
        raise Refusal(_t("People land in this account. Make another one the default first."))
    found.state = state
    found.save(update_fields=["state", "secret"])
    forget(found.slug)


ACTIONS = {"test": _test, "default": _default, "off": _off, "on": _on, "remove": _remove}
