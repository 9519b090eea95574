"""Recordings as pages show them: what state they are in, and how they can be heard."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from hashlib import sha256

from django.core.cache import cache
from django.utils import formats, timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.api.replies import CallSessionInfoType, RecordType
from history.media import Kind, Purpose, Reference
from history.templatetags.sessions import called, caller, first_call
from history.templatetags.show import NONE, phone_in_words


class Sound(StrEnum):
    """Whether a recording can be heard."""

    READY = "ready"
    WORKING = "working"
    EXPIRED = "expired"
    REMOVED = "removed"
    ABSENT = "absent"

    @property
    def label(self) -> StrOrPromise:
        return _SOUNDS[self][0]

    @property
    def tone(self) -> str:
        return _SOUNDS[self][1]


_SOUNDS: dict[Sound, tuple[StrOrPromise, str]] = {
    Sound.READY: (_("Ready"), "good"),
    Sound.WORKING: (_("Being recorded"), "info"),
    Sound.EXPIRED: (_("Expired"), "quiet"),
    Sound.REMOVED: (_("Deleted"), "quiet"),
    Sound.ABSENT: (_("No file"), "bad"),
}


class Written(StrEnum):
    """Whether there is a transcript."""

    READY = "ready"
    WORKING = "working"
    OFF = "off"
    FAILED = "failed"
    GONE = "gone"

    @property
    def label(self) -> StrOrPromise:
        return _WRITTEN[self][0]

    @property
    def tone(self) -> str:
        return _WRITTEN[self][1]


_WRITTEN: dict[Written, tuple[StrOrPromise, str]] = {
    Written.READY: (_("Ready"), "good"),
    Written.WORKING: (_("In progress"), "info"),
    Written.OFF: (_("Not ordered"), "quiet"),
    Written.FAILED: (_("Failed"), "bad"),
    Written.GONE: (_("Deleted"), "quiet"),
}


SECONDS_A_LINE = 7  # of speech


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A record of a session, for one person: `number` counts from 1 within the session."""

    session: CallSessionInfoType
    record: RecordType
    number: int
    user_id: int
    is_drawn: bool = False  # its waveform is known already

    @property
    def name(self) -> str:
        return self.record.record_name or _t("Recording %(n)d") % {"n": self.number}

    @property
    def sound(self) -> Sound:
        record = self.record
        if record.is_removed:
            return Sound.EXPIRED if _is_past(record.expiration_date) else Sound.REMOVED
        if record.record_url:
            return Sound.READY
        return Sound.WORKING if self.session.active else Sound.ABSENT

    @property
    def written(self) -> Written:
        """From the platform's three words, and from whether there is something to open."""
        record = self.record
        if record.is_removed:
            return Written.GONE
        match (record.transcription_status or "").casefold():
            case "complete":
                return Written.READY if record.transcription_url else Written.FAILED
            case "in progress":
                return Written.WORKING
            case "" | "not required":
                return Written.READY if record.transcription_url else Written.OFF
        return Written.FAILED

    @property
    def lines(self) -> str:
        """As many letters as lines of the transcript will be seen, so that room is kept for it."""
        return "x" * max(1, min(8, round((self.record.duration or 0) / SECONDS_A_LINE)))

    @property
    def days_left(self) -> int | None:
        """Days until the platform deletes it; None where it says none, or did already."""
        last = self.record.expiration_date
        if last is None or self.sound is not Sound.READY:
            return None
        return max(0, (last - timezone.now().date()).days)

    @property
    def starts_at(self) -> int | None:
        """Seconds from the start of the session."""
        start = self.record.start_time
        if start is None:
            return None
        return max(0, round((start - self.session.start_date).total_seconds()))

    @property
    def player_id(self) -> str:
        """The id of its player on a page, by which a transcript finds it."""
        return f"player-{self.record.record_id}"

    @property
    def label(self) -> str:
        """Which call it is of, for a player that stands apart."""
        call = first_call(self.session)
        start = formats.date_format(
            timezone.localtime(self.session.start_date), "SHORT_DATETIME_FORMAT"
        )
        ways = [phone_in_words(number) or NONE for number in (caller(call), called(call))]
        return f"{' → '.join(ways)}, {start}" if call else start

    # References, empty where there is nothing to open

    @property
    def play(self) -> str:
        return self._sealed(Kind.RECORDING, Purpose.SHOW)

    @property
    def download(self) -> str:
        return self._sealed(Kind.RECORDING, Purpose.DOWNLOAD)

    @property
    def transcript(self) -> str:
        return self._sealed(Kind.TRANSCRIPT, Purpose.SHOW)

    @property
    def transcript_download(self) -> str:
        return self._sealed(Kind.TRANSCRIPT, Purpose.DOWNLOAD)

    def _sealed(self, kind: Kind, purpose: Purpose) -> str:
        found = reference(self.session, kind, purpose, self.user_id, self.record)
        return replace(found, label=self.label).sealed() if found else ""


def recordings(session: CallSessionInfoType, user_id: int) -> list[Recording]:
    return [
        Recording(session=session, record=record, number=number, user_id=user_id)
        for number, record in enumerate(session.records, start=1)
    ]


def reference(
    session: CallSessionInfoType,
    kind: Kind,
    purpose: Purpose,
    user_id: int,
    record: RecordType | None = None,
) -> Reference | None:
    """The file of a session or of one of its records, for one person; None if there is none."""
    url = _url(session, kind, record)
    if not url:
        return None
    return Reference(
        kind=kind,
        purpose=purpose,
        url=url,
        user_id=user_id,
        session_id=session.call_session_history_id,
        on=timezone.localtime(session.start_date).date().isoformat(),
        record_id=record.record_id if record else None,
        seconds=record.duration if record else None,
    )


def _url(session: CallSessionInfoType, kind: Kind, record: RecordType | None) -> str | None:
    if kind is Kind.LOG:
        return session.log_file_url
    if record is None or record.is_removed:
        return None
    return record.record_url if kind is Kind.RECORDING else record.transcription_url


def with_waveforms(found: Sequence[Recording]) -> list[Recording]:
    """The same, those marked whose waveform is in the cache."""
    keys = [peaks_key(one.record.record_url or "") for one in found]
    known = cache.get_many(keys)
    return [replace(one, is_drawn=key in known) for one, key in zip(found, keys, strict=True)]


def peaks_key(url: str) -> str:
    """Where the waveform of a recording is kept in the cache: once, also where several accounts
    may hear it, so that nothing of it is left when it is deleted."""
    return f"peaks:{sha256(url.encode()).hexdigest()}"


def _is_past(day: date | None) -> bool:
    return day is not None and day < timezone.now().date()
