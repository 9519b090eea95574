"""Seals the keys of all accounts with the newest secret, so that the older ones can go."""

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from history.models import Account
from history.sealing import key_sealer


class Command(BaseCommand):
    help = (
        "Seal the keys of all accounts with the first of VOX_ENCRYPTION_KEYS (or SECRET_KEY)."
        " Afterwards the older secrets open nothing that is kept, and can be taken away."
    )

    def handle(self, *args: object, **options: object) -> None:
        done, lost = self._rotate()
        self.stdout.write(f"{done} sealed anew")
        if lost:
            raise CommandError(
                f"No secret opens the key of {', '.join(lost)}: add the former one to the end of"
                " VOX_ENCRYPTION_KEYS (or SECRET_KEY_FALLBACKS), or give the key once more on the"
                " page Accounts."
            )

    @transaction.atomic
    def _rotate(self) -> tuple[int, list[str]]:
        """How many were sealed anew, and whose key nothing opens."""
        sealer, done, lost = key_sealer(), 0, []
        for account in Account.objects.select_for_update().exclude(secret=""):
            try:
                account.secret = sealer.rotate(account.secret.encode()).decode()
            except InvalidToken:
                lost.append(account.slug)
                continue
            account.save(update_fields=["secret"])
            done += 1
        return done, lost
