from django.urls import include, path, re_path

from dashboard import single_sign_on
from dashboard.scraping import metrics
from dashboard.views import favicon, healthz, no_mail, readyz

handler400 = "dashboard.views.bad_request"
handler500 = "dashboard.views.server_error"

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("favicon.ico", favicon),
    path("", include("dashboard.people.urls")),
    # All of allauth's pages that would send mail.
    re_path(r"^accounts/(email|confirm-email|password/reset)/", no_mail),
    # Instead of allauth's own view, which has no words for a provider that does not answer.
    path("accounts/oidc/<str:provider_id>/login/", single_sign_on.start),
    path("accounts/", include("allauth.urls")),
    path("styleguide/", include("dashboard.styleguide")),
    path("", include("history.urls")),
]
