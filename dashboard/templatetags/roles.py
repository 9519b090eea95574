"""Roles by the names people know them by."""

from collections.abc import Iterable

from django import template
from django_stubs_ext import StrOrPromise

from history import permissions

register = template.Library()

register.filter("role_name", permissions.role_name)


@register.filter
def role_names(roles: Iterable[str]) -> list[StrOrPromise]:
    return [permissions.role_name(role) for role in roles]
