"""Slow readers before the real web server: what they hold, and what they cannot."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests
from django.conf import settings
from django.test import Client

from tests.history.calls_of import address, session_where

THREADS = 8  # gunicorn.conf.py


@pytest.fixture
def server(process_env: dict[str, str]) -> Iterator[str]:
    """One gunicorn process as in production, but for static files, which nobody collected."""
    env = {**process_env, "DEBUG": "True"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--log-level", "critical"]
        command += ["--bind", f"fd://{listener.fileno()}"]
        with subprocess.Popen(command, env=env, pass_fds=[listener.fileno()]) as process:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            process.terminate()


class Person:
    """Somebody with a browser, who may also stop reading."""

    def __init__(self, server: str, cookie: str) -> None:
        self.server = server
        self.cookie = f"{settings.SESSION_COOKIE_NAME}={cookie}"

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(
            self.server + path, headers={"Cookie": self.cookie, **headers}, timeout=60
        )

    def ask_and_read_nothing(self, path: str, **headers: str) -> socket.socket:
        host, port = self.server.removeprefix("http://").split(":")
        wire = socket.create_connection((host, int(port)))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", f"Cookie: {self.cookie}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return wire


@pytest.fixture
def supervisor(server: str, client_as: Callable[[str], Client]) -> Person:
    return Person(server, client_as("supervisor").cookies[settings.SESSION_COOKIE_NAME].value)


@pytest.fixture
def long_call(supervisor: Person) -> str:
    """The page of a call with a recording of many megabytes."""
    session = session_where(
        lambda s: any((r.file_size or 0) > 10_000_000 for r in s.records if r.record_url)
    )
    return supervisor.get(address(session)).text


@pytest.fixture
def idle() -> Iterator[ExitStack]:
    """Connections that nobody reads from."""
    with ExitStack() as connections:
        yield connections


def test_players_that_stop_reading_hold_no_thread(
    supervisor: Person, long_call: str, idle: ExitStack
) -> None:
    sound = re.search(r'<audio[^>]* src="([^"]+)"', long_call)
    assert sound
    for _ in range(2 * THREADS):
        idle.enter_context(supervisor.ask_and_read_nothing(sound[1], Range="bytes=0-"))
    # Those that read nothing are handed from threads to a loop, one after the other.
    until = time.monotonic() + 20
    while supervisor.get(sound[1], Range="bytes=0-99").status_code != 206:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert supervisor.get("/healthz").status_code == 200


def test_downloads_that_stop_reading_hold_neither_pages_nor_players(
    supervisor: Person, long_call: str, idle: ExitStack
) -> None:
    sound = re.search(r'<audio[^>]* src="([^"]+)"', long_call)
    download = re.search(
        r'href="(/media/[^"]+)"[^>]*aria-label="Download the recording"', long_call
    )
    assert sound
    assert download
    for _ in range(2 * THREADS):
        idle.enter_context(supervisor.ask_and_read_nothing(download[1]))
    time.sleep(THREADS)  # until the last of them was told to come back
    assert supervisor.get(download[1]).status_code == 503
    started = time.monotonic()
    assert supervisor.get("/healthz").status_code == 200
    assert supervisor.get(sound[1], Range="bytes=0-99").status_code == 206
    assert time.monotonic() - started < 5
