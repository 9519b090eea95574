"""What is kept or handed out encrypted: one set of secrets, a key of its own for each purpose."""

from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def sealer(purpose: str) -> MultiFernet:
    """Seals with SECRET_KEY, opens what it or one of SECRET_KEY_FALLBACKS sealed."""
    return _derived(purpose, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def key_sealer() -> MultiFernet:
    """For the keys of accounts: the first of VOX_ENCRYPTION_KEYS seals, where there are any. What
    SECRET_KEY sealed before opens still."""
    others = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return _derived("account key", (*settings.VOX_ENCRYPTION_KEYS, *others))


@cache
def _derived(purpose: str, secrets: tuple[str | bytes, ...]) -> MultiFernet:
    return MultiFernet([_fernet(purpose, force_bytes(secret)) for secret in secrets])


def _fernet(purpose: str, secret: bytes) -> Fernet:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"voxledger {purpose}".encode())
    return Fernet(urlsafe_b64encode(made.derive(secret)))
