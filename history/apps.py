from django.apps import AppConfig


class HistoryConfig(AppConfig):
    name = "history"

    def ready(self) -> None:
        # Signing in is noted wherever it happens.
        from history import trail  # noqa: F401
