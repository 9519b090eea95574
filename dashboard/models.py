"""How people come in: links that open once."""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils import timezone


class Invitation(models.Model):
    """A link with which somebody joins with `roles`, or `person` chooses a new password.

    `digest` is the SHA-256 of a secret of 256 random bits, which needs no salt or stretching.
    The link opens once, until `expires`.
    """

    digest = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=150, blank=True)
    roles = models.JSONField(default=list)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="links"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="invitations"
    )
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created", "-pk"]

    def __str__(self) -> str:
        return f"link for {self.person or self.note or self.pk}"

    @classmethod
    def issue(
        cls,
        by: AbstractBaseUser | None,
        days: int,
        *,
        note: str = "",
        roles: list[str] | None = None,
        person: AbstractBaseUser | None = None,
    ) -> tuple["Invitation", str]:
        """The new row and its secret, which nobody can see again."""
        if person is not None:
            cls.open_ones().filter(person_id=person.pk).delete()
        secret = secrets.token_urlsafe(32)
        link = cls.objects.create(
            digest=_digest(secret),
            note=note,
            roles=roles or [],
            person_id=person and person.pk,
            by_id=by and by.pk,
            expires=timezone.now() + timedelta(days=days),
        )
        return link, secret

    @classmethod
    def find(cls, secret: str) -> "Invitation | None":
        """The link with this secret, whether it still opens or not."""
        return cls.objects.select_related("person").filter(digest=_digest(secret)).first()

    @classmethod
    def open_ones(cls) -> "models.QuerySet[Invitation]":
        return cls.objects.filter(used=None, expires__gt=timezone.now())

    @property
    def is_over(self) -> bool:
        return self.used is None and self.expires <= timezone.now()

    def claim(self) -> bool:
        """Uses the link up; of two who open it at once, one succeeds."""
        opened = Invitation.open_ones().filter(pk=self.pk)
        return opened.update(used=timezone.now()) == 1


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
