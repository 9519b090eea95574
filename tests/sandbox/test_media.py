"""Recordings, transcripts and session logs, and the deletion of recordings."""

import base64
import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import requests

from sandbox import voice
from tests.sandbox.conftest import Server

YEAR = {"from_date": "2025-05-01 00:00:00", "to_date": "2026-06-15 12:00:00"}
MONTH = 31 * 24 * 3600


def sessions(server: Server, **params: object) -> list[dict[str, Any]]:
    asked = {"with_records": "true", "count": 1000, "desc_order": "true"} | params
    return list(server.ask("GetCallHistory", **YEAR, **asked)["result"])


def records(server: Server, *, secure: bool = False) -> Iterator[dict[str, Any]]:
    """Recordings in the platform's storage that can be heard, behind plain or secure links."""
    for session in sessions(server):
        for record in session.get("records", ()):
            url = record.get("record_url", "")
            if url.startswith(server.base) and ("-secure/" in url) == secure:
                yield record


def bearer(server: Server, words: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {server.token(words)}"}


# Recordings


def test_a_recording_is_an_mp3_of_its_length(server):
    record = next(records(server))
    answer = server.get(record["record_url"])
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert len(answer.content) == record["file_size"]
    frames = list(mp3_frames(answer.content))
    seconds = len(frames) * voice.FRAME_SAMPLES / voice.SAMPLE_RATE
    assert record["duration"] <= seconds < record["duration"] + 0.1


def mp3_frames(body: bytes) -> Iterator[int]:
    """The size of each frame, from its header; fails where none begins."""
    position = 0
    while position < len(body):
        [header] = struct.unpack_from(">I", body, position)
        assert header >> 21 == 0x7FF, f"no frame at {position}"
        version, layer = header >> 19 & 3, header >> 17 & 3
        assert (version, layer) == (2, 1), "MPEG-2, layer III"
        kbit = (0, 8, 16, 24, 32)[header >> 12 & 15]
        rate = (22_050, 24_000, 16_000)[header >> 10 & 3]
        size = 72_000 * kbit // rate + (header >> 9 & 1)
        yield size
        position += size


def test_recordings_are_mono_and_stereo_of_many_lengths(server):
    heard = [record for secure in (False, True) for record in records(server, secure=secure)]
    per_second = {round(record["file_size"] / record["duration"], -3) for record in heard}
    assert per_second == {2000, 4000}
    assert max(r["duration"] for r in heard) > 10 * min(r["duration"] for r in heard)


# Decodes a base64 MP3; answers its seconds, channels and their loudness every 50 ms.
LISTEN = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const audio = await new OfflineAudioContext(1, 16000, 16000).decodeAudioData(bytes.buffer);
  const loudness = (samples) => {
    const step = audio.sampleRate / 20, found = [];
    for (let at = 0; at + step <= samples.length; at += step)
      found.push(Math.sqrt(samples.slice(at, at + step).reduce((a, x) => a + x * x, 0) / step));
    return found;
  };
  const channels = [...Array(audio.numberOfChannels).keys()];
  return [audio.duration, channels.map((n) => loudness(audio.getChannelData(n)))];
}"""


@pytest.mark.chromium
@pytest.mark.parametrize("channels", [1, 2])
def test_a_browser_hears_two_people_talk(browser, channels):
    body = b"".join(voice.read(551200, channels, 0, voice.file_size(60, channels)))
    page = browser.new_page()
    seconds, heard = page.evaluate(LISTEN, base64.b64encode(body).decode())
    page.close()
    assert seconds == pytest.approx(60, abs=0.15)
    assert len(heard) == channels
    for loudness in heard:
        # Syllables, and pauses between them.
        assert max(loudness) > 0.1
        assert 0.15 < sum(step < 0.01 for step in loudness) / len(loudness) < 0.85
    if channels == 2:
        both = sum(left > 0.03 and right > 0.03 for left, right in zip(*heard, strict=True))
        assert both < len(heard[0]) / 20, "they hardly interrupt each other"


def test_any_stretch_of_three_hours_is_the_same_bytes():
    three_hours = voice.file_size(3 * 3600, 2)
    assert three_hours == 43_200_000
    whole = b"".join(voice.read(7, 2, 0, 200_000))
    for start, stop in ((0, 1), (14_399, 14_401), (100_000, 200_000)):
        assert b"".join(voice.read(7, 2, start, stop)) == whole[start:stop]
    assert len(b"".join(voice.read(7, 2, three_hours - 10, three_hours))) == 10


def test_two_speakers_take_turns():
    for seed in range(20):
        turns = list(voice.turns(seed, 120))
        assert {who for _, who in turns} == {0, 1}
        assert all(a[1] != b[1] for a, b in pairwise(turns))
        assert all(voice.speaker(seed, second + 1.5) == who for second, who in turns)


def test_recordings_honour_ranges(server):
    record = next(records(server))
    url, size = record["record_url"], record["file_size"]
    whole = server.get(url)
    etag = whole.headers["ETag"]
    for wanted, start, stop in (
        ("bytes=0-", 0, size),
        ("bytes=0-1", 0, 2),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=-500", size - 500, size),
    ):
        part = server.get(url, headers={"Range": wanted, "If-Range": etag})
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert part.headers["Content-Length"] == str(stop - start)
        assert part.content == whole.content[start:stop]
    assert server.get(url, headers={"Range": f"bytes={size}-"}).status_code == 416
    for ignored in ("bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "bytes=-"):
        assert server.get(url, headers={"Range": ignored}).status_code == 200
    assert server.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_head_tells_the_length_without_the_body(server):
    record = next(records(server))
    answer = requests.head(record["record_url"], timeout=10)
    assert answer.headers["Content-Length"] == str(record["file_size"])
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content == b""
    assert requests.post(record["record_url"], timeout=10).status_code == 405


def test_a_secure_recording_opens_to_any_service_account_of_the_account(server):
    url = next(records(server, secure=True))["record_url"]
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        refused = server.get(url, headers=headers)
        assert refused.status_code == 401
        assert refused.headers["Content-Type"] == "text/plain"
    for words in ("", "support", "call-list-manager", "no-role"):
        assert server.get(url, headers=bearer(server, words)).status_code == 200, words
    assert server.get(url, params=server.key).status_code == 200


def test_a_secure_recording_is_closed_to_another_account(server):
    url = next(records(server, secure=True))["record_url"]
    owners = {s["account_id"] for s in sessions(server) if url in str(s)}
    assert owners == {server.accounts[0]["account_id"]}
    child = f"child-{server.accounts[1]['account_id']}"
    assert server.get(url, headers=bearer(server, child)).status_code == 403


def test_a_link_with_another_path_or_number_leads_nowhere(server):
    url = next(records(server))["record_url"]
    for wrong in (
        url + "0",
        url.replace("/vox-", "/vox-x"),
        url.split("?")[0],
        url.split("?")[0] + "?record_id=x",
        re.sub(r"/\d{4}/", "/1999/", url),
    ):
        assert server.get(wrong).status_code == 404, wrong


# Transcripts


def test_transcripts_are_complete_in_progress_or_not_required(server):
    states = {r["transcription_status"] for s in sessions(server) for r in s.get("records", ())}
    assert {"Not required", "Complete"} <= states <= {"Not required", "Complete", "In progress"}


def test_a_transcript_says_who_said_what_and_when(server):
    record = next(
        record
        for secure in (False, True)
        for record in records(server, secure=secure)
        if record["transcription_status"] == "Complete"
    )
    url = record["transcription_url"]
    url += "" if "record_id=" in url else f"?record_id={record['record_id']}"
    answer = server.get(url, headers=bearer(server))
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert all(re.fullmatch(r"\[\d:\d\d:\d\d\] (Agent|Customer): .+", line) for line in lines)
    assert len(lines) >= record["duration"] // 12


# Session logs


def test_a_log_tells_the_story_of_its_session(server):
    session = next(
        session
        for session in sessions(server, with_calls="true")
        if session.get("log_file_url") and session.get("calls") and session.get("finish_reason")
    )
    answer = server.get(session["log_file_url"], headers=bearer(server))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert str(session["call_session_history_id"]) in lines[0]
    shape = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[(DEBUG|INFO|WARN|ERROR)\] \+\d+\.\d{3} .+"
    dated = [line for line in lines if not line.startswith(" ")]
    assert all(re.fullmatch(shape, line) for line in dated)
    assert dated == sorted(dated)
    for call in session["calls"]:
        assert f"call_id={call['call_id']} " in answer.text


def test_a_secure_log_opens_to_the_roles_that_may_read_it(server):
    url = next(
        session["log_file_url"]
        for session in sessions(server)
        if "-secure/" in session.get("log_file_url", "")
    )
    assert server.get(url).status_code == 401
    for words, status in (("", 200), ("support", 200), ("accountant", 403), ("no-role", 403)):
        assert server.get(url, headers=bearer(server, words)).status_code == status, words


def test_logs_disappear_after_a_month(server):
    session = next(s for s in sessions(server) if "log_file_url" in s)
    server.fault(kind="clock", seconds=MONTH)
    assert server.get(session["log_file_url"], headers=bearer(server)).status_code == 404
    [again] = server.ask(
        "GetCallHistory",
        **YEAR,
        call_session_history_id=session["call_session_history_id"],
    )["result"]
    assert "log_file_url" not in again


# Deletion


@pytest.mark.parametrize("by", ["record_id", "record_url"])
def test_deletes_audio_and_transcript_for_good(server, by):
    record = server.a_record(transcribed=True)
    assert server.get(record["record_url"], headers=bearer(server)).status_code == 200
    assert server.ask("DeleteRecord", **{by: record[by]}) == {"result": 1}
    assert server.get(record["record_url"], headers=bearer(server)).status_code == 404
    url = f"{record['transcription_url'].split('?')[0]}?record_id={record['record_id']}"
    assert server.get(url, headers=bearer(server)).status_code == 404
    assert server.code("DeleteRecord", **{by: record[by]}) == 341
    left = next(
        r for s in sessions(server) for r in s.get("records", ())
        if r["record_id"] == record["record_id"]
    )  # fmt: skip
    assert left["is_removed"] is True
    assert not {"record_url", "transcription_url"} & left.keys()


def test_a_deletion_is_in_the_audit_log_with_who_did_it(server):
    record_id = server.a_record()["record_id"]
    server.as_role("admin", "DeleteRecord", record_id=record_id)
    [entry] = server.ask("GetAuditLog", filtered_cmd="DeleteRecord", desc_order="1", count=1)[
        "result"
    ]
    assert entry["cmd_args"] == {"record_id": record_id}
    assert entry["cmd_result"] == {"result": 1}
    assert entry["subuser_name"] == "service-admin"
    assert entry["ip"] == "127.0.0.1"
    assert entry["requested"] >= "2026-06-15 12:00:00"


def test_id_and_url_have_to_name_the_same_recording(server):
    first, second = server.a_record(), server.a_record(index=1)
    both = {"record_id": first["record_id"], "record_url": first["record_url"]}
    assert server.code("DeleteRecord", **both | {"record_url": second["record_url"]}) == 458
    assert server.code("DeleteRecord", **both) is None


def test_says_which_recordings_cannot_be_deleted(server):
    assert server.code("DeleteRecord") == 134
    assert server.code("DeleteRecord", record_id="") == 134
    assert server.code("DeleteRecord", record_id="1x") == 261
    assert server.code("DeleteRecord", record_id=1) == 341
    assert server.code("DeleteRecord", record_url="https://elsewhere.example/x") == 341


def test_an_account_deletes_its_own_and_its_childrens_recordings_only(server):
    own = server.a_record()
    child = f"child-{server.accounts[1]['account_id']}"
    answer = server.as_role(child, "DeleteRecord", record_id=own["record_id"])
    assert answer["error"]["code"] == 341
    [of_child, *_] = [
        record["record_id"]
        for session in sessions(server, child_account_id="all", children_calls_only="true")
        for record in session.get("records", ())
        if record.get("record_url", "").startswith(server.base)
    ]
    assert server.code("DeleteRecord", record_id=of_child) is None
