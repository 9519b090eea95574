"""A real server: what its log holds and does not, and how it stops."""

import io
import json
import signal
import sys
import threading

import pytest
import requests
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from dashboard.supervise import Program, Supervisor
from tests.faults.conftest import free_port, wait

NUMBER = "4930123456789"
SEARCH = f"/calls/?from_date=2026-06-14&to_date=2026-06-15&remote_number={NUMBER}"


@pytest.fixture
def server(process_env):
    """A gunicorn as in production, its address, and a session of somebody signed in."""
    client, person = Client(), User.objects.create_user("agent")
    person.groups.add(Group.objects.get_or_create(name="agent")[0])
    client.force_login(person)
    session, port = requests.Session(), free_port()
    session.cookies["sessionid"] = client.cookies["sessionid"].value
    env = {**process_env, "LOG_FORMAT": "json", "METRICS_NETWORKS": "127.0.0.1", "DEBUG": "True"}
    words = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    with Supervisor(io.StringIO()) as supervisor:
        program = supervisor.start("web", [sys.executable, *words, "--access-logfile=-"], env)
        supervisor.wait_for_line(program, "Booting worker", 40)
        yield program, f"http://127.0.0.1:{port}", session
        supervisor.programs.remove(program)
        program.stop(threading.Event())


def events(program: Program, name: str = "request") -> list[dict]:
    found = [json.loads(line) for line in list(program.lines) if line.startswith("{")]
    return [event for event in found if event["event"] == name]


def test_the_log_names_requests_but_no_numbers_and_all_processes_are_counted(server):
    program, url, session = server
    given = {"X-Request-ID": "from-the-proxy-1"}
    answer = session.get(url + SEARCH, headers=given, timeout=20)
    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] == "from-the-proxy-1"
    for path in (f"/{NUMBER}/", f"/media/{NUMBER}/", f"/search/?q={NUMBER}"):
        session.get(url + path, timeout=20, allow_redirects=False)
    forged = {"X-Request-ID": 'x"}\\n forged'}
    made = session.get(url + "/healthz", headers=forged, timeout=20).headers["X-Request-ID"]
    assert made.isalnum()
    wait(lambda: len(events(program)) >= 4, "the lines of the requests")
    first, *others = events(program)
    assert (
        first.items()
        >= {
            "request_id": "from-the-proxy-1",
            "method": "GET",
            "path": "/calls/",
            "status": 200,
            "level": "info",
        }.items()
    )
    paths = {event["path"] for event in others}
    assert paths == {"(no such address)", "/media/<str:sealed>/", "/search/"}
    asked = next(e for e in map(json.loads, program.lines) if "GetCallHistory: ok" in e["event"])
    assert asked["request_id"] == "from-the-proxy-1"
    assert not [line for line in program.lines if NUMBER in line]

    def counted() -> bool:
        text = requests.get(f"{url}/metrics", timeout=20).text
        return 'voxledger_requests_total{method="GET",status="200",view="calls"} 1.0' in text

    assert all(counted() for _ in range(6)), "each of both processes tells of all"


def test_a_stopped_server_finishes_what_is_under_way(server, sandbox):
    program, url, session = server
    # A page of the test before may still be asking for its chart.
    ours = {"remote_number": NUMBER}
    sandbox.fault("delay", seconds=1.5, params=ours, times=1)
    answers: list[requests.Response] = []
    reader = threading.Thread(target=lambda: answers.append(session.get(url + SEARCH, timeout=20)))
    reader.start()
    wait(
        lambda: any(ours.items() <= asked["params"].items() for asked in sandbox.requests),
        "the question to reach the platform",
    )
    program.process.send_signal(signal.SIGTERM)
    reader.join()
    assert answers[0].status_code == 200
    assert "</html>" in answers[0].text
    assert program.process.wait(timeout=20) == 0


def test_pages_of_errors_tell_the_id_of_the_request(client_as, sandbox):
    sandbox.fault("error", code=100, msg="Authorization failed.", method="GetCallHistory")
    agent = client_as("agent")
    given = {"x-request-id": "from-the-proxy-2"}
    for path, status in (("/transactions/", 403), ("/nowhere/", 404), (SEARCH, 502)):
        answer = agent.get(path, headers=given)
        assert answer.status_code == status
        assert "from-the-proxy-2" in answer.content.decode()
    answer = agent.get("/", headers={**given, "host": "elsewhere.example.com"})
    assert answer.status_code == 400
    assert "from-the-proxy-2" in answer.content.decode()


def test_a_database_that_is_away_is_said_in_words_and_comes_back_by_itself(
    transactional_db, client_as
):
    agent = client_as("agent")
    agent.raise_request_exception = False
    setup, gone = connection.settings_dict, {"NAME": "/nowhere/db", "HOST": "127.0.0.1", "PORT": 1}
    there = {name: setup[name] for name in gone}
    connection.close()
    setup.update(gone)
    try:
        answer = agent.get("/reports/", headers={"x-request-id": "from-the-proxy-3"})
    finally:
        connection.close()
        setup.update(there)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    for words in ("not available at the moment", "Nothing that was stored is lost", "proxy-3"):
        assert words in answer.content.decode()
    assert agent.get("/").status_code == 200
