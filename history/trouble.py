"""Remote failures in the reader's words: what happened, what was kept, what to do next."""

from dataclasses import dataclass

from django.utils.translation import gettext as _t
from django_stubs_ext import StrOrPromise

from history.api.client import Refused, RemoteError
from history.api.errors import NotSetUp

# Codes of the API's error list that a person can do something about.
_MONEY = (5, 127)
_RIGHTS = (104,)
_SIGN_IN = (100, 115, 131, 433, 447, 454, 455, 456)
_LATER = (1, 2, 4, 162, 340, 512, 515)
_TOO_LONG = (569,)

# Any of these roles of a service account opens the method, says the vendor's reference.
ROLES_OF_METHODS = {
    "GetCallHistory": ("Owner", "Admin", "Developer", "Supervisor", "Support"),
    "GetBriefCallHistory": ("Owner", "Admin", "Developer", "Supervisor", "Support"),
    "GetHistoryReports": (
        *("Owner", "Admin", "Developer", "Supervisor", "Support"),
        *("Accountant", "Payer"),
    ),
    "DownloadHistoryReport": ("Owner", "Admin", "Supervisor", "Accountant", "Payer"),
    "GetTransactionHistory": ("Owner", "Admin", "Accountant", "Payer"),
    "DeleteRecord": ("Owner", "Admin"),
    "GetACDHistory": ("Owner", "Admin", "Developer", "Supervisor", "User manager"),
    "GetAuditLog": ("Owner",),
}


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What an error page says; `details` is for copying to whoever can help."""

    title: StrOrPromise
    happened: StrOrPromise
    advice: StrOrPromise
    details: str
    can_retry: bool
    method: str
    code: int | None = None

    @property
    def about_key(self) -> bool:
        """Whether who manages accounts can do something about it."""
        return not self.method or self.code in (*_SIGN_IN, *_RIGHTS)


def trouble(error: RemoteError) -> Trouble:
    """The words for a RemoteError."""
    if isinstance(error, Refused):
        title, advice = _refusal(error.method, error.code)
        return Trouble(
            title=title,
            happened=_t("Voximplant answered with code %(code)d: %(msg)s")
            % {"code": error.code, "msg": error.msg},
            advice=advice,
            details=f"{error.method}: {error}",
            can_retry=error.code in _LATER,
            method=error.method,
            code=error.code,
        )
    if isinstance(error, NotSetUp):
        return Trouble(
            title=_t("The Voximplant account is not set up"),
            happened=error.reason,
            advice=_t("Ask whoever runs this installation to mend its settings. Nothing is lost."),
            details=str(error),
            can_retry=False,
            method="",
        )
    return Trouble(
        title=_t("Voximplant cannot be reached"),
        happened=str(error),
        advice=_t("Your filters are kept. Try again, or choose a shorter period."),
        details=f"{error.method}: {error}",
        can_retry=True,
        method=error.method,
    )


def short_words(method: str, code: int) -> str:
    """A failure in a line; `code` is 0 where there was no answer."""
    title = _refusal(method, code)[0] if code else _t("Voximplant cannot be reached")
    return f"{title} ({method}, {code})" if code else f"{title} ({method})"


def _refusal(method: str, code: int) -> tuple[str, str]:
    if code in _RIGHTS:
        return _t("The key may not do this"), _missing_role(method)
    if code in _SIGN_IN:
        return (
            _t("Voximplant does not accept the key"),
            _t("Ask an administrator to check the account's credentials and this server's clock."),
        )
    if code in _MONEY:
        return (
            _t("The account is out of money"),
            _t("Top up the Voximplant account; what is shown here needs no money, calls do."),
        )
    if code in _LATER:
        return (_t("Voximplant is busy"), _t("Nothing is lost. Wait a moment, then try again."))
    if code in _TOO_LONG:
        return (_t("The period is too long"), _t("Choose a shorter period and search again."))
    return (
        _t("Voximplant refused the question"),
        _t("Your filters are kept: change the one that is named, then search again."),
    )


def _missing_role(method: str) -> str:
    roles = ROLES_OF_METHODS.get(method.removesuffix("Async"))
    ask = _t("Ask an owner of the Voximplant account to add it in its control panel.")
    if not roles:
        return _t("The service account lacks a role for this method.") + " " + ask
    *others, last = roles
    named = _t("%(roles)s or %(last)s") % {"roles": ", ".join(others), "last": last}
    needed = _t("The service account needs the role %(role)s for this.") % {
        "role": named if others else last
    }
    return f"{needed} {ask}"
