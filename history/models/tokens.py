"""Personal tokens for scripts: shown once, kept as a hash, limited to what they were made for."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

PREFIX = "vxl_"
# Writing "last used" with each request would cost more than it tells.
USE_NOTED_EVERY = timedelta(minutes=1)

SCOPES = (
    ("reports:read", _("See and download reports")),
    ("reports:order", _("Order reports")),
)


class ApiToken(models.Model):
    """A token of a person. `digest` is the SHA-256 of a secret of 256 random bits, which needs
    no salt or stretching; `hint` are its first letters, to tell tokens apart."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=60)
    hint = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(null=True)
    last_used = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @classmethod
    def issue(
        cls,
        owner: AbstractBaseUser,
        name: str,
        scopes: list[str],
        expires: datetime | None = None,
    ) -> tuple["ApiToken", str]:
        """The new row and its secret, which nobody can see again."""
        secret = PREFIX + secrets.token_urlsafe(32)
        token = cls.objects.create(
            owner_id=owner.pk,
            name=name,
            hint=secret[:8],
            digest=digest(secret),
            scopes=scopes,
            expires=expires,
        )
        return token, secret

    @classmethod
    def find(cls, secret: str) -> "ApiToken | None":
        """The valid token with this secret, noting its use."""
        now = timezone.now()
        token = cls.objects.select_related("owner").filter(digest=digest(secret)).first()
        if token is None or not token.owner.is_active:
            return None
        if token.expires and token.expires <= now:
            return None
        if token.last_used is None or now - token.last_used > USE_NOTED_EVERY:
            cls.objects.filter(pk=token.pk).update(last_used=now)
        return token


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
