"""Single sign-on: who may come in from the provider, and with which roles.

With OIDC_ROLE_MAP the provider's groups decide, anew at each sign-in, and people it knows are made
here when they first come. Without it only those come in who tied an account here to theirs there.
"""

from collections.abc import Mapping
from typing import Any

from allauth.account.utils import user_username
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.openid_connect import views
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from requests import RequestException

from dashboard.people.rules import give_roles, roles_of
from history.models.trail import Action
from history.permissions import ROLES
from history.trail import note


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(_roles(sociallogin))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuses who has no role here; gives those who are known the roles of today."""
        if not _is_about_one_person(sociallogin):
            raise _refused(request, "mixed")
        # Nobody is taken for somebody else by an address for mail.
        sociallogin.email_addresses = []
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            return
        roles = _roles(sociallogin)
        if not roles and (settings.OIDC_ROLE_MAP or not sociallogin.is_existing):
            raise _refused(request, "groups" if settings.OIDC_ROLE_MAP else "unknown")
        if roles and sociallogin.is_existing:
            _update_roles(sociallogin.user, roles)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        _update_roles(user, _roles(sociallogin))
        return user

    def populate_user(
        self, request: HttpRequest, sociallogin: SocialLogin, data: Mapping[str, Any]
    ) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        # Better the name before the @ than one made of first names.
        if not user.username and data.get("email"):
            user_username(user, str(data["email"]).partition("@")[0])
        return user


def _claims(sociallogin: SocialLogin) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the signed token says, and what the provider adds to it."""
    said = sociallogin.account.extra_data
    return said.get("id_token") or {}, said.get("userinfo") or {}


def _is_about_one_person(sociallogin: SocialLogin) -> bool:
    # OpenID Connect Core 5.3.2: an answer about another subject must not be used.
    token, more = _claims(sociallogin)
    return bool(token.get("sub")) and (not more or more.get("sub") == token["sub"])


def _roles(sociallogin: SocialLogin) -> list[str]:
    """In the order of the table; empty when no group of the person has a role."""
    groups: set[str] = set()
    for claims in _claims(sociallogin):
        said = claims.get(settings.OIDC_GROUPS_CLAIM) or []
        groups.update([said] if isinstance(said, str) else map(str, said))
    given = {role for group, role in settings.OIDC_ROLE_MAP.items() if group in groups}
    return [role for role in ROLES if role in given]


def _update_roles(user: User, roles: list[str]) -> None:
    before = roles_of(user)
    if before != roles:
        give_roles(user, roles)
        details = {"roles": roles, "roles_before": before, "way": "single sign-on"}
        note(user, Action.SETTINGS, "person", user.pk, name=user.username, **details)


def _refused(request: HttpRequest, why: str) -> ImmediateHttpResponse:
    page = render(request, "socialaccount/refused.html", {"why": why}, status=403)
    return ImmediateHttpResponse(page)


@login_not_required
def start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """On to the provider; when it cannot be reached, a page that says so."""
    try:
        answer: HttpResponse = views.login(request, provider_id)
    except (RequestException, KeyError, ValueError) as error:
        provider = views.OpenIDConnectOAuth2Adapter(request, provider_id).get_provider()
        return render_authentication_error(  # type: ignore[no-any-return]
            request, provider, exception=error
        )
    return answer
