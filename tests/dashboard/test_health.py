import pytest


@pytest.mark.parametrize("method", ["get", "head"])
def test_tells_that_the_process_is_alive_without_signing_in(client, method):
    answer = getattr(client, method)("/healthz")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_a_health_check_may_come_without_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 301


def test_accepts_no_writing(client):
    assert client.post("/healthz").status_code == 405
