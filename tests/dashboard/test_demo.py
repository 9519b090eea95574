"""`manage.py demo` as a stranger runs it: the whole of it, with the real sandbox and Valkey."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent.parent


DEMO = ("demo", "--sessions", "200")


# Two that begin at once would find the same ports free.
STARTING = Path(tempfile.gettempdir()) / "voxledger-demo-starts"


class Demo:
    def __init__(self, words: Sequence[str], data: Path, port: int, **env: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.output = ""
        self.starting = STARTING.open("w")
        fcntl.flock(self.starting, fcntl.LOCK_EX)
        command = ["manage.py", *words, "--port", str(port)]
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "DATA_DIR": str(data), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until_ready(self) -> "Demo":
        for line in self.process.stdout or ():
            self.output += line
            if "Stop  " in line:
                self.starting.close()
                return self
        raise AssertionError(self.output)

    def end(self) -> int:
        self.output += self.process.communicate(timeout=60)[0]
        self.starting.close()
        return self.process.returncode

    def stop(self) -> int:
        os.killpg(self.process.pid, signal.SIGINT)
        return self.end()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    demos: list[Demo] = []

    def start(*words: str, port: int | None = None, data: Path = tmp_path, **env: str) -> Demo:
        demos.append(Demo(words or DEMO, data, port or free_port(), **env))
        return demos[-1]

    yield start
    for demo in demos:
        if demo.process.poll() is None:
            os.killpg(demo.process.pid, signal.SIGINT)
        demo.process.communicate(timeout=60)
        demo.starting.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def programs_of(data: Path) -> list[str]:
    """Command lines of living processes that name this demo's folder."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(data).encode() in words and int(process.name) != os.getpid():
            lines.append(words.replace(b"\0", b" ").decode()[:200])
    return lines


def sign_in(url: str, name: str) -> requests.Session:
    session = requests.Session()
    page = session.get(f"{url}/accounts/login/", timeout=10).text
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
    form = {"login": name, "password": "demo", "csrfmiddlewaretoken": token}
    session.post(f"{url}/accounts/login/", form, timeout=10).raise_for_status()
    return session


@pytest.mark.timeout(240)
def test_the_demo_runs_keeps_its_data_and_leaves_nothing_behind(demo, tmp_path):
    first = demo().until_ready()
    agent = sign_in(first.url, "agent")
    assert agent.get(f"{first.url}/calls/", timeout=30).status_code == 200
    assert first.stop() == 0
    assert first.output.endswith("Stopped.\n")
    assert programs_of(tmp_path) == []

    again = demo().until_ready()
    # Still signed in: the database and the key are those of before.
    assert agent.get(f"{again.url}/calls/", timeout=30, allow_redirects=False).status_code == 200
    other = demo(port=free_port())
    assert other.end() == 1
    assert f"Voxledger already runs here, as process {again.process.pid}: " in other.output


@pytest.mark.timeout(120)
def test_the_product_runs_on_an_account_of_your_own(demo, tmp_path, sandbox):
    env = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "VOX_API_URL": sandbox.url,
        "VOX_CREDENTIALS": str(sandbox.credentials),
    }
    run = demo("run", **env).until_ready()
    assert "First owner" in run.output
    command = [sys.executable, "manage.py", "first_admin", "ada", "--link"]
    link = subprocess.check_output(command, cwd=ROOT, env=env, text=True)
    address = run.url + urlsplit(link.split()[-1])._replace(scheme="", netloc="").geturl()
    ada = requests.Session()
    page = ada.get(address, timeout=10)
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]
    chosen = dict.fromkeys(("new_password1", "new_password2"), "a good long one")
    ada.post(page.url, {**chosen, "csrfmiddlewaretoken": token}, timeout=10)
    ada.get(f"{run.url}/calls/", timeout=30).raise_for_status()
    assert "GetCallHistory" in {asked["method"] for asked in sandbox.requests}
    assert run.stop() == 0
    assert programs_of(tmp_path) == []

    over_the_demo = tmp_path / "demo"
    over_the_demo.mkdir()
    (over_the_demo / "demo.lock").touch()
    refused = demo("run", data=over_the_demo)
    assert refused.end() == 1
    assert "DATA_DIR=var/own make run" in refused.output


@pytest.mark.timeout(120)
def test_when_a_part_dies_the_demo_ends_and_says_which(demo, tmp_path):
    run = demo().until_ready()
    pid = run.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    (valkey,) = (
        int(child)
        for child in children
        if b"valkey-server" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    os.kill(valkey, signal.SIGKILL)
    assert run.end() == 1
    assert "valkey was killed by SIGKILL." in run.output
    assert programs_of(tmp_path) == []


def test_a_taken_port_is_named_with_what_to_type_before_anything_starts(demo, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = demo(port=port)
        assert run.end() == 1
    assert f"Port {port} is taken by another program." in run.output
    assert re.search(r"make demo PORT=\d+", run.output)
    assert "valkey" not in run.output


def test_people_with_a_known_password_stay_out_of_a_real_installation(demo, tmp_path):
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)},
        check=True,
    )
    run = demo()
    assert run.end() == 1
    assert "was not made by the demo" in run.output


def test_the_demo_refuses_a_database_server(demo):
    run = demo(DATABASE_URL="postgresql://me@127.0.0.1/real")
    assert run.end() == 1
    assert "DATABASE_URL names another database: unset it." in run.output
