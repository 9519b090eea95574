"""The official Python SDK and our client, side by side at one sandbox that speaks TLS.

sdk      the vendor's VoximplantAPI
ours     our Client, with the same credentials
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from voximplant.apiclient import VoximplantAPI

from history.api.client import Client, ServiceAccount
from tests.sandbox.conftest import Server, running


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("tls-sandbox")
    with running(home, "--tls", "--strict", "--report-seconds", "0") as server:
        yield server


@pytest.fixture
def server(tls_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    # The one way to tell the SDK whom to trust.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_server.home / "ca.pem"))
    tls_server.reset()
    return tls_server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(running(tmp_path / "other", *options))


@pytest.fixture
def sdk(server: Server) -> Any:
    return VoximplantAPI(
        str(server.home / "credentials.json"), endpoint=urlsplit(server.url).netloc
    )


@pytest.fixture
def ours(server: Server) -> Client:
    credentials = ServiceAccount.from_file(server.home / "credentials.json")
    return Client(server.url, credentials, ca_bundle=server.home / "ca.pem")
