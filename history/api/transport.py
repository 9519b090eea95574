"""HTTP below the client: one pooled session, time-outs, retries, and what a failure means.

Nothing is followed anywhere: a redirect is a failure, so credentials reach the configured host
and no other. `media.py` has the rules for the hosts that keep recordings and logs.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util.retry import Retry

from history.api import wire
from history.api.credentials import Credentials
from history.api.errors import Refused, RemoteError, Unreachable

logger = logging.getLogger("history.api")

# A healthy host accepts within one round trip; 5 s leaves room for a lost packet or two.
CONNECT_TIMEOUT = 5.0
# The slowest synchronous page (1000 sessions with everything) takes seconds, not minutes; what
# needs longer is what reports are for.
READ_TIMEOUT = 30.0
# How long one call may go on trying, pauses included, when a person waits for the page.
RETRY_FOR = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.3, 8.0

# 1000 sessions with calls and records take about 2 MB. Far more is not an answer of this API.
MAX_JSON = 64 * 1024 * 1024
CHUNK = 64 * 1024

# "Not now" said with an HTTP status: too many requests, and what gateways say for a busy server.
BUSY_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Observed:
    """What one attempt came to, for metrics: `result` is `ok`, `unreachable` or `refused 340`."""

    method: str
    seconds: float
    result: str


def nothing(*_: object) -> None:
    """The hook of a caller that wants none."""


class Transport:
    """Sends requests to one API as one account. Safe to share among threads.

    `before_request(method)` runs before each attempt and may wait: the place for a rate limit.
    `request_sent()` runs when a request has left, before its answer is waited for, and must not
    raise. `after_request(Observed)` runs after each attempt.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        connect_timeout: float,
        read_timeout: float,
        retry_for: float,
        ca_bundle: Path | str | None,
        pool_size: int,
        before_request: Callable[[str], None],
        request_sent: Callable[[], None],
        after_request: Callable[[Observed], None],
    ) -> None:
        self.base_url = _checked_base_url(base_url)
        self.credentials = credentials
        self.connect_timeout = connect_timeout
        self.read_timeout = read_timeout
        self.retry_for = retry_for
        self._ca_bundle = _checked_bundle(ca_bundle)
        self._before_request = before_request
        self._after_request = after_request
        self._session = _session(pool_size, request_sent)

    def ask(self, method: str, fields: Mapping[str, str], *, resend: bool) -> Mapping[str, Any]:
        """The JSON object that answers a command. `resend` says that asking twice does no harm.

        Raises Unreachable and Refused.
        """

        def attempt() -> Mapping[str, Any]:
            with self.post(method, fields) as response:
                return self.read_json(method, response)

        return self.persist(method, attempt, resend=resend)

    def post(
        self, method: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """One command sent; the body is still to be read. Raises Unreachable."""
        return self.send(
            method,
            "POST",
            f"{self.base_url}/{method}",
            data={**fields, **self.credentials.fields()},
            headers={**self.credentials.headers(), **(headers or {})},
        )

    def send(
        self,
        method: str,
        verb: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request to `url`, whose host the caller has checked. Raises Unreachable."""
        try:
            return self._session.request(
                verb,
                url,
                data=data,
                headers=dict(headers),
                timeout=(self.connect_timeout, self.read_timeout),
                # Said with each request: REQUESTS_CA_BUNDLE would win over a session's setting.
                verify=self._ca_bundle,
                allow_redirects=False,
                stream=True,
                # Any auth at all keeps requests from looking for one in ~/.netrc.
                auth=_as_it_is,
            )
        except (requests.RequestException, HTTPError) as error:
            raise self.failure(method, error) from None

    def read_json(self, method: str, response: requests.Response) -> Mapping[str, Any]:
        """The object an answer holds. Raises Refused for its error, else Unreachable."""
        answer = self._object(method, response)
        if response.status_code != 200 or answer is None or "error" in answer or "errors" in answer:
            raise self._refused(method, response, answer)
        return answer

    def refusal(self, method: str, response: requests.Response, *, expected: str) -> RemoteError:
        """Why `response` is not what was `expected`: Refused if it says so, else Unreachable."""
        return self._refused(method, response, self._object(method, response), expected)

    def _object(self, method: str, response: requests.Response) -> Mapping[str, Any] | None:
        try:
            answer = wire.loads(self._whole(method, response))
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def _refused(
        self,
        method: str,
        response: requests.Response,
        answer: Mapping[str, Any] | None,
        expected: str = "JSON",
    ) -> RemoteError:
        retry_after = _retry_after(response)
        refused = Refused.from_wire(method, answer, retry_after) if answer else None
        return refused or unreadable(method, response, expected, retry_after)

    def _whole(self, method: str, response: requests.Response) -> bytes:
        parts, size, give_up = [], 0, time.monotonic() + self.read_timeout
        for part in self.chunks(method, response, decode=True):
            parts.append(part)
            size += len(part)
            if size > MAX_JSON:
                reason = f"the answer is longer than {MAX_JSON // 2**20} MB"
                raise Unreachable(method, reason, retryable=False)
            # The time-out of a socket starts anew with each byte that trickles in.
            if time.monotonic() > give_up:
                raise Unreachable(method, f"no whole answer within {self.read_timeout:g} s")
        return b"".join(parts)

    def chunks(
        self, method: str, response: requests.Response, *, decode: bool, size: int = CHUNK
    ) -> Iterator[bytes]:
        """The body as it arrives, unpacked if `decode`. Raises Unreachable when it breaks off."""
        try:
            # Not read(): it waits until a whole chunk is there.
            while chunk := response.raw.read1(size, decode_content=decode):
                yield chunk
        except HTTPError as error:
            raise self.failure(method, error) from None

    def persist[T](self, method: str, attempt: Callable[[], T], *, resend: bool) -> T:
        """What `attempt` returns, tried again with growing pauses while that is safe.

        Safe is what was never sent, and, with `resend`, what only reads.
        """
        give_up = time.monotonic() + self.retry_for
        for pause in pauses():
            try:
                return self._observe(method, attempt)
            except RemoteError as error:
                wait = max(pause, error.retry_after or 0)
                unsent = isinstance(error, Unreachable) and not error.sent
                again = error.retryable and (resend or unsent)
                if not again or time.monotonic() + wait > give_up:
                    raise
                time.sleep(wait)
        raise AssertionError("pauses do not end")  # pragma: no cover

    def _observe[T](self, method: str, attempt: Callable[[], T]) -> T:
        self._before_request(method)
        started, result = time.monotonic(), "failed"
        try:
            answer = attempt()
            result = "ok"
        except RemoteError as error:
            result = f"refused {error.code}" if isinstance(error, Refused) else "unreachable"
            raise
        else:
            return answer
        finally:
            seconds = time.monotonic() - started
            logger.info("%s: %s after %.3f s", method, result, seconds)
            self._after_request(Observed(method, seconds, result))

    def failure(self, method: str, error: Exception) -> Unreachable:
        """What went wrong below HTTP, in words that do not repeat the request."""
        cause = _innermost(error)
        match error:
            case requests.ConnectTimeout():
                reason = f"no connection within {self.connect_timeout:g} s"
                return Unreachable(method, reason, sent=False)
            case requests.Timeout() | ReadTimeoutError():
                return Unreachable(method, f"no answer within {self.read_timeout:g} s")
            case requests.exceptions.SSLError():
                reason = "its certificate cannot be verified; for a private authority name its CA"
                return Unreachable(method, reason, retryable=False, sent=False)
            case requests.exceptions.ProxyError():
                return Unreachable(method, "the proxy cannot be reached", sent=False)
            case DecodeError():
                return Unreachable(method, "the answer cannot be decompressed")
        if isinstance(cause, NameResolutionError):
            return Unreachable(method, "the name of the host is unknown", sent=False)
        if isinstance(cause, NewConnectionError):
            return Unreachable(method, "no connection: refused, or no way there", sent=False)
        return Unreachable(method, "the connection broke off")

    def close(self) -> None:
        self._session.close()


def content_type(response: requests.Response) -> str:
    """The media type alone, without parameters."""
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def unreadable(
    method: str, response: requests.Response, expected: str, retry_after: float | None
) -> Unreachable:
    """An answer that is none: a redirect, a gateway's page, HTML, half of a JSON text."""
    status, kind = response.status_code, content_type(response) or "no content type"
    if 300 <= status < 400:
        reason = f"redirected (HTTP {status}) instead of answered; check the API's address"
        return Unreachable(method, reason, retryable=False, status=status)
    if status == 200:
        reason = f"answered with {kind} that is not {expected}"
        return Unreachable(method, reason, status=status)
    retryable = status in BUSY_STATUSES or status >= 500
    return Unreachable(
        method,
        f"HTTP {status} with {kind}",
        retryable=retryable,
        retry_after=retry_after,
        status=status,
    )


def pauses() -> Iterator[float]:
    """Growing pauses with jitter, so that many clients do not come back at once."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1)  # noqa: S311 (chance, not secrecy)
        pause = min(pause * 2, LONGEST_PAUSE)


def _retry_after(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After")
    if value is None:
        return None
    try:
        return float(Retry().parse_retry_after(value))
    except (HTTPError, ValueError, OverflowError):
        return None


def _innermost(error: Exception) -> object:
    cause = error.args[0] if error.args else None
    return cause.reason if isinstance(cause, MaxRetryError) else cause


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _Telling(HTTPAdapter):
    """Tells when a request has left, which requests itself has no hook for."""

    def __init__(self, sent: Callable[[], None], **options: Any) -> None:
        self._sent = sent
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {
            scheme: _telling(pool, self._sent)
            for scheme, pool in self.poolmanager.pool_classes_by_scheme.items()
        }


def _telling(pool: Any, sent: Callable[[], None]) -> Any:
    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        def getresponse(self) -> Any:
            sent()
            return super().getresponse()

    return type(f"Telling{pool.__name__}", (pool,), {"ConnectionCls": Connection})


def _session(pool_size: int, sent: Callable[[], None]) -> requests.Session:
    session = requests.Session()
    # Retries are ours alone (`persist`): "not now" comes inside of a 200 here.
    adapter = _Telling(sent, pool_connections=4, pool_maxsize=pool_size, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers.update({"User-Agent": "Voxledger", "Accept-Encoding": "gzip"})
    # The API has no cookies; a gateway's would tie accounts together.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _checked_base_url(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query:
        raise ValueError(
            f"'{base_url}' is not the address of an API, such as"
            " https://api.voximplant.com/platform_api"
        )
    return base_url.rstrip("/") if parts.path.strip("/") else f"{base_url.rstrip('/')}/platform_api"


def _checked_bundle(path: Path | str | None) -> str | None:
    if path is not None and not Path(path).exists():
        raise ValueError(f"'{path}' does not exist; name a file with the authorities to trust")
    return str(path) if path else None


class _WithoutQuery(logging.Filter):
    """Takes the query out of the addresses urllib3 logs: it may hold a credential or a number."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQuery())
