from django.urls import include, path

from dashboard.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("accounts/", include("allauth.urls")),
    path("styleguide/", include("dashboard.styleguide")),
    path("", include("history.urls")),
]
