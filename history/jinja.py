"""The templates that Jinja draws, templates/**/*.jinja: the list pages, what a page shows many
times over, and what every page shows, such as the rail. Jinja compiles them to Python, which takes
a seventh of the time that Django's templates take (docs/performance.md). A Django template that
includes one shares its context with it.
"""

from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from html import escape
from secrets import token_hex
from typing import Any, cast

from django import forms, template
from django.conf import settings
from django.contrib.auth.context_processors import auth
from django.contrib.messages.context_processors import messages
from django.forms import BoundField
from django.http import HttpRequest
from django.template import defaultfilters, engines
from django.template.context_processors import csrf
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils import timezone, translation
from django.utils.safestring import SafeString
from django_htmx.jinja import htmx_script
from jinja2 import StrictUndefined, pass_context
from jinja2.runtime import Context

from history.addresses import url
from history.ahead import Answered
from history.jinja_code import Drawing, counted, text, text_in, text_of
from history.middleware import frame
from history.paging import Pager
from history.queues import waterfall
from history.templatetags import charts, ledger, sessions, show


def environment(**options: Any) -> Drawing:
    """Jinja with the filters and tags of the Django templates, by the same names."""
    options.pop("autoescape", None)
    made = Drawing(
        **{**options, "undefined": StrictUndefined},
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for library in (show, sessions, ledger):
        made.filters |= library.register.filters
    made.filters |= {"date": written_date, "day": day}
    made.globals |= {**helpers(), "_": text, "ngettext": counted, "pgettext": text_of}
    return made


@cache
def helpers() -> Mapping[str, Callable[..., Any]]:
    """What templates call. In the tag {% jinja %} these names mean nothing else, whatever a page's
    context holds."""
    return {
        "url": url,
        "anew": anew,
        "badge": show.badge,
        "bar_chart": bar_chart,
        "current_zone": timezone.get_current_timezone_name,
        "direction": show.direction,
        "filter_field": filter_field,
        "from_django": from_django,
        "htmx_script": htmx_script,
        "icon": show.icon,
        "kept": kept,
        "language": translation.get_language,
        "later": later,
        "looked": looked,
        "narrowed": ledger.narrowed,
        "once": once,
        "static": static_url,
        "strip": strip,
        "waterfall": waterfall,
    }


def day(moment: datetime) -> str:
    """`2026-03-02`, in the current zone."""
    return timezone.localtime(moment).date().isoformat()


def written_date(value: date, style: str | None = None) -> str:
    """Django's filter `date`, which gets a moment in the current zone from its own templates."""
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    return defaultfilters.date(local, style)


# Widgets of Django draw what they are given, but for choices. Ours say what else they look at.
_TYPED = (forms.TextInput, forms.NumberInput, forms.Textarea, forms.DateTimeInput)

_drawn: dict[tuple[object, ...], SafeString] = {}
_AT_MOST = 2000


def filter_field(field: BoundField) -> SafeString:
    """components/_field.html. Fields of a filter bar differ by what is typed into them, so what was
    drawn is remembered, with a place for that: to draw all takes longer than a page of rows."""
    widget, value = field.field.widget, field.value()
    differs_by = getattr(widget, "differs_by", None)
    typed = type(widget) in _TYPED
    alike = typed or type(widget) is forms.CheckboxInput or (differs_by and not value)
    if field.errors or not alike:
        return _draw_field(field)
    fill = typed and type(value) is str and value != ""
    look = "" if fill else repr(value), differs_by() if differs_by else None
    key = (translation.get_language(), field.html_name, widget, *look)
    drawn = _drawn.get(key)
    if drawn is None:
        if len(_drawn) >= _AT_MOST:
            _drawn.clear()
        example = _Example(field.form, field.field, field.name) if fill else field
        drawn = _drawn[key] = _draw_field(example)
    return SafeString(drawn.replace(_Example.typed, escape(value))) if fill else drawn


class _Example(BoundField):
    typed = f"typed-{token_hex(8)}"

    def value(self) -> str:
        return self.typed


def _draw_field(field: BoundField) -> SafeString:
    return render_to_string("components/_field.html", {"field": field})


@cache
def static_url(path: str) -> str:
    """The tag {% static %}; which file is served does not change while a process runs."""
    return static(path)


def once(name: str, **needs: Hashable) -> SafeString:
    """A part of the frame that looks at nothing but its language and what it needs, drawn once for
    each: pages are many, such parts few."""
    draw = _drawn_once.__wrapped__ if settings.DEBUG else _drawn_once
    return draw(name, translation.get_language(), get_script_prefix(), tuple(needs.items()))


@lru_cache(maxsize=512)
def _drawn_once(
    name: str, language: str | None, prefix: str, needs: tuple[tuple[str, Hashable], ...]
) -> SafeString:
    return SafeString(engines["jinja"].get_template(name).render(dict(needs)))


# Parts of a page whose rows come from the API


@pass_context
def later(context: Context, block: str, **more: object) -> str:
    """Draws a block of the page when its `answered` is there, with what that says and with more;
    at once where nothing was asked."""

    def draw(said: Mapping[str, Any]) -> str:
        return _block(context.derived({**more, **said}), block)

    answered: Answered[Any] | None = context.get("answered")
    return SafeString(draw({}) if answered is None else answered.later(draw))


@pass_context
def kept(context: Context, block: str) -> str:
    """Draws a block once for the same answer and eyes, where the view names some
    (history/answers.py)."""
    answered: Answered[Any] | None = context.get("answered")
    if answered is None:
        return SafeString(_block(context, block))
    return SafeString(answered.shown(lambda: _block(context, block)))


def _block(context: Context, name: str) -> str:
    """A block as the most special of the page's templates has it."""
    return "".join(context.blocks[name][0](context))


def anew(request: HttpRequest) -> str:
    """The page's own address, but for an answer of now (history/answers.py)."""
    query = request.GET.copy()
    query["fresh"] = "1"
    return f"?{query.urlencode()}"


# What Django draws, which is rarely needed on these pages


def from_django(name: str, **needs: object) -> SafeString:
    """A fragment of templates/**/*.html, which sees nothing but what it is given."""
    return render_to_string(name, needs)


def strip(kind: str, text: str, **more: str) -> SafeString:
    """components/_strip.html, which says what `more` there is."""
    return from_django("components/_strip.html", kind=kind, text=text, **more)


def looked(text: str, answer: Any, pager: Pager) -> SafeString:
    """How far a look through rows went, which `text` says in words."""
    finished = getattr(answer, "finished", False)
    how_far = {"finished": finished, "stopped": answer.stopped, "on_url": pager.next_url}
    return from_django("history/_looked.html", looked=text, **how_far)


def bar_chart(*said: Any) -> SafeString:
    """The tag {% bar_chart %}."""
    return from_django("components/_bar_chart.html", **charts.bar_chart(*said))


# Pages, and parts of Django's


def draw_page(request: HttpRequest, name: str, context: Mapping[str, Any]) -> SafeString:
    """A whole page, with what pages of Django get from context processors."""
    around = {"request": request, "_": text_in(translation.get_language())}
    for processor in (csrf, auth, messages, frame):
        around |= processor(request)
    return SafeString(engines["jinja"].get_template(name).render({**around, **context}))


def draw(context: template.Context, name: str, **more: object) -> SafeString:
    """templates/<name>.jinja with the page's context and more; the tag {% jinja %}."""
    seen = cast(dict[str, Any], context.flatten())
    drawn = engines["jinja"].get_template(f"{name}.jinja")
    return SafeString(drawn.render({**seen, **more, **helpers()}))
