"""`make demo` from nothing to the first page, again, and the memory of each of its processes.

The tools are there already; the account and the database are made by the first start.
"""

import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import requests

from benchmarks.figures import tell
from dashboard.supervise import Supervisor

ROOT = Path(__file__).resolve().parent.parent
SESSIONS = 20_000


def start(data: str, port: int) -> tuple[float, dict[str, float]]:
    """Seconds to the sign-in page, and megabytes by process."""
    began = time.perf_counter()
    with Supervisor(io.StringIO()) as supervisor:
        command = [sys.executable, str(ROOT / "manage.py"), "demo"]
        demo = supervisor.start(
            "demo",
            [*command, "--port", str(port), "--sessions", str(SESSIONS)],
            {"DATA_DIR": data, "DATABASE_URL": "", "REDIS_URL": "", "PYTHONPATH": str(ROOT)},
        )
        supervisor.wait_for_line(demo, "is ready after", 300)
        page = requests.get(f"http://127.0.0.1:{port}/", timeout=30)
        assert "Voxledger" in page.text
        return time.perf_counter() - began, memory(demo.process.pid)


def memory(root: int) -> dict[str, float]:
    """Megabytes of each process below `root`, what they share counted once (PSS)."""
    parents = {pid: parent for pid, parent in map(_parent, Path("/proc").glob("[0-9]*")) if parent}
    below = [pid for pid in parents if _descends(pid, root, parents)] + [root]
    found: dict[str, float] = {}
    for pid in below:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        kilobytes = next(int(line.split()[1]) for line in rollup.splitlines() if "Pss:" in line)
        name = _name(pid)
        found[name] = found.get(name, 0) + kilobytes / 1024
    return found


def _parent(folder: Path) -> tuple[int, int]:
    try:
        stat = (folder / "stat").read_text("utf-8", "replace")
    except OSError:
        return int(folder.name), 0
    return int(folder.name), int(stat.rpartition(")")[2].split()[1])


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == root:
            return True
    return False


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    known = ("valkey", "sandbox", "beat", "worker", "gunicorn", "supervise", "demo")
    return next((name for name in known if re.search(rf"[ /]{name}\b", words)), words[:30])


def main() -> None:
    port = 20_000 + os.getpid() % 20_000
    with tempfile.TemporaryDirectory(prefix="voxledger-benchmark-") as data:
        first, _ = start(data, port)
        again, used = start(data, port)
    tell("demo_first_start", first, "s")
    tell("demo_next_start", again, "s")
    for name, megabytes in sorted(used.items(), key=lambda one: -one[1]):
        tell(f"demo_memory_{name}", megabytes, "MB")
    tell("demo_memory_of_all", sum(used.values()), "MB")


if __name__ == "__main__":
    main()
