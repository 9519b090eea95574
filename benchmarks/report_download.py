"""A report to a stored, proven file, against a shell pipeline that does the same work.

    python -m benchmarks.report_download [rounds]

The pipeline fetches the same address with curl, keeps it in a file, takes its SHA-256, unpacks it
and counts its lines. It adds nothing up, reads nothing back and tells nobody how far it is. Ratios
are medians of those of single rounds, in which both take their turn; above 1 we are faster.
Processor seconds of both stand beside the clock's.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import tell
from benchmarks.report_server import Served, serve_report

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
# A part has about ten megabytes.
SMALL, USUAL, PACED, HUGE = 1, 4, 20, 100
PACE = 50_000_000  # bytes a second

FETCH = """
set -e
curl -sS -H 'Accept-Encoding: gzip' --data 'history_report_id=1' \
  -o {out} '{url}/DownloadHistoryReport'
"""
SAME = f"""{FETCH}
sha256sum {{out}} > {{out}}.sha &
gunzip -c < {{out}} | wc -l > {{out}}.rows
wait
"""

# Not ru_maxrss, which a process inherits from the one that started it.
PEAK = """
import json, os, re, sys, time
def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) * 1024
"""
OURS = f"""{PEAK}
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from history.models import Report
from history.reports import downloads, quoted, storing
size, remote = json.loads(sys.argv[1])
report = Report.objects.create(
    kind="transactions", state="downloading", remote_id=1, remote_type="transactions",
    bytes_expected=size, remote=remote,
)
began, burnt = time.perf_counter(), sum(os.times()[:4])
downloads.download(report.pk)
storing.verify(report.pk)
seconds, burnt = time.perf_counter() - began, sum(os.times()[:4]) - burnt
report.refresh_from_db()
assert report.state == "stored", (report.state, report.note)
assert [check["result"] for check in report.checks] == ["proven"] * 7, report.checks
print(json.dumps([seconds, burnt, peak()]))
"""

SDK = f"""{PEAK}
from voximplant.apiclient import VoximplantAPI
credentials, endpoint, rows = json.loads(sys.argv[1])
api = VoximplantAPI(credentials, endpoint=endpoint)
began, burnt = time.perf_counter(), sum(os.times()[:4])
text = api.download_history_report(1)["file_content"]
seconds, burnt = time.perf_counter() - began, sum(os.times()[:4]) - burnt
assert text.count("\\n") == rows + 1
print(json.dumps([seconds, burnt, peak()]))
"""


class Run(NamedTuple):
    """Seconds by the clock and of the processor; the most memory in bytes."""

    seconds: float
    burnt: float
    peak: int = 0


def shell(script: str, served: Served, folder: Path) -> Run:
    out = folder / "shell.csv.gz"
    out.unlink(missing_ok=True)
    began, burnt = time.perf_counter(), children_seconds()
    subprocess.run(["/bin/sh", "-c", script.format(out=out, url=served.url)], check=True)
    return Run(time.perf_counter() - began, children_seconds() - burnt)


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(served: Served) -> Run:
    with tempfile.TemporaryDirectory() as data:
        return python(
            OURS,
            (served.size, served.remote),
            DJANGO_SETTINGS_MODULE="dashboard.settings",
            DATA_DIR=data,
            VOX_API_URL=served.url,
            VOX_CREDENTIALS=str(served.credentials),
            VOX_CA_BUNDLE=str(served.ca),
            REDIS_URL="redis://127.0.0.1:1/0",
            LOG_LEVEL="ERROR",
        )


def sdk(served: Served) -> Run:
    endpoint = served.url.removeprefix("https://").partition("/")[0]
    return python(
        SDK, (str(served.credentials), endpoint, served.rows), REQUESTS_CA_BUNDLE=str(served.ca)
    )


def python(code: str, said: object, **env: str) -> Run:
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(said)],
        cwd=ROOT,
        env={**os.environ, **env},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Run(*json.loads(done.stdout.splitlines()[-1]))


def compare(name: str, served: Served, floor: Callable[[], Run]) -> None:
    """Both in turns; the first turn, which warms up, does not count."""
    turns = [(ours(served), floor()) for _round in range(ROUNDS + 1)][1:]
    median, size = statistics.median, served.size / 1e6
    tell(
        name,
        median(size / one.seconds for one, _other in turns),
        "MB/s",
        floor=median(size / other.seconds for _one, other in turns),
        ratio=median(other.seconds / one.seconds for one, other in turns),
        n=ROUNDS,
    )
    tell(
        f"{name}_processor",
        median(one.burnt for one, _other in turns),
        "s",
        floor=median(other.burnt for _one, other in turns),
        ratio=median(other.burnt / one.burnt for one, other in turns),
        n=ROUNDS,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with serve_report(folder, USUAL) as served:
            compare("report_download", served, lambda: shell(SAME, served, folder))
        with serve_report(folder, PACED, PACE) as served:
            compare("report_download_at_50_MB_s", served, lambda: shell(FETCH, served, folder))
        with serve_report(folder, SMALL) as served:
            small = ours(served).peak / 1e6
        with serve_report(folder, HUGE) as served:
            huge, size = ours(served), served.size / 1e6
        tell("report_memory_of_10_MB", small, "MB")
        tell(f"report_memory_of_{size:.0f}_MB", huge.peak / 1e6, "MB", floor=small)
        tell(f"report_download_of_{size:.0f}_MB", size / huge.seconds, "MB/s")
        with serve_report(folder, SMALL, tls=True) as served:
            runs = [(ours(served), sdk(served)) for _round in range(ROUNDS)]
        # The SDK keeps all of it in memory and stores, proves and counts nothing.
        we, they = (min(ones) for ones in zip(*runs, strict=True))
        tell("report_seconds_beside_the_sdk", we.seconds, "s", floor=they.seconds, n=ROUNDS)
        tell("report_memory_beside_the_sdk", we.peak / 1e6, "MB", floor=they.peak / 1e6, n=ROUNDS)


if __name__ == "__main__":
    main()
