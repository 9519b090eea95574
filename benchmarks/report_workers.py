"""How many small reports a minute one, two and four worker processes carry out.

    python -m benchmarks.report_workers [reports]

Real Celery workers on a real Valkey, before a sandbox that builds a report in a second. All reports
are ordered at once as a page orders them; time runs until the last is proven and stored. The ratio
is to one process; the seconds are processor time of all but the sandbox and Valkey, a report.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.figures import tell
from benchmarks.world import ROOT, programs, start_sandbox, start_valkey
from dashboard.supervise import Supervisor

REPORTS = int(sys.argv[1]) if len(sys.argv) > 1 else 60

ORDER = """
import json, sys, time
import django
django.setup()
from django.http import QueryDict
from history.forms import Defaults
from history.models.reports import Report, State
from history.reports.drafts import Draft
from history.tasks import send
query = QueryDict("from_date=2026-05-01&to_date=2026-05-02&timezone=UTC")
began = time.perf_counter()
for _report in range(int(sys.argv[1])):
    draft = Draft(kind="transactions", query=query, defaults=Defaults())
    assert draft.valid, draft.form.errors
    send(draft.order(None)[0])
while left := Report.objects.exclude(state=State.STORED).count():
    assert not Report.objects.filter(state=State.FAILED).exists(), Report.objects.last().note
    assert time.perf_counter() - began < 300, left
    time.sleep(0.1)
assert all(report.verified for report in Report.objects.all())
print(json.dumps(time.perf_counter() - began))
"""


@contextmanager
def workers(supervisor: Supervisor, env: dict[str, str], processes: int) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "--quiet", "--skip-checks", "-A", "dashboard"]
    command += ["worker", "-c", str(processes), "-Q", "default,bulk", "-l", "INFO"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    program = supervisor.start("worker", command, env)
    supervisor.wait_for_line(program, r"ready\.", 60)
    yield
    program.process.terminate()
    program.process.wait()
    supervisor.programs.remove(program)


def seconds_with(supervisor: Supervisor, env: dict[str, str], processes: int) -> float:
    with tempfile.TemporaryDirectory() as data:
        env = {**env, "DATA_DIR": data, "DATABASE_URL": f"sqlite:///{data}/db.sqlite3"}
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(migrate, cwd=ROOT, env=env, check=True)
        with workers(supervisor, env, processes):
            order = [sys.executable, "-c", ORDER, str(REPORTS)]
            done = subprocess.run(
                order, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
            )
    return float(json.loads(done.stdout.splitlines()[-1]))


def burnt() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    with programs() as supervisor:
        api = start_sandbox(
            supervisor, 2000, "--now", "2026-06-15T12:00:00Z", "--report-seconds", "1"
        )
        broker = start_valkey(supervisor)
        env = {
            **os.environ,
            "VOX_API_URL": api.url,
            "VOX_CREDENTIALS": str(api.credentials),
            "REDIS_URL": broker,
            "CACHE_URL": broker.replace("/0", "/1"),
            "LOG_LEVEL": "INFO",
            # All that stands in the way otherwise: places of an account.
            "REPORTS_AT_ONCE": "1000",
        }
        one = 0.0
        for processes in (1, 2, 4):
            before = burnt()
            rate = 60 * REPORTS / seconds_with(supervisor, env, processes)
            one = one or rate
            tell(
                f"reports_a_minute_with_{processes}_processes", rate, "1/min", floor=one, n=REPORTS
            )
            each = (burnt() - before) / REPORTS
            tell(f"processor_a_report_with_{processes}_processes", each, "s", n=REPORTS)


if __name__ == "__main__":
    main()
