"""Into the trail: what people change about their own sign-in, and codes that were wrong."""

from typing import Any

from allauth.account.signals import password_changed, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.contrib.auth.models import User
from django.dispatch import receiver
from django.http import HttpRequest

from history.models.trail import Action
from history.trail import note


@receiver(authenticator_added)
def _added(
    sender: object, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    _note(request, user, second_factor_added=authenticator.type)


@receiver(authenticator_removed)
def _removed(
    sender: object, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    _note(request, user, second_factor_removed=authenticator.type)


@receiver(authenticator_reset)
def _reset(
    sender: object, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    _note(request, user, second_factor_renewed=authenticator.type)


@receiver((password_changed, password_set))
def _password(sender: object, request: HttpRequest, user: User, **_: Any) -> None:
    _note(request, user, password="changed")  # noqa: S106  a word, not a password


@receiver(social_account_added)
def _tied(sender: object, request: HttpRequest, sociallogin: Any, **_: Any) -> None:
    _note(request, sociallogin.user, single_sign_on="tied")


@receiver(social_account_removed)
def _untied(sender: object, request: HttpRequest, socialaccount: Any, **_: Any) -> None:
    _note(request, socialaccount.user, single_sign_on="untied")


def _note(request: HttpRequest, user: User, **details: object) -> None:
    note(request, Action.SETTINGS, "person", user.pk, name=user.username, **details)


@receiver(authentication_failed)
def _wrong_code(
    sender: object, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """The password was right, the code was not: worth more attention than a wrong password."""
    wrong = {"name": user.username, "wrong": authenticator.type}
    note(request, Action.SIGN_IN_FAILED, "person", user.pk, **wrong)
