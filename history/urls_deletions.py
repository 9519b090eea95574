"""Addresses of deletions, legal holds, retention, and of the trail."""

from django.urls import path

from history.views import deletions, trail

urlpatterns = [
    path("deletions/", deletions.deletions, name="deletions"),
    path("deletions/new/", deletions.new, name="deletion_new"),
    path("deletions/search/", deletions.search, name="deletion_search"),
    path("deletions/holds/", deletions.holds, name="holds"),
    path("deletions/holds/<int:pk>/lift/", deletions.lift, name="hold_lift"),
    path("deletions/retention/", deletions.rules, name="retention"),
    path("deletions/retention/<int:pk>/<slug:action>/", deletions.rule_act, name="retention_act"),
    path("deletions/<int:pk>/", deletions.deletion, name="deletion"),
    path("deletions/<int:pk>/live/", deletions.live, name="deletion_live"),
    path("deletions/<int:pk>/do/<slug:action>/", deletions.act, name="deletion_act"),
    path("deletions/<int:pk>/certificate/", deletions.certificate, name="certificate"),
    path(
        "deletions/<int:pk>/certificate.json", deletions.certificate_json, name="certificate_json"
    ),
    path("trail/", trail.trail, name="trail"),
    path("trail/file/", trail.trail_file, name="trail_file"),
    path("trail/heard/", trail.heard, name="heard"),
    path("trail/heard/<int:record_id>/", trail.who_heard, name="heard_by"),
]
