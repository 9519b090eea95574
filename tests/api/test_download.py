"""Files that arrive whole or not at all."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from history.api.client import Client, Download, FileFacts, Interrupted, Refused, Unreachable
from history.api.download import Inflater
from history.api.methods import DownloadHistoryReport, GetTransactionHistory
from tests.api.remote import Answer, Received, Remote, as_file, as_html, as_json

REPORT = DownloadHistoryReport(history_report_id=4410)
CSV = b"".join(b'"%d";"2026-03-02 08:14:09";"-0.013652"\n' % n for n in range(20_000))
GZIPPED = gzip.compress(CSV, mtime=0)
MEMBERS = gzip.compress(CSV[:100_000], mtime=0) + gzip.compress(CSV[100_000:], mtime=0)

type Connect = Callable[..., Client]


@dataclass
class FileServer:
    """Serves one file with ranges; `cuts` says after how many bytes each answer breaks off."""

    body: bytes = GZIPPED
    encoding: str | None = "gzip"
    etag: str | None = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    chunked: bool = False
    asked: list[str | None] = field(default_factory=list)

    def __call__(self, received: Received) -> Answer:
        wanted = received.headers.get("Range")
        self.asked.append(wanted)
        headers = {"Content-Type": "application/octet-stream"}
        if self.encoding:
            headers["Content-Encoding"] = self.encoding
        if self.etag:
            headers["ETag"] = self.etag
        status, start = 200, 0
        if wanted and self.ranges and received.headers.get("If-Range", self.etag) == self.etag:
            status, start = 206, int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.body):
                headers = {"Content-Range": f"bytes */{len(self.body)}"}
                return Answer(status=416, headers=headers)
            end = len(self.body)
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{end}"
        cut = self.cuts.pop(0) if self.cuts else None
        chunked = self.chunked and status == 200
        body = self.body[start:]
        return Answer(status=status, body=body, headers=headers, cut=cut, chunked=chunked)


def fetch(client: Client, into: BinaryIO, **options: object) -> Download:
    return client.download_history_report(REPORT, into, **options)  # type: ignore[arg-type]


def interrupted(client: Client, into: BinaryIO, **options: object) -> Interrupted:
    with pytest.raises(Interrupted) as caught:
        fetch(client, into, **options)
    return caught.value


# Whole


def test_stores_the_bytes_as_they_come(remote: Remote, api: Client) -> None:
    remote.respond = FileServer()
    into = io.BytesIO()
    done = fetch(api, into)
    assert into.getvalue() == GZIPPED
    assert done == Download(
        stored=len(GZIPPED),
        received=len(GZIPPED),
        inflated=len(CSV),
        sha256=hashlib.sha256(GZIPPED).hexdigest(),
        facts=FileFacts(length=len(GZIPPED), encoding="gzip", etag='"v1"'),
    )
    assert remote.last.path == "/platform_api/DownloadHistoryReport"
    assert remote.last.fields["history_report_id"] == ["4410"]


def test_stores_the_csv_inside_if_asked_to(remote: Remote, api: Client) -> None:
    remote.respond = FileServer()
    into = io.BytesIO()
    done = fetch(api, into, inflate=True)
    assert into.getvalue() == CSV
    assert (done.stored, done.received, done.inflated) == (len(CSV), len(GZIPPED), len(CSV))
    assert done.sha256 == hashlib.sha256(CSV).hexdigest()


@pytest.mark.parametrize("inflate", [False, True])
def test_a_file_that_is_not_compressed_is_stored_as_it_is(
    remote: Remote, api: Client, inflate: bool
) -> None:
    remote.respond = FileServer(CSV, encoding=None)
    into = io.BytesIO()
    done = fetch(api, into, inflate=inflate)
    assert into.getvalue() == CSV
    assert done.stored == done.inflated == len(CSV)
    assert done.facts.encoding is None


def test_an_empty_file_is_one(remote: Remote, api: Client) -> None:
    remote.respond = FileServer(b"", encoding=None)
    assert fetch(api, io.BytesIO()).stored == 0


def test_reads_gzip_of_several_members(remote: Remote, api: Client) -> None:
    remote.respond = FileServer(MEMBERS)
    assert fetch(api, io.BytesIO()).inflated == len(CSV)


def test_reads_a_file_whose_length_nobody_said(remote: Remote, api: Client) -> None:
    remote.respond = FileServer(chunked=True, etag='W/"v1"')
    done = fetch(api, io.BytesIO())
    assert done.facts == FileFacts(length=None, encoding="gzip", etag=None)
    assert done.inflated == len(CSV)


def test_tells_what_it_gets_while_it_gets_it(remote: Remote, api: Client) -> None:
    remote.respond = FileServer()
    started: list[tuple[FileFacts, int]] = []
    progress: list[tuple[int, int | None]] = []
    pieces: list[bytes] = []
    done = fetch(
        api,
        io.BytesIO(),
        started=lambda facts, offset: started.append((facts, offset)),
        progress=lambda received, length: progress.append((received, length)),
        tap=pieces.append,
    )
    assert started == [(done.facts, 0)]
    assert progress[-1] == (len(GZIPPED), len(GZIPPED))
    assert [received for received, _ in progress] == sorted({r for r, _ in progress})
    assert b"".join(pieces) == CSV


def test_can_write_where_nobody_can_go_back(remote: Remote, api: Client) -> None:
    remote.respond = FileServer()
    into = Pipe()
    fetch(api, into)
    assert into.getvalue() == GZIPPED


class Pipe(io.BytesIO):
    def seek(self, offset: int, whence: int = 0) -> int:
        raise io.UnsupportedOperation("seek")


def test_memory_does_not_grow_with_what_a_file_inflates_to() -> None:
    bomb = gzip.compress(bytes(50 * 2**20), 9)
    pieces = [len(piece) for piece in Inflater().feed(bomb)]
    assert sum(pieces) == 50 * 2**20
    assert max(pieces) <= 2**20


@given(
    st.lists(st.binary(max_size=400), min_size=1, max_size=4),
    st.lists(st.integers(1, 50), min_size=1),
)
def test_inflates_whatever_way_it_arrives(members: list[bytes], sizes: list[int]) -> None:
    body = b"".join(gzip.compress(member) for member in members)
    inflater, out, position, turn = Inflater(), b"", 0, 0
    while position < len(body):
        size = sizes[turn % len(sizes)]
        out += b"".join(inflater.feed(body[position : position + size]))
        position, turn = position + size, turn + 1
    assert out == b"".join(members)
    assert inflater.complete


# Broken off


def test_goes_on_where_it_broke_off(remote: Remote, connect: Connect) -> None:
    remote.respond = server = FileServer(cuts=[5000, 7000, 1])
    into, started = io.BytesIO(), []
    done = fetch(connect(), into, started=lambda facts, offset: started.append(offset))
    assert into.getvalue() == GZIPPED
    assert done.sha256 == hashlib.sha256(GZIPPED).hexdigest()
    assert server.asked == [None, "bytes=5000-", "bytes=12000-", "bytes=12001-"]
    assert started == [0, 5000, 12000, 12001]
    assert remote.last.headers["If-Range"] == '"v1"'


def test_goes_on_with_the_csv_inside_too(remote: Remote, api: Client) -> None:
    remote.respond = server = FileServer(cuts=[5000, 7000])
    into = io.BytesIO()
    assert fetch(api, into, inflate=True).received == len(GZIPPED)
    assert into.getvalue() == CSV
    assert server.asked == [None, "bytes=5000-", "bytes=12000-"]


def test_goes_on_without_an_etag_by_length_and_checksum(remote: Remote, api: Client) -> None:
    remote.respond = FileServer(cuts=[5000], etag=None)
    into = io.BytesIO()
    fetch(api, into)
    assert into.getvalue() == GZIPPED
    assert "If-Range" not in remote.last.headers


@pytest.mark.parametrize("inflate", [False, True])
def test_begins_again_where_ranges_are_unknown(remote: Remote, api: Client, inflate: bool) -> None:
    remote.respond = FileServer(cuts=[5000], ranges=False)
    into, started = io.BytesIO(), []
    done = fetch(api, into, inflate=inflate, started=lambda facts, at: started.append(at))
    assert into.getvalue() == (CSV if inflate else GZIPPED)
    assert done.sha256 == hashlib.sha256(into.getvalue()).hexdigest()
    assert started == [0, 0]


def test_begins_again_when_the_file_has_become_another(remote: Remote, connect: Connect) -> None:
    server = FileServer(body=gzip.compress(CSV[::-1]), etag='"v0"', cuts=[3000])

    def respond(received: Received) -> Answer:
        answer = server(received)
        server.body, server.etag = GZIPPED, '"v1"'
        return answer

    remote.respond = respond
    into = io.BytesIO()
    fetch(connect(), into)
    assert into.getvalue() == GZIPPED


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": f"bytes 4000-{len(GZIPPED) - 1}/{len(GZIPPED)}"},
        {"Content-Range": f"bytes 5000-{len(GZIPPED) - 2}/{len(GZIPPED)}"},
        {"Content-Range": f"bytes 5000-{len(GZIPPED) + 9}/{len(GZIPPED) + 10}"},
        {"Content-Range": "bytes 5000-"},
        {},
    ],
)
def test_a_part_that_does_not_fit_is_not_taken(
    remote: Remote, connect: Connect, headers: dict[str, str]
) -> None:
    server = FileServer(cuts=[5000])
    wrong = as_file(GZIPPED[5000:], {**headers, "Content-Encoding": "gzip"}, status=206)
    remote.respond = lambda received: wrong if len(remote.received) == 2 else server(received)
    into = io.BytesIO()
    fetch(connect(retry_for=5), into)
    assert into.getvalue() == GZIPPED
    assert len(remote.received) == 3


@pytest.mark.parametrize("change", [{"encoding": None}, {"etag": '"v2"'}])
def test_a_part_of_another_kind_is_not_taken(
    remote: Remote, connect: Connect, change: dict[str, str | None]
) -> None:
    server = FileServer(cuts=[5000])

    def respond(received: Received) -> Answer:
        if len(remote.received) != 2:
            return server(received)
        headers = {"Content-Range": f"bytes 5000-{len(GZIPPED) - 1}/{len(GZIPPED)}"}
        if change.get("encoding", "gzip"):
            headers |= {"Content-Encoding": "gzip", "ETag": str(change.get("etag"))}
        return as_file(GZIPPED[5000:], headers, status=206)

    remote.respond = respond
    into = io.BytesIO()
    fetch(connect(retry_for=5), into)
    assert into.getvalue() == GZIPPED


def test_says_how_far_it_came_and_goes_on_another_day(
    remote: Remote, connect: Connect, tmp_path: Path
) -> None:
    remote.respond = server = FileServer(cuts=[5000, 0, 0])
    path, kept = tmp_path / "4410.csv.gz", []
    with path.open("wb") as into:
        error = interrupted(connect(), into, started=lambda facts, at: kept.append(facts))
    assert error.received == 5000
    assert error.facts == kept[0]
    assert "(5000 bytes are stored)" in str(error)
    assert path.read_bytes() == GZIPPED[:5000]

    server.cuts, pieces = [], []
    with path.open("r+b") as into:
        done = fetch(connect(), into, resume=kept[0], tap=pieces.append)
    assert path.read_bytes() == GZIPPED
    assert done.sha256 == hashlib.sha256(GZIPPED).hexdigest()
    assert b"".join(pieces) == CSV
    assert server.asked[-1] == "bytes=5000-"


def test_what_is_whole_already_is_only_checked(remote: Remote, api: Client, tmp_path: Path) -> None:
    remote.respond = FileServer()
    path = tmp_path / "4410.csv.gz"
    path.write_bytes(GZIPPED)
    facts = FileFacts(length=len(GZIPPED), encoding="gzip", etag='"v1"')
    with path.open("r+b") as into:
        assert fetch(api, into, resume=facts).inflated == len(CSV)
    assert path.read_bytes() == GZIPPED


@pytest.mark.parametrize("begun", [GZIPPED + b"more", b"x" * 500, GZIPPED[:9] + b"x" * 500])
def test_what_is_damaged_already_is_fetched_anew(
    remote: Remote, connect: Connect, tmp_path: Path, begun: bytes
) -> None:
    remote.respond = FileServer()
    path = tmp_path / "4410.csv.gz"
    path.write_bytes(begun)
    facts = FileFacts(length=len(GZIPPED), encoding="gzip", etag='"v1"')
    with path.open("r+b") as into:
        fetch(connect(retry_for=5), into, resume=facts)
    assert path.read_bytes() == GZIPPED


def test_bytes_beyond_the_end_of_a_plain_file_are_fetched_anew(
    remote: Remote, connect: Connect, tmp_path: Path
) -> None:
    remote.respond = FileServer(CSV, encoding=None)
    path = tmp_path / "4410.csv"
    path.write_bytes(CSV + b"more")
    facts = FileFacts(length=len(CSV), encoding=None, etag='"v1"')
    with path.open("r+b") as into:
        fetch(connect(retry_for=5), into, resume=facts)
    assert path.read_bytes() == CSV


def test_where_nobody_can_go_back_it_stops(remote: Remote, api: Client) -> None:
    remote.respond = FileServer(cuts=[5000], ranges=False)
    error = interrupted(api, Pipe())
    assert "cannot be rewound" in str(error)
    assert not error.damaged
    assert not error.retryable


def test_the_csv_inside_cannot_be_resumed(api: Client) -> None:
    facts = FileFacts(length=None, encoding="gzip", etag=None)
    with pytest.raises(ValueError, match="only a file of bytes as they came"):
        fetch(api, io.BytesIO(), resume=facts, inflate=True)


# Damaged


CORRUPT = GZIPPED[:9000] + bytes(9) + GZIPPED[9009:]
WRONG_CHECKSUM = GZIPPED[:-8] + zlib.crc32(b"other").to_bytes(4, "little") + GZIPPED[-4:]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (CORRUPT, "its gzip is damaged"),
        (WRONG_CHECKSUM, "its gzip is damaged"),
        (GZIPPED + b"garbage", "its gzip ends too early"),
        (GZIPPED + b"much garbage", "its gzip is damaged"),
        (CSV, "its gzip is damaged"),
        (GZIPPED[:-1], "its gzip ends too early"),
        (b"", "its gzip ends too early"),
    ],
)
@pytest.mark.parametrize("inflate", [False, True])
def test_a_damaged_file_is_never_taken_for_whole(
    remote: Remote, api: Client, body: bytes, reason: str, inflate: bool
) -> None:
    remote.respond = FileServer(body)
    into = io.BytesIO()
    error = interrupted(api, into, inflate=inflate)
    assert reason in str(error)
    assert error.retryable
    assert error.damaged
    assert into.getvalue() == b""  # not even half of it


def test_a_damaged_file_is_fetched_again(remote: Remote, connect: Connect) -> None:
    remote.will(
        as_file(CORRUPT, {"Content-Encoding": "gzip"}),
        as_file(GZIPPED, {"Content-Encoding": "gzip"}),
    )
    into = io.BytesIO()
    fetch(connect(retry_for=5), into)
    assert into.getvalue() == GZIPPED


def test_a_length_that_is_too_long_is_noticed(remote: Remote, api: Client) -> None:
    headers = {"Content-Encoding": "gzip"}
    remote.will(as_file(GZIPPED, headers, length=len(GZIPPED) + 100))
    assert interrupted(api, io.BytesIO()).retryable


def test_a_chunked_file_that_ends_early_is_noticed(remote: Remote, api: Client) -> None:
    remote.will(as_file(CSV, chunked=True, cut=8000))
    assert "broke off" in str(interrupted(api, io.BytesIO()))


def test_a_plain_file_without_a_length_that_ends_early_is_noticed_by_a_range(
    remote: Remote, connect: Connect
) -> None:
    # Nothing says that it is not whole, unless an earlier answer said how long it is.
    server = FileServer(CSV, encoding=None, cuts=[5000])
    short = as_file(CSV[5000:9000], {"Content-Range": f"bytes 5000-{len(CSV) - 1}/{len(CSV)}"})
    short = as_file(short.body, {**short.headers}, status=206, length=None)
    remote.respond = lambda received: short if len(remote.received) == 2 else server(received)
    into = io.BytesIO()
    fetch(connect(retry_for=5), into)
    assert into.getvalue() == CSV


# Something else


def test_a_report_that_is_not_ready_is_refused(remote: Remote, connect: Connect) -> None:
    remote.will(as_json({"error": {"code": 356, "msg": "The report is being prepared."}}))
    with pytest.raises(Refused, match="code 356") as caught:
        fetch(connect(retry_for=5), io.BytesIO())
    assert caught.value.code == 356
    assert len(remote.received) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (as_html(), "answered with text/html that is not a file"),
        (as_html(status=502), "HTTP 502 with text/html"),
        (as_json({"result": 1}), "answered with application/json that is not a file"),
        (Answer(status=307, headers={"Location": "/elsewhere"}), "redirected (HTTP 307)"),
        (as_file(b"x", {"Content-Encoding": "br"}), "is encoded with br"),
        (as_file(b"x", status=206), "the file is not the one that was begun"),
        (as_file(b"", status=416), "the file is not the one that was begun"),
    ],
)
def test_what_is_no_file_is_not_stored(
    remote: Remote, api: Client, answer: Answer, reason: str
) -> None:
    remote.will(answer)
    into = io.BytesIO()
    assert reason in str(interrupted(api, into))
    assert into.getvalue() == b""


def test_an_error_of_the_disk_is_told_as_it_is(remote: Remote, api: Client) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    remote.respond = FileServer()
    with pytest.raises(OSError, match="No space left"):
        fetch(api, Full())


def test_a_download_can_be_stopped(remote: Remote, api: Client) -> None:
    class Cancelled(Exception):
        pass

    def stop(received: int, length: int | None) -> None:
        raise Cancelled

    remote.respond = FileServer()
    with pytest.raises(Cancelled):
        fetch(api, io.BytesIO(), progress=stop)
    assert len(remote.received) == 1


# CSV at once


def test_a_csv_that_breaks_off_is_asked_for_from_its_beginning(
    remote: Remote, connect: Connect
) -> None:
    remote.respond = server = FileServer(cuts=[5000], chunked=True)
    into = io.BytesIO()
    params = GetTransactionHistory(from_date=datetime(2026, 3, 2), to_date=datetime(2026, 3, 3))
    done = connect(retry_for=5).download_csv(params, into)
    assert into.getvalue() == CSV
    assert done.stored == len(CSV)
    assert server.asked == [None, None]


def test_a_csv_that_is_refused_says_why(remote: Remote, api: Client) -> None:
    remote.will(as_json({"error": {"code": 105, "msg": "Bad output."}}))
    params = GetTransactionHistory(from_date=datetime(2026, 3, 2), to_date=datetime(2026, 3, 3))
    with pytest.raises(Refused, match="code 105"):
        api.download_csv(params, io.BytesIO())


def test_an_interrupted_file_counts_as_unreachable(remote: Remote, api: Client) -> None:
    remote.will(as_html(status=503))
    with pytest.raises(Unreachable):
        fetch(api, io.BytesIO())
