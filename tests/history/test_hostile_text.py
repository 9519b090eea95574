"""Text from outside is text on every list, whatever it looks like."""

import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from dashboard.supervise import Supervisor
from tests.conftest import NOW, SESSIONS, Sandbox
from tests.history.test_calls import MONTH

HOSTILE = """</td><script>alert("1")</script>'"><img src=x onerror=alert(1)>&lt;b&gt;{{ 7 }}"""
# Columns of the sandbox's file whose text customers and their callers choose.
WRITTEN = {
    "sessions": ("custom_data",),
    "calls": ("local_number", "remote_number"),
    "applications": ("application_name",),
    "rules": ("rule_name",),
    "records": ("record_name",),
    "transactions": ("description", "payment_reference", "transaction_type"),
    "price_groups": ("price_group_name", "resource_type"),
    "acd_sessions": ("custom_data", "caller_id"),
    "audit_log": ("subuser_name", "ip", "cmd_name"),
}


@pytest.fixture(scope="module")
def spoilt(sandbox_server: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose account is full of hostile text: a copy, since others ask the usual one."""
    home = tmp_path_factory.mktemp("spoilt") / "sandbox"
    shutil.copytree(sandbox_server.credentials.parent, home)
    spoil(home / "sandbox.sqlite3")
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--sessions", str(SESSIONS)]
    command += ["--seed", "7", "--now", NOW, "--db", str(home / "sandbox.sqlite3")]
    with Supervisor(io.StringIO()) as supervisor:
        program = supervisor.start("sandbox", command)
        ready = supervisor.wait_for_line(program, r"^sandbox ready (\S+) (.+)$", 60)
        yield Sandbox(url=ready[1], credentials=Path(ready[2]))


def spoil(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        for table, columns in WRITTEN.items():
            # Names that must differ still do: each begins with its own.
            to = ", ".join(f"{column} = coalesce({column}, '') || ?" for column in columns)
            file.execute(f"UPDATE {table} SET {to}", [HOSTILE] * len(columns))
        said = json.dumps({HOSTILE: HOSTILE, "user_name": HOSTILE, "new_user_name": "b"})
        file.execute("UPDATE audit_log SET cmd_args = ?, cmd_result = ?", (said, said))


class Parsed(HTMLParser):
    """The elements of a page as a browser sees them, what their attributes hold, and the text."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def owner(client_as: Callable[[str], Client], spoilt: Sandbox, settings: Any) -> Client:
    settings.VOX_API_URL, settings.VOX_CREDENTIALS = spoilt.url, spoilt.credentials
    return client_as("owner")


def show(owner: Client, path: str, **query: Any) -> Parsed:
    page = owner.get(path, {**MONTH, "count": 20, **query})
    assert page.status_code == 200
    shown = Parsed(page)
    assert "img" not in shown.tags
    assert "onerror" not in shown.attributes
    return shown


@pytest.mark.parametrize(
    ("path", "query", "titles"),
    [
        ("/calls/", {"columns": ["from", "to", "application", "rule", "custom_data"]}, 2),
        ("/transactions/", {"with_extended_info": "on"}, 1),
        ("/recordings/", {}, 1),
        ("/audit/", {}, 0),
    ],
)
def test_what_looks_like_markup_is_shown_as_text(
    owner: Client, path: str, query: dict[str, Any], titles: int
) -> None:
    shown = show(owner, path, **query)
    rows = shown.attributes.get("data-row", [n for n in shown.attributes["id"] if "entry-" in n])
    assert shown.text.count(HOSTILE) >= len(rows) > 5
    whole = [title for title in shown.attributes["title"] if HOSTILE in title]
    assert len(whole) >= titles * len(rows)


def test_an_address_that_looks_like_markup_stays_one_in_rows(owner: Client) -> None:
    # Rows of ACD show no text of customers, but carry the page's own query on.
    shown = show(owner, "/acd/", whose=HOSTILE)
    narrowed = [to for to in shown.attributes["href"] if "acd_queue_id=" in to]
    assert len(narrowed) >= len(shown.attributes["data-row"]) > 5
    assert all(parse_qs(urlsplit(to).query)["whose"] == [HOSTILE] for to in narrowed)
