"""The fields of filter bars: most are empty, and look the same on every page."""

from django import forms, template
from django.forms import BoundField
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()

# Widgets of Django draw what they are given. Ours may look at the account, and choices differ.
ALIKE = (
    forms.TextInput,
    forms.NumberInput,
    forms.Textarea,
    forms.CheckboxInput,
    forms.DateTimeInput,
)

_empty: dict[tuple[object, ...], SafeString] = {}


@register.simple_tag
def filter_field(field: BoundField) -> SafeString:
    """components/_field.html. An empty one is drawn once, since drawing all of them takes longer
    than drawing a page of rows."""
    if field.value() or field.errors or type(field.field.widget) not in ALIKE:
        return _drawn(field)
    looks = (field.auto_id, str(field.label), str(field.help_text), repr(field.field.widget.attrs))
    key = (get_language(), type(field.form), field.html_name, *looks)
    if key not in _empty:
        _empty[key] = _drawn(field)
    return _empty[key]


def _drawn(field: BoundField) -> SafeString:
    return render_to_string("components/_field.html", {"field": field})
