from history.models.people import Preferences, RecentSearch, SavedView
from history.models.reports import Copy, Report, Schedule
from history.models.tokens import ApiToken
from history.models.trail import TrailEntry, TrailHead

__all__ = [
    "ApiToken",
    "Copy",
    "Preferences",
    "RecentSearch",
    "Report",
    "SavedView",
    "Schedule",
    "TrailEntry",
    "TrailHead",
]
