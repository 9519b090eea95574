"""The supervisor with real processes: what it starts, shows and leaves behind (nothing)."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.supervise import Failed, Supervisor

ROOT = Path(__file__).resolve().parent.parent.parent

# A supervisor as `make demo` runs it, over programs that are given as Python source.
SUPERVISING = """
import sys
from dashboard.supervise import Failed, Stopped, Supervisor
try:
    supervisor = Supervisor()
    with supervisor.stopped_by_signals(), supervisor:
        for name, source in zip(sys.argv[1::2], sys.argv[2::2]):
            program = supervisor.start(name, [sys.executable, "-c", source])
            supervisor.wait_for_line(program, "ready", 20)
        supervisor.say("all ready")
        supervisor.watch()
except Stopped:
    print("stopped")
except Failed as failure:
    sys.exit(str(failure))
"""
# Says its process id, waits, and says so when it is asked to stop.
POLITE = """
import os, signal, sys, time
def bye(*_): print("bye"); sys.exit()
signal.signal(signal.SIGTERM, bye)
print("ready", os.getpid())
time.sleep(600)
"""
# The same with a child of its own, and neither listens to SIGTERM.
STUBBORN_FAMILY = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print("ready", os.getpid(), child)
time.sleep(600)
"""
DYING = "import sys, time; print('ready'); time.sleep(0.5); print('out of paper'); sys.exit(3)"


class Run:
    """A supervisor in a process of its own, and every line it has printed."""

    def __init__(self, *programs: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISING, *programs],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""

    def until_ready(self) -> list[int]:
        """The process ids that the programs named once all of them run."""
        for line in self.process.stdout or ():
            self.output += line
            if "all ready" in line:
                return [int(pid) for pid in re.findall(r"\d+", self.output)]
        raise AssertionError(self.output)

    def end(self) -> int:
        self.output += self.process.communicate(timeout=30)[0]
        return self.process.returncode


@pytest.fixture
def run() -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*programs: str) -> Run:
        runs.append(Run(*programs))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.communicate()


def alive(pid: int) -> bool:
    try:
        # In a container without an init a dead orphan stays as a zombie.
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("utf-8")
    except FileNotFoundError:
        return False


def gone(pids: list[int], within: float) -> bool:
    deadline = time.monotonic() + within
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, pids))


def test_every_line_says_whose_it_is(run):
    one = run("first", POLITE, "second", POLITE)
    first, second = one.until_ready()
    assert f"first   | ready {first}\n" in one.output
    assert f"second  | ready {second}\n" in one.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_programs_last_started_first(run, number):
    one = run("first", POLITE, "second", POLITE)
    pids = one.until_ready()
    # To the whole group, as a terminal sends Ctrl-C.
    os.killpg(one.process.pid, number)
    assert one.end() == 0
    assert re.findall(r"(\w+) +\| bye|(stopped)", one.output) == [
        ("second", ""),
        ("first", ""),
        ("", "stopped"),
    ]
    assert gone(pids, within=0)


def test_when_one_dies_all_stop_and_its_last_words_are_shown(run):
    one = run("steady", POLITE, "printer", DYING)
    pids = one.until_ready()
    assert one.end() == 1
    assert "printer exited with 3.\n  ready\n  out of paper" in one.output
    assert gone(pids, within=0)


def test_a_killed_program_is_told_apart_from_one_that_gave_up(run):
    one = run("steady", POLITE)
    (pid,) = one.until_ready()
    os.kill(pid, signal.SIGKILL)
    assert one.end() == 1
    assert "steady was killed by SIGKILL." in one.output


def test_no_orphan_is_left_when_the_supervisor_itself_is_killed(run):
    one = run("polite", POLITE, "stubborn", STUBBORN_FAMILY)
    pids = one.until_ready()
    assert len(pids) == 3
    one.process.kill()
    assert gone(pids, within=15)


def test_a_second_ctrl_c_does_not_wait_for_the_stubborn(run):
    one = run("stubborn", STUBBORN_FAMILY)
    pids = one.until_ready()
    started = time.monotonic()
    one.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    one.process.send_signal(signal.SIGINT)
    assert one.end() == 0
    assert time.monotonic() - started < 5
    assert gone(pids, within=1)


def supervise(name: str, source: str, seconds: float) -> None:
    with Supervisor(io.StringIO()) as supervisor:
        program = supervisor.start(name, [sys.executable, "-c", source])
        supervisor.wait_for_line(program, "ready", seconds)


def test_a_program_that_never_answers_is_named():
    with pytest.raises(Failed, match=r"^mute did not answer within 0 s\.$"):
        supervise("mute", "import time; time.sleep(60)", seconds=0.3)


def test_a_program_that_dies_while_it_is_waited_for_is_reported_at_once():
    started = time.monotonic()
    with pytest.raises(
        Failed, match=r"^broken exited with 1\.\n(.*\n)*.*No module named 'nowhere'"
    ):
        supervise("broken", "import nowhere", seconds=30)
    assert time.monotonic() - started < 5
