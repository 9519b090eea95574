"""A report to a stored, proven file, against a shell pipeline that does the same work.

    python benchmarks/report_download.py [megabytes of gzip] [rounds]

The floor fetches the same address with curl, keeps it in a file, and takes its SHA-256, unpacks it
and counts its lines. Figures are JSON lines. Memory is the worker's peak; the process that counts
has another 15 MB. Processor seconds stand beside the clock's: on a machine with other work they say
more.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.report_server import serve_report  # noqa: E402

MEGABYTES = float(sys.argv[1]) if len(sys.argv) > 1 else 40
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
PACE = 50_000_000  # bytes a second, for the second figure

SHELL = """
set -e
curl -sS -H 'Accept-Encoding: gzip' -H "Authorization: Bearer {token}" \
  --data 'history_report_id=1' -o {out} '{url}/DownloadHistoryReport'
sha256sum {out} > {out}.sha &
gunzip -c < {out} | wc -l > {out}.rows
wait
"""
PLAIN = """
curl -sS -H 'Accept-Encoding: gzip' -H "Authorization: Bearer {token}" \
  --data 'history_report_id=1' -o {out} '{url}/DownloadHistoryReport'
"""


def shell(script: str, url: str, folder: Path) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    out = folder / "shell.csv.gz"
    out.unlink(missing_ok=True)
    began, burnt = time.perf_counter(), children_seconds()
    subprocess.run(["/bin/sh", "-c", script.format(token="-", out=out, url=url)], check=True)
    return time.perf_counter() - began, children_seconds() - burnt


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


CHILD = """
import json, os, sys, time
sys.path.insert(0, {root!r})
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.utils import timezone
from history.models import Report
from history.reports import downloads, storing
from history.connection import connect_politely
report = Report.objects.create(
    kind="transactions", state="downloading", remote_id=1, remote_type="transactions",
    bytes_expected={size}, remote={remote!r},
)
connect_politely()
began, burnt = time.perf_counter(), sum(os.times()[:4])
downloads.download(report.pk)
storing.verify(report.pk)
seconds, burnt = time.perf_counter() - began, sum(os.times()[:4]) - burnt
report.refresh_from_db()
assert report.state == "stored", (report.state, report.note)
assert report.verified, report.checks
import resource
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([seconds, burnt, peak]))
"""


def ours(url: str, credentials: Path, size: int, remote: object) -> tuple[float, float, int]:
    with tempfile.TemporaryDirectory() as data:
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATA_DIR": data,
            "VOX_API_URL": url,
            "VOX_CREDENTIALS": str(credentials),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "LOG_LEVEL": "ERROR",
            "VOX_REQUESTS_PER_SECOND": "100000",
        }
        code = CHILD.format(root=str(ROOT), size=size, remote=remote)
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
        )
        seconds, burnt, peak = json.loads(done.stdout.splitlines()[-1])
        return seconds, burnt, peak


def tell(name: str, value: float, unit: str, floor: float | None, ratio: float | None) -> None:
    figure = {"name": name, "value": round(value, 2), "unit": unit, "floor": floor}
    print(json.dumps({**figure, "ratio": ratio and round(ratio, 3), "n": ROUNDS}), flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, pace, script in (
            ("report_download", None, SHELL),
            ("report_download_50_mb_s", PACE, PLAIN),
        ):
            with serve_report(folder, MEGABYTES, pace) as served:
                floors, values, peaks = [], [], []
                floor_cpu, cpu = [], []
                for _round in range(ROUNDS):
                    seconds, burnt = shell(script, served.url, folder)
                    floors.append(seconds)
                    floor_cpu.append(burnt)
                    seconds, burnt, peak = ours(
                        served.url, served.credentials, served.size, served.remote
                    )
                    values.append(seconds)
                    cpu.append(burnt)
                    peaks.append(peak)
                floor, value = statistics.median(floors), statistics.median(values)
                rate = served.size / 1e6
                tell(name, rate / value, "MB/s", round(rate / floor, 2), floor / value)
                floor, value = statistics.median(floor_cpu), statistics.median(cpu)
                tell(f"{name}_cpu", value, "s", round(floor, 2), floor / value)
                tell(f"{name}_peak_rss", max(peaks) / 1e6, "MB", None, None)
        small, large = (peak_of(folder, size) for size in (2.0, MEGABYTES))
        tell("report_memory_small_to_large", large, "MB", round(small, 2), large / small)


def peak_of(folder: Path, megabytes: float) -> float:
    with serve_report(folder, megabytes, None) as served:
        return ours(served.url, served.credentials, served.size, served.remote)[2] / 1e6


if __name__ == "__main__":
    main()
