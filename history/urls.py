from django.urls import path

from history.views import calls, session

urlpatterns = [
    # /calls/
    path("calls/", calls.calls, name="calls"),
    path("calls/total/", calls.total, name="calls_total"),
    path("calls/<int:session_id>/", session.call, name="call"),
    path("calls/<int:session_id>/panel/", session.panel, name="call_panel"),
]
