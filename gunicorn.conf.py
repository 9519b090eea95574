"""Gunicorn as Voxledger wants it. Read by itself when gunicorn starts in this directory."""

import os
import shutil
import sys
import tempfile

from dashboard.env import env_choice
from dashboard.log_form import logging_config

# Where the processes of this server add up what they count (dashboard/metrics.py).
_counts = tempfile.mkdtemp(prefix="voxledger-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _counts

wsgi_app = "dashboard.wsgi"
# Threads, since a page mostly waits for the remote API. WEB_CONCURRENCY sets the processes.
worker_class = "gthread"
threads = 8
keepalive = 5
# A request that is under way gets this long when the server is told to stop.
graceful_timeout = 30
timeout = 60
# No access log: dashboard/logs.py notes each request, without its query, since filters hold
# phone numbers. Were one asked for, it should not have the query either.
access_log_format = "%(t)s %(m)s %(s)s %(B)s bytes %(M)s ms"
logconfig_dict = logging_config(
    env_choice("LOG_FORMAT", "json", ("json", "line")),
    env_choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
)
control_socket_disable = True


def post_worker_init(worker: object) -> None:
    # The default, 5 ms, is how long an answer that has come waits for a thread that computes.
    sys.setswitchinterval(0.001)


def on_exit(server: object) -> None:
    shutil.rmtree(_counts, ignore_errors=True)
