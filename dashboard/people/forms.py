"""Forms of people and invitations."""

from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordForm, UserCreationForm
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.utils.translation import gettext_lazy as _

from dashboard.people.rules import roles_of, roles_to_give
from history.models.accounts import all_of_them
from history.permissions import ROLES, role_name


class RolesField(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple

    def offer(self, roles: list[str]) -> None:
        self.choices = [(role, role_name(role)) for role in roles]


class InvitationForm(forms.Form):
    note = forms.CharField(
        max_length=150,
        label=_("For whom"),
        help_text=_("So that you know the link again. They choose their name themselves."),
    )
    roles = RolesField(label=_("Roles"), error_messages={"required": _("Tick at least one role.")})
    days = forms.TypedChoiceField(
        coerce=int,
        label=_("Link valid for"),
        initial=7,
        choices=[(1, _("1 day")), (3, _("3 days")), (7, _("7 days")), (30, _("30 days"))],
    )

    def __init__(self, by: AbstractBaseUser | AnonymousUser, data: Any = None) -> None:
        super().__init__(data)
        self.fields["roles"].offer(roles_to_give(by))  # type: ignore[attr-defined]


class RolesForm(forms.Form):
    """A person's roles; the one that its giver may not give is neither offered nor taken away."""

    roles = RolesField(label=_("Roles"), required=False)

    def __init__(
        self, by: AbstractBaseUser | AnonymousUser, person: User, data: Any = None
    ) -> None:
        super().__init__(data, initial={"roles": roles_of(person)})
        self.fields["roles"].offer(roles_to_give(by))  # type: ignore[attr-defined]

    @property
    def given(self) -> list[str]:
        return [role for role in ROLES if role in self.cleaned_data["roles"]]


class GrantForm(forms.Form):
    """A role in one account alone."""

    account = forms.ChoiceField(label=_("Account"))
    role = forms.ChoiceField(label=_("Role"))

    def __init__(self, by: AbstractBaseUser | AnonymousUser, data: Any = None) -> None:
        super().__init__(data)
        accounts = [(one.slug, one.name) for one in all_of_them()]
        roles = [(role, role_name(role)) for role in roles_to_give(by)]
        self.fields["account"].choices = accounts  # type: ignore[attr-defined]
        self.fields["role"].choices = roles  # type: ignore[attr-defined]


class JoinForm(UserCreationForm[User]):
    """Name and password of somebody new."""

    class Meta(UserCreationForm.Meta):
        fields = ("username",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        self.fields["username"].help_text = _("You sign in with it. Letters, digits, @ . + - _")


class NewPasswordForm(SetPasswordForm[User]):
    """A new password of somebody known."""
