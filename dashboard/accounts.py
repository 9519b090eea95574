"""How sign-in behaves where allauth leaves the choice: nobody signs up, secrets are sealed."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import ChangePasswordForm, LoginForm
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from cryptography.fernet import InvalidToken
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from history.sealing import sealer

SECOND_FACTOR = "second factor"


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: an administrator invites people."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class _Plain(forms.Form):
    """No way to a forgotten password, since no mail brings it; and each word once."""

    known_password: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[self.known_password].help_text = ""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignInForm(_Plain, LoginForm):  # type: ignore[misc]
    known_password = "password"  # noqa: S105


class NewPasswordForm(_Plain, ChangePasswordForm):  # type: ignore[misc]
    known_password = "oldpassword"  # noqa: S105


class AddKeyForm(AddWebAuthnForm):  # type: ignore[misc]
    passwordless = forms.BooleanField(
        label=_("Sign in with this key alone"),
        required=False,
        initial=True,
        help_text=_("A passkey: your fingerprint, face or PIN stands for name, password and code."),
    )


class SealedMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors are kept sealed: a copy of the database alone gives no codes."""

    def encrypt(self, text: str) -> str:
        return sealer(SECOND_FACTOR).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return sealer(SECOND_FACTOR).decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # SECRET_KEY was changed. Codes of a secret that nobody knows: none is right.
            return str(generate_totp_secret())
