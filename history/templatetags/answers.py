"""{% answered %}…{% endanswered %}: the part of a page that needs the API's answer, and in it
{% drawn %}…{% enddrawn %}: what is the same whenever the answer is. {% ahead name %}…{% endahead %}
draws what stands in there as {{ name }} but needs no answer, while that is waited for."""

from copy import copy

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

from history.ahead import Answered

register = template.Library()


class _PartNode(template.Node):
    """A part whose page has an `answered` (history.ahead.Answered); without it nothing was asked,
    and nothing is waited for."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        answered: Answered | None = context.get("answered")
        if answered is None:
            return self.nodelist.render(context)
        return mark_safe(self.drawn(answered, context))  # noqa: S308

    def drawn(self, answered: Answered, context: Context) -> str:
        raise NotImplementedError


class AnsweredNode(_PartNode):
    """Drawn last, with what `answered` says added to the context."""

    def drawn(self, answered: Answered, context: Context) -> str:
        seen = copy(context)  # as it is here, whatever is pushed and popped until then

        def draw() -> str:
            with seen.push(**answered.context):
                return self.nodelist.render(seen)

        return answered.later(draw)


@register.tag
def answered(parser: Parser, token: Token) -> AnsweredNode:
    return AnsweredNode(_inside(parser, "answered"))


class DrawnNode(_PartNode):
    """Drawn once for the same answer and eyes, where the view names some (history/answers.py)."""

    def drawn(self, answered: Answered, context: Context) -> str:
        return answered.shown(lambda: self.nodelist.render(context))


@register.tag
def drawn(parser: Parser, token: Token) -> DrawnNode:
    return DrawnNode(_inside(parser, "drawn"))


class AheadNode(template.Node):
    """Draws now what its name stands for from here on."""

    def __init__(self, name: str, nodelist: NodeList) -> None:
        self.name, self.nodelist = name, nodelist

    def render(self, context: Context) -> str:
        context[self.name] = self.nodelist.render(context)
        return ""


@register.tag
def ahead(parser: Parser, token: Token) -> AheadNode:
    _tag, name = token.split_contents()
    return AheadNode(name, _inside(parser, "ahead"))


def _inside(parser: Parser, tag: str) -> NodeList:
    nodelist = parser.parse((f"end{tag}",))
    parser.delete_first_token()
    return nodelist
