"""Files of calls, streamed from where the vendor keeps them: the browser sees only references."""

import errno
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import wraps
from threading import BoundedSemaphore
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe

from history import masking
from history.api.client import RemoteError
from history.api.errors import Unreachable
from history.api.media import METHOD, Media
from history.connection import connect
from history.logs import MOST_LINES, log_lines
from history.media import (
    MOST_AT_ONCE,
    MOST_TEXT,
    Expired,
    Forged,
    Kind,
    Part,
    Purpose,
    Reference,
    cut_part,
    only,
    told_part,
    upstream_range,
)
from history.middleware import Request
from history.missing import Missing, busy, call_url, expired, missing
from history.peaks import available, peaks
from history.permissions import Right, demand, needs
from history.rates import seconds_to_wait, too_many
from history.recordings import peaks_key, reference
from history.transcripts import transcript_lines
from history.views.session import NoSession, find

logger = logging.getLogger(__name__)

# How many of the eight threads of a web process (gunicorn.conf.py) may send files, so that pages
# always find one: parts, which are short, and whole files, whose reader may take its time.
PARTS, WHOLES = 3, 2
WAIT_FOR_PLACE, COME_BACK_AFTER = 1, 5  # seconds
# A reader is cut off that is slower than this on average, or takes nothing for so long.
SLOWEST = 16 * 1024  # bytes a second
PATIENCE = 30  # seconds

TYPES = {
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "audio/webm": ".weba",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}
KEEP_PEAKS = 90 * 24 * 3600
MAKING_PEAKS = 120
MOST_FOR_PEAKS = 200 * 1024 * 1024

_parts, _wholes = BoundedSemaphore(PARTS), BoundedSemaphore(WHOLES)

type View = Callable[[Request, Reference, str], HttpResponseBase]


def referenced(*kinds: Kind) -> Callable[[View], Callable[[Request, str], HttpResponseBase]]:
    """A view of what a sealed reference in the address names, for whom it was sealed only."""

    def wrap(view: View) -> Callable[[Request, str], HttpResponseBase]:
        @require_safe
        @wraps(view)
        def opened(request: Request, sealed: str) -> HttpResponseBase:
            demand(request.user, Right.LISTEN)
            try:
                found = Reference.unsealed(sealed, request.user.pk)
            except Forged:
                raise Http404(_t("This address leads nowhere; open the call again.")) from None
            except Expired as error:
                return _sorry(request, expired(error.reference), sealed)
            if found.kind not in kinds:
                raise Http404
            request.opened = found  # for the trail
            return view(request, found, sealed)

        opened.right = Right.LISTEN  # type: ignore[attr-defined]
        return opened

    return wrap


# The file itself


@referenced(*Kind)
def file(request: Request, found: Reference, sealed: str) -> HttpResponseBase:
    """The file, or the range of it that was asked for."""
    if found.purpose is Purpose.DOWNLOAD and found.kind is not Kind.LOG:
        demand(request.user, Right.DOWNLOAD_MEDIA)
    many = "downloads" if found.purpose is Purpose.DOWNLOAD else "recordings"
    if seconds := seconds_to_wait(request, many):
        return too_many(request, many, seconds)
    if found.kind is not Kind.RECORDING and masking.current():
        return _masked_text(request, found, sealed)
    head, most = request.method == "HEAD", _most(found)
    # Ranges are for GET alone.
    asked = None if head else upstream_range(request.headers.get("Range"), most)
    places = _parts if head or (asked and most) else _wholes
    if not places.acquire(timeout=WAIT_FOR_PLACE):
        return _sorry(request, busy(found, COME_BACK_AFTER), sealed)
    with ExitStack() as ending:
        ending.callback(places.release)
        try:
            stream = _open(request, found, asked)
        except RemoteError as error:
            return _sorry(request, missing(found, error), sealed)
        ending.callback(stream.media.close)
        answer = _answer(request, found, stream)
        if answer.streaming:
            stream.ending = ending.pop_all()
        return answer


def _masked_text(request: Request, found: Reference, sealed: str) -> HttpResponse:
    """A log or a transcript for who sees numbers masked: as far as a page shows it."""
    try:
        text, _whole = _text(found)
    except RemoteError as error:
        return _sorry(request, missing(found, error), sealed)
    answer = HttpResponse(text)
    _describe(answer, found, "")
    answer["Content-Disposition"] = (
        content_disposition_header(
            found.purpose is Purpose.DOWNLOAD, found.file_name("", "-masked")
        )
        or "inline"
    )
    del answer["Accept-Ranges"]
    return answer


class Stream:
    """An open file on its way through; the server always closes it, be it sent or not."""

    def __init__(self, media: Media, wire: socket.socket | None) -> None:
        self.media = media
        self.part: Part | None = None
        self.skip = 0
        self.ending = ExitStack()
        self._wire = wire

    def __iter__(self) -> Iterator[bytes]:
        length = self.part.length if self.part else self.size
        give_up = time.monotonic() + PATIENCE + (length or MOST_TEXT) / SLOWEST
        if self._wire is not None:
            # Else one who stops reading holds this thread for ever.
            self._wire.settimeout(PATIENCE)
            self._wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_AT_ONCE)
        try:
            for chunk in only(self.media.chunks(), self.skip, length):
                yield chunk
                if time.monotonic() > give_up:
                    raise ConnectionAbortedError(errno.ECONNRESET, "too slow a reader")
        except RemoteError as error:
            # Too late for an answer: a connection cut short says that something is missing.
            logger.warning("%s", error)
            raise ConnectionResetError(errno.ECONNRESET, "the file broke off") from None

    @property
    def size(self) -> int | None:
        length = self.media.headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    def close(self) -> None:
        self.ending.close()


def _open(request: Request, found: Reference, asked: str | None) -> Stream:
    media = _media(found, asked, head=request.method == "HEAD")
    if asked and not _is_same(media, request.headers.get("If-Range")):
        media.close()
        asked, media = None, _media(found, None)
    stream = Stream(media, request.META.get("gunicorn.socket"))
    try:
        _choose_part(stream, asked, _most(found))
    except RemoteError:
        media.close()
        raise
    return stream


def _most(found: Reference) -> int | None:
    """How many bytes a range is cut to; none for downloads, which go on where they broke off."""
    return None if found.purpose is Purpose.DOWNLOAD else MOST_AT_ONCE


def _media(found: Reference, asked: str | None, *, head: bool = False) -> Media:
    record_id = found.record_id if found.kind is Kind.TRANSCRIPT else None
    return connect().open_media(found.url, asked, record_id=record_id, head=head)


def _is_same(media: Media, held: str | None) -> bool:
    """Whether what the browser holds from before is of this file."""
    return held is None or held in (media.headers.get("ETag"), media.headers.get("Last-Modified"))


def _choose_part(stream: Stream, asked: str | None, most: int | None) -> None:
    """Which part of the open file is sent; none is the whole of it."""
    media = stream.media
    if asked is None or media.status == 416:
        return
    if media.status == 206:
        part = told_part(media.headers.get("Content-Range"))
        if part is None:
            raise Unreachable(METHOD, "the storage sent a range without saying which")
    elif stream.size is None:
        return
    else:
        # The host knows no ranges, yet browsers do not play, or seek, without.
        part = cut_part(asked, stream.size)
        stream.skip = part.first if part else 0
        media.status = 206 if part else 416
    stream.part = part.at_most(most) if part and most else part


def _answer(
    request: Request, found: Reference, stream: Stream
) -> HttpResponse | StreamingHttpResponse:
    media, part = stream.media, stream.part
    if media.status == 416:
        answer: HttpResponse | StreamingHttpResponse = HttpResponse(status=416)
        size = (media.headers.get("Content-Range") or f"/{stream.size or '*'}").partition("/")[2]
        answer["Content-Range"] = f"bytes */{size}"
    elif request.method == "HEAD":
        answer = HttpResponse()
    else:
        answer = StreamingHttpResponse(stream, status=206 if part else 200)
    if media.status != 416:
        length = part.length if part else stream.size
        if length is not None:
            answer["Content-Length"] = str(length)
        if part:
            answer["Content-Range"] = str(part)
    for name in ("ETag", "Last-Modified"):
        if name in media.headers:
            answer[name] = media.headers[name]
    _describe(answer, found, media.headers.get("Content-Type", ""))
    return answer


def _describe(answer: HttpResponseBase, found: Reference, told: str) -> None:
    """What the file is, in a type of our choosing: nothing that a browser could run."""
    kind = told.partition(";")[0].strip().lower()
    is_known = kind in TYPES
    if found.kind is Kind.RECORDING:
        answer["Content-Type"] = kind if is_known else "application/octet-stream"
    else:
        answer["Content-Type"] = "text/plain; charset=utf-8"
    as_attachment = found.purpose is Purpose.DOWNLOAD or (
        found.kind is Kind.RECORDING and not is_known
    )
    name = found.file_name(TYPES.get(kind, ".mp3"))
    answer["Content-Disposition"] = content_disposition_header(as_attachment, name) or "inline"
    answer["Accept-Ranges"] = "bytes"
    # Voices stay out of caches, and out of other sites' pages.
    answer["Cache-Control"] = "private, no-store"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"


@require_safe
@needs(Right.LISTEN)
def renew(request: Request, sealed: str) -> HttpResponseBase:
    """To the same file by a fresh reference, if it is still there and still theirs to open."""
    try:
        found = Reference.unsealed(sealed, request.user.pk)
    except Expired as error:
        found = error.reference
    except Forged:
        raise Http404 from None
    try:
        session = find(found.session_id, found.on)
    except NoSession:
        return _sorry(request, missing(found, None), sealed)
    record = next((r for r in session.records if r.record_id == found.record_id), None)
    user = cast(User, request.user)
    fresh = reference(session, found.kind, found.purpose, user.pk, record)
    if fresh is None:
        return _sorry(request, missing(found, None), sealed)
    return redirect("media", fresh.sealed())


# What is made of a file


@referenced(Kind.RECORDING)
def waveform(request: Request, found: Reference, sealed: str) -> HttpResponseBase:
    """How loud the recording is over time, a list of numbers from 0 to 1; 204 for none."""
    key = peaks_key(found.url)
    bars: list[float] | None = cache.get(key)
    if bars is None:
        if seconds := seconds_to_wait(request, "peaks"):
            return too_many(request, "peaks", seconds)
        # Whoever asks while it is being made does without.
        if not available() or not cache.add(f"{key}:making", True, MAKING_PEAKS):
            return HttpResponse(status=204)
        bars = _peaks(found)
        if bars is not None:
            cache.set(key, bars, KEEP_PEAKS)
    if not bars:
        return HttpResponse(status=204)
    return JsonResponse(bars, safe=False, headers={"Cache-Control": "private, max-age=3600"})


def _peaks(found: Reference) -> list[float] | None:
    """The bars, none for a file without any; None if it could not be read this time."""
    try:
        with _media(found, None) as media:
            length = media.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MOST_FOR_PEAKS:
                return []
            return peaks(media.chunks(), int(length))
    except RemoteError as error:
        # Without a picture the recording plays as well; the player itself says what is wrong.
        logger.warning("waveform: %s", error)
        return None


@referenced(Kind.RECORDING)
def player(request: Request, found: Reference, sealed: str) -> HttpResponseBase:
    """A player at the foot of a list."""
    context = {
        "found": found,
        "sealed": sealed,
        "download": _download(found),
        "call_url": call_url(found),
        "known": peaks_key(found.url) in cache,
    }
    return render(request, "history/_listening.html", context)


@referenced(Kind.TRANSCRIPT)
def transcript(request: Request, found: Reference, sealed: str) -> HttpResponseBase:
    """What was said, beside the player of that recording."""
    context: dict[str, Any] = {"sealed": sealed, "download": _download(found)}
    context["player"] = request.GET.get("player", "player")[:60]
    # As high as the room that was kept for it, so that nothing below moves.
    rows = request.GET.get("rows", "")
    context["rows"] = rows if rows in set("12345678") else ""
    try:
        text, whole = _text(found)
        context |= {"lines": transcript_lines(text), "whole": whole}
    except RemoteError as error:
        context["missing"] = missing(found, error)
    return render(request, "history/_transcript.html", context)


@referenced(Kind.LOG)
def log(request: Request, found: Reference, sealed: str) -> HttpResponseBase:
    """The session log in a viewer."""
    context: dict[str, Any] = {"sealed": sealed, "download": _download(found)}
    try:
        text, whole = _text(found)
        lines = log_lines(text)
        context |= {"lines": lines[:MOST_LINES], "whole": whole and len(lines) <= MOST_LINES}
    except RemoteError as error:
        context["missing"] = missing(found, error)
    return render(request, "history/_log.html", context)


def _download(found: Reference) -> str:
    return replace(found, purpose=Purpose.DOWNLOAD).sealed()


def _text(found: Reference) -> tuple[str, bool]:
    """The text of a file, and whether this is all of it."""
    with _media(found, None) as media:
        text = b"".join(only(media.chunks(), 0, MOST_TEXT + 1))
    whole = len(text) <= MOST_TEXT
    if not whole:
        # Not in the middle of a line.
        text = text[: text.rfind(b"\n", 0, MOST_TEXT) + 1]
    return masking.hidden(text.decode("utf-8-sig", "replace")), whole


def _sorry(request: Request, words: Missing, sealed: str) -> HttpResponse:
    """A page, or a fragment, that says why the file is not there."""
    template = "history/_missing.html" if request.htmx else "history/missing.html"
    answer = render(request, template, {"missing": words, "sealed": sealed}, status=words.status)
    if words.retry_after:
        answer["Retry-After"] = str(words.retry_after)
    return answer
