"""Who may ask for what: tokens, API keys, roles, parents and children."""

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.credentials import ALL_ROLES, ROLES
from tests.sandbox.conftest import PERIOD, Server, signed


def bearer(server: Server, token: str, method: str = "GetCallHistory") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    return dict(server.post(f"{server.url}/{method}", data=PERIOD, headers=headers).json())


def code(answer: dict[str, Any]) -> int | None:
    return answer["error"]["code"] if "error" in answer else None


def test_the_file_has_the_shape_that_the_control_panel_gives(server):
    given = server.credentials()
    assert given.keys() == {"account_email", "account_id", "key_id", "private_key"}
    assert isinstance(given["account_id"], int)
    assert given["private_key"].startswith("-----BEGIN PRIVATE KEY-----")


def test_keeps_private_keys_from_other_users_of_the_machine(server):
    for path in [*server.home.glob("credentials*.json"), server.home / "accounts.json"]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_opens_to_a_token_of_the_account(server):
    assert bearer(server, server.token())["count"] > 0


def test_takes_the_issuer_as_number_as_text_and_as_zero(server):
    own = server.credentials()["account_id"]
    answers = [bearer(server, server.token(iss=issuer)) for issuer in (own, str(own), "0", 0)]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["count"] > 0


def test_tolerates_nbf_and_a_life_of_exactly_an_hour(server):
    now = int(time.time())
    assert code(bearer(server, server.token(iat=now, exp=now + 3600, nbf=now))) is None


def test_tolerates_a_clock_that_is_a_few_seconds_fast(server):
    now = int(time.time())
    assert code(bearer(server, server.token(iat=now + 10, exp=now + 70))) is None


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iat": -100, "exp": 3501}, 454),
        ({"iat": 120, "exp": 180}, 455),
        ({"iat": -300, "exp": -120}, 456),
        ({"iat": None, "exp": 60}, 447),
        ({"iat": 0, "exp": None}, 447),
        ({"iat": 0, "exp": 60, "iss": 1}, 100),
        ({"iat": 0, "exp": 60, "iss": None}, 100),
        ({"iat": 0, "exp": 60, "iss": "nobody"}, 100),
    ],
)
def test_says_what_is_wrong_with_a_token(server, claims, expected):
    now = int(time.time())
    times = {n: v if v is None else now + v for n, v in claims.items() if n != "iss"}
    given = claims | times
    assert code(bearer(server, server.token(**given))) == expected


def test_refuses_an_unknown_key(server):
    assert code(bearer(server, server.token(kid="6f1c8f7e-0000-4000-8000-000000000000"))) == 433


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "Bearer", "e30.e30.e30"])
def test_refuses_what_is_no_token(server, token):
    assert code(bearer(server, token)) in (433, 447)


def test_refuses_a_token_that_another_key_signed(server):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    given, now = server.credentials(), int(time.time())
    claims = {"iss": given["account_id"], "iat": now, "exp": now + 60}
    token = signed(claims, other, "RS256", {"kid": given["key_id"]})
    assert code(bearer(server, token)) == 100


@pytest.mark.filterwarnings("ignore:.*HMAC key.*")
def test_refuses_tokens_that_are_not_signed_with_rsa(server):
    given, now = server.credentials(), int(time.time())
    claims = {"iss": given["account_id"], "iat": now, "exp": now + 60}
    for key, algorithm in (("secret", "HS256"), ("", "none")):
        token = signed(claims, key, algorithm, {"kid": given["key_id"]})
        assert code(bearer(server, token)) == 100, algorithm


@pytest.mark.parametrize("name", ["account_id", "account_name", "account_email"])
def test_opens_to_an_api_key_with_the_account_named_in_each_way(server, name):
    account = server.accounts[0]
    data = {name: account[name], "api_key": account["api_key"], **PERIOD}
    assert server.post(f"{server.url}/GetCallHistory", data=data).json()["count"] > 0


def test_refuses_an_api_key_that_is_wrong_foreign_or_alone(server):
    own, foreign = server.accounts[0], server.accounts[1]
    for proof in (
        {"account_id": own["account_id"], "api_key": "wrong"},
        {"account_id": own["account_id"], "api_key": foreign["api_key"]},
        {"account_id": "x", "api_key": own["api_key"]},
        {"api_key": own["api_key"]},
        {"account_id": own["account_id"], "account_name": "no", "api_key": own["api_key"]},
        {"account_id": own["account_id"]},
    ):
        answer = server.post(f"{server.url}/GetCallHistory", data=proof)
        assert answer.status_code == 200
        assert code(answer.json()) == 100, proof


def test_a_token_goes_before_the_account_id_that_java_sends_with_it(server):
    answer = server.as_role("", "GetCallHistory", account_id="1", **PERIOD)
    assert answer["count"] > 0


@pytest.mark.parametrize("command", [name for name in ROLES if name[0] == "G"])
def test_lets_each_role_use_what_the_vendor_lists(server, command):
    for role in ALL_ROLES:
        words = "" if role == "Owner" else role.lower().replace(" ", "-")
        needed = {"output": "csv"} if "Brief" in command else {}
        answer = server.as_role(words, command, **needed)
        assert (code(answer) == 104) == (role not in ROLES[command]), (role, answer)


def test_a_service_account_without_a_role_may_use_no_history_method(server):
    for command in (name for name in ROLES if " " not in name):
        assert code(server.as_role("no-role", command)) == 104


def test_checks_the_role_before_the_parameters(server):
    assert code(server.as_role("support", "DeleteRecord", record_id="x")) == 104
    assert code(server.as_role("admin", "DeleteRecord", record_id="x")) == 261


def test_the_parent_can_act_for_a_child(server):
    child = server.accounts[1]["account_id"]
    answer = bearer(server, server.token(iss=str(child)))
    assert answer["count"] > 0
    assert {row["account_id"] for row in answer["result"]} == {child}


def test_a_child_cannot_act_for_the_parent_nor_for_another_child(server):
    first, second = (account["account_id"] for account in server.accounts[1:3])
    words = f"child-{first}"
    assert code(bearer(server, server.token(words))) is None
    for issuer in (server.accounts[0]["account_id"], second):
        assert code(bearer(server, server.token(words, iss=issuer))) == 100


def test_keeps_its_keys_when_started_again(start):
    first = start()
    token = first.token()
    first.process.terminate()
    first.process.wait()
    assert code(bearer(start(), token)) is None
