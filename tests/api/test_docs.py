"""docs/remote-api.md says what the code does."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from history.api import docs
from history.api.methods import METHODS
from tests.api.remote import Remote, as_json

OUTDATED = "docs/remote-api.md is not what the declarations say: run python -m history.api.docs"


def test_the_tables_are_those_of_the_declarations() -> None:
    assert docs.main(["--check"]) == 0, OUTDATED


def test_the_command_checks_them_too() -> None:
    command = [sys.executable, "-m", "history.api.docs", "--check"]
    assert subprocess.run(command, cwd=docs.PAGE.parent.parent, check=False).returncode == 0


def test_every_method_and_every_reply_has_a_table() -> None:
    found = {name for _, name, _ in docs.TABLE.findall(docs.PAGE.read_text("utf-8"))}
    rows = {name for name in docs.TYPES if name.endswith("Type")}
    assert found == {*METHODS, *rows}


def test_an_outdated_table_is_noticed_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "remote-api.md"
    page.write_text("Before\n\n<!-- table: DeleteRecord -->\nold\n<!-- end -->\n\nAfter\n")
    monkeypatch.setattr(docs, "PAGE", page)
    assert docs.main(["--check"]) == 1
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    text = page.read_text()
    assert text.startswith("Before\n\n<!-- table: DeleteRecord -->\n\n| Parameter | Type |")
    assert "| `record_id` | number |  |  | at least 1 | The recording, by its ID. |" in text
    assert text.endswith("<!-- end -->\n\nAfter\n")


def test_the_example_runs(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    found = re.search(r"```python\n(.*?)```", docs.PAGE.read_text("utf-8"), re.DOTALL)
    assert found
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    credentials = {"account_id": 48211, "key_id": "k", "private_key": pem}
    (tmp_path / "credentials.json").write_text(json.dumps(credentials))
    monkeypatch.chdir(tmp_path)
    session = {
        "call_session_history_id": 1,
        "start_date": "2026-03-02 08:14:09",
        "calls": [{"call_id": 7, "start_time": "2026-03-02 08:14:09", "cost": 0.02}],
    }
    remote.will(as_json({"result": [session], "count": 1, "timezone": "Etc/GMT"}))
    exec(found[1].replace("https://api.voximplant.com/platform_api", remote.url), {})
    assert capsys.readouterr().out == "2026-03-02 09:14:09+01:00 0.02\n"
