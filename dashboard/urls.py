from django.urls import include, path

from dashboard import single_sign_on
from dashboard.views import favicon, healthz

urlpatterns = [
    path("healthz", healthz),
    path("favicon.ico", favicon),
    path("", include("dashboard.people.urls")),
    # Instead of allauth's own view, which has no words for a provider that does not answer.
    path("accounts/oidc/<str:provider_id>/login/", single_sign_on.start),
    path("accounts/", include("allauth.urls")),
    path("styleguide/", include("dashboard.styleguide")),
    path("", include("history.urls")),
]
