"""The tags that put what Jinja draws into a Django template: {% jinja "rows/calls" %}, and
{% once "components/_assets.jinja" %} for what is the same on every page."""

from django import template

from history.jinja import draw, once

register = template.Library()
register.simple_tag(draw, takes_context=True, name="jinja")
register.simple_tag(once, name="once")
