"""Recordings, transcripts and logs, and who gets to see the token."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from history.api.client import ApiKey, Client, Refused, Unreachable
from tests.api.remote import Answer, Received, Remote, as_file, as_html, serving

AUDIO = bytes(range(256)) * 40

type Connect = Callable[..., Client]


class Bearer:
    """Credentials that send a header, as a service account does."""

    account_id = 48211

    def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer made-up-token"}

    def fields(self) -> dict[str, str]:
        return {}


def storage(received: Received) -> Answer:
    """Open files below /vox-records, secure ones below /vox-records-secure."""
    may = received.headers.get("Authorization") == "Bearer made-up-token"
    may |= received.query.get("api_key") == ["made-up-key"]
    if "-secure" in received.path and not may:
        return Answer(status=401, body=b"Unauthorized", headers={"Content-Type": "text/plain"})
    headers = {"Content-Type": "audio/mpeg", "Accept-Ranges": "bytes", "ETag": '"a1"'}
    wanted = received.headers.get("Range")
    if not wanted:
        return Answer(body=AUDIO, headers=headers)
    if wanted.startswith("bytes=99"):
        return Answer(status=416, headers={"Content-Range": f"bytes */{len(AUDIO)}"})
    part = {**headers, "Content-Range": f"bytes 100-199/{len(AUDIO)}", "X-Internal": "7"}
    return Answer(status=206, body=AUDIO[100:200], headers=part)


def refusal(client: Client, url: str, **options: object) -> Refused:
    with pytest.raises(Refused) as caught:
        client.open_media(url, **options)  # type: ignore[arg-type]
    return caught.value


def test_opens_a_recording(remote: Remote, api: Client) -> None:
    remote.respond = storage
    with api.open_media(f"{remote.origin}/vox-records/2026/03/02/QXVkaW8?record_id=1") as media:
        assert media.status == 200
        assert media.headers["Content-Type"] == "audio/mpeg"
        assert b"".join(media.chunks()) == AUDIO
    assert remote.last.query == {"record_id": ["1"]}
    assert remote.last.headers["Accept-Encoding"] == "identity"
    assert "Authorization" not in remote.last.headers


def test_passes_a_range_on(remote: Remote, api: Client) -> None:
    remote.respond = storage
    url = f"{remote.origin}/vox-records/x"
    with api.open_media(url, "bytes=100-199") as media:
        assert media.status == 206
        assert media.headers == {
            "Content-Type": "audio/mpeg",
            "Content-Length": "100",
            "Content-Range": f"bytes 100-199/{len(AUDIO)}",
            "Accept-Ranges": "bytes",
            "ETag": '"a1"',
        }
        assert b"".join(media.chunks()) == AUDIO[100:200]
    with api.open_media(url, "bytes=99999-") as media:
        assert (media.status, media.headers["Content-Range"]) == (416, f"bytes */{len(AUDIO)}")


def test_asks_for_the_headers_alone(remote: Remote, api: Client) -> None:
    remote.respond = storage
    with api.open_media(f"{remote.origin}/vox-records/x", head=True) as media:
        assert media.headers["Content-Length"] == str(len(AUDIO))
        assert b"".join(media.chunks()) == b""
    assert remote.last.verb == "HEAD"


def test_a_secure_file_is_asked_for_again_with_the_token(remote: Remote, connect: Connect) -> None:
    remote.respond = storage
    client = connect(credentials=Bearer())
    with client.open_media(f"{remote.origin}/vox-records-secure/a") as media:
        assert b"".join(media.chunks()) == AUDIO
    sent = [received.headers.get("Authorization") for received in remote.received]
    assert sent == [None, "Bearer made-up-token"]


def test_the_second_seek_into_a_secure_file_is_one_request(
    remote: Remote, connect: Connect
) -> None:
    remote.respond = storage
    client = connect(credentials=Bearer())
    for _ in range(3):
        client.open_media(f"{remote.origin}/vox-records-secure/a", "bytes=100-199").close()
    assert len(remote.received) == 4
    client.open_media(f"{remote.origin}/vox-records/b").close()
    assert "Authorization" not in remote.last.headers


def test_an_api_key_opens_a_secure_file_too(remote: Remote, connect: Connect) -> None:
    remote.respond = storage
    client = connect(credentials=ApiKey(48211, "made-up-key"))
    client.open_media(f"{remote.origin}/vox-records-secure/a?record_id=1").close()
    assert remote.last.query == {
        "record_id": ["1"],
        "account_id": ["48211"],
        "api_key": ["made-up-key"],
    }


def test_a_transcript_is_asked_for_with_its_record(remote: Remote, api: Client) -> None:
    remote.respond = storage
    api.open_media(f"{remote.origin}/vox-transcripts/t", record_id=551200).close()
    assert remote.last.query == {"record_id": ["551200"]}


@pytest.mark.parametrize(("status", "code"), [(401, 100), (403, 104), (404, 501), (410, 501)])
def test_a_refusal_has_the_apis_own_code(
    remote: Remote, connect: Connect, status: int, code: int
) -> None:
    remote.will(Answer(status=status))
    error = refusal(connect(retry_for=5), f"{remote.origin}/vox-records/x")
    assert (error.code, error.method) == (code, "media")
    assert len(remote.received) == (2 if status == 401 else 1)


def test_a_busy_host_is_asked_again(remote: Remote, connect: Connect) -> None:
    remote.will(as_html(status=503), Answer(drop=True), as_file(AUDIO))
    with connect(retry_for=5).open_media(f"{remote.origin}/vox-records/x") as media:
        assert b"".join(media.chunks()) == AUDIO


def test_what_is_no_file_is_said_so(remote: Remote, api: Client) -> None:
    remote.will(as_html(status=500))
    with pytest.raises(Unreachable, match="media: HTTP 500 with text/html"):
        api.open_media(f"{remote.origin}/vox-records/x")


def test_says_so_when_a_recording_breaks_off(remote: Remote, api: Client) -> None:
    remote.will(as_file(AUDIO, cut=1000))
    with (
        api.open_media(f"{remote.origin}/vox-records/x") as media,
        pytest.raises(Unreachable, match="media: the connection broke off"),
    ):
        list(media.chunks())


def test_the_first_bytes_do_not_wait_for_the_others(remote: Remote, api: Client) -> None:
    remote.will(as_file(AUDIO, drip=0.05))
    started = time.monotonic()
    with api.open_media(f"{remote.origin}/vox-records/x") as media:
        next(media.chunks())
    assert time.monotonic() - started < 20


# Hosts


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        "https://voximplant.com.evil.example/x",
        "https://notvoximplant.com/x",
        "https://storage.voximplant.com:8443/x",
        "http://storage.voximplant.com/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/x",
        "ftp://storage.voximplant.com/x",
    ],
)
def test_other_hosts_are_not_asked_at_all(api: Client, url: str) -> None:
    with pytest.raises(Unreachable, match="is not on the list of media hosts") as caught:
        api.open_media(url)
    assert not caught.value.sent
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "/vox-records/x",
        "https://user:word@storage.voximplant.com/x",
        "https://evil.example\\@storage.voximplant.com/x",
        "https://storage.voximplant.com/a b",
        "https://storage.voximplant.com/a\r\nHost: evil.example",
        "https://storage.voximplant.com/ё",
        "https://storage.voximplant.com:port/x",
        "https://[storage.voximplant.com/x",
    ],
)
def test_a_malformed_address_is_not_asked(api: Client, url: str) -> None:
    with pytest.raises(Unreachable, match="its address is malformed"):
        api.open_media(url)


@pytest.mark.parametrize(
    ("allowed", "url", "is_asked"),
    [
        (["127.0.0.1:{port}"], "http://127.0.0.1:{port}/x", True),
        (["127.0.0.1"], "http://127.0.0.1:{port}/x", False),
        (["localhost:{port}"], "http://localhost:{port}/x", True),
        (["*.example"], "http://127.0.0.1:{port}/x", False),
        (["LOCALHOST:{port}"], "HTTP://LocalHost:{port}/x", True),
    ],
)
def test_the_list_names_hosts_and_ports(
    connect: Connect, allowed: list[str], url: str, is_asked: bool
) -> None:
    with serving() as other:
        other.respond = storage
        hosts = [entry.format(port=other.port) for entry in allowed]
        client = connect(media_hosts=hosts)
        if is_asked:
            client.open_media(url.format(port=other.port)).close()
        else:
            with pytest.raises(Unreachable, match="not on the list"):
                client.open_media(url.format(port=other.port))
        assert len(other.received) == int(is_asked)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        (".voximplant.com", "https://storage-gw-1.voximplant.com/x"),
        ("*.voximplant.com", "https://storage-gw-1.voximplant.com/x"),
        ("files.example", "https://files.example/x"),
        ("files.example", "https://files.example:443/x"),
        ("files.example:8443", "https://files.example:8443/x"),
    ],
)
def test_listed_hosts_are_asked_over_https(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, entry: str, url: str
) -> None:
    # A proxy that is not there shows where the client would have gone, without going there.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Unreachable, match="the proxy cannot be reached"):
        connect(media_hosts=[entry]).open_media(url)


def test_follows_a_redirect_to_a_listed_host_without_the_token(
    remote: Remote, connect: Connect
) -> None:
    with serving() as other:
        other.respond = storage
        away = Answer(status=302, headers={"Location": f"{other.origin}/vox-records/x"})
        remote.respond = lambda received: (
            away if "Authorization" in received.headers else Answer(status=401)
        )
        client = connect(credentials=Bearer(), media_hosts=[f"127.0.0.1:{other.port}"])
        with client.open_media(f"{remote.origin}/vox-records-secure/x") as media:
            assert b"".join(media.chunks()) == AUDIO
        assert "Authorization" not in other.last.headers


def test_follows_no_redirect_to_another_host(remote: Remote, connect: Connect) -> None:
    with serving() as other:
        away = Answer(status=302, headers={"Location": f"{other.origin}/x"})
        remote.will(away)
        with pytest.raises(Unreachable, match="not on the list of media hosts"):
            connect(credentials=Bearer()).open_media(f"{remote.origin}/vox-records/x")
        assert other.received == []


def test_follows_a_redirect_within_the_host_but_not_forever(remote: Remote, api: Client) -> None:
    remote.will(Answer(status=301, headers={"Location": "/vox-records/y"}), as_file(AUDIO))
    api.open_media(f"{remote.origin}/vox-records/x").close()
    assert urlsplit(remote.last.path).path == "/vox-records/y"
    remote.answers.clear()
    remote.will(Answer(status=301, headers={"Location": "/vox-records/x"}))
    with pytest.raises(Unreachable, match="more than 3 redirects"):
        api.open_media(f"{remote.origin}/vox-records/x")


def test_a_redirect_to_nowhere_is_no_file(remote: Remote, api: Client) -> None:
    remote.will(Answer(status=302))
    with pytest.raises(Unreachable, match=r"redirected \(HTTP 302\)"):
        api.open_media(f"{remote.origin}/vox-records/x")


def test_remembers_only_so_many_secure_places(
    remote: Remote, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("history.api.media.MAX_PLACES", 2)
    remote.respond = storage
    client = connect(credentials=Bearer())
    for _ in range(2):
        for bucket in ("a-secure", "b-secure", "c-secure"):
            client.open_media(f"{remote.origin}/{bucket}/x").close()
    assert len(remote.received) == 6 + 4


def test_a_part_that_is_left_early_leaves_the_connection_to_the_next(
    remote: Remote, api: Client
) -> None:
    remote.respond = lambda _: Answer(body=AUDIO * 20, headers={"Content-Type": "audio/mpeg"})
    for _part in range(3):
        with api.open_media(f"{remote.origin}/vox-records/QXVkaW8") as media:
            assert next(media.chunks())
    assert len({received.headers["X-Peer"] for received in remote.received}) == 1


def test_what_is_long_or_slow_is_not_read_to_its_end(remote: Remote, api: Client) -> None:
    began = time.monotonic()
    for body, answer in ((AUDIO * 100, {}), (AUDIO[:100], {"drip": 0.1})):
        remote.respond = lambda _, body=body, answer=answer: Answer(
            body=body, headers={"Content-Type": "audio/mpeg"}, **answer
        )
        with api.open_media(f"{remote.origin}/vox-records/QXVkaW8") as media:
            assert next(media.chunks())
    assert time.monotonic() - began < 5
    assert len({received.headers["X-Peer"] for received in remote.received}) == 2
