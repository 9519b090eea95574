"""Files of calls as a page may name them: sealed references instead of the vendor's addresses.

A reference says what may be done with which file, by whom and until when. It is encrypted, so
no page tells where the vendor keeps recordings, and it is worthless to anybody else.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Self

from cryptography.fernet import InvalidToken, MultiFernet
from django.utils import timezone

from history.models import accounts
from history.sealing import sealer

# Longer than the longest recording plays. Whoever keeps a page open for longer gets a fresh
# reference, after a fresh look at what they may see.
LIFE = timedelta(hours=4)
# A player that is paused stops reading. What it was sent must then fit into the send buffer of the
# kernel, or it would hold a thread of the server for as long as the pause lasts. Linux allows
# twice 208 KB unless told otherwise. It is a minute or two of sound.
MOST_AT_ONCE = 256 * 1024
# Enough for a log of tens of thousands of lines; the rest can be downloaded.
MOST_TEXT = 2 * 1024 * 1024


class Kind(StrEnum):
    RECORDING = "recording"
    TRANSCRIPT = "transcript"
    LOG = "log"


class Purpose(StrEnum):
    SHOW = "show"
    DOWNLOAD = "download"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One file of one account, one purpose, one person. `on` is the day of the session
    (2026-03-02), `seconds` the length of a recording, where it is known, `label` what a player
    calls it."""

    kind: Kind
    purpose: Purpose
    url: str
    user_id: int
    session_id: int
    on: str
    record_id: int | None = None
    seconds: int | None = None
    label: str = ""
    account: str = field(default_factory=accounts.slug)
    until: float = 0

    def sealed(self) -> str:
        """The reference as text for an address, good for LIFE from now on."""
        until = (timezone.now() + LIFE).timestamp()
        said = {name: value for name, value in asdict(replace(self, until=until)).items() if value}
        token = _sealer().encrypt(json.dumps(said, separators=(",", ":")).encode())
        return token.decode().rstrip("=")

    @classmethod
    def unsealed(cls, text: str, user_id: int | None) -> Self:
        """Raises Forged for what we did not make, or not for this person in the active account;
        Expired if too old."""
        try:
            said = json.loads(_sealer().decrypt(text.encode() + b"=" * (-len(text) % 4)))
            kinds = {"kind": Kind(said["kind"]), "purpose": Purpose(said["purpose"])}
            reference = cls(**{"account": accounts.DEFAULT, **said, **kinds})
        except (InvalidToken, TypeError, ValueError, KeyError):
            raise Forged from None
        if reference.user_id != user_id or reference.account != accounts.slug():
            raise Forged
        if reference.until < timezone.now().timestamp():
            raise Expired(reference)
        return reference

    def file_name(self, sound: str, mark: str = "") -> str:
        """Tells where it belongs, and no telephone number: files travel. `sound` is `.mp3` …,
        `mark` says what was done to it."""
        record = f"-record-{self.record_id}" if self.record_id else ""
        endings = {Kind.RECORDING: sound, Kind.TRANSCRIPT: "-transcript.txt", Kind.LOG: "-log.txt"}
        return f"{self.on}-call-{self.session_id}{record}{mark}{endings[self.kind]}"


class Forged(Exception):
    """Not a reference of ours, or not this person's, or another account's."""


class Expired(Exception):
    """It was good once."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference)
        self.reference = reference


def _sealer() -> MultiFernet:
    return sealer("media reference")


# Ranges


@dataclass(frozen=True, kw_only=True)
class Part:
    """Bytes `first` to `last`, both inclusive, of `size`."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def at_most(self, length: int) -> "Part":
        return replace(self, last=min(self.last, self.first + length - 1))

    def __str__(self) -> str:
        return f"bytes {self.first}-{self.last}/{self.size}"


_ASKED = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*", re.ASCII)
_TOLD = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


def upstream_range(header: str | None, most: int | None) -> str | None:
    """What to ask the file's host for when a browser asks for `header`; at most `most` bytes.

    None means the whole file: so do malformed ranges and lists of several, as HTTP allows.
    """
    asked = _ASKED.fullmatch(header or "")
    if asked is None:
        return None
    first, last, suffix = asked.groups()
    if suffix is not None:
        return f"bytes=-{int(suffix)}"
    if last and int(last) < int(first):
        return None
    if most is None:
        return f"bytes={int(first)}-{last}"
    end = int(first) + most - 1
    return f"bytes={int(first)}-{min(int(last), end) if last else end}"


def told_part(content_range: str | None) -> Part | None:
    """The part that a 206 says it is, where it says so readably."""
    told = _TOLD.fullmatch(content_range or "")
    if told is None:
        return None
    first, last, size = map(int, told.groups())
    return Part(first=first, last=last, size=size) if first <= last < size else None


def cut_part(asked: str, size: int) -> Part | None:
    """The part of a file of `size` bytes that the range means; None if it lies outside.

    For hosts that send the whole file whatever they are asked for.
    """
    match = _ASKED.fullmatch(asked)
    if match is None or not size:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        return Part(first=size - length, last=size - 1, size=size) if length else None
    if int(first) >= size:
        return None
    return Part(first=int(first), last=min(int(last or size - 1), size - 1), size=size)


def only(chunks: Iterator[bytes], skip: int, length: int | None) -> Iterator[bytes]:
    """The chunks without the first `skip` bytes and, where `length` is given, what is after."""
    for chunk in chunks:
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        piece = chunk[skip:]
        skip = 0
        if length is not None:
            piece = piece[:length]
            length -= len(piece)
        yield piece
        if length == 0:
            return
