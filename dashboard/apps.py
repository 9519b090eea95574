from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        # What people change about their own sign-in is noted wherever it happens.
        # And what workers say in their log, and hand out as metrics.
        from dashboard import logs, observers, scraping  # noqa: F401
        from dashboard.people import noted  # noqa: F401

        observers.start()
