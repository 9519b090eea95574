"""What our Jinja draws: the same as Jinja, escaped the same, in the language of who looks."""

from decimal import Decimal
from typing import Any

import pytest
from django.http import QueryDict
from django.template import Context, Template, engines
from django.urls import set_script_prefix
from django.utils import formats, translation
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, pgettext_lazy
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined, UndefinedError

from history.forms import CallsForm, Defaults
from history.jinja import filter_field, once
from history.navigation import PLACES, Stop
from history.templatetags import show

NASTY = "<b>\"bold\" & 'bolder'</b>"


def drawn(source: str, **context: Any) -> str:
    return str(engines["jinja"].env.from_string(source).render(context))  # type: ignore[attr-defined]


def as_jinja_draws(source: str, **context: Any) -> str:
    """By Jinja as it is, with its own escaping written as Django writes it."""
    plain = Environment(autoescape=True, undefined=StrictUndefined)
    said = plain.from_string(source).render(context)
    return said.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")


@pytest.mark.parametrize(
    "source",
    [
        "{{ text }}",
        '<a title="{{ text }}">',
        "{{ safe }}{{ number }}{{ nothing }}{{ amount }}{{ lazy }}",
        "{{ [text] }}{{ {'a': text} }}",
        "{{ text.upper() }}{{ text.replace('b', 'c') }}",
        "{{ text|upper }}{{ text|length }}{{ [text, safe]|join('<') }}",
        "{% set part %}<i>{{ text }}</i>{% endset %}{{ part }}",
        "{% macro one(what, more='') %}<i>{{ what }}{{ more }}</i>{% endmacro %}{{ one(text) }}"
        "{{ one(text, more=safe) }}",
        "{% for one in [text, safe] %}{{ loop.index }}{{ one }}{{ loop.cycle('a', 'b') }}"
        "{% endfor %}",
        "{{ text ~ safe }}{{ 'constant <' }}{{ 4 }}",
        "{{ text if number > 3 else safe }}",
        "{% filter trim %}{{ text }}{% endfilter %}",
    ],
)
def test_draws_what_jinja_draws(source: str) -> None:
    context = {
        "text": NASTY,
        "safe": mark_safe("<em>&amp;</em>"),
        "number": 4,
        "nothing": None,
        "amount": Decimal("1.50"),
        "lazy": gettext_lazy("Calls"),
    }
    expected = as_jinja_draws(source, **context)
    for _time in range(2):
        got = drawn(source, **context)
        assert got.replace("&#34;", "&quot;").replace("&#39;", "&#x27;") == expected


def test_a_name_that_is_missing_is_an_error() -> None:
    for source in ("{{ missing }}", "{{ missing.part }}", "{{ missing() }}", "{{ _(missing) }}"):
        with pytest.raises(UndefinedError):
            drawn(source)


def test_says_it_in_the_language_of_who_looks() -> None:
    """Also where a template is compiled for somebody else, and where what it says is constant."""
    source = "{{ _('Calls') }} {{ none|phone }} {{ ngettext('%(n)s call', '%(n)s calls', 3, n=3) }}"
    template = engines["jinja"].env.from_string(source)  # type: ignore[attr-defined]
    said = {}
    for language in ("en", "ru", "es", "en", "ru"):
        with translation.override(language):
            said.setdefault(language, template.render())
            assert template.render() == said[language]
    assert len(set(said.values())) == 3
    assert ">none<" in said["en"]
    assert ">нет<" in said["ru"]


def test_labels_are_said_in_the_language_of_who_looks_and_escaped() -> None:
    labels = {
        "plain": gettext_lazy("Calls"),
        "of": pgettext_lazy("period", "From"),
        "nasty": gettext_lazy(NASTY),
    }
    said = {}
    for language in ("en", "ru", "en", "ru"):
        with translation.override(language):
            got = drawn("{{ plain }} {{ of }} {{ nasty }}", **labels)
            assert got == " ".join(escape(str(label)) for label in labels.values())
            said.setdefault(language, got)
            assert said[language] == got
    assert said["en"] != said["ru"]
    assert "<b>" not in said["en"]


def test_a_field_is_drawn_with_what_is_typed_into_it() -> None:
    """What was drawn for one text is used for the next one; nothing of the first may stay."""

    def field(name: str, query: str, language: str = "en") -> str:
        with translation.override(language):
            return filter_field(CallsForm(QueryDict(query), Defaults())[name])

    assert 'value="front"' in field("application_name", "application_name=front")
    other = field("application_name", "application_name=%22%3E%3Cscript%3E")
    assert 'value="&quot;&gt;&lt;script&gt;"' in other
    assert "front" not in other
    assert "value=" not in field("application_name", "")
    assert "value=" not in field("application_name", "application_name=")
    assert "\none\ntwo</textarea>" in field("remote_number", "remote_number=one%0Atwo")
    assert 'value="2026-03-02T00:00:00"' in field("from_date", "from_date=2026-03-02")
    assert field("application_name", "", "ru") != field("application_name", "")


def test_what_is_put_into_a_text_is_escaped() -> None:
    assert drawn("{{ _('Signed in as %(name)s', name=text) }}", text=NASTY) == (
        "Signed in as &lt;b&gt;&quot;bold&quot; &amp; &#x27;bolder&#x27;&lt;/b&gt;"
    )
    assert drawn("{{ _('Signed in as %(name)s', name=text) }}", text=mark_safe("<b>ada</b>")) == (
        "Signed in as <b>ada</b>"
    )
    with pytest.raises(KeyError):
        drawn("{{ _('Signed in as %(name)s', title=1) }}")


def test_parts_of_the_frame_are_those_of_language_account_and_page() -> None:
    """Each is drawn once and then again; they must not take each other's place."""

    def rail(current: int) -> str:
        nav = tuple(Stop(place, i == current) for i, place in enumerate(PLACES))
        return once("components/_rail.jinja", nav=nav)

    english = rail(1)
    assert rail(1) == english == rail(1)
    assert rail(2) != english
    with translation.override("ru"):
        assert "Звонки" in rail(1)
    set_script_prefix("/@other/")
    try:
        assert 'href="/@other/calls/"' in rail(1)
    finally:
        set_script_prefix("/")
    assert rail(1) == english


def test_the_tag_puts_it_into_a_page_of_django() -> None:
    page = Template('{% load jinja %}{% once "components/_look.jinja" %}').render(Context())
    assert page == once("components/_look.jinja")
    assert 'data-set="theme"' in page


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
@example(Decimal("-0.0060"))
@example(Decimal("999999.99"))
@example(Decimal("1000000"))
@example(Decimal("1E+30"))
@example(Decimal("1E-25"))
def test_amounts_are_written_as_django_writes_numbers(value: Decimal) -> None:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    for language in ("en", "ru", "es"):
        with translation.override(language):
            expected = formats.number_format(abs(value), max(2, -exponent), force_grouping=True)
            assert show.exact(value).removeprefix(show.MINUS) == expected
