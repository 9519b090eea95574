"""What the links in call history lead to: recordings, transcripts, session logs.

Unlike commands these answer with real HTTP statuses. A `-secure` link needs credentials, in the
header or (deprecated, `account_id` and `api_key`) in the URL.
"""

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox import voice
from sandbox.answers import Answer, File, Refusal, Request, file_answer, http_moment, text_answer
from sandbox.credentials import SESSION_LOG, Caller, Credentials
from sandbox.store import LoggedSession, Record, Store

TEXT = "text/plain; charset=utf-8"

# What two people say on the telephone, by who speaks: the platform's side, the other side.
PHRASES = (
    (
        "Good morning, how can I help you?",
        "May I have your order number, please?",
        "Let me look that up for you.",
        "I can see the parcel left our warehouse on Tuesday.",
        "Would tomorrow between nine and twelve suit you?",
        "I have put you through to billing; please stay on the line.",
        "The invoice was sent to your e-mail address.",
        "Is there anything else I can do for you?",
        "Thank you for your patience.",
        "You will receive a confirmation by text message.",
        "Ich verbinde Sie mit der Fachabteilung.",
        "Um momento, por favor.",
    ),
    (
        "Hello, I am calling about my order.",
        "Yes, it is the one from last week.",
        "It has not arrived yet.",
        "Could you check when it will be delivered?",
        "That would be fine, thank you.",
        "I was charged twice, I believe.",
        "No, I did not get any message.",
        "Can I speak to a supervisor?",
        "The line is bad, can you hear me?",
        "Goodbye.",
        "Ja, genau, vielen Dank.",
        "Всё верно, спасибо.",
    ),
)


class Media:
    def __init__(self, store: Store, credentials: Credentials) -> None:
        self.store = store
        self.credentials = credentials

    def answer(self, request: Request, now: float) -> Answer:
        """The file behind a link; 401, 403, 404 or 405 as plain text."""
        if request.verb not in ("GET", "HEAD"):
            answer = text_answer(405, "Method not allowed\n")
            answer.headers["Allow"] = "GET, HEAD"
            return answer
        session_id = request.field("sessionid")
        if session_id is not None:
            return self._log(request, session_id, now)
        return self._record(request, now)

    def _record(self, request: Request, now: float) -> Answer:
        record_id = _number(request.field("record_id"))
        record = self.store.record(record_id) if record_id else None
        if record is None:
            return _not_found()
        is_audio = _path(record.url) == request.path
        if not is_audio and _path(record.transcription_url) != request.path:
            return _not_found()
        if refused := self._refused(request, record.account_id, record.secure, None, now):
            return refused
        if record.removed or not (is_audio or record.transcription_status == "Complete"):
            return _not_found()
        return file_answer(request, _audio(record) if is_audio else _transcript(record))

    def _log(self, request: Request, session_id: str, now: float) -> Answer:
        number = _number(session_id)
        logged = self.store.session_for_log(number) if number else None
        if logged is None or _path(logged.session.get("log_file_url")) != request.path:
            return _not_found()
        if refused := self._refused(request, logged.account_id, logged.secure, SESSION_LOG, now):
            return refused
        return file_answer(request, _text_file(f"log-{number}", session_log(logged)))

    def _refused(
        self, request: Request, owner: int, secure: bool, command: str | None, now: float
    ) -> Answer | None:
        """401 without valid credentials, 403 for a foreign account or a missing role."""
        if not secure:
            return None
        try:
            caller = self.credentials.caller(request, now)
        except Refusal as refusal:
            answer = text_answer(401, f"Unauthorized: {refusal.msg}\n")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        try:
            if command:
                caller.check(command)
        except Refusal as refusal:
            return text_answer(403, f"Forbidden: {refusal.msg}\n")
        if not self.owns(caller, owner):
            return text_answer(403, "Forbidden: the file belongs to another account.\n")
        return None

    def owns(self, caller: Caller, account_id: int) -> bool:
        """Whether the account is the caller's or a child of it."""
        account = self.store.account(account_id)
        return account is not None and caller.account.account_id in (
            account.account_id,
            account.parent_id,
        )


def _number(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    return int(text)


def _path(url: str | None) -> str | None:
    """The path of one of our own links."""
    return None if url is None else "/" + url.partition("://")[2].partition("/")[2].split("?")[0]


def _not_found() -> Answer:
    return text_answer(404, "Not found\n")


def _audio(record: Record) -> File:
    size = voice.file_size(record.duration, record.channels)
    return File(
        size=size,
        etag=f'"{record.record_id}-{size}"',
        content_type="audio/mpeg",
        read=lambda start, stop: voice.read(record.record_id, record.channels, start, stop),
        headers={"Last-Modified": http_moment(_end(record))},
    )


def _end(record: Record) -> datetime:
    return record.start_time + timedelta(seconds=record.duration)


def _transcript(record: Record) -> File:
    return _text_file(f"transcript-{record.record_id}", transcript(record))


def _text_file(name: str, text: str) -> File:
    body = text.encode()

    def read(start: int, stop: int) -> Iterator[bytes]:
        yield body[start:stop]

    return File(size=len(body), etag=f'"{name}-{len(body)}"', content_type=TEXT, read=read)


def transcript(record: Record) -> str:
    """A line for each turn of the audio: its time from the start, who speaks, the words."""
    chance = random.Random(record.record_id)  # noqa: S311 - talk, not secrets
    return "".join(
        f"[{timedelta(seconds=second)}] {('Agent', 'Customer')[who]}: "
        f"{chance.choice(PHRASES[who])}\n"
        for second, who in voice.turns(record.record_id, record.duration)
    )


# Session logs


def session_log(logged: LoggedSession) -> str:
    """A log as a scenario leaves it: wall clock (UTC), level, time since the start, message."""
    session = logged.session
    start = datetime.fromisoformat(session["start_date"])
    events = sorted(_events(session), key=lambda event: event[0])
    return "".join(
        _line(start, when, index, level, message)
        for index, (when, level, message) in enumerate(events)
    )


def _line(start: datetime, when: datetime, index: int, level: str, message: str) -> str:
    # The platform's own times are whole seconds; lines of one second follow each other closely.
    moment = max(when, start) + timedelta(milliseconds=7 + 13 * index % 900)
    since = (moment - start).total_seconds()
    return f"{moment.isoformat(' ', 'milliseconds')} [{level}] +{since:.3f} {message}\n"


type Event = tuple[datetime, str, str]


def _events(session: Mapping[str, Any]) -> Iterator[Event]:
    start = datetime.fromisoformat(session["start_date"])
    end = start + timedelta(seconds=session.get("duration") or 0)
    session_id = session["call_session_history_id"]
    yield start, "INFO", f"Session {session_id} started on {session['media_server_address']}"
    yield (
        start,
        "INFO",
        f"AppEvents.Started application={session.get('application_name')}"
        f" rule={session.get('rule_name')} initiator={session['initiator_address']}",
    )
    if custom_data := session.get("custom_data"):
        yield start, "DEBUG", f"VoxEngine.customData() = {custom_data!r}"
    for call in session.get("calls", ()):
        yield from _call_events(call)
    for record in session.get("records", ()):
        yield from _record_events(record)
    for usage in session.get("other_resource_usage", ()):
        when = datetime.fromisoformat(usage["used_at"])
        amount = f"{usage.get('resource_quantity', 1)} {usage.get('unit', '')}".strip()
        yield when, "DEBUG", f"{usage['resource_type']} used: {amount}"
    yield from _end_events(session, end)


def _call_events(call: Mapping[str, Any]) -> Iterator[Event]:
    start = datetime.fromisoformat(call["start_time"])
    call_id, reason = call["call_id"], call.get("end_reason") or {}
    code, details = reason.get("code", 200), reason.get("details", "")
    ways = f"{call['local_number']} -> {call['remote_number']}"
    if call["incoming"]:
        ways = f"{call['remote_number']} -> {call['local_number']}"
        yield start, "INFO", f"AppEvents.CallAlerting call_id={call_id} {ways}"
    else:
        kind = {"user": "callUser", "sip": "callSIP"}.get(call["remote_number_type"], "callPSTN")
        yield start, "INFO", f"VoxEngine.{kind}() call_id={call_id} {ways}"
        yield start + timedelta(seconds=1), "DEBUG", f"CallEvents.Ringing call_id={call_id}"
    end = start + timedelta(seconds=call.get("duration") or 2)
    if call["successful"]:
        yield start + timedelta(seconds=1), "INFO", f"CallEvents.Connected call_id={call_id}"
        yield (
            end,
            "INFO",
            f"CallEvents.Disconnected call_id={call_id} code={code} reason={details!r}"
            f" duration={call.get('duration', 0)} cost={call.get('cost', 0)}",
        )
    else:
        level = "ERROR" if code >= 500 else "WARN"
        yield end, level, f"CallEvents.Failed call_id={call_id} code={code} reason={details!r}"


def _record_events(record: Mapping[str, Any]) -> Iterator[Event]:
    start = datetime.fromisoformat(record["start_time"])
    end = start + timedelta(seconds=record.get("duration") or 0)
    record_id = record["record_id"]
    yield start, "INFO", f"RecorderEvents.Started record_id={record_id}"
    yield end, "INFO", f"RecorderEvents.Stopped record_id={record_id} cost={record.get('cost', 0)}"


FINISHES = {
    "JS session error": "ReferenceError: operator is not defined\n    at onCallConnected (main:84)",
    "Internal error (billing timeout)": "billing did not answer within 10 s",
    "Insufficient funds": "the balance does not cover the call",
    "Terminated administratively": "the session was ended from the control panel",
    "Timeout": "no call and no request for 60 s",
}


def _end_events(session: Mapping[str, Any], end: datetime) -> Iterator[Event]:
    reason = session.get("finish_reason")
    if reason is None:
        return  # still running
    if reason in FINISHES:
        yield end, "ERROR", f"{reason}: {FINISHES[reason]}"
    yield end, "INFO", f"AppEvents.Terminating reason={reason!r}"
    yield end, "INFO", f"Session terminated after {session.get('duration', 0)} s"
