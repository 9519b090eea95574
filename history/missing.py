"""Why a file of a call is not there, in the reader's words, and what they can do."""

import logging
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _t
from django_stubs_ext import StrOrPromise

from history.api.client import Refused, RemoteError
from history.api.errors import FILE_NOT_FOUND, FORBIDDEN, UNAUTHORISED
from history.media import Kind, Reference

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Missing:
    """components/_unavailable.html, and the status of a page that says nothing else."""

    state: str
    title: StrOrPromise
    text: StrOrPromise
    status: int
    call_url: str
    can_retry: bool = False
    can_renew: bool = False
    retry_after: int = 0


def call_url(found: Reference) -> str:
    return f"{reverse('call', args=[found.session_id])}?on={found.on}"


def missing(found: Reference, error: RemoteError | None) -> Missing:
    """The words for a file that could not be opened; without an error it is known to be gone."""
    if error is None or (isinstance(error, Refused) and error.code == FILE_NOT_FOUND):
        return _gone(found)
    logger.warning("%s of session %d: %s", found.kind, found.session_id, error)
    if isinstance(error, Refused) and error.code in (FORBIDDEN, UNAUTHORISED):
        return Missing(
            state="off",
            title=_t("Voximplant does not let us open this file"),
            text=_not_allowed(found.kind),
            status=502,
            call_url=call_url(found),
        )
    if not error.retryable:
        # Its reason may name the storage's address, which is no page's business.
        return Missing(
            state="failed",
            title=_t("This file cannot be fetched"),
            text=_t("An administrator finds the reason in the server's log."),
            status=502,
            call_url=call_url(found),
        )
    return Missing(
        state="failed",
        title=_t("The storage did not answer"),
        text=_t("Voximplant's storage: %(reason)s. Nothing is lost; try again in a moment.")
        % {"reason": error.reason},
        status=502,
        call_url=call_url(found),
        can_retry=True,
    )


def expired(found: Reference) -> Missing:
    """For a link that was good once: a fresh one is a click away."""
    return Missing(
        state="gone",
        title=_t("This link has expired"),
        text=_t("Links to recordings, transcripts and logs are good for four hours."),
        status=410,
        call_url=call_url(found),
        can_renew=True,
    )


def busy(found: Reference, seconds: int) -> Missing:
    """Too many files are under way; come back in `seconds`."""
    return Missing(
        state="working",
        title=_t("Too many files are being fetched"),
        text=_t("Others are playing or downloading; try again in a moment."),
        status=503,
        call_url=call_url(found),
        can_retry=True,
        retry_after=seconds,
    )


def _gone(found: Reference) -> Missing:
    words = {
        Kind.RECORDING: (
            _t("The recording is gone"),
            _t(
                "It was deleted, or its storage time is over. The call itself stays in the history."
            ),
        ),
        Kind.TRANSCRIPT: (
            _t("The transcript is gone"),
            _t("It was deleted together with its recording, or its storage time is over."),
        ),
        Kind.LOG: (
            _t("The session log is gone"),
            _t("The platform keeps session logs for one month."),
        ),
    }
    title, text = words[found.kind]
    return Missing(state="gone", title=title, text=text, status=404, call_url=call_url(found))


def _not_allowed(kind: Kind) -> str:
    if kind is Kind.LOG:
        return _t(
            "The service account may not read session logs. Ask an owner of the Voximplant"
            " account to give it one of the roles Owner, Developer, Admin, Supervisor or Support."
        )
    return _t("Ask an administrator to check the credentials of the account in the settings.")
