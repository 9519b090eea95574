"""How sign-in behaves where allauth leaves the choice: nobody signs up, secrets are sealed."""

from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.encoding import force_bytes
from django.utils.translation import gettext_lazy as _


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: an administrator invites people."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SignInForm(LoginForm):  # type: ignore[misc]
    """No way to a forgotten password, since no mail brings it; and each word once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


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
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            # SECRET_KEY was changed. Codes of a secret that nobody knows: none is right.
            return str(generate_totp_secret())


def _fernet() -> MultiFernet:
    return _from_secrets((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@cache
def _from_secrets(secrets: tuple[str | bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(force_bytes(secret))) for secret in secrets])


def _derived(secret: bytes) -> bytes:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"voxledger second factor")
    return urlsafe_b64encode(made.derive(secret))
