"""`manage.py first_admin NAME`: the first owner, or a way back in when no owner can sign in."""

import sys
from argparse import ArgumentParser
from getpass import getpass

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse

from dashboard.models import Invitation
from dashboard.people.rules import give_roles, roles_of
from history.models.trail import Action
from history.trail import note


class Command(BaseCommand):
    help = (
        "Make NAME an owner. On a terminal it asks for a password; otherwise, or with --link, "
        "it prints a link that opens once, for one day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the owner signs in with")
        parser.add_argument("--link", action="store_true", help="print a link, ask nothing")
        parser.add_argument(
            "--remove-second-factor", action="store_true", help="forget app, keys and codes"
        )

    def handle(
        self, *, name: str, link: bool, remove_second_factor: bool, **options: object
    ) -> None:
        ask = sys.stdin.isatty() and not link
        password = _asked_password(name) if ask else None
        person = _owner(name, password)
        if remove_second_factor:
            Authenticator.objects.filter(user=person).delete()
        note(None, Action.SETTINGS, "person", person.pk, name=name, made="owner", way="shell")
        if password:
            self.stdout.write(f"{name} is an owner and signs in with this password.")
        else:
            _row, secret = Invitation.issue(None, 1, person=person)
            self.stdout.write(f"{name} is an owner. Open this once, within a day:")
            self.stdout.write(f"{_base()}{reverse('join')}?key={secret}")


def _asked_password(name: str) -> str:
    password = getpass(f"Password for {name}: ")
    try:
        validate_password(password, User(username=name))
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    if getpass("The same again: ") != password:
        raise CommandError("The two passwords differ; nothing was changed.")
    return password


@transaction.atomic
def _owner(name: str, password: str | None) -> User:
    person = User.objects.filter(username=name).first() or User(username=name)
    person.is_active = True
    if password:
        person.set_password(password)
    elif person._state.adding:
        person.set_unusable_password()
    try:
        person.full_clean()
    except ValidationError as error:
        raise CommandError(f"{name!r}: {' '.join(error.messages)}") from None
    person.save()
    give_roles(person, {*roles_of(person), "owner"})
    return person


def _base() -> str:
    """Where the pages most likely are; the operator knows better."""
    host = settings.ALLOWED_HOSTS[0].removeprefix(".") if settings.HTTPS_ONLY else "localhost:8000"
    return f"{'https' if settings.HTTPS_ONLY else 'http'}://{host}"
