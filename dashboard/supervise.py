"""Start programs, show what they print, and leave none of them behind.

Each program leads a process group of its own, so that Ctrl-C in the terminal reaches only the
supervisor and the programs are stopped in order. A guard (this file run as a script) outlives
the supervisor: it holds the reading end of a pipe and, should the supervisor vanish even by
SIGKILL, ends every group it has been told of. That works on macOS too, and for grandchildren,
which PR_SET_PDEATHSIG does not.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self, TextIO

# How long a program may take to stop after it was asked to, in seconds.
GRACE = 10.0
POLL = 0.05
COLOURS = ("36", "33", "35", "32", "34", "31")


class Failed(Exception):
    """A program died, or did not answer in time. The message is for the person who waits."""


class Stopped(Exception):
    """Somebody asked the supervisor to stop: Ctrl-C, SIGTERM, or the terminal was closed."""


class Program:
    """A running program: its process, and the last lines that it printed."""

    def __init__(
        self, name: str, process: subprocess.Popen[str], show: Callable[[str], None]
    ) -> None:
        self.name = name
        self.process = process
        self.lines: deque[str] = deque(maxlen=200)
        self.reader = threading.Thread(target=self._read, args=(show,), daemon=True)
        self.reader.start()

    def died(self) -> Failed:
        self.read_to_the_end()
        code = self.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        return Failed(f"{self.name} {how}.{self.last_lines()}")

    def last_lines(self) -> str:
        return "".join(f"\n  {line}" for line in list(self.lines)[-20:])

    def line_with(self, pattern: str) -> re.Match[str] | None:
        return next(filter(None, (re.search(pattern, line) for line in tuple(self.lines))), None)

    def stop(self, hurry: threading.Event) -> None:
        # Only the leader is asked: a Celery worker lets its children finish, gunicorn tells its
        # own. What is left of the group after that is ended without asking.
        with suppress(ProcessLookupError):
            self.process.terminate()
        deadline = time.monotonic() + GRACE
        while self.process.poll() is None and time.monotonic() < deadline and not hurry.is_set():
            time.sleep(POLL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.read_to_the_end()

    def read_to_the_end(self) -> None:
        # Not for long: a child that it left behind may keep the pipe open.
        self.reader.join(timeout=1)

    def _read(self, show: Callable[[str], None]) -> None:
        if lines := self.process.stdout:
            with lines:
                for line in map(str.rstrip, lines):
                    self.lines.append(line)
                    # A closed terminal must not end the reading: a full pipe would block
                    # the program.
                    with suppress(OSError):
                        show(line)


class Supervisor:
    """A context in which programs run; leaving it stops them, last started first.

    `lock`: a file descriptor that the guard keeps open too, so that a lock on it lasts until
    the last program is gone.
    """

    def __init__(self, out: TextIO = sys.stdout, lock: int | None = None) -> None:
        self.out = out
        self.kept_open = [] if lock is None else [lock]
        self.colour = out.isatty() and not os.environ.get("NO_COLOR")
        self.programs: list[Program] = []
        self.asked_to_stop = threading.Event()
        self.hurry = threading.Event()

    def __enter__(self) -> Self:
        self.guard = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            pass_fds=self.kept_open,
        )
        return self

    def __exit__(self, *exception: object) -> None:
        for program in reversed(self.programs):
            program.stop(self.hurry)
        self._tell_guard("done")
        self.guard.communicate()

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """While this lasts, Ctrl-C, SIGTERM and a closed terminal stop it; twice, in a hurry."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        former = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def start(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        hide: str = "",
    ) -> Program:
        """Start `command`; lines that contain `hide` are not shown."""
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._tell_guard(str(process.pid))
        self.programs.append(Program(name, process, self._prefixed(name, hide)))
        return self.programs[-1]

    def wait[T](self, program: Program, answer: Callable[[], T | None], seconds: float) -> T:
        """The first true answer; Failed if any program dies before it or time runs out."""
        deadline = time.monotonic() + seconds
        while not (value := answer()):
            self._look()
            if time.monotonic() > deadline:
                raise Failed(
                    f"{program.name} did not answer within {seconds:.0f} s.{program.last_lines()}"
                )
            time.sleep(POLL)
        return value

    def wait_for_line(self, program: Program, pattern: str, seconds: float) -> re.Match[str]:
        return self.wait(program, lambda: program.line_with(pattern), seconds)

    def watch(self) -> None:
        """Stay until told to stop (raises Stopped) or until a program dies (raises Failed)."""
        while True:
            self._look()
            self.asked_to_stop.wait(0.2)

    def say(self, text: str) -> None:
        # One write a line: several threads print.
        self.out.write(f"{text}\n")
        self.out.flush()

    def _look(self) -> None:
        if self.asked_to_stop.is_set():
            raise Stopped
        for program in self.programs:
            if program.process.poll() is not None:
                raise program.died()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        (self.hurry if self.asked_to_stop.is_set() else self.asked_to_stop).set()

    def _prefixed(self, name: str, hide: str) -> Callable[[str], None]:
        colour = COLOURS[len(self.programs) % len(COLOURS)]
        prefix = f"{name:<8}|"
        if self.colour:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"

        def show(line: str) -> None:
            if not (hide and hide in line):
                self.say(f"{prefix} {line}")

        return show

    def _tell_guard(self, line: str) -> None:
        if pipe := self.guard.stdin:
            with suppress(BrokenPipeError):
                pipe.write(f"{line}\n")
                pipe.flush()


def _guard(pipe: TextIO) -> None:
    """Learn process groups, a number a line; at the end of the pipe, end what they hold."""
    lines = [line.strip() for line in pipe]
    if "done" in lines:
        return
    groups = [int(line) for line in lines]
    _signal_groups(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and _signal_groups(groups, 0):
        time.sleep(POLL)
    _signal_groups(groups, signal.SIGKILL)


def _signal_groups(groups: list[int], number: int) -> bool:
    """Whether there was anybody left to signal."""
    anybody = False
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            anybody = True
    return anybody


if __name__ == "__main__":
    _guard(sys.stdin)
