from history.models.people import Preferences, RecentSearch, SavedView

__all__ = ["Preferences", "RecentSearch", "SavedView"]
