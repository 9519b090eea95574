"""Recordings, transcripts and logs as the browser gets them: by reference, never by address."""

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone

from history.api.methods import DeleteRecord
from history.connection import connect
from history.media import LIFE, Kind, Purpose, Reference
from tests.conftest import Sandbox
from tests.history.calls_of import address, can_be_heard, is_written, session_where
from tests.history.pages import text


@pytest.fixture
def agent(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    return client_as("agent")


@pytest.fixture
def supervisor(client_as: Callable[[str], Client], sandbox: Sandbox) -> Client:
    """Who may download as well."""
    return client_as("supervisor")


def found(page: Any, pattern: str) -> str:
    match = re.search(pattern, page.content.decode())
    assert match, f"nothing on the page is {pattern}"
    return html.unescape(match[1])


def sound_of(client: Client) -> str:
    """The address under which the page of a recorded call plays its recording."""
    return found(client.get(address(session_where(can_be_heard))), r'<audio[^>]* src="([^"]+)"')


@pytest.fixture
def sound(agent: Client) -> str:
    return sound_of(agent)


def fetch(client: Client, url: str, **headers: str) -> Any:
    """The answer, read to its end: as long as it is open it takes a place."""
    answer: Any = client.get(url, headers=headers)
    answer.body = answer.getvalue()
    return answer


def hang_up(answer: Any) -> None:
    """As the server does when the browser went away before the end."""
    request_finished.disconnect(close_old_connections)  # a test keeps its connection
    answer.close()
    request_finished.connect(close_old_connections)


# What is asked for


def test_sends_the_whole_recording(agent: Client, sound: str) -> None:
    answer = fetch(agent, sound)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "audio/mpeg"
    assert answer["Accept-Ranges"] == "bytes"
    assert len(answer.body) == int(answer["Content-Length"]) > 10_000


def test_sends_the_first_bytes_as_safari_asks(agent: Client, sound: str) -> None:
    whole = fetch(agent, sound).body
    answer = fetch(agent, sound, Range="bytes=0-1")
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes 0-1/{len(whole)}"
    assert answer["Content-Length"] == "2"
    assert answer.body == whole[:2]


def test_sends_from_the_middle_to_the_end(agent: Client, sound: str) -> None:
    whole = fetch(agent, sound).body
    start = len(whole) - 5000
    answer = fetch(agent, sound, Range=f"bytes={start}-")
    assert answer["Content-Range"] == f"bytes {start}-{len(whole) - 1}/{len(whole)}"
    assert answer.body == whole[start:]


def test_sends_the_last_bytes(agent: Client, sound: str) -> None:
    whole = fetch(agent, sound).body
    answer = fetch(agent, sound, Range="bytes=-500")
    assert answer.status_code == 206
    assert answer.body == whole[-500:]


def test_says_the_size_when_a_range_begins_after_the_end(agent: Client, sound: str) -> None:
    size = agent.head(sound)["Content-Length"]
    answer = fetch(agent, sound, Range="bytes=999999999-")
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize("range_header", ["bytes=9-2", "bytes=0-1,4-5", "seconds=1-2", "bytes=a-b"])
def test_sends_the_whole_file_for_a_range_it_does_not_know(
    agent: Client, sound: str, range_header: str
) -> None:
    answer = fetch(agent, sound, Range=range_header)
    assert answer.status_code == 200
    assert len(answer.body) == int(answer["Content-Length"])


def test_head_tells_the_size_and_sends_nothing(agent: Client, sound: str) -> None:
    answer = agent.head(sound, headers={"Range": "bytes=0-1"})
    assert answer.status_code == 200
    assert int(answer["Content-Length"]) > 10_000
    assert answer.content == b""


def test_sends_a_long_range_in_pieces_a_paused_player_can_take(agent: Client) -> None:
    long = session_where(
        lambda s: any((r.file_size or 0) > 2**20 for r in s.records if r.record_url)
    )
    sound = found(agent.get(address(long)), r'<audio[^>]* src="([^"]+)"')
    answer = fetch(agent, sound, Range="bytes=0-")
    assert answer["Content-Range"].startswith("bytes 0-262143/")
    assert len(answer.body) == 256 * 1024


def test_goes_on_where_a_download_broke_off_only_if_it_is_the_same_file(
    agent: Client, sound: str
) -> None:
    tag = agent.head(sound)["ETag"]
    rest = {"Range": "bytes=5000-"}
    assert fetch(agent, sound, **rest, **{"If-Range": tag}).status_code == 206
    assert fetch(agent, sound, **rest, **{"If-Range": '"another"'}).status_code == 200


def test_cuts_the_range_itself_where_the_storage_knows_none(
    agent: Client, sandbox: Sandbox, sound: str
) -> None:
    whole = b"0123456789" * 20
    sandbox.fault(
        "http_status",
        path="/vox-records*",
        status=200,
        body=whole.decode(),
        content_type="audio/mpeg",
    )
    answer = fetch(agent, sound, Range="bytes=5-14")
    assert answer.status_code == 206
    assert answer["Content-Range"] == "bytes 5-14/200"
    assert answer.body == whole[5:15]
    assert fetch(agent, sound, Range="bytes=-3").body == b"789"
    assert fetch(agent, sound, Range="bytes=200-")["Content-Range"] == "bytes */200"


def test_keeps_voices_out_of_caches_and_of_other_sites(agent: Client, sound: str) -> None:
    answer = fetch(agent, sound, Range="bytes=0-1")
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_never_sends_a_type_that_a_browser_could_run(
    agent: Client, sandbox: Sandbox, sound: str
) -> None:
    script = "<script>alert(1)</script>"
    sandbox.fault(
        "http_status", path="/vox-records*", status=200, body=script, content_type="text/html"
    )
    answer = fetch(agent, sound)
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


def test_names_a_download_for_its_call(supervisor: Client) -> None:
    session = session_where(can_be_heard)
    page = supervisor.get(address(session))
    href = found(page, r'href="(/media/[^"]+)"[^>]*aria-label="Download the recording"')
    record = next(r for r in session.records if r.record_url)
    name = (
        f"{session.start_date:%Y-%m-%d}-call-{session.call_session_history_id}"
        f"-record-{record.record_id}.mp3"
    )
    assert fetch(supervisor, href)["Content-Disposition"] == f'attachment; filename="{name}"'


# For whom, and until when


def test_refuses_another_persons_reference(supervisor: Client, sound: str) -> None:
    assert supervisor.get(sound).status_code == 404


def test_lets_only_those_download_who_may(agent: Client, people: dict[str, User]) -> None:
    session = session_where(can_be_heard)
    record = next(r for r in session.records if r.record_url)
    assert (
        "Download the recording"
        not in agent.get(address(session))
        .content.decode()
        .split("player-end")[1]
        .split("player-error")[0]
    )
    sealed = Reference(
        kind=Kind.RECORDING,
        purpose=Purpose.DOWNLOAD,
        url=record.record_url or "",
        user_id=people["agent"].pk,
        session_id=session.call_session_history_id,
        on="2026-06-01",
    ).sealed()
    assert agent.get(f"/media/{sealed}/").status_code == 403


def test_asks_a_stranger_to_sign_in(sound: str, db: None) -> None:
    answer = Client().get(sound)
    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]


def test_refuses_a_reference_that_was_tampered_with(agent: Client, sound: str) -> None:
    middle = len(sound) // 2
    other = "A" if sound[middle] != "A" else "B"
    assert agent.get(f"{sound[:middle]}{other}{sound[middle + 1 :]}").status_code == 404
    assert agent.get("/media/nonsense/").status_code == 404


def test_refuses_a_reference_made_for_something_else(agent: Client, sound: str) -> None:
    assert agent.get(f"{sound}log/").status_code == 404
    assert agent.get(f"{sound}transcript/").status_code == 404


def test_offers_a_fresh_link_when_an_old_one_expired(agent: Client, sound: str) -> None:
    with time_machine.travel(timezone.now() + LIFE + timedelta(minutes=1)):
        agent.force_login(User.objects.get(username="agent"))
        answer = fetch(agent, sound)
    assert answer.status_code == 410
    assert "This link has expired" in text(answer)
    assert found(answer, r'href="([^"]+)">Get a fresh link') == f"{sound}renew/"


def test_renews_an_expired_reference_to_the_same_recording(
    agent: Client, people: dict[str, User]
) -> None:
    session = session_where(can_be_heard)
    record = next(r for r in session.records if r.record_url)
    with time_machine.travel(timezone.now() - LIFE - timedelta(minutes=1)):
        old = Reference(
            kind=Kind.RECORDING,
            purpose=Purpose.SHOW,
            url=record.record_url or "",
            user_id=people["agent"].pk,
            session_id=session.call_session_history_id,
            on=f"{session.start_date:%Y-%m-%d}",
            record_id=record.record_id,
        ).sealed()
    assert agent.get(f"/media/{old}/").status_code == 410
    fresh = agent.get(f"/media/{old}/renew/")
    assert fresh.status_code == 302
    assert len(fetch(agent, fresh["Location"], Range="bytes=0-1").body) == 2


def test_renews_for_nobody_else(supervisor: Client, sound: str) -> None:
    assert supervisor.get(f"{sound}renew/").status_code == 404


def test_asks_no_host_that_is_not_listed(agent: Client, people: dict[str, User]) -> None:
    elsewhere = Reference(
        kind=Kind.RECORDING,
        purpose=Purpose.SHOW,
        url="https://attacker.example/vox-records/1",
        user_id=people["agent"].pk,
        session_id=1,
        on="2026-06-01",
    ).sealed()
    answer = agent.get(f"/media/{elsewhere}/")
    assert answer.status_code == 502
    assert "This file cannot be fetched" in text(answer)
    assert "attacker" not in text(answer)


def test_no_page_names_the_storage_or_a_credential(agent: Client, sandbox: Sandbox) -> None:
    session = session_where(is_written)
    record = next(r for r in session.records if r.transcription_url)
    pages = [
        agent.get(address(session)),
        agent.get(
            f"/calls/{session.call_session_history_id}/panel/", headers={"HX-Request": "true"}
        ),
        agent.get("/recordings/", {"from_date": "2026-05-15", "to_date": "2026-06-14"}),
    ]
    pages += [agent.get(found(pages[0], r'hx-get="(/media/[^"]+/transcript/[^"]*)"'))]
    key = json.loads(sandbox.credentials.read_text())
    key = key.get("result", key)
    secrets = [urlsplit(record.record_url or "").netloc, "vox-records", "vox-logs", key["key_id"]]
    secrets += [line for line in key["private_key"].splitlines() if len(line) == 64]
    for page in pages:
        assert page.status_code == 200
        for secret in [*secrets, "Bearer"]:
            assert secret not in page.content.decode()


# When it is not there


def test_says_that_a_deleted_recording_is_gone(agent: Client, sandbox: Sandbox, sound: str) -> None:
    record = next(r for r in session_where(can_be_heard).records if r.record_url)
    connect().delete_record(DeleteRecord(record_id=record.record_id))
    answer = fetch(agent, sound)
    assert answer.status_code == 404
    assert "The recording is gone" in text(answer)
    assert agent.get(f"{sound}renew/").status_code == 404


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "does not let us open this file"),
        (403, "does not let us open this file"),
        (404, "The recording is gone"),
    ],
)
def test_says_why_the_storage_refuses(
    agent: Client, sandbox: Sandbox, sound: str, status: int, words: str
) -> None:
    sandbox.fault("http_status", path="/vox-records*", status=status)
    answer = fetch(agent, sound)
    assert answer.status_code == (404 if status == 404 else 502)
    assert words in text(answer)


def test_says_so_when_the_storage_times_out(
    agent: Client, sandbox: Sandbox, sound: str, settings: Any
) -> None:
    settings.VOX_TIMEOUT = 1
    sandbox.fault("timeout", path="/vox-records*")
    answer = fetch(agent, sound)
    assert answer.status_code == 502
    assert "The storage did not answer" in text(answer)
    assert "Try again" in text(answer)


def test_cuts_the_connection_when_a_file_breaks_off(
    agent: Client, sandbox: Sandbox, sound: str
) -> None:
    sandbox.fault("drop", path="/vox-records*", after_bytes=3000)
    with pytest.raises(ConnectionResetError):
        fetch(agent, sound)


def test_gives_its_place_back_whatever_happens(agent: Client, sandbox: Sandbox, sound: str) -> None:
    sandbox.fault("http_status", path="/vox-records*", status=404)
    for _ in range(5):
        agent.get(sound)
        agent.head(sound)
    sandbox.reset()
    for _ in range(5):
        hang_up(agent.get(sound, headers={"Range": "bytes=0-1"}))
        hang_up(agent.get(sound))
    assert fetch(agent, sound).status_code == 200


def test_asks_to_come_back_when_too_many_files_are_under_way(agent: Client, sound: str) -> None:
    under_way = [agent.get(sound), agent.get(sound)]
    answer = fetch(agent, sound)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert fetch(agent, sound, Range="bytes=0-1").status_code == 206
    for other in under_way:
        hang_up(other)
    assert fetch(agent, sound).status_code == 200


# What is made of it


def test_draws_the_waveform_once(agent: Client, sandbox: Sandbox, sound: str) -> None:
    bars = agent.get(f"{sound}waveform/").json()
    assert 300 < len(bars) <= 900
    assert max(bars) == 1
    assert min(bars) >= 0
    sandbox.fault("http_status", path="/vox-records*", status=500)
    assert agent.get(f"{sound}waveform/").json() == bars


def test_plays_without_a_waveform_of_what_is_no_sound(
    agent: Client, sandbox: Sandbox, sound: str
) -> None:
    sandbox.fault("http_status", path="/vox-records*", status=200, body="silence " * 1000)
    assert agent.get(f"{sound}waveform/").status_code == 204


def test_does_not_keep_a_failure_as_a_waveform(agent: Client, sandbox: Sandbox, sound: str) -> None:
    sandbox.fault("http_status", path="/vox-records*", status=404, times=1)
    assert agent.get(f"{sound}waveform/").status_code == 204
    cache.clear()  # where whoever fails holds off the next try for a while
    assert agent.get(f"{sound}waveform/").status_code == 200


def transcript_of(client: Client) -> str:
    talk = session_where(lambda s: is_written(s) and (s.duration or 0) > 90)
    page = client.get(address(talk))
    return found(page, r'hx-get="(/media/[^"]+/transcript/[^"]*)"')


def test_shows_who_said_what_and_when(supervisor: Client) -> None:
    fragment = supervisor.get(transcript_of(supervisor), headers={"HX-Request": "true"})
    assert re.search(r"Agent \w+", text(fragment))
    assert re.search(r"Customer \w+", text(fragment))
    assert 'data-seek="0"' in fragment.content.decode()
    href = found(fragment, r'href="(/media/[^"]+)">')
    assert fetch(supervisor, href)["Content-Type"] == "text/plain; charset=utf-8"


def test_says_that_a_transcript_is_gone(agent: Client, sandbox: Sandbox) -> None:
    address_of_it = transcript_of(agent)
    sandbox.fault("http_status", path="*record*", status=404)
    fragment = agent.get(address_of_it, headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert "The transcript is gone" in text(fragment)


def log_of(client: Client) -> str:
    page = client.get(address(session_where(lambda s: s.log_file_url and not s.active)))
    return found(page, r'hx-get="(/media/[^"]+/log/)"')


def test_shows_the_session_log_by_levels_and_relative_times(agent: Client) -> None:
    fragment = agent.get(log_of(agent), headers={"HX-Request": "true"})
    markup = fragment.content.decode()
    assert 'data-level="info"' in markup
    assert 'data-level="debug"' in markup
    assert "+0.000" in text(fragment)
    assert "AppEvents.Started" in text(fragment)


def test_keeps_the_trace_of_an_error_with_its_line(agent: Client) -> None:
    session = session_where(lambda s: s.finish_reason == "JS session error" and s.log_file_url)
    log = found(agent.get(address(session)), r'hx-get="(/media/[^"]+/log/)"')
    markup = agent.get(log, headers={"HX-Request": "true"}).content.decode()
    line = next(part for part in markup.split('class="log-line"') if 'data-level="error"' in part)
    assert "at onCallConnected" in line


def test_says_which_roles_may_read_a_log(agent: Client, sandbox: Sandbox) -> None:
    log = log_of(agent)
    sandbox.fault("http_status", path="/vox-logs*", status=403)
    fragment = agent.get(log, headers={"HX-Request": "true"})
    assert "Owner, Developer, Admin, Supervisor or Support" in text(fragment)


def test_shows_the_beginning_of_a_log_without_end(agent: Client, sandbox: Sandbox) -> None:
    log = log_of(agent)
    line = "2026-06-10 08:00:00.000 [INFO] +0.000 words\n"
    sandbox.fault("http_status", path="/vox-logs*", status=200, body=line * 60_000)
    fragment = agent.get(log, headers={"HX-Request": "true"})
    assert "too long to show it all" in text(fragment)
    assert fragment.content.decode().count('class="log-line"') == 5000
