"""The WSGI program: reads requests in every spelling that clients use, and finds who answers.

/platform_api[/<Method>[/]]     the API
/vox-…                          recordings, transcripts, session logs
/_sandbox/…                     what the sandbox has beyond the API: faults, received requests
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from multipart import MultipartError, parse_form_data

from sandbox import faults as trouble
from sandbox.answers import (
    Answer,
    Fields,
    Refusal,
    Request,
    json_answer,
    read_query,
    text_answer,
)
from sandbox.commands import Commands
from sandbox.credentials import PROOFS, Credentials
from sandbox.faults import BadFault, Connection, Faults, Requests
from sandbox.media import Media
from sandbox.parameters import Rules, is_command
from sandbox.reports import Pace, Reports
from sandbox.state import State
from sandbox.store import Store

logger = logging.getLogger("sandbox")

API = "/platform_api"
CONTROL = "/_sandbox/"
MAX_BODY = 16 * 1024 * 1024
MAX_FIELDS = 20_000


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Where the sandbox keeps things and how it behaves.

    `base_url` begins the links it hands out; `ahead` is how far its clock is from the real one.
    """

    db: Path
    base_url: str
    rules: Rules = Rules()  # noqa: RUF009 - frozen
    pace: Pace = Pace()  # noqa: RUF009 - frozen
    ahead: timedelta = timedelta()

    @property
    def home(self) -> Path:
        return self.db.parent

    @property
    def state_path(self) -> Path:
        return self.db.with_name(f"{self.db.stem}-state.sqlite3")

    @property
    def reports(self) -> Path:
        return self.db.with_name(f"{self.db.stem}-reports")


class Sandbox:
    """The WSGI callable. `stopping` says whether the server is about to stop."""

    def __init__(self, setup: Setup, stopping: Callable[[], bool] = lambda: False) -> None:
        self.setup = setup
        self.stopping = stopping
        self.state = State(setup.state_path)
        self.faults = Faults(self.state)
        self.requests = Requests(self.state)
        self.store = Store(setup.db, base_url=setup.base_url, clock=self.now)
        self.reports = Reports(self.store, self.state, setup.reports, self.now, setup.pace)
        self.credentials = Credentials(self.store, self.state)
        self.media = Media(self.store, self.credentials)
        self.commands = Commands(self.store, self.reports, self.faults, setup.rules, self.now)

    def now(self) -> datetime:
        """The sandbox's present, in which its account lives."""
        return datetime.now(UTC) + self.setup.ahead + timedelta(seconds=self.faults.clock_shift())

    def token_time(self) -> float:
        """The Unix time tokens are checked against: the real one, unless a fault shifts it."""
        return time.time() + self.faults.clock_shift()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = _request(environ)
        if request.path.startswith(CONTROL):
            answer = self._control(request, environ)
        else:
            answer = self._answer(request, environ)
        headers = [("Content-Type", answer.content_type), *answer.headers.items()]
        if answer.length is not None:
            headers.append(("Content-Length", str(answer.length)))
        start(answer.status_line, headers)
        return () if request.verb == "HEAD" else answer.body

    # The API and its files

    def _answer(self, request: Request, environ: WSGIEnvironment) -> Answer:
        refused = _read_body(request, environ)
        method = _method(request)
        request_id = self.requests.add(_entry(request, method))
        connection = Connection(environ["gunicorn.socket"], self.stopping)
        faults = self.faults.take(method, request)
        answer = trouble.before(faults, connection)
        if answer is None:
            answer = refused or self._answer_truly(request, method, environ)
        self.requests.answered(request_id, {"status": answer.status, "code": answer.error_code})
        return trouble.spoil(faults, answer, connection)

    def _answer_truly(
        self, request: Request, method: str | None, environ: WSGIEnvironment
    ) -> Answer:
        try:
            if not _is_api(request.path):
                return self.media.answer(request, self.token_time())
            return self._command(request, method, environ)
        except Refusal as refusal:
            return refusal.as_answer()
        except Exception:
            logger.exception("%s %s failed", request.verb, request.path)
            return Refusal(2, "Internal error.").as_answer()

    def _command(self, request: Request, method: str | None, environ: WSGIEnvironment) -> Answer:
        if request.verb not in ("GET", "POST"):
            answer = text_answer(405, "Method not allowed\n")
            answer.headers["Allow"] = "GET, POST"
            return answer
        if not method:
            raise Refusal(102, "The 'cmd' parameter is missing.", "cmd")
        if not is_command(method):
            raise Refusal(103, f"Unknown command '{method}'.", "cmd")
        caller = self.credentials.caller(request, self.token_time())
        return self.commands.answer(method, caller, request, environ.get("REMOTE_ADDR", ""))

    # What is under /_sandbox/

    def _control(self, request: Request, environ: WSGIEnvironment) -> Answer:
        noun, _, rest = request.path.removeprefix(CONTROL).strip("/").partition("/")
        try:
            match request.verb, noun, rest:
                case "GET", "", "":
                    return json_answer(self._about())
                case "POST", "reset", "":
                    return json_answer(self._reset())
                case "GET", "requests", "":
                    last = request.field("last") or str(trouble.KEPT_REQUESTS)
                    return json_answer(self.requests.listed(int(last)))
                case "DELETE", "requests", "":
                    self.requests.clear()
                    return json_answer({"result": 1})
                case "GET", "faults", "":
                    return json_answer(self.faults.listed())
                case "POST", "faults", "":
                    return json_answer(self.faults.add(_read_json(environ)), status=201)
                case "DELETE", "faults", _:
                    return json_answer({"removed": self.faults.clear(int(rest) if rest else None)})
        except (BadFault, ValueError) as problem:
            return json_answer({"problem": str(problem)}, status=400)
        return json_answer({"problem": f"no {request.verb} {request.path} here"}, status=404)

    def _about(self) -> dict[str, Any]:
        return {
            "api": self.setup.base_url + API,
            "now": self.now().isoformat(timespec="seconds"),
            "faults": len(self.faults.listed()),
            "strict": self.setup.rules.strict,
        }

    def _reset(self) -> dict[str, Any]:
        """As freshly seeded: no faults, no reports, nothing received, nothing deleted."""
        self.faults.clear()
        self.requests.clear()
        self.reports.clear()
        self.store.restore()
        return {"result": 1}


def _request(environ: WSGIEnvironment) -> Request:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
    }
    query = environ.get("QUERY_STRING", "")
    return Request(
        verb=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
        query=query,
        headers=headers,
        fields=read_query(query),
    )


def _read_body(request: Request, environ: WSGIEnvironment) -> Answer | None:
    """Adds the body's fields, which win over the query's; the refusal of an unreadable body."""
    try:
        request.fields.update(_body_fields(environ))
    except (MultipartError, ValueError) as problem:
        return Refusal(101, f"The request's body cannot be read: {problem}").as_answer()
    return None


def _body_fields(environ: WSGIEnvironment) -> Fields:
    content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        forms, _ = parse_form_data(
            environ,
            ignore_errors=False,
            part_limit=MAX_FIELDS,
            memory_limit=MAX_BODY,
            disk_limit=0,
            buffer_size=MAX_BODY,
        )
        return {name: forms.getall(name) for name in forms}
    body = _whole_body(environ)
    if content_type == "application/json":
        return _json_fields(body)
    if content_type in ("", "application/x-www-form-urlencoded"):
        return read_query(body.decode(errors="replace"))
    return {}


def _whole_body(environ: WSGIEnvironment) -> bytes:
    # Without a Content-Length the server's stream ends where the chunked body ends.
    body: bytes = environ["wsgi.input"].read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise ValueError(f"it is longer than {MAX_BODY} bytes")
    return body


def _json_fields(body: bytes) -> Fields:
    """A JSON object's members as the texts a form would have sent."""
    if not body.strip():
        return {}
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("a JSON body has to be an object")
    return {
        name: [_as_text(element) for element in (given if isinstance(given, list) else [given])]
        for name, given in value.items()
        if given is not None
    }


def _as_text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()  # a lone surrogate is not text


def _read_json(environ: WSGIEnvironment) -> object:
    try:
        value: object = json.loads(_whole_body(environ))
    except ValueError as problem:
        raise BadFault(f"the body is not JSON: {problem}") from None
    return value


def _is_api(path: str) -> bool:
    return path == API or path.startswith(API + "/")


def _method(request: Request) -> str | None:
    """The command: of the path, or `cmd`. `None` for a file and for a request without one."""
    if not _is_api(request.path):
        return None
    return request.path.removeprefix(API).removeprefix("/").removesuffix("/") or request.field(
        "cmd"
    )


def _entry(request: Request, method: str | None) -> Mapping[str, Any]:
    """A received request as `/_sandbox/requests` shows it: without what proves who sent it."""
    hidden = {name: "***" for name in ("authorization", "cookie") if name in request.headers}
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "verb": request.verb,
        "path": request.path,
        "method": method,
        "params": {
            name: "***" if name in PROOFS else values[0] if len(values) == 1 else values
            for name, values in request.fields.items()
            if name != "cmd"
        },
        "headers": {**request.headers, **hidden},
    }
