"""Files that arrive whole or not at all: reports and CSV answers, into any binary file.

A file comes as `application/octet-stream`, usually gzip'd on the way (`Content-Encoding`). What
is stored are the bytes as they come, or the CSV inside; either way every byte is checked:
lengths against the headers, gzip against its own checksum. What breaks off is taken up again
where it broke, by `Range` and `If-Range`, for as long as it gets anywhere.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

import requests
from isal import isal_zlib

from history.api.errors import FileFacts, Interrupted, Unreachable
from history.api.transport import FIRST_PAUSE, Transport, content_type, nothing

CHUNK = 1024 * 1024
# Of what a chunk inflates to: a small file can pretend to be a huge one.
INFLATED_CHUNK = 256 * 1024
# Its types call the class an instance.
_BROKEN = cast("type[Exception]", isal_zlib.error)
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """A file that is whole. `stored` and `sha256` are of the bytes in the file, `received` of
    those that were transferred, `inflated` is the size of the CSV inside."""

    stored: int
    received: int
    inflated: int
    sha256: str
    facts: FileFacts


class Damaged(ValueError):
    """Bytes that are not the gzip they should be."""


class Inflater:
    """Unpacks gzip as it arrives, of one member or several, and knows when it is complete."""

    def __init__(self) -> None:
        self._stream = isal_zlib.decompressobj(wbits=31)
        self.complete = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What `chunk` adds, in pieces of bounded size. Raises Damaged."""
        while chunk:
            if self._stream.eof:
                self._stream = isal_zlib.decompressobj(wbits=31)
            try:
                piece = self._stream.decompress(chunk, INFLATED_CHUNK)
            except _BROKEN:
                raise Damaged("its gzip is damaged") from None
            if piece:
                yield piece
            self.complete = self._stream.eof
            chunk = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail


class _Sink:
    """Where the bytes go: the file, its digest, and the CSV inside of them."""

    def __init__(self, into: BinaryIO, *, inflate: bool, tap: Callable[[bytes], object]) -> None:
        self._into = into
        self._inflate = inflate
        self._tap = tap
        self._begin(None)

    def _begin(self, encoding: str | None) -> None:
        self.received = self.stored = self.inflated = 0
        self.digest = hashlib.sha256()
        self._inflater = Inflater() if encoding == "gzip" else None

    def begin(self, encoding: str | None) -> None:
        """From the first byte, whatever is there already. Raises OSError if it cannot go back."""
        if self.stored:
            self._into.seek(0)
            self._into.truncate()
        self._begin(encoding)

    def take_up(self, encoding: str | None) -> None:
        """From the end of what is in the file, which is read once to know it. Raises Damaged."""
        self._begin(encoding)
        self._into.seek(0)
        while chunk := self._into.read(CHUNK):
            self._know(chunk)

    def receive(self, chunk: bytes) -> None:
        """Store what arrived. Raises Damaged."""
        if not self._inflate or self._inflater is None:
            self._into.write(chunk)
            self._know(chunk)
            return
        self.received += len(chunk)
        for piece in self._inflater.feed(chunk):
            self._into.write(piece)
            self.stored += len(piece)
            self.inflated += len(piece)
            self.digest.update(piece)
            self._tap(piece)

    def _know(self, chunk: bytes) -> None:
        self.received += len(chunk)
        self.stored += len(chunk)
        self.digest.update(chunk)
        for piece in self._inflater.feed(chunk) if self._inflater else (chunk,):
            self.inflated += len(piece)
            self._tap(piece)

    def check_whole(self, length: int | None) -> None:
        """Raises Damaged if something is missing."""
        if length is not None and self.received != length:
            raise Damaged(f"it has {self.received} of {length} bytes")
        if self._inflater and not self._inflater.complete:
            raise Damaged("its gzip ends too early")


class Downloader:
    """One file on its way. `ranged` says that the API can go on in the middle of it."""

    def __init__(
        self,
        transport: Transport,
        method: str,
        fields: Mapping[str, str],
        into: BinaryIO,
        *,
        ranged: bool,
        inflate: bool = False,
        started: Callable[[FileFacts, int], object] = nothing,
        progress: Callable[[int, int | None], object] = nothing,
        tap: Callable[[bytes], object] = nothing,
    ) -> None:
        self._transport = transport
        self._method = method
        self._fields = fields
        self._ranged = ranged
        self._started = started
        self._progress = progress
        self._sink = _Sink(into, inflate=inflate, tap=tap)
        self._facts: FileFacts | None = None

    def run(self, resume: FileFacts | None = None) -> Download:
        """Fetch all of it, or what is missing of it. Raises Refused and Interrupted."""
        if resume is not None:
            self._take_up(resume)
        while True:
            reached = self._sink.received
            try:
                return self._transport.persist(self._method, self._attempt, resend=True)
            except Unreachable as error:
                # As long as it gets on, it deserves the patience for a whole call again.
                if not error.retryable or self._sink.received <= reached:
                    raise Interrupted(error, self._sink.received, self._facts) from None
                time.sleep(FIRST_PAUSE)

    def _take_up(self, facts: FileFacts) -> None:
        self._facts = facts
        try:
            self._sink.take_up(facts.encoding)
        except Damaged:
            self._sink.begin(facts.encoding)

    def _attempt(self) -> Download:
        with self._transport.post(self._method, self._fields, self._headers()) as response:
            facts = self._begin(response)
            self._started(facts, self._sink.received)
            try:
                if response.status_code != 416:
                    self._receive(response, facts)
                self._sink.check_whole(facts.length)
            except Damaged as damage:
                self._restart(facts.encoding)
                reason = f"the file is damaged: {damage}"
                raise Unreachable(self._method, reason, damaged=True) from None
            return self._done(facts)

    def _headers(self) -> Mapping[str, str]:
        if not (self._ranged and self._sink.received):
            return {}
        headers = {"Range": f"bytes={self._sink.received}-"}
        etag = self._facts.etag if self._facts else None
        return {**headers, "If-Range": etag} if etag else headers

    def _begin(self, response: requests.Response) -> FileFacts:
        """What the headers say of the file; the sink is put where the body goes on."""
        status, begun, offset = response.status_code, self._facts, self._sink.received
        if status == 200:
            facts = self._whole_file(response)
        elif status == 206 and begun and self._continues(response, begun):
            facts = begun
        elif status == 416 and begun and begun.length == offset:
            facts = begun  # all of it is there
        elif status in (206, 416):
            self._restart(None)
            raise Unreachable(self._method, "the file is not the one that was begun")
        else:
            raise self._transport.refusal(self._method, response, expected="a file")
        self._facts = facts
        return facts

    def _whole_file(self, response: requests.Response) -> FileFacts:
        # Errors come as JSON with status 200, too; pages of gateways as HTML.
        if content_type(response) in ("application/json", "text/html"):
            raise self._transport.refusal(self._method, response, expected="a file")
        length = response.headers.get("Content-Length", "")
        facts = self._promised(response, int(length) if length.isdigit() else None)
        self._restart(facts.encoding)
        return facts

    def _promised(self, response: requests.Response, length: int | None) -> FileFacts:
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        etag = response.headers.get("ETag")
        if encoding not in ("gzip", "identity"):
            reason = f"the file is encoded with {encoding}, which was not asked for"
            raise Unreachable(self._method, reason, retryable=False)
        return FileFacts(
            length=length,
            encoding="gzip" if encoding == "gzip" else None,
            # A weak one names the content, not the bytes: no ground to go on from.
            etag=etag if etag and not etag.startswith("W/") else None,
        )

    def _continues(self, response: requests.Response, begun: FileFacts) -> bool:
        """Whether the body is the rest of the file we have the beginning of."""
        found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not found:
            return False
        first, last, total = map(int, found.groups())
        now = self._promised(response, total)
        return (
            first == self._sink.received
            and last == total - 1
            and now.encoding == begun.encoding
            and begun.length in (None, total)
            and (None in (begun.etag, now.etag) or begun.etag == now.etag)
        )

    def _receive(self, response: requests.Response, facts: FileFacts) -> None:
        for chunk in self._transport.chunks(self._method, response, decode=False, size=CHUNK):
            self._sink.receive(chunk)
            self._progress(self._sink.received, facts.length)

    def _restart(self, encoding: str | None) -> None:
        try:
            self._sink.begin(encoding)
        except OSError:
            reason = "the file broke off, and where it goes cannot be rewound to begin again"
            raise Unreachable(self._method, reason, retryable=False) from None

    def _done(self, facts: FileFacts) -> Download:
        sink = self._sink
        return Download(
            stored=sink.stored,
            received=sink.received,
            inflated=sink.inflated,
            sha256=sink.digest.hexdigest(),
            facts=facts,
        )
