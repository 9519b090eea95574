"""`manage.py version`: the version, as CHANGELOG.md says it."""

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print the version of Voxledger."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(settings.VERSION)
