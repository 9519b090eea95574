"""The templates that Jinja draws, templates/**/*.jinja: what a page shows many times over, such as
the rows of a list, and what every page shows, such as the rail. Jinja compiles them to Python,
which takes a seventh of the time that Django's templates take (docs/performance.md). They see the
context of the page that includes them.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, cast

from django import forms, template
from django.forms import BoundField
from django.template import defaultfilters, engines
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext
from jinja2 import Environment, StrictUndefined, pass_context

from history.queues import waterfall
from history.templatetags import ledger, sessions, show


def environment(**options: Any) -> Environment:
    """Jinja with the filters and tags of the Django templates, by the same names."""
    options.pop("autoescape", None)
    made = Environment(
        **{**options, "undefined": StrictUndefined},
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True, pgettext=pgettext
    )
    for library in (show, sessions, ledger):
        made.filters |= {n: when_drawn(f) for n, f in library.register.filters.items()}
    made.filters |= {"date": when_drawn(written_date), "day": when_drawn(day)}
    made.globals |= helpers()
    return made


@cache
def helpers() -> Mapping[str, Callable[..., Any]]:
    """What templates call. In the tag {% jinja %} these names mean nothing else, whatever a page's
    context holds."""
    return {
        "url": url,
        "badge": show.badge,
        "direction": show.direction,
        "filter_field": filter_field,
        "icon": show.icon,
        "narrowed": ledger.narrowed,
        "waterfall": waterfall,
    }


def when_drawn(say: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, called each time. Jinja would call it once and for all where what it is given is
    a constant, though what it says depends on who looks: {{ none|phone }} is in their language."""

    @pass_context
    def filtered(_context: object, *arguments: Any) -> Any:
        return say(*arguments)

    return filtered


def url(name: str, *arguments: object) -> str:
    """The address of a page, as Django's own tag makes it."""
    return reverse(name, args=arguments)


def day(moment: datetime) -> str:
    """`2026-03-02`, in the current zone."""
    return timezone.localtime(moment).date().isoformat()


def written_date(value: date, style: str | None = None) -> str:
    """Django's filter `date`, which gets a moment in the current zone from its own templates."""
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    return defaultfilters.date(local, style)


# Widgets of Django draw what they are given, but for choices. Ours say what else they look at.
_ALIKE = (
    forms.TextInput,
    forms.NumberInput,
    forms.Textarea,
    forms.CheckboxInput,
    forms.DateTimeInput,
)

_empty: dict[tuple[object, ...], SafeString] = {}


def filter_field(field: BoundField) -> SafeString:
    """components/_field.html. Most fields of a filter bar are empty and look the same on every
    page, so an empty one is drawn once: all of them would take longer than a page of rows."""
    widget = field.field.widget
    differs_by = getattr(widget, "differs_by", None)
    alike = type(widget) in _ALIKE or differs_by
    if field.value() or field.errors or not alike:
        return _drawn(field)
    looks = (field.auto_id, str(field.label), str(field.help_text), repr(widget.attrs))
    more = differs_by() if differs_by else None
    key = (translation.get_language(), type(field.form), field.html_name, *looks, more)
    if key not in _empty:
        _empty[key] = _drawn(field)
    return _empty[key]


def _drawn(field: BoundField) -> SafeString:
    return render_to_string("components/_field.html", {"field": field})


def draw(context: template.Context, name: str, **more: object) -> SafeString:
    """templates/<name>.jinja with the page's context and more; the tag {% jinja %}."""
    seen = cast(dict[str, Any], context.flatten())
    drawn = engines["jinja"].get_template(f"{name}.jinja")
    return SafeString(drawn.render({**seen, **more, **helpers()}))
