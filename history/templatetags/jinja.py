"""The tag that puts what Jinja draws into a Django template: {% jinja "rows/calls" %}."""

from django import template

from history.jinja import draw

register = template.Library()
register.simple_tag(draw, takes_context=True, name="jinja")
