"""What Jinja makes of our templates: Python as it writes it anyway, with the detours left out.

Of a row's time half went into wrapping each piece of text in a Markup of its own, into finding out
before each call whether the function wants the context, and into looking up the same few words.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from html import escape
from typing import Any, cast

from django.utils import translation
from django.utils.safestring import SafeString
from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup
from markupsafe import escape as escape_anything


def shown(value: object) -> str:
    """The value as HTML: escaped, unless it says that it is HTML already."""
    kind = type(value)
    if kind is SafeString or kind is Markup:
        return value  # type: ignore[return-value]
    if kind is str:
        return escape(value)  # type: ignore[arg-type]
    if kind in _LAZY:
        translate, message = cast(Any, value).__reduce__()[1][:2]
        return _said(translation.get_language(), translate, message)
    return str(value) if kind is int else escape_anything(value)


# Labels are the same few, and to translate each anew takes longer than to draw a row.
_LAZY = frozenset(
    (type(translation.gettext_lazy("Calls")), type(translation.pgettext_lazy("period", "From")))
)


@lru_cache(maxsize=1024)
def _said(language: str | None, translate: Callable[..., str], message: tuple[str, ...]) -> str:
    return escape(translate(*message))


class _Code(CodeGenerator):
    environment: "Drawing"

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("escape = environment.shown")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, (nodes.TemplateData, nodes.Const)):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        what = node.node
        plain = isinstance(what, nodes.Getattr) or (
            isinstance(what, nodes.Name) and self.environment.is_plain(what.name)
        )
        if not plain or forward_caller or node.dyn_args or node.dyn_kwargs:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(what, frame)
        self.write("(")
        for argument in (*node.args, *node.kwargs):
            self.visit(argument, frame)
            self.write(", ")
        self.write(")")


class Drawing(Environment):
    """Nothing is worked out once and for all while a template is compiled, but for what it says
    word by word: what a filter makes of a constant depends on who looks."""

    code_generator_class = _Code
    shown = staticmethod(shown)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, optimized=False)

    def is_plain(self, name: str) -> bool:
        """Whether a global function is called as it stands, without context or environment."""
        return name in self.globals and not hasattr(self.globals[name], "jinja_pass_arg")


# Words. As Jinja's own `newstyle` functions do it, each text is a format, HTML, and what is put
# into it is escaped.


def text(message: str, /, **values: object) -> str:
    """The message in the language of who looks; `_` in templates."""
    return text_in(translation.get_language())(message, **values)


@cache
def text_in(language: str | None) -> Callable[..., str]:
    """The same in one language, for a page, which asks a hundred times."""

    def said(message: str, /, **values: object) -> str:
        if not values:
            return _words(language, message)
        return SafeString(translation.gettext(message) % _shown(values))

    return said


def counted(one: str, many: str, number: int, /, **values: object) -> str:
    """`ngettext` in templates."""
    if values == {"n": number}:
        return _count(translation.get_language(), one, many, number)
    return SafeString(translation.ngettext(one, many, number) % _shown({"num": number, **values}))


@lru_cache(maxsize=1024)
def _count(language: str | None, one: str, many: str, number: int) -> SafeString:
    """Rows say the same small numbers of things."""
    return SafeString(translation.ngettext(one, many, number) % {"num": number, "n": number})


def text_of(context: str, message: str, /, **values: object) -> str:
    """`pgettext` in templates."""
    return SafeString(translation.pgettext(context, message) % _shown(values))


@lru_cache(maxsize=4096)
def _words(language: str | None, message: str) -> SafeString:
    return SafeString(translation.gettext(message) % {})


def _shown(values: dict[str, object]) -> dict[str, str]:
    return {name: shown(value) for name, value in values.items()}
