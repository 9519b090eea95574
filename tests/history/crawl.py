"""Walking through the dashboard as somebody who clicks on everything, for what no page may show."""

import html
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

_LINKS = re.compile(r"""(?:href|src|hx-get|data-total-url|data-src)=["']([^"']+)["']""")
_ROWS = re.compile(r'data-drawer-path="([^"]+)".*?data-row="([\d-]+)"', re.DOTALL)
LEAVES = ("", "account_logout", "media")  # of media only texts are read


@dataclass
class Crawl:
    """`seen` holds what each address said, headers and all, `names` how often each was opened."""

    client: Client
    most: int = 1  # of one kind of address, beside those that are named
    seen: dict[str, str] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def walk(self, *addresses: str) -> None:
        self.client.raise_request_exception = False
        waiting = list(addresses)
        while waiting:
            address = waiting.pop(0)
            name = _name(address)
            is_enough = self.names[name] >= self.most and address not in addresses
            if address in self.seen or is_enough or name in LEAVES:
                continue
            self.names[name] += 1
            answer = self.client.get(address)
            self.seen[address] = said = _said(answer)
            if answer.status_code >= 500:
                self.broken.append(address)
            if answer.status_code in (301, 302):
                waiting.append(answer.headers["Location"])
            elif "html" in answer.headers.get("Content-Type", ""):
                waiting += _links(address, said)


def _name(address: str) -> str:
    try:
        return resolve(urlsplit(address).path).url_name or ""
    except Resolver404:
        return ""


def _said(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{headers}\n\n{body.decode('utf-8', 'replace')}"


def _links(address: str, said: str) -> list[str]:
    found = [html.unescape(link) for link in _LINKS.findall(said)]
    found += [path.replace("{id}", row) for path, row in _ROWS.findall(said)]
    found = [urljoin(address, link).partition("#")[0] for link in found]
    return [link for link in found if link.startswith("/") and not link.startswith("/static/")]


def digits(said: str) -> str:
    """What was said without anything that people write between digits."""
    return re.sub(r"[\s\u00a0().\-/+]|%20|%2B", "", unquote(html.unescape(said)))
