"""Addresses of deletions, legal holds, retention, and of the trail."""

from django.urls import path

from history.views import trail

urlpatterns = [
    path("trail/", trail.trail, name="trail"),
    path("trail/file/", trail.trail_file, name="trail_file"),
    path("trail/heard/", trail.heard, name="heard"),
    path("trail/heard/<int:record_id>/", trail.who_heard, name="heard_by"),
]
