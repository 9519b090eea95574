import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.settings import SETTING_NAMES

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "settings.md").read_text("utf-8")


def manage(*words: str, data: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`manage.py …` as an operator runs it: a new process, with this environment and no other."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def show(name: str, data: Path, **env: str) -> str:
    code = f"from django.conf import settings; print(settings.{name})"
    return manage("shell", "--no-imports", "-c", code, data=data, **env).stdout.strip()


def test_every_setting_that_is_read_has_a_heading_and_no_heading_is_left_over():
    assert sorted(SETTING_NAMES) == re.findall(r"(?m)^## (\S+)$", DOCUMENT)


@pytest.mark.parametrize("section", re.split(r"(?m)^## ", DOCUMENT)[1:], ids=str.split)
def test_every_heading_has_meaning_default_accepted_values_and_example(section):
    name = section.split()[0]
    for part in ("- Default: ", "- Accepts: ", f"- Example: `{name}"):
        assert part in section


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("VOX_TIMEOUT", "ten", "use a whole number of seconds, e.g. VOX_TIMEOUT=10"),
        ("VOX_TIMEOUT", "0", "use 1 or more, e.g. VOX_TIMEOUT=10"),
        ("VOX_ACCOUNT_ID", "acme", "use a whole number, e.g. VOX_ACCOUNT_ID=4242"),
        ("DEBUG", "yes", "use True or False, e.g. DEBUG=True"),
        ("LOG_LEVEL", "loud", "use one of DEBUG, INFO, WARNING, ERROR, e.g. LOG_LEVEL=INFO"),
        ("TIME_ZONE", "Mars/Base", "use an IANA zone name, e.g. TIME_ZONE=Europe/Berlin"),
        (
            "DATABASE_URL",
            "mysql://db/x",
            "use an address, e.g. "
            "DATABASE_URL=postgresql://voxledger:password@localhost:5432/voxledger",
        ),
        (
            "REDIS_URL",
            "redis://localhost/cache",
            "end it with a slash and the number of a database, "
            "e.g. REDIS_URL=rediss://:password@localhost:6379/0",
        ),
        (
            "VOX_API_URL",
            "api.voximplant.com",
            "use an address, e.g. VOX_API_URL=https://api.voximplant.com/platform_api",
        ),
        (
            "CSRF_TRUSTED_ORIGINS",
            "example.com",
            "use scheme and host only, e.g. CSRF_TRUSTED_ORIGINS=https://voxledger.example.com",
        ),
        (
            "VOX_CREDENTIALS",
            "/nowhere/key.json",
            "no such file; name one that exists, e.g. VOX_CREDENTIALS=/etc/voxledger/key.json",
        ),
        (
            "SECRET_KEY_FILE",
            "/nowhere/key",
            "cannot be read (No such file or directory); name a readable file",
        ),
    ],
    ids=str,
)
def test_a_wrong_value_stops_the_program_with_a_line_that_says_what_to_type(
    name, value, line, tmp_path
):
    answer = manage("check", data=tmp_path, **{name: value})
    assert answer.returncode == 1
    assert answer.stderr == f"{name}={value!r}: {line}\n"


def test_a_key_without_its_account_is_not_asked_for_but_an_account_needs_its_key(tmp_path):
    answer = manage("check", data=tmp_path, VOX_ACCOUNT_ID="7")
    assert answer.stderr == "VOX_API_KEY='': VOX_ACCOUNT_ID is set; set its key too\n"


def test_a_directory_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    answer = manage("check", data=tmp_path / "file" / "data")
    assert answer.stderr.startswith(f"DATA_DIR='{tmp_path}/file/data': cannot be used (")


def test_no_error_shows_a_password(tmp_path):
    answer = manage("check", data=tmp_path, DATABASE_URL="mysql://me:hunter2@db:5432/x")
    assert answer.stderr.startswith("DATABASE_URL='mysql://me:***@db:5432/x': ")


def test_a_secret_can_come_from_a_file_but_not_from_two_places(tmp_path):
    (tmp_path / "key").write_text("a long secret\n")
    given = {"SECRET_KEY_FILE": str(tmp_path / "key")}
    assert show("SECRET_KEY", tmp_path, **given) == "a long secret"
    answer = manage("check", data=tmp_path, SECRET_KEY="another", **given)
    assert "SECRET_KEY is set as well; keep one of the two" in answer.stderr


def test_an_empty_value_counts_as_not_given(tmp_path):
    assert show("VOX_TIMEOUT", tmp_path, VOX_TIMEOUT="") == "30"


def test_without_a_secret_key_a_random_one_is_made_and_kept_from_others(tmp_path):
    first, second = (show("SECRET_KEY", tmp_path) for _ in range(2))
    assert first == second
    assert len(first) > 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_the_cache_gets_the_database_number_after_the_brokers(tmp_path):
    given = {"REDIS_URL": "redis://:pw@redis:6379/4"}
    assert show("CACHE_URL", tmp_path, **given) == "redis://:pw@redis:6379/5"


def test_https_is_demanded_as_soon_as_other_machines_may_come(tmp_path):
    assert show("HTTPS_ONLY", tmp_path) == "False"
    assert show("HTTPS_ONLY", tmp_path, ALLOWED_HOSTS="voxledger.example.com") == "True"


def test_a_postgresql_address_is_taken_apart(tmp_path):
    url = "postgresql://me:p%40ss@db:5433/calls?sslmode=require"
    shown = show("DATABASES['default']", tmp_path, DATABASE_URL=url)
    for part in ("'p@ss'", "'HOST': 'db'", "'5433'", "'NAME': 'calls'", "'sslmode': 'require'"):
        assert part in shown


def test_the_version_is_the_first_of_the_changelog(tmp_path):
    assert f"## v{show('VERSION', tmp_path)} - " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_a_production_setup_passes_djangos_deployment_checks(tmp_path):
    answer = manage(
        "check",
        "--deploy",
        "--fail-level=INFO",
        data=tmp_path,
        ALLOWED_HOSTS="voxledger.example.com",
        DATABASE_URL="postgresql://me:pw@db/voxledger",
        VOX_API_URL="https://api.voximplant.com/platform_api",
    )
    assert answer.returncode == 0, answer.stderr
