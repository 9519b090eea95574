"""Sentry and OpenTelemetry: a real process sends to a made-up collector on this machine."""

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli
import pytest

from tests.dashboard.test_settings import ROOT, manage

NUMBER = "4930123456789"
# A page that fails with a number in its query and in its error, and one that does not.
PAGES = """
import django, logging, os
NUMBER = os.environ["NUMBER"]
django.setup()
from django.conf import settings
from django.test import Client
from django.urls import path
import dashboard.urls
def broken(request): raise ValueError(f"cannot read +49 (30) 123-456789 of {NUMBER}")
dashboard.urls.urlpatterns.insert(0, path("broken/", broken))
broken.login_required = False
client = Client(raise_request_exception=False)
assert client.get(f"/broken/?number={NUMBER}", headers={"x-request-id": "from-a-test-1"}).status_code == 500
assert client.get(f"/favicon.ico?number={NUMBER}").status_code == 302
logging.getLogger("history").error("Report %s: %s", 7, NUMBER)
"""  # noqa: E501


@pytest.fixture
def collector():
    """An address, and what was posted to it: (path, body) each."""
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            unpack = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}
            posted.append((self.path, unpack[self.headers.get("Content-Encoding")](body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Into nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", posted
        server.shutdown()


def test_errors_and_traces_arrive_without_numbers(collector, tmp_path):
    host, posted = collector
    env = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATA_DIR": str(tmp_path),
        "SENTRY_DSN": f"http://key@{host}/1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{host}",
        "ALLOWED_HOSTS": "testserver",
        "HTTPS_ONLY": "False",
        "DEBUG": "True",
        "NUMBER": NUMBER,
    }
    manage("collectstatic", "--noinput", data=tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", PAGES], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    envelopes = [body for path, body in posted if path == "/api/1/envelope/"]
    events = [json.loads(line) for body in envelopes for line in body.splitlines()[2::2]]
    error = next(event for event in events if "exception" in event)
    assert error["exception"]["values"][-1]["value"] == "cannot read … of …"
    assert error["transaction"] == "/broken/"
    assert error["tags"]["request_id"] == "from-a-test-1"
    traces = [body for path, body in posted if path == "/v1/traces"]
    assert b"GET favicon.ico" in b"".join(traces)
    assert NUMBER.encode() not in b"".join(body for _path, body in posted)
    assert NUMBER not in done.stderr.replace(f"of {NUMBER}", "").replace(f"7: {NUMBER}", "")


def test_without_the_package_the_setting_says_what_to_install(tmp_path):
    (tmp_path / "sentry_sdk.py").write_text("raise ImportError")
    given = {"SENTRY_DSN": "https://key@sentry.example.com/1", "PYTHONPATH": str(tmp_path)}
    answer = manage("check", data=tmp_path / "data", **given)
    assert answer.returncode == 1
    assert answer.stderr == (
        "SENTRY_DSN='…': its packages are not installed: pip install -r requirements-extras.txt\n"
    )


def test_neither_is_imported_unless_it_is_asked_for(tmp_path):
    theirs = "('sentry_sdk', 'opentelemetry.instrumentation.django')"
    code = f"import sys; print([name for name in {theirs} if name in sys.modules])"
    assert manage("shell", "--no-imports", "-c", code, data=tmp_path).stdout.strip() == "[]"
