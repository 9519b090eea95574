"""Trouble on demand: each fault as a client meets it, and the control addresses."""

import time
import zlib

import pytest
import requests

from tests.sandbox.conftest import PERIOD, Server

ASK = {**PERIOD, "count": "20"}


def refused_fault(server: Server, **spec: object) -> str:
    answer = server.post(f"{server.base}/_sandbox/faults", json=spec)
    assert answer.status_code == 400
    return str(answer.json()["problem"])


def test_delays_an_answer(server):
    server.fault(kind="delay", seconds=0.4, times=1)
    began = time.monotonic()
    assert server.code("GetCallHistory", **ASK) is None
    assert time.monotonic() - began >= 0.4


def test_hangs_and_then_cuts_the_connection(server):
    server.fault(kind="timeout", seconds=0.3, times=1)
    with pytest.raises(requests.ConnectionError):
        server.call("GetCallHistory", **ASK)


def test_hangs_longer_than_a_client_waits(server):
    server.fault(kind="timeout")
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{server.url}/GetCallHistory", data=server.key, timeout=0.3)


def test_answers_as_a_broken_gateway_does(server):
    server.fault(status=502, times=1)
    answer = server.call("GetCallHistory", **ASK)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert "<h1>502 Bad Gateway</h1>" in answer.text


@pytest.mark.parametrize("status", [429, 500, 503])
def test_answers_with_any_http_status(server, status):
    server.fault(status=status, retry_after=7, times=1)
    answer = server.call("GetCallHistory", **ASK)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")


def test_answers_with_any_error_code(server):
    server.fault(code=340, msg="Rate limit exceeded.", times=1)
    assert server.ask("GetCallHistory", **ASK) == {
        "error": {"code": 340, "msg": "Rate limit exceeded."}
    }


def test_truncates_a_body(server):
    whole = server.call("GetCallHistory", **ASK).content
    server.fault(kind="truncate", times=1)
    assert server.call("GetCallHistory", **ASK).content == whole[: len(whole) // 2]
    server.fault(kind="truncate", after_bytes=9, times=1)
    assert server.call("GetCallHistory", **ASK).content == whole[:9]


def test_corrupts_the_gzip_of_an_answer(server):
    server.fault(kind="corrupt_gzip", times=1)
    with pytest.raises(requests.exceptions.ContentDecodingError):
        server.call("GetCallHistory", **ASK)


def test_corrupts_the_gzip_of_a_report(server):
    row = server.finished_report("GetCallHistoryAsync", **PERIOD)
    server.fault(kind="corrupt_gzip", method="DownloadHistoryReport", times=1)
    data = {**server.key, "history_report_id": row["history_report_id"]}
    url = f"{server.url}/DownloadHistoryReport"
    answer = requests.post(url, data=data, stream=True, timeout=10)
    body = answer.raw.read(decode_content=False)
    assert len(body) == row["download_size"]
    with pytest.raises(zlib.error):
        zlib.decompress(body, wbits=31)


@pytest.mark.parametrize("by", [1000, 1])
def test_promises_more_bytes_than_come(server, by):
    server.fault(kind="content_length", by=by, times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match=f"{by} more expected"):
        server.call("GetCallHistory", **ASK)


def test_promises_fewer_bytes_than_there_are(server):
    whole = server.call("GetCallHistory", **ASK).content
    server.fault(kind="content_length", by=-10, times=1)
    assert server.call("GetCallHistory", **ASK).content == whole[:-10]


def test_drops_the_connection_at_once_or_after_some_bytes(server):
    server.fault(kind="drop", times=1)
    with pytest.raises(requests.ConnectionError):
        server.call("GetCallHistory", **ASK)
    server.fault(kind="drop", after_bytes=100, times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match=r"100 bytes read"):
        server.call("GetCallHistory", **ASK)


def test_throttles_a_body(server):
    size = len(server.call("GetCallHistory", **ASK).content)
    server.fault(kind="throttle", bytes_per_second=size * 2, times=1)
    began = time.monotonic()
    assert server.code("GetCallHistory", **ASK) is None
    assert 0.4 < time.monotonic() - began < 3


def test_spoils_only_the_method_the_parameters_or_the_file_it_names(server):
    server.fault(status=500, method="GetAuditLog")
    server.fault(status=501, params={"count": "7"})
    server.fault(status=503, path="/vox-records*")
    assert server.call("GetCallHistory", **ASK).status_code == 200
    assert server.call("GetAuditLog", **ASK).status_code == 500
    assert server.call("GetACDHistory", **PERIOD, count=7).status_code == 501
    assert server.get(f"{server.base}/vox-records/x?record_id=1").status_code == 503
    assert server.get(f"{server.base}/vox-logs/x?sessionid=1").status_code == 404


def test_strikes_as_often_as_told_and_after_as_many_as_told(server):
    server.fault(status=500, skip=1, times=2)
    statuses = [server.call("GetCallHistory", **ASK).status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert server.control("faults") == []


def test_lists_and_clears_faults(server):
    first = server.fault(status=500, method="GetAuditLog", times=3)
    second = server.fault(kind="delay", seconds=5)
    server.call("GetAuditLog", **ASK)
    assert server.control("faults") == [
        {
            "fault_id": first,
            "kind": "http_status",
            "status": 500,
            "method": "GetAuditLog",
            "skip": 0,
            "times": 2,
        },
        {"fault_id": second, "kind": "delay", "seconds": 5, "skip": 0},
    ]
    url = f"{server.base}/_sandbox/faults"
    assert requests.delete(f"{url}/{first}", timeout=10).json() == {"removed": 1}
    assert requests.delete(url, timeout=10).json() == {"removed": 1}
    assert server.control("faults") == []


def test_names_what_is_wrong_with_a_fault(server):
    assert refused_fault(server, kind="earthquake").startswith("kind: 'earthquake'")
    assert refused_fault(server).startswith("kind: ")
    assert refused_fault(server, kind="delay") == "seconds: delay needs it"
    assert refused_fault(server, kind="delay", seconds="2").startswith("seconds: '2'")
    assert refused_fault(server, kind="delay", seconds=-1) == "seconds: -1 is negative"
    assert refused_fault(server, status=99).startswith("status: 99")
    assert refused_fault(server, status=500, seconds=1).startswith("seconds: http_status knows")
    assert refused_fault(server, status=500, times=0).startswith("times: 0")
    answer = server.post(f"{server.base}/_sandbox/faults", data=b"{")
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["problem"]


def test_the_clock_can_be_shifted(server):
    token = server.token()
    headers = {"Authorization": f"Bearer {token}"}

    def code() -> int | None:
        answer = server.post(f"{server.url}/GetCallHistory", data=ASK, headers=headers).json()
        return answer["error"]["code"] if "error" in answer else None

    assert code() is None
    shift = server.fault(kind="clock", seconds=600)
    assert code() == 456
    requests.delete(f"{server.base}/_sandbox/faults/{shift}", timeout=10)
    server.fault(kind="clock", seconds=-600)
    assert code() == 455


def test_the_log_of_requests_holds_what_came_but_no_proof_of_who_asked(server):
    server.ask("GetCallHistory", **ASK, user_id=["1", "2"])
    server.as_role("", "GetAuditLog", count="1")
    first, second = server.control("requests")
    assert (first["method"], first["verb"]) == ("GetCallHistory", "POST")
    assert first["params"]["user_id"] == ["1", "2"]
    assert first["params"]["api_key"] == "***"
    assert first["answer"] == {"status": 200, "code": None}
    assert second["headers"]["authorization"] == "***"
    assert second["params"] == {"count": "1"}
    assert server.key["api_key"] not in str((first, second))
    assert [r["method"] for r in server.control("requests?last=1")] == ["GetAuditLog"]


def test_a_request_that_still_hangs_is_in_the_log_already(server):
    server.fault(kind="timeout", times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{server.url}/GetAuditLog", data=server.key, timeout=0.3)
    [received] = server.control("requests")
    assert (received["method"], received["answer"]) == ("GetAuditLog", None)


def test_reset_forgets_everything_that_happened(server):
    server.fault(status=500)
    server.call("GetCallHistoryAsync")
    server.reset()
    server.ask("GetCallHistoryAsync", **PERIOD)
    record = server.a_record()
    assert server.ask("DeleteRecord", record_id=record["record_id"]) == {"result": 1}
    before = server.ask("GetAuditLog", with_total_count="true")["total_count"]
    server.reset()
    assert server.control("faults") == []
    assert server.control("requests") == []
    assert server.ask("GetHistoryReports", history_type="all")["total_count"] == 0
    assert server.a_record() == record
    assert server.ask("GetAuditLog", with_total_count="true")["total_count"] == before - 1


def test_unknown_control_addresses_are_not_found(server):
    for path in ("nothing", "faults/x", "requests?last=x"):
        answer = server.get(f"{server.base}/_sandbox/{path}")
        assert answer.status_code in (400, 404)
        assert answer.json()["problem"]


def test_several_processes_share_faults_and_reports(start):
    server = start("--workers", "2", "--threads", "2")
    server.fault(status=500, times=4)
    statuses = [server.call("GetCallHistory", **ASK).status_code for _ in range(12)]
    assert statuses == [500] * 4 + [200] * 8
    assert len(server.control("requests")) == 12
    row = server.finished_report("GetCallHistoryAsync", **PERIOD)
    assert "completed" in row


def test_stops_cleanly_also_while_a_client_hangs(start):
    server = start()
    server.fault(kind="timeout")
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{server.url}/GetAuditLog", data=server.key, timeout=0.2)
    began = time.monotonic()
    server.process.terminate()
    assert server.process.wait(timeout=10) == 0
    assert time.monotonic() - began < 6
    assert "Traceback" not in (server.home / "log").read_text()
