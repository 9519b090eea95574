"""Sandboxes as programs, and what a client needs to talk to them.

start     start("--tls", …): a sandbox with 300 sessions and these options; stopped at the end
server    one for the whole session: strict, reports at once, reset before each test
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from jwt.api_jws import PyJWS

from sandbox.store import Account, Store

NOW = "2026-06-15T12:00:00Z"
PERIOD = {"from_date": "2026-05-15 00:00:00", "to_date": "2026-06-15 23:59:59"}


def signed(claims: dict[str, Any], key: Any, algorithm: str, headers: dict[str, Any]) -> str:
    """A token with any claims: Node, Go and PHP put numbers where PyJWT insists on text."""
    payload = json.dumps(claims).encode()
    return PyJWS().encode(payload, key, algorithm=algorithm, headers=headers)


@dataclass
class Server:
    """A running sandbox: `ask` gives the JSON answer, `call` the whole one."""

    process: subprocess.Popen[str]
    url: str
    home: Path
    verify: str | bool = True

    @property
    def base(self) -> str:
        return self.url.removesuffix("/platform_api")

    @property
    def accounts(self) -> list[dict[str, Any]]:
        return list(json.loads((self.home / "accounts.json").read_text()))

    @property
    def key(self) -> dict[str, str]:
        """The parent account's API key, as parameters."""
        account = self.accounts[0]
        return {"account_id": str(account["account_id"]), "api_key": account["api_key"]}

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return dict(self.call(method, **params).json())

    def call(self, method: str, **params: Any) -> requests.Response:
        return self.post(f"{self.url}/{method}", data={**self.key, **params})

    def code(self, method: str, **params: Any) -> int | None:
        """The error code of the answer, `None` for success."""
        error = self.ask(method, **params).get("error")
        return error["code"] if error else None

    def as_role(self, words: str, method: str, **params: Any) -> dict[str, Any]:
        """Asked with the token of `credentials-<words>.json`, of `credentials.json` for ''."""
        headers = {"Authorization": f"Bearer {self.token(words)}"}
        return dict(self.post(f"{self.url}/{method}", data=params, headers=headers).json())

    def credentials(self, words: str = "") -> dict[str, Any]:
        name = f"credentials-{words}.json" if words else "credentials.json"
        return dict(json.loads((self.home / name).read_text()))

    def token(self, words: str = "", kid: str | None = None, **claims: Any) -> str:
        """A token as an SDK makes it; a claim that is `None` is left out."""
        given = self.credentials(words)
        now = int(time.time())
        said = {"iss": given["account_id"], "iat": now - 5, "exp": now + 60} | claims
        said = {name: value for name, value in said.items() if value is not None}
        headers = {"kid": kid or given["key_id"]}
        return signed(said, given["private_key"], "RS256", headers)

    def get(self, url: str, **given: Any) -> requests.Response:
        return requests.get(url, timeout=30, verify=self.verify, **given)

    def post(self, url: str, **given: Any) -> requests.Response:
        return requests.post(url, timeout=30, verify=self.verify, **given)

    def control(self, noun: str) -> Any:
        answer = self.get(f"{self.base}/_sandbox/{noun}")
        answer.raise_for_status()
        return answer.json()

    def reset(self) -> None:
        self.post(f"{self.base}/_sandbox/reset").raise_for_status()

    def fault(self, **spec: Any) -> int:
        answer = self.post(f"{self.base}/_sandbox/faults", json=spec)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["fault_id"])

    def a_record(self, *, index: int = 0, transcribed: bool = False) -> dict[str, Any]:
        """A recording in the platform's storage that is not deleted, of the parent account."""
        answer = self.ask(
            "GetCallHistory",
            from_date="2025-05-01 00:00:00",
            to_date="2026-06-15 12:00:00",
            with_records="true",
            count=1000,
            desc_order="true",
        )
        found = [
            record
            for session in answer["result"]
            for record in session.get("records", ())
            if record.get("record_url", "").startswith(self.base)
            and (record["transcription_status"] == "Complete" or not transcribed)
        ]
        return dict(found[index])

    def finished_report(self, order: str, **params: Any) -> dict[str, Any]:
        """A report's row once it is finished."""
        report_id = self.ask(order, **params)["history_report_id"]
        return self.finished(report_id)

    def finished(self, report_id: int) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            [row] = self.ask("GetHistoryReports", history_report_id=report_id)["result"]
            if "completed" in row or "error" in row:
                return dict(row)
            time.sleep(0.05)
        pytest.fail(f"Report {report_id} is not finished after 20 seconds")


@contextmanager
def running(home: Path, *options: str) -> Iterator[Server]:
    words = [sys.executable, "-m", "sandbox", "--port", "0", "--db", str(home / "s.sqlite3")]
    words += ["--sessions", "300", "--seed", "5", "--now", NOW, *options]
    home.mkdir(exist_ok=True)
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            ready = line.split(maxsplit=3)
            assert ready[:2] == ["sandbox", "ready"], (home / "log").read_text()
            verify = str(home / "ca.pem") if "--tls" in options else True
            yield Server(process, ready[2], Path(ready[3].strip()).parent, verify)
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def parent(store: Store) -> Account:
    """The account that others are children of, in the `store` of the module that asks."""
    account = store.account("nordlicht")
    assert account
    return account


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(running(tmp_path / "sandbox", *options))


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("sandbox")
    with running(home, "--strict", "--report-seconds", "0") as server:
        yield server


@pytest.fixture
def server(strict_server: Server) -> Server:
    strict_server.reset()
    return strict_server
