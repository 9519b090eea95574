"""Scripts: the JSON endpoint with personal tokens, and `manage.py export`."""

import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from history.models import ApiToken, Report
from tests.history.reports import SPRING, carried_out, stored

PERIOD = {"from_date": "2026-04-01", "to_date": "2026-05-31", "timezone": "Europe/Berlin"}
ORDER = {"kind": "transactions", **PERIOD}


@pytest.fixture(autouse=True)
def _quick(settings, sandbox):
    settings.REPORT_POLL_SECONDS = 0.2


@pytest.fixture
def script(client, people):
    """Asks as a script of the finance person would."""
    _token, secret = ApiToken.issue(
        people["finance"], "month end", ["reports:read", "reports:order"]
    )

    def ask(verb: str, path: str, body: object = None, secret: str = secret, **headers: str):
        return getattr(client, verb)(
            path,
            **({"data": json.dumps(body), "content_type": "application/json"} if body else {}),
            headers={"Authorization": f"Bearer {secret}", **headers},
        )

    ask.secret = secret
    return ask


def test_orders_follows_and_downloads_a_report(script):
    answer = script("post", "/api/reports/", ORDER)
    assert answer.status_code == 202
    url = answer.json()["url"].removeprefix("http://testserver")
    assert script("get", f"{url}file/").status_code == 409
    carried_out(Report.objects.get())
    told = script("get", url).json()
    assert told["state"] == "stored"
    assert told["verified"]
    assert Decimal(told["sums"]["amount"]["EUR"])
    file = script("get", told["file"].removeprefix("http://testserver"))
    lines = b"".join(file.streaming_content).splitlines()
    assert len(lines) == told["rows"] + 1
    piece = script("get", f"{url}file/", Range="bytes=0-9")
    assert piece.status_code == 206


def test_a_key_of_the_script_orders_once(script):
    first = script("post", "/api/reports/", {**ORDER, "key": "2026-05"})
    second = script("post", "/api/reports/", {**ORDER, "key": "2026-05"})
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({}, "kind"),
        ({"kind": "novels"}, "novels"),
        ({**ORDER, "from_date": "soon"}, "“soon” is not a date"),
        ({**ORDER, "user_id": "x"}, "“x” is not an ID"),
        ({**ORDER, "user": "7"}, "is not known"),
        ({**ORDER, "user_id": "999999"}, "nothing to export"),
    ],
)
def test_says_what_is_wrong_with_an_order(script, order, words):
    answer = script("post", "/api/reports/", order or {"x": 1})
    assert answer.status_code == 400
    assert words in json.dumps(answer.json(), ensure_ascii=False)
    assert not Report.objects.exists()


def test_text_that_is_no_json_is_told_so(client, script):
    answer = client.post(
        "/api/reports/",
        b"{",
        content_type="application/json",
        headers={"Authorization": f"Bearer {script.secret}"},
    )
    assert answer.status_code == 400
    assert "Send a JSON object" in answer.json()["error"]["message"]


def test_refuses_without_a_valid_token(script, people):
    assert script("get", "/api/reports/", secret="vxl_wrong").status_code == 401
    ApiToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert script("get", "/api/reports/").status_code == 401
    ApiToken.objects.update(expires=None)
    people["finance"].is_active = False
    people["finance"].save()
    answer = script("get", "/api/reports/")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_does_only_what_it_was_made_for(script, people):
    _token, reading = ApiToken.issue(people["finance"], "reader", ["reports:read"])
    assert script("get", "/api/reports/", secret=reading).status_code == 200
    assert script("post", "/api/reports/", ORDER, secret=reading).status_code == 403


def test_a_script_reaches_no_report_of_somebody_else(script, people):
    report = stored(owner=people["admin"])
    for path in (f"/api/reports/{report.pk}/", f"/api/reports/{report.pk}/file/"):
        assert script("get", path).status_code == 404
    assert script("delete", f"/api/reports/{report.pk}/").status_code == 404
    assert script("get", "/api/reports/").json() == {"reports": []}


def test_a_script_orders_only_what_its_owner_may(script):
    answer = script("post", "/api/reports/", {**ORDER, "kind": "audit"})
    assert answer.status_code == 403


def test_delete_cancels(script):
    url = script("post", "/api/reports/", ORDER).json()["url"].removeprefix("http://testserver")
    assert script("delete", url).json()["state"] == "cancelled"


def test_a_token_is_shown_once_and_kept_as_a_hash(client_as):
    finance = client_as("finance")
    form = {"name": "script", "scopes": ["reports:read"], "days": "30"}
    page = finance.post("/settings/tokens/", form).content.decode()
    token = ApiToken.objects.get()
    secret = page[page.index("vxl_") :].split("<")[0]
    assert ApiToken.find(secret) == token
    assert secret not in finance.get("/settings/tokens/").content.decode()
    assert secret not in json.dumps(list(ApiToken.objects.values()), default=str)
    assert client_as("admin").post(f"/settings/tokens/{token.pk}/withdraw/").status_code == 404
    finance.post(f"/settings/tokens/{token.pk}/withdraw/")
    assert ApiToken.find(secret) is None


# manage.py export


def export(*words: str) -> tuple[int, str]:
    said = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("export", *words, stderr=said)
    return int(str(end.value.code)), said.getvalue()


def test_the_shell_saves_a_proven_file_and_exits_with_0(tmp_path, db):
    out = tmp_path / "may.csv"
    words = ("--from", "2026-04-01", "--to", "2026-05-31", "--zone", "Europe/Berlin")
    code, said = export("transactions", *words, "--out", str(out))
    assert code == 0
    report = Report.objects.get()
    assert report.verified
    assert len(out.read_text("utf-8").splitlines()) == report.rows_done + 1
    assert report.sha256 in said


def test_the_shell_exits_with_2_when_the_report_fails(tmp_path, db, sandbox):
    sandbox.fault("report_fails")
    code, said = export("audit", "--from", "2026-04-01", "--to", "2026-05-31")
    assert code == 2
    assert "could not build" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("calls", "--from", "soon", "--to", "2026-05-31"), "“soon” is not a date"),
        (("calls", "--from", "2026-04-01", "--to", "2026-05-31", "--user", "x"), "nobody has"),
        (("calls", "--from", "2026-04-01", "--to", "2026-05-31", "--filter", "x"), "NAME=VALUE"),
        (("calls", "--from", "2026-04-01", "--to", "2026-05-31", "--filter", "x=1"), "no filter"),
    ],
)
def test_the_shell_says_what_is_wrong_with_its_words(words, said, db):
    with pytest.raises(CommandError, match=said):
        call_command("export", *words)


def test_the_period_of_the_tests_has_rows(db):
    assert stored("transactions", SPRING).rows_done > 0
