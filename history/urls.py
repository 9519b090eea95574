from django.urls import path

from history.views import calls, people, search, session

urlpatterns = [
    path("search/", search.search, name="search"),
    # /calls/
    path("calls/", calls.calls, name="calls"),
    path("calls/total/", calls.total, name="calls_total"),
    path("calls/<int:session_id>/", session.call, name="call"),
    path("calls/<int:session_id>/panel/", session.panel, name="call_panel"),
    # /settings/
    path("settings/", people.preferences, name="settings"),
    path("settings/zones/", people.zones, name="zones"),
    path("settings/views/", people.save_view, name="save_view"),
    path("settings/views/<int:pk>/delete/", people.delete_view, name="delete_view"),
]
