"""Recordings, transcripts and session logs: files on hosts of their own.

Their addresses come out of answers, so they are not trusted: only listed hosts are asked, only
over https (or on this machine, or where the API itself is), and a redirect is followed only to
where the address itself could have led. Open files are asked for without credentials; where
that is refused (401) the token goes along, and from then on at once for files beside it.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit, urlunsplit

import requests

from history.api.errors import FILE_NOT_FOUND, FORBIDDEN, UNAUTHORISED, Refused, Unreachable
from history.api.transport import Transport

METHOD = "media"  # what errors and metrics call it: there is no remote method of that name

VENDOR_HOSTS = (".voximplant.com",)
MAX_REDIRECTS = 3
LITTLE, PATIENCE = 256 * 1024, 0.5  # bytes, seconds
MAX_PLACES = 1000  # buckets to remember; an account has a handful
# Printable ASCII without the backslash, which some readers of addresses take for a slash.
PLAIN = re.compile(r"[!-\[\]-~]+", re.ASCII)
REFUSALS: Mapping[int, tuple[int, str]] = {
    401: (UNAUTHORISED, "the credentials may not open this file"),
    403: (FORBIDDEN, "the account's role may not open this file"),
    404: (FILE_NOT_FOUND, "there is no such file, or it has been deleted"),
    410: (FILE_NOT_FOUND, "the file has been deleted"),
}


class Media:
    """An open file. `status` is 200, 206, or 416 for a range outside of it; `headers` are those
    that say what the body is. Iterate `chunks()`; close it, or use it in a `with`."""

    PASSED_ON = (
        "Content-Type",
        "Content-Length",
        "Content-Range",
        "Accept-Ranges",
        "ETag",
        "Last-Modified",
    )

    def __init__(self, transport: Transport, response: requests.Response) -> None:
        self._transport = transport
        self._response = response
        self.status = response.status_code
        self.headers = {
            name: response.headers[name] for name in self.PASSED_ON if name in response.headers
        }

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives. Raises Unreachable when it breaks off."""
        return self._transport.chunks(METHOD, self._response, decode=False)

    def close(self) -> None:
        """Reads what little is left, so that the next part comes over the same connection: to
        connect anew takes two or three ways to the host and back, and a listener waits for it."""
        left = self._response.raw.length_remaining
        if left and left <= LITTLE:
            give_up = time.monotonic() + PATIENCE
            with suppress(Unreachable):
                for _chunk in self.chunks():
                    if time.monotonic() > give_up:
                        break
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class MediaHosts:
    """Opens files. `allowed` lists hosts: `files.example`, `files.example:8443`, or
    `.example` for every host below it; the API's own host always is."""

    def __init__(self, transport: Transport, allowed: Sequence[str]) -> None:
        self._transport = transport
        self._allowed = tuple(host.lower().removeprefix("*") for host in allowed)
        self._api = urlsplit(transport.base_url)
        self._secure: set[str] = set()

    def open(
        self,
        url: str,
        *,
        range_header: str | None = None,
        record_id: int | None = None,
        head: bool = False,
    ) -> Media:
        """The file at `url`, or a part of it. Raises Refused and Unreachable."""
        headers = {"Accept-Encoding": "identity"}
        if range_header:
            headers["Range"] = range_header
        target = self._checked(_with_record_id(url, record_id))
        return self._transport.persist(
            METHOD, lambda: self._open(target, "HEAD" if head else "GET", headers), resend=True
        )

    def _open(self, url: str, verb: str, headers: Mapping[str, str]) -> Media:
        for _ in range(1 + MAX_REDIRECTS):
            response = self._send(url, verb, headers)
            location = response.headers.get("Location")
            if not (300 <= response.status_code < 400 and location):
                return self._opened(response)
            response.close()
            url = self._checked(urljoin(url, location))
        raise Unreachable(METHOD, f"more than {MAX_REDIRECTS} redirects", retryable=False)

    def _send(self, url: str, verb: str, headers: Mapping[str, str]) -> requests.Response:
        place = _place(url)
        if place not in self._secure:
            response = self._transport.send(METHOD, verb, url, headers=headers)
            if response.status_code != 401:
                return response
            response.close()
        credentials = self._transport.credentials
        response = self._transport.send(
            METHOD,
            verb,
            _with_query(url, credentials.fields()),
            headers={**headers, **credentials.headers()},
        )
        if response.status_code != 401 and len(self._secure) < MAX_PLACES:
            self._secure.add(place)
        return response

    def _opened(self, response: requests.Response) -> Media:
        status = response.status_code
        if status in (200, 206, 416):
            return Media(self._transport, response)
        with response:
            if status in REFUSALS:
                raise Refused(METHOD, *REFUSALS[status])
            raise self._transport.refusal(METHOD, response, expected="a file")

    def _checked(self, url: str) -> str:
        """The address, if it may be asked. Raises Unreachable, which names the host."""
        try:
            parts = urlsplit(url)
            is_plain = PLAIN.fullmatch(url) and parts.hostname and parts.username is None
            port = parts.port
        except ValueError:
            is_plain, port = None, None
        if not is_plain:
            raise Unreachable(METHOD, "its address is malformed", retryable=False, sent=False)
        if not self._is_allowed(parts, port):
            where = f"{parts.scheme}://{parts.netloc}"
            reason = f"{where} is not on the list of media hosts, or not https"
            raise Unreachable(METHOD, reason, retryable=False, sent=False)
        return url

    def _is_allowed(self, parts: SplitResult, port: int | None) -> bool:
        if (parts.scheme, parts.netloc.lower()) == (self._api.scheme, self._api.netloc.lower()):
            return True
        host = parts.hostname or ""
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
            return False
        names = {host if port is None else f"{host}:{port}"}
        if parts.scheme == "https" and port == 443:
            names.add(host)
        return any(
            name == entry or (entry.startswith(".") and name.endswith(entry))
            for name in names
            for entry in self._allowed
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _place(url: str) -> str:
    """Host and bucket: what is kept secure as a whole."""
    parts = urlsplit(url)
    return f"{parts.netloc}/{parts.path.split('/')[1] if '/' in parts.path else ''}"


def _with_record_id(url: str, record_id: int | None) -> str:
    return url if record_id is None else _with_query(url, {"record_id": str(record_id)})


def _with_query(url: str, fields: Mapping[str, str]) -> str:
    if not fields:
        return url
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(fields))))
    return urlunsplit(parts._replace(query=query))
