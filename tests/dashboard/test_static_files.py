"""Style sheets and scripts as production serves them: collected, hashed, compressed, kept long."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> dict[str, str]:
    """An environment in which `collectstatic` has run, which fails on a reference to nowhere."""
    data = tmp_path_factory.mktemp("static")
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data)}
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    return env


@pytest.fixture(scope="module")
def production(collected) -> Iterator[str]:
    """The address of gunicorn with the product's own settings."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"fd://{listener.fileno()}"
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--bind", bind, "--log-level", "warning"]
        with subprocess.Popen(
            command, cwd=ROOT, env=collected, pass_fds=[listener.fileno()]
        ) as process:
            yield url
            process.terminate()


def test_every_file_has_a_name_with_its_hash_and_a_smaller_twin(collected):
    root = Path(collected["DATA_DIR"]) / "static"
    names = json.loads((root / "staticfiles.json").read_text("utf-8"))["paths"]
    assert "django_htmx/htmx-2.min.js" in names
    scripts = [name for name in names.values() if name.endswith((".css", ".js"))]
    for script in scripts:
        if (root / script).stat().st_size > 1000:
            assert (root / f"{script}.br").exists(), script


def test_a_style_sheet_comes_compressed_and_may_be_kept_for_ever(collected, production):
    root = Path(collected["DATA_DIR"]) / "static"
    names = json.loads((root / "staticfiles.json").read_text("utf-8"))["paths"]
    sheet = next(name for source, name in names.items() if source.startswith("css/"))
    answer = requests.get(
        f"{production}/static/{sheet}", headers={"Accept-Encoding": "br"}, timeout=30
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "br"
    assert "immutable" in answer.headers["Cache-Control"]


def test_the_server_does_not_say_its_version(production):
    answer = requests.get(f"{production}/healthz", timeout=30)
    assert answer.text == "ok\n"
    assert answer.headers["Server"] == "gunicorn"
