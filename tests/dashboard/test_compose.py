"""docker-compose.yml and Dockerfile name what exists: settings, commands, queues, secrets."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from tests.dashboard.test_settings import DOCUMENT, ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if str(service["image"]).startswith("voxledger:")
}
# Variables of the programs that we stand on, and where they are described.
OTHERS = {
    "AWS_DEFAULT_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "FORWARDED_ALLOW_IPS",
    "REMAP_SIGTERM",
    "WEB_CONCURRENCY",
}


def test_every_variable_is_a_documented_setting():
    documented = set(re.findall(r"(?m)^## (\S+)$", DOCUMENT))
    given = {name for service in OURS.values() for name in service["environment"]}
    given |= set(re.findall(r"(?m)^ +(?:ENV )?([A-Z_]+)=\S", DOCKERFILE.split("\nFROM ")[-1]))
    ours = {name.removesuffix("_FILE") for name in given - OTHERS - {"PATH"}}
    ours = {name for name in ours if not name.startswith("PYTHON")}
    assert len(ours) > 10
    assert ours <= documented
    operations = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert {name for name in OTHERS if name not in operations} == set()


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name):
    program, *words = OURS[name]["command"].split()
    assert shutil.which(program, path=str(Path(sys.executable).parent))
    if words[0] == "manage.py":
        assert words[1] in get_commands()
    if program == "celery":
        assert words[words.index("-A") + 1] == "dashboard"


def test_every_queue_has_a_worker():
    words = [service["command"].split() for service in OURS.values()]
    served = {line[line.index("-Q") + 1] for line in words if "-Q" in line}
    assert served == {queue.name for queue in settings.CELERY_TASK_QUEUES}


def test_workers_are_given_longer_to_stop_than_they_take():
    for name in ("worker", "bulk"):
        grace = int(OURS[name]["stop_grace_period"].removesuffix("s"))
        assert grace > settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT + 10


def test_services_have_limits_and_come_back(subtests):
    for name, service in COMPOSE["services"].items():
        with subtests.test(name):
            if name in ("migrate", "bucket"):
                assert "deploy" not in service
                continue
            assert service["restart"] == "unless-stopped"
            assert service["deploy"]["resources"]["limits"].keys() == {"memory", "cpus"}


def test_the_script_makes_every_secret_but_the_platforms_and_keeps_those_there(tmp_path):
    (tmp_path / "ops").mkdir()
    script = shutil.copy(ROOT / "ops" / "secrets", tmp_path / "ops")
    said = subprocess.run([script], capture_output=True, text=True, check=True).stdout
    assert "credentials.json" in said
    folder = tmp_path / "secrets"
    made = {path.name for path in folder.iterdir()} | {"credentials.json"}
    assert made == set(COMPOSE["secrets"])
    assert folder.stat().st_mode & 0o077 == 0
    password = (folder / "postgres_password").read_text()
    assert len(password) == 64
    assert password in (folder / "database_url").read_text()
    subprocess.run([script], check=True, stdout=subprocess.DEVNULL)
    assert (folder / "postgres_password").read_text() == password
