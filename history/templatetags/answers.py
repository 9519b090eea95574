"""{% answered %}…{% endanswered %}: the part of a page that needs the API's answer."""

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString

register = template.Library()


class AnsweredNode(template.Node):
    """Waits for `answered` (history.ahead.Answered) and adds what it says to the context; without
    it nothing was asked."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        answered = context.get("answered")
        with context.push(**(answered.context if answered else {})):
            return self.nodelist.render(context)


@register.tag
def answered(parser: Parser, token: Token) -> AnsweredNode:
    nodelist = parser.parse(("endanswered",))
    parser.delete_first_token()
    return AnsweredNode(nodelist)
