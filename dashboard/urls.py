from django.urls import include, path

from dashboard.views import favicon, healthz

urlpatterns = [
    path("healthz", healthz),
    path("favicon.ico", favicon),
    path("", include("dashboard.people.urls")),
    path("accounts/", include("allauth.urls")),
    path("styleguide/", include("dashboard.styleguide")),
    path("", include("history.urls")),
]
