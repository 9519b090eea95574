"""What a test reads from a list page: its rows, its words, the links of its pager."""

import html
import re
from typing import Any
from urllib.parse import parse_qs


def rows(page: Any) -> list[int]:
    """The IDs of the rows a page shows, in its order."""
    return [int(found) for found in re.findall(r'data-row="(\d+)"', page.content.decode())]


def text(page: Any) -> str:
    """What a page says, without its markup and with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def amounts(page: Any) -> list[str]:
    """The exact values of all amounts of money a page shows."""
    found = re.findall(
        r'<data class="(?:amount|money)[^"]*" value="([^"]+)"', page.content.decode()
    )
    return list(found)


def query_of(page: Any, rel: str) -> dict[str, list[str]]:
    """The query of the pager's link to the `next` or `prev` page."""
    found = re.search(rf'rel="{rel}" href="\?([^"]+)"', page.content.decode())
    assert found, f"no link to the {rel} page"
    return parse_qs(html.unescape(found[1]))


def has_next(page: Any) -> bool:
    return 'rel="next"' in page.content.decode()


def link(page: Any, words: str) -> str:
    """Where the first link with exactly these words leads."""
    found = re.search(
        rf'<a [^>]*href="([^"]+)"[^>]*>\s*{re.escape(words)}\s*<', page.content.decode()
    )
    assert found, f"no link says {words!r}"
    return html.unescape(found[1])
