from history.models.accounts import Account, Grant
from history.models.deletions import Deletion, DeletionItem, LegalHold, RetentionRule
from history.models.people import Preferences, RecentSearch, SavedView
from history.models.reports import Copy, Report, Schedule
from history.models.tokens import ApiToken
from history.models.trail import TrailEntry, TrailHead

__all__ = [
    "Account",
    "ApiToken",
    "Copy",
    "Deletion",
    "DeletionItem",
    "Grant",
    "LegalHold",
    "Preferences",
    "RecentSearch",
    "Report",
    "RetentionRule",
    "SavedView",
    "Schedule",
    "TrailEntry",
    "TrailHead",
]
