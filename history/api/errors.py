"""How a call of the remote API can fail.

    RemoteError                 whatever went wrong; `method` is the remote method
    ├── Unreachable             no answer we can read; the same call may work later
    │   └── Interrupted         a file stopped half way; `partial` says how far it came
    ├── Refused                 we were understood and told no: `code`, `msg`, `field_name`
    ├── TooManyRows             more rows at one moment than the API lets anyone page through
    └── NotSetUp                there is no usable key here, so nothing was asked

The texts name the method, what happened and where, and never a credential, a telephone number
or custom data: they may be logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Refusals that mean "not now": rate limit exceeded, try later, done a moment ago.
BUSY_CODES = frozenset({340, 162, 515})
# Refusals that are about our credentials rather than about what was asked.
CREDENTIAL_CODES = frozenset({100, 131, 135, 137, 161, 433, 447, 454, 455, 456})
FORBIDDEN = 104
NOT_READY = 356

# The API's own codes for what the media hosts say with an HTTP status.
UNAUTHORISED, FILE_NOT_FOUND = 100, 501


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """What the headers of a file say: enough to go on with it later.

    `length` is its whole size in bytes as transferred, `encoding` is 'gzip' or `None`, `etag`
    names this very version of it.
    """

    length: int | None
    encoding: str | None
    etag: str | None


class RemoteError(Exception):
    """A call failed. `retryable` says that the same call may work later, `retry_after` in how
    many seconds, where the other side named a time."""

    def __init__(
        self, method: str, reason: str, *, retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(method, reason)
        self.method = method
        self.reason = reason
        self.retryable = retryable
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.method}: {self.reason}"


class NotSetUp(RemoteError):
    """There is no usable key here, so nothing was asked; the reason says what to mend."""


class Unreachable(RemoteError):
    """No readable answer: network, time-out, a server error, HTML, or a shape we do not know.

    `sent` says that the request may have reached the API, so what it orders or deletes may
    have happened. `status` is the HTTP status, where there was one. `damaged` says that a file came
    to its end and was not whole, or not the gzip it should be.
    """

    def __init__(
        self,
        method: str,
        reason: str,
        *,
        retryable: bool = True,
        retry_after: float | None = None,
        sent: bool = True,
        status: int | None = None,
        damaged: bool = False,
    ) -> None:
        super().__init__(method, reason, retryable=retryable, retry_after=retry_after)
        self.sent = sent
        self.status = status
        self.damaged = damaged


class Interrupted(Unreachable):
    """A file that stopped half way: `received` of its bytes are stored.

    A later download with `resume=facts` goes on where this one ended.
    """

    def __init__(self, cause: Unreachable, received: int, facts: FileFacts | None) -> None:
        super().__init__(
            cause.method,
            f"{cause.reason} ({received} bytes are stored)",
            retryable=cause.retryable,
            retry_after=cause.retry_after,
            status=cause.status,
            damaged=cause.damaged,
        )
        self.received = received
        self.facts = facts


class Refused(RemoteError):
    """The API answered with an error object: its `code`, its words, the parameter at fault.

    The codes are listed in docs/remote-api.md. For media the HTTP status is told by the code
    that means the same: 100 not authorised, 104 forbidden, 501 file not found.
    """

    def __init__(
        self,
        method: str,
        code: int,
        msg: str,
        field_name: str | None = None,
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(method, msg, retryable=code in BUSY_CODES, retry_after=retry_after)
        self.code = code
        self.msg = msg
        self.field_name = field_name

    def __str__(self) -> str:
        field = f" ({self.field_name})" if self.field_name else ""
        return f"{self.method} was refused with code {self.code}: {self.msg}{field}"

    @classmethod
    def from_wire(
        cls, method: str, body: Mapping[str, Any], retry_after: float | None = None
    ) -> "Refused | None":
        """The refusal inside an answer, or `None`. Of several `errors` the first one counts
        and the others are added to its words."""
        plural = body.get("errors")
        found = [body.get("error"), *(plural if isinstance(plural, list) else [])]
        errors = [error for error in found if isinstance(error, Mapping)]
        if not errors:
            return None
        code, field = errors[0].get("code"), errors[0].get("field_name")
        return cls(
            method,
            code if type(code) is int else 0,
            " ".join(str(error.get("msg") or "no reason given") for error in errors),
            field if isinstance(field, str) else None,
            retry_after=retry_after,
        )


class TooManyRows(RemoteError):
    """Rows that no question reaches, since so many share one second. A report would have them."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(
            method, f"{reason}; narrow the filters, or order a report", retryable=False
        )
