"""The places of the dashboard, in the order of the rail."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from history.permissions import Right


@dataclass(frozen=True, kw_only=True)
class Place:
    label: StrOrPromise
    url: str
    icon: str
    right: Right | None = None  # without it the place is not offered

    def holds(self, path: str) -> bool:
        """Whether the page at `path` belongs here."""
        return path == self.url or (self.url != "/" and path.startswith(self.url))


PLACES = (
    Place(label=_("Home"), url="/", icon="home"),
    Place(label=_("Calls"), url="/calls/", icon="phone", right=Right.CALLS),
    Place(label=_("Recordings"), url="/recordings/", icon="mic", right=Right.RECORDINGS),
    Place(label=_("Transactions"), url="/transactions/", icon="wallet", right=Right.TRANSACTIONS),
    Place(label=_("ACD"), url="/acd/", icon="queue", right=Right.ACD),
    Place(label=_("Audit log"), url="/audit/", icon="shield", right=Right.AUDIT),
    Place(label=_("Reports"), url="/reports/", icon="file", right=Right.EXPORT),
    Place(label=_("Deletions"), url="/deletions/", icon="trash", right=Right.TRAIL),
    Place(label=_("Trail"), url="/trail/", icon="eye", right=Right.TRAIL),
    Place(label=_("People"), url="/people/", icon="user", right=Right.PEOPLE),
    Place(label=_("Settings"), url="/settings/", icon="settings"),
)
