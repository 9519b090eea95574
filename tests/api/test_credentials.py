"""Tokens and keys."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from history.api.client import ApiKey, BadCredentials, Client, ServiceAccount
from history.api.methods import GetHistoryReports
from tests.api.remote import Remote, as_json

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def file_contents(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {
        "account_email": "anna@nordlicht.example",
        "account_id": 48211,
        "key_id": "b7d2a7f0-5a3e-4e0e-9c4b-2f1f6f0c8f11",
        "private_key": pem(key),
    }


@pytest.fixture
def account(file_contents: dict[str, Any]) -> ServiceAccount:
    return ServiceAccount.from_mapping(file_contents)


def test_signs_what_the_api_wants_to_see(account: ServiceAccount, key: rsa.RSAPrivateKey) -> None:
    with time_machine.travel(NOON, tick=False):
        token = account.token()
        claims = jwt.decode(token, key.public_key(), algorithms=["RS256"])
    header = jwt.get_unverified_header(token)
    assert header == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": "b7d2a7f0-5a3e-4e0e-9c4b-2f1f6f0c8f11",
    }
    now = int(NOON.timestamp())
    assert claims == {"iss": "48211", "iat": now - 10, "exp": now + 290}


def test_keeps_a_token_until_near_its_end(account: ServiceAccount) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first = account.token()
        clock.shift(timedelta(seconds=229))
        assert account.token() == first
        clock.shift(timedelta(seconds=2))
        assert account.token() != first


def test_signs_anew_when_the_clock_was_set_back(account: ServiceAccount) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first = account.token()
        clock.shift(timedelta(hours=-1))
        assert account.token() != first


def test_threads_share_one_token(account: ServiceAccount) -> None:
    tokens: list[str] = []
    threads = [threading.Thread(target=lambda: tokens.append(account.token())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 16
    assert len(set(tokens)) == 1


def test_a_parent_acts_for_its_child(account: ServiceAccount) -> None:
    child = account.acting_for(50077)
    claims = jwt.decode(child.token(), options={"verify_signature": False})
    assert (claims["iss"], child.account_id) == ("50077", 50077)
    assert account.account_id == 48211


def test_reads_the_file_of_the_control_panel(
    tmp_path: Path, file_contents: dict[str, Any], key: rsa.RSAPrivateKey
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(file_contents))
    token = ServiceAccount.from_file(path).token()
    assert jwt.decode(token, key.public_key(), algorithms=["RS256"])["iss"] == "48211"


def test_reads_the_whole_answer_of_create_key(file_contents: dict[str, Any]) -> None:
    text = json.dumps({"result": {**file_contents, "account_id": "48211"}})
    assert ServiceAccount.from_json(text).account_id == 48211


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"key_id": ""}, "the credentials have no key_id"),
        ({"account_id": None, "private_key": None}, "have no account_id, private_key"),
        ({"account_id": "anna"}, "account_id 'anna' is not a whole number"),
        ({"private_key": "-----BEGIN…"}, "private_key is not a private key in PEM form"),
    ],
)
def test_says_which_part_of_the_credentials_is_wrong(
    file_contents: dict[str, Any], change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadCredentials, match=complaint):
        ServiceAccount.from_mapping({**file_contents, **change})


def test_refuses_a_key_that_cannot_sign_for_this_api(file_contents: dict[str, Any]) -> None:
    other = pem(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(BadCredentials, match="is not an RSA key"):
        ServiceAccount.from_mapping({**file_contents, "private_key": other})


@pytest.mark.parametrize(
    ("text", "complaint"), [("{", "are not JSON"), ("[]", "are not a JSON object")]
)
def test_says_so_when_the_file_is_something_else(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(text)
    with pytest.raises(BadCredentials, match=f"credentials.json: the credentials {complaint}"):
        ServiceAccount.from_file(path)


def test_says_so_when_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match="No such file"):
        ServiceAccount.from_file(tmp_path / "credentials.json")


def test_a_file_of_bytes_is_not_json(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadCredentials, match=r"credentials\.json"):
        ServiceAccount.from_file(path)


def test_shows_no_secret(account: ServiceAccount, file_contents: dict[str, Any]) -> None:
    shown = f"{account!r} {account} {ApiKey(1, 'made-up-key')!r} {ApiKey(1, 'made-up-key')}"
    assert "made-up-key" not in shown
    assert "PRIVATE" not in shown
    assert account.token() not in shown
    assert "48211" in shown


def test_a_service_account_sends_a_bearer_token(
    remote: Remote, connect: Callable[..., Client], account: ServiceAccount
) -> None:
    remote.will(as_json({"result": [], "count": 0, "total_count": 0}))
    connect(credentials=account).get_history_reports(GetHistoryReports())
    assert remote.last.headers["Authorization"] == f"Bearer {account.token()}"
    assert remote.last.fields == {}


def test_an_api_key_is_sent_as_parameters(remote: Remote, connect: Callable[..., Client]) -> None:
    remote.will(as_json({"result": [], "count": 0, "total_count": 0}))
    client = connect(credentials=ApiKey(48211, "made-up-key"))
    client.get_history_reports(GetHistoryReports())
    assert remote.last.fields == {"account_id": ["48211"], "api_key": ["made-up-key"]}
    assert "Authorization" not in remote.last.headers
    assert client.account_id == 48211
