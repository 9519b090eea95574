"""What the client makes of a remote side that misbehaves, over real sockets."""

import gzip
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from history.api.client import ApiKey, Client, Observed, Refused, RemoteError, Unreachable
from history.api.methods import (
    DeleteRecord,
    GetBriefCallHistory,
    GetCallHistory,
    GetHistoryReports,
    GetTransactionHistory,
)
from tests.api.remote import Answer, Remote, as_html, as_json, free_port, serving

DAY = {"from_date": datetime(2026, 3, 2), "to_date": datetime(2026, 3, 2, 23, 59, 59)}
NO_ROWS = as_json({"result": [], "count": 0, "total_count": 0, "timezone": "Etc/GMT"})
ORDERED = as_json({"result": 1, "history_report_id": 4411})

type Connect = Callable[..., Client]


def sessions(client: Client) -> object:
    return client.get_call_history(GetCallHistory(**DAY))


def order(client: Client) -> object:
    return client.get_brief_call_history(GetBriefCallHistory(**DAY))


def delete(client: Client) -> object:
    return client.delete_record(DeleteRecord(record_id=551200))


def unreachable(client: Client, ask: Callable[[Client], object] = sessions) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        ask(client)
    return caught.value


# Answers that are none


@pytest.mark.parametrize(
    ("answer", "reason", "retryable"),
    [
        (as_html(), "answered with text/html that is not JSON", True),
        (as_html(status=502), "HTTP 502 with text/html", True),
        (as_html(status=404), "HTTP 404 with text/html", False),
        (Answer(status=500), "HTTP 500 with no content type", True),
        (as_json({"result": []}, status=503), "HTTP 503 with application/json", True),
        (as_json([1, 2]), "answered with application/json that is not JSON", True),
        (Answer(body=b'{"result": [', headers={"Content-Type": "application/json"}), "", True),
        (Answer(body=b'{"result": 1e99999999999999999999}'), "", True),
        (Answer(body=b"[" * 200_000), "", True),
        (Answer(body=b'{"result": NaN}'), "", True),
        (as_json({"result": "none"}), "the answer has another shape: result is not a list", True),
        (
            as_json({"result": [], "timezone": "Mars/Olympus"}),
            "the answer has another shape: timezone is not a time zone",
            True,
        ),
    ],
)
def test_says_what_came_instead_of_an_answer(
    remote: Remote, api: Client, answer: Answer, reason: str, retryable: bool
) -> None:
    remote.will(answer)
    error = unreachable(api)
    assert str(error).startswith(f"GetCallHistory: {reason}")
    assert error.retryable is retryable
    assert error.sent


def test_does_not_follow_a_redirect(remote: Remote, api: Client) -> None:
    with serving("127.0.0.1") as elsewhere:
        elsewhere.will(NO_ROWS)
        remote.will(Answer(status=307, headers={"Location": elsewhere.url}))
        error = unreachable(api)
        assert elsewhere.received == []
    assert "redirected (HTTP 307)" in str(error)
    assert not error.retryable
    assert error.status == 307


def test_a_value_of_the_wrong_type_is_named_but_not_shown(remote: Remote, api: Client) -> None:
    row = {"call_session_history_id": 1, "start_date": "yesterday, +49 30 55509876"}
    remote.will(as_json({"result": [row]}))
    error = unreachable(api)
    assert "result[0].start_date is not a date" in str(error)
    assert "55509876" not in str(error)


@pytest.mark.parametrize("length", [-1, None])
def test_says_so_when_the_answer_breaks_off(
    remote: Remote, api: Client, length: int | None
) -> None:
    remote.will(Answer(body=b'{"result": []}', cut=5, length=length))
    assert unreachable(api).sent


def test_says_so_when_a_chunked_answer_breaks_off(remote: Remote, api: Client) -> None:
    remote.will(Answer(body=b'{"result": []}' * 9000, cut=5000, chunked=True))
    assert str(unreachable(api)) == "GetCallHistory: the connection broke off"


def test_says_so_when_the_connection_is_dropped(remote: Remote, api: Client) -> None:
    remote.will(Answer(drop=True))
    assert str(unreachable(api)) == "GetCallHistory: the connection broke off"


def test_reads_a_compressed_answer(remote: Remote, api: Client) -> None:
    body = gzip.compress(NO_ROWS.body)
    remote.will(Answer(body=body, headers={"Content-Encoding": "gzip"}))
    assert api.get_call_history(GetCallHistory(**DAY)).result == ()


def test_says_so_when_the_compression_is_damaged(remote: Remote, api: Client) -> None:
    remote.will(Answer(body=b"not gzip at all", headers={"Content-Encoding": "gzip"}))
    assert str(unreachable(api)) == "GetCallHistory: the answer cannot be decompressed"


def test_does_not_swallow_an_endless_answer(remote: Remote, api: Client) -> None:
    body = gzip.compress(b" " * (65 * 2**20), 1)
    remote.will(Answer(body=body, headers={"Content-Encoding": "gzip"}))
    error = unreachable(api)
    assert str(error) == "GetCallHistory: the answer is longer than 64 MB"
    assert not error.retryable


# Time


def test_says_so_when_the_api_times_out(remote: Remote, connect: Connect) -> None:
    remote.will(Answer(pause=0.5))
    error = unreachable(connect(timeout=0.1))
    assert str(error) == "GetCallHistory: no answer within 0.1 s"
    assert error.sent


def test_says_so_when_an_answer_stops_half_way(remote: Remote, connect: Connect) -> None:
    remote.will(Answer(body=b'{"result": []}', length=500, drip=0.2))
    assert "no answer within 0.1 s" in str(unreachable(connect(timeout=0.1)))


def test_an_answer_that_trickles_does_not_hold_it_forever(remote: Remote, connect: Connect) -> None:
    remote.will(Answer(body=b" " * 200, drip=0.02))
    started = time.monotonic()
    assert "no whole answer within 0.1 s" in str(unreachable(connect(timeout=0.1)))
    assert time.monotonic() - started < 3


@pytest.fixture
def deaf() -> Iterator[str]:
    """An address that lets nobody in: its queue of one is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/platform_api"


def test_says_so_when_nobody_takes_the_connection(deaf: str, connect: Connect) -> None:
    error = unreachable(connect(deaf, connect_timeout=0.2))
    assert str(error) == "GetCallHistory: no connection within 0.2 s"
    assert not error.sent


def test_says_so_when_nobody_listens(connect: Connect) -> None:
    error = unreachable(connect(f"http://127.0.0.1:{free_port()}"))
    assert str(error) == "GetCallHistory: no connection: refused, or no way there"
    assert not error.sent
    assert error.retryable


def test_says_so_when_the_host_is_unknown(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the system says for such a name; the tests ask no name server.
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = unreachable(connect("http://nowhere.invalid"))
    assert str(error) == "GetCallHistory: the name of the host is unknown"
    assert not error.sent


def test_says_so_when_the_proxy_is_away(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    error = unreachable(connect("http://api.invalid"))
    assert str(error) == "GetCallHistory: the proxy cannot be reached"
    assert not error.sent


# Refusals


def test_a_refusal_says_code_words_and_field(remote: Remote, api: Client) -> None:
    error = {"code": 496, "msg": "Bad value in 'timezone'.", "field_name": "timezone"}
    remote.will(as_json({"error": error}))
    with pytest.raises(Refused) as caught:
        sessions(api)
    refused = caught.value
    assert (refused.code, refused.msg) == (496, "Bad value in 'timezone'.")
    assert (refused.field_name, refused.method) == ("timezone", "GetCallHistory")
    assert not refused.retryable
    assert str(refused) == (
        "GetCallHistory was refused with code 496: Bad value in 'timezone'. (timezone)"
    )


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_refusal_is_one_whatever_the_status(remote: Remote, api: Client, status: int) -> None:
    remote.will(as_json({"error": {"code": 104, "msg": "Forbidden command."}}, status=status))
    with pytest.raises(Refused, match="code 104"):
        sessions(api)


def test_several_errors_are_all_told(remote: Remote, api: Client) -> None:
    errors = [{"code": 111, "msg": "Bad from_date."}, {"code": 150, "msg": "Bad id."}]
    remote.will(as_json({"errors": errors}))
    with pytest.raises(Refused, match=r"code 111: Bad from_date\. Bad id\."):
        sessions(api)


def test_an_error_of_another_shape_is_one_all_the_same(remote: Remote, api: Client) -> None:
    remote.will(as_json({"error": {"code": "x", "field_name": 7}}))
    with pytest.raises(Refused, match="code 0: no reason given"):
        sessions(api)


@pytest.mark.parametrize("body", [{"error": "broken"}, {"errors": []}])
def test_an_error_that_says_nothing_is_no_answer(remote: Remote, api: Client, body: object) -> None:
    remote.will(as_json(body))
    assert unreachable(api).retryable


# Trying again


BUSY = [
    as_html(status=429),
    as_html(status=502),
    as_html(status=503),
    as_html(status=504),
    as_html(status=500),
    as_html(),
    as_json({"error": {"code": 340, "msg": "Rate limit exceeded."}}),
    as_json({"error": {"code": 162, "msg": "Try later."}}),
    as_json({"error": {"code": 515, "msg": "Done a moment ago."}}),
    Answer(drop=True),
    Answer(body=b"{", length=100, cut=1),
]


@pytest.mark.parametrize("busy", BUSY)
def test_reading_is_tried_again(remote: Remote, connect: Connect, busy: Answer) -> None:
    remote.will(busy, NO_ROWS)
    sessions(connect(retry_for=5))
    assert len(remote.received) == 2


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.parametrize("ask", [order, delete])
def test_what_changes_something_is_never_sent_twice(
    remote: Remote, connect: Connect, ask: Callable[[Client], object], busy: Answer
) -> None:
    remote.will(busy, ORDERED)
    with pytest.raises(RemoteError):
        ask(connect(retry_for=5))
    assert len(remote.received) == 1


def test_an_order_that_timed_out_may_have_arrived(remote: Remote, connect: Connect) -> None:
    remote.will(Answer(pause=1))
    error = unreachable(connect(timeout=0.5, retry_for=5), order)
    assert error.sent
    assert len(remote.received) == 1


def test_an_order_that_never_left_is_sent_again(connect: Connect) -> None:
    port = free_port()
    client = connect(f"http://127.0.0.1:{port}", retry_for=10)
    results: list[object] = []
    waiting = threading.Thread(target=lambda: results.append(order(client)))
    waiting.start()
    time.sleep(0.2)
    with serving(port=port) as remote:
        remote.will(ORDERED)
        waiting.join()
    assert len(remote.received) == 1
    assert getattr(results[0], "history_report_id") == 4411  # noqa: B009


def test_gives_up_in_time_and_says_why(remote: Remote, connect: Connect) -> None:
    remote.will(as_html(status=503))
    started = time.monotonic()
    error = unreachable(connect(retry_for=1))
    assert time.monotonic() - started < 5
    assert len(remote.received) >= 2
    assert error.status == 503


def test_what_cannot_help_is_not_tried_again(remote: Remote, connect: Connect) -> None:
    remote.will(as_json({"error": {"code": 150, "msg": "Bad id."}}))
    with pytest.raises(Refused):
        sessions(connect(retry_for=5))
    assert len(remote.received) == 1


def test_waits_as_long_as_it_is_told(remote: Remote, connect: Connect) -> None:
    remote.will(as_html(status=429), NO_ROWS)
    remote.answers[0] = Answer(status=429, headers={"Retry-After": "1"})
    started = time.monotonic()
    sessions(connect(retry_for=5))
    assert 1 <= time.monotonic() - started < 5


def test_does_not_run_wild_when_told_not_to_wait(remote: Remote, connect: Connect) -> None:
    remote.will(Answer(status=429, headers={"Retry-After": "0"}))
    unreachable(connect(retry_for=1))
    assert len(remote.received) < 8


def test_does_not_wait_longer_than_it_may(remote: Remote, connect: Connect) -> None:
    remote.will(Answer(status=429, headers={"Retry-After": "120"}))
    error = unreachable(connect(retry_for=5))
    assert error.retry_after == 120
    assert len(remote.received) == 1


def test_tells_how_long_a_refusal_asks_to_wait(remote: Remote, api: Client) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    error = {"code": 340, "msg": "Rate limit exceeded."}
    remote.will(as_json({"error": error}, headers={"Retry-After": until}))
    with pytest.raises(Refused) as caught:
        sessions(api)
    assert caught.value.retryable
    assert caught.value.retry_after == pytest.approx(600, abs=5)


def test_a_retry_after_that_says_nothing_is_passed_over(remote: Remote, api: Client) -> None:
    remote.will(Answer(status=429, headers={"Retry-After": "soon"}))
    assert unreachable(api).retry_after is None


# Hooks and logs


def test_asks_the_limiter_before_each_attempt_and_tells_each_result(
    remote: Remote, connect: Connect
) -> None:
    asked: list[str] = []
    observed: list[Observed] = []
    client = connect(retry_for=5, before_request=asked.append, after_request=observed.append)
    remote.will(
        as_html(status=503),
        as_json({"error": {"code": 340, "msg": "Rate limit exceeded."}}),
        NO_ROWS,
    )
    sessions(client)
    assert asked == ["GetCallHistory"] * 3
    assert [one.result for one in observed] == ["unreachable", "refused 340", "ok"]
    assert all(0 <= one.seconds < 5 for one in observed)


def test_tells_when_a_request_has_left_before_its_answer_is_there(
    remote: Remote, connect: Connect
) -> None:
    moments: list[float] = []
    client = connect(retry_for=5, request_sent=lambda: moments.append(time.monotonic()))
    remote.will(as_html(status=503), replace(NO_ROWS, pause=0.3))
    sessions(client)
    ended = time.monotonic()
    assert len(moments) == len(remote.received) == 2
    assert ended - moments[-1] >= 0.3


def test_a_limiter_may_say_no(remote: Remote, connect: Connect) -> None:
    def never(method: str) -> None:
        raise Unreachable(method, "the limit is used up", retryable=False, sent=False)

    assert "used up" in str(unreachable(connect(before_request=never)))
    assert remote.received == []


def test_logs_say_nothing_about_anybody(
    remote: Remote, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    row = {
        "call_session_history_id": 1,
        "start_date": "2026-03-02 08:14:09",
        "custom_data": "ticket-5521",
        "duration": "ninety",
    }
    remote.will(as_json({"result": [row]}), as_html(status=503), NO_ROWS, Answer(status=404))
    client = connect(retry_for=5)
    params = GetCallHistory(
        **DAY, remote_number=("493055509876",), call_session_history_custom_data="ticket-5521"
    )
    unreachable(connect(), lambda one: one.get_call_history(params))
    client.get_call_history(params)
    with pytest.raises(Refused):
        client.open_media(f"{remote.origin}/vox-records/x?record_id=551200")
    text = caplog.text
    assert "GetCallHistory: ok after" in text
    for secret in ("made-up-key", "493055509876", "ticket-5521", "551200", "ninety"):
        assert secret not in text


def test_urllib3_logs_addresses_without_their_query(
    remote: Remote, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    remote.respond = lambda received: Answer(status=404 if "api_key" in received.query else 401)
    with pytest.raises(Refused):
        connect().open_media(f"{remote.origin}/vox-records/secret?record_id=551200")
    assert "api_key" in remote.last.query
    logging.getLogger("urllib3.connectionpool").warning("%(what)s", {"what": "Other words"})
    assert "/vox-records/secret" in caplog.text
    assert "Other words" in caplog.text
    assert "made-up-key" not in caplog.text
    assert "551200" not in caplog.text


# The connection


def test_keeps_its_connection(remote: Remote, api: Client) -> None:
    remote.will(NO_ROWS)
    ports = set()
    remote.respond = lambda received: NO_ROWS
    for _ in range(3):
        sessions(api)
        ports.add(remote.last.headers["X-Peer"])
    assert len(ports) == 1


def test_keeps_no_cookies(remote: Remote, api: Client) -> None:
    remote.will(as_json({"result": []}, headers={"Set-Cookie": "gateway=1; Path=/"}))
    sessions(api)
    sessions(api)
    assert "Cookie" not in remote.last.headers


def test_a_netrc_file_does_not_take_the_place_of_credentials(
    remote: Remote, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    remote.will(NO_ROWS)
    sessions(connect())
    assert "Authorization" not in remote.last.headers


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def over_tls(authority: trustme.CA) -> Iterator[Remote]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(tls=context) as remote:
        remote.will(NO_ROWS)
        yield remote


def test_trusts_the_authorities_it_is_told_to(
    over_tls: Remote,
    connect: Connect,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    authority.cert_pem.write_to_path(str(bundle))
    trustme.CA().cert_pem.write_to_path(str(other))
    # What is configured here counts more than what the environment says to every program.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    sessions(connect(over_tls.url, ca_bundle=bundle))
    assert over_tls.last.path == "/platform_api/GetCallHistory"


def test_sends_nothing_to_a_host_it_cannot_verify(over_tls: Remote, connect: Connect) -> None:
    error = unreachable(connect(over_tls.url))
    assert "its certificate cannot be verified" in str(error)
    assert not error.sent
    assert not error.retryable
    assert over_tls.received == []


def test_a_missing_bundle_is_told_at_once(connect: Connect, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ca\.pem' does not exist"):
        connect(ca_bundle=tmp_path / "ca.pem")


@pytest.mark.parametrize(
    "url", ["api.voximplant.com", "ftp://api.voximplant.com", "https://", "http://a/?x=1", ""]
)
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is not the address of an API"):
        Client(url, ApiKey(1, "key"))


@pytest.mark.parametrize("end", ["", "/", "/platform_api", "/platform_api/"])
def test_the_base_path_may_be_left_out(remote: Remote, connect: Connect, end: str) -> None:
    remote.will(NO_ROWS)
    connect(f"{remote.origin}{end}").get_transaction_history(GetTransactionHistory(**DAY))
    assert remote.last.path == "/platform_api/GetTransactionHistory"
    assert remote.last.verb == "POST"


def test_many_threads_share_a_client(remote: Remote, connect: Connect) -> None:
    remote.will(NO_ROWS)
    client = connect()
    failures: list[Exception] = []

    def ask() -> None:
        try:
            for _ in range(10):
                client.get_history_reports(GetHistoryReports())
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(remote.received) == 80
