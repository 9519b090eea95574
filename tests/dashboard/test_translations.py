"""The product in Russian and Spanish: nothing is left in English, and who gets which language."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from tests.conftest import Sandbox

ROOT = Path(__file__).resolve().parent.parent.parent


def check(root: Path, data: Path) -> subprocess.CompletedProcess[str]:
    """`.ci/messages --check`, of this tree or of a copy."""
    return subprocess.run(
        [sys.executable, ".ci/messages", "--check"],
        cwd=root,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_string_is_marked_translated_and_compiled(tmp_path: Path) -> None:
    checked = check(ROOT, tmp_path)
    assert (checked.stdout, checked.stderr) == ("Every string is translated.\n", "")
    assert checked.returncode == 0


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    """A request makes its language that of the thread, and nothing takes it back."""
    with translation.override("en"):
        yield


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of all that has strings, to be spoilt."""
    for name in (".ci", "dashboard", "history", "templates", "locale"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    return tmp_path


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_finds_what_is_left_in_english(copy: Path) -> None:
    spoil(copy / "templates/404.html", "<h1>", '<h1 title="Tell me">Nobody home')
    spoil(
        copy / "history/words.py",
        "def ",
        'NEW = _("Not collected")\nBARE = dict(label="Bare")\n\n\ndef ',
    )
    spoil(
        copy / "templates/rows/acd.jinja",
        "<td ",
        '<td title="Say it">Bare words {{ _("Not gathered") }}</td><td ',
    )
    russian = copy / "locale/ru/LC_MESSAGES/django.po"
    spoil(russian, 'msgstr "Звонки"', 'msgstr ""')
    spoil(russian, 'msgstr[2] "%(n)d дней"', 'msgstr[2] ""')
    spoil(russian, 'msgid "Recordings"', '#, fuzzy\nmsgid "Recordings"')
    spoil(russian, '"Вы вошли как %(name)s"', '"Вы вошли"')
    spoil(russian, '"%(n)s человек"', '"человек"')
    spoil(russian, 'msgid "Reports"', 'msgid "Rapports"')
    checked = check(copy, copy)
    assert (checked.returncode, checked.stderr) == (1, "")
    found = {fault.partition(": ")[2] for fault in checked.stdout.splitlines()}
    assert found >= {
        "not marked for translation: 'Tell me'",
        "not marked for translation: 'Nobody home'",
        "not marked for translation: 'Bare'",
        "not marked for translation: 'Say it'",
        "not marked for translation: 'Bare words'",
        "not collected, run `make messages`: 'Not collected'",
        "not collected, run `make messages`: 'Not gathered'",
        "not translated: 'Calls'",
        "not translated: ('%(n)d day', '%(n)d days')",
        "fuzzy: 'Recordings'",
        "other placeholders or tags: 'Signed in as %(name)s' → 'Вы вошли'",
        # One person may be told without the number, but 21 are told in the same form.
        "other placeholders or tags: '%(n)s people' → 'человек'",
        "no longer used, run `make messages`: 'Rapports'",
        "django.mo is not made from this django.po, run `make messages`",
    }


@pytest.mark.django_db
def test_speaks_the_language_that_the_browser_asks_for(client: Client) -> None:
    page = client.get("/accounts/login/", headers={"Accept-Language": "es-MX,ru;q=0.5"})
    assert page.headers["Content-Language"] == "es"
    assert "Accept-Language" in page.headers["Vary"]
    assert '<html lang="es"' in page.content.decode()
    other = client.get("/accounts/login/", headers={"Accept-Language": "fi"})
    assert '<html lang="en"' in other.content.decode()


def test_rows_speak_the_language_of_who_looks_whoever_looked_first(
    client_as: Callable[[str], Client], sandbox: Sandbox
) -> None:
    agent = client_as("agent")
    month = {"from_date": "2026-05-15", "to_date": "2026-06-14"}
    for language, word in [("ru", "нет"), ("es", "ninguno"), ("en", "none")] * 2:
        page = agent.get("/calls/", month, headers={"Accept-Language": language}).content.decode()
        said = re.findall(r'aria-hidden="true">–</span><span class="hidden-text">([^<]+)<', page)
        assert set(said) == {word}


def test_ones_own_choice_of_language_comes_first(
    client_as: Callable[[str], Client], people: dict[str, User]
) -> None:
    agent = client_as("agent")
    kept = {"zone": "", "rows": "50", "theme": "auto", "density": "comfortable", "region": ""}
    assert "Русский" in agent.get("/settings/").content.decode()
    assert agent.post("/settings/", {**kept, "language": "ru"}).status_code == 302
    for address in ("/settings/", "/nowhere/", "/audit/"):
        page = agent.get(address, headers={"Accept-Language": "es"})
        assert page.headers["Content-Language"] == "ru", address
        assert '<html lang="ru"' in page.content.decode(), address
    assert "Вам нельзя видеть журнал аудита" in page.content.decode()
