from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        # What people change about their own sign-in is noted wherever it happens.
        from dashboard.people import noted  # noqa: F401
