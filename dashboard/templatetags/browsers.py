"""A browser by the name people know it by."""

import re

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t

register = template.Library()

# The first that fits: most browsers also call themselves by the names further down.
BROWSERS = (
    (r"Edg(?:e|A|iOS)?/(\d+)", "Edge"),
    (r"OPR/(\d+)", "Opera"),
    (r"(?:Firefox|FxiOS)/(\d+)", "Firefox"),
    (r"(?:Chrome|CriOS)/(\d+)", "Chrome"),
    (r"Version/(\d+)[\d.]* .*Safari", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("Linux|X11", "Linux"),
)


@register.filter
def browser(agent: str) -> SafeString:
    """`Firefox 140, Linux`, with the whole header in the title."""
    known = [f"{name} {found[1]}" for like, name in BROWSERS if (found := re.search(like, agent))]
    system = [name for like, name in SYSTEMS if re.search(like, agent)]
    words = ", ".join(known[:1] + system[:1]) or agent[:40] or _t("unknown")
    return format_html('<span title="{}">{}</span>', agent, words)
