from django.urls import path

from history import urls_accounts, urls_deletions, urls_reports
from history.views import (
    acd,
    audit,
    calls,
    charts,
    home,
    media,
    people,
    recordings,
    reveal,
    search,
    session,
    transactions,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("search/", search.search, name="search"),
    # /calls/
    path("calls/", calls.calls, name="calls"),
    path("calls/total/", calls.total, name="calls_total"),
    path("calls/chart/", charts.calls, name="calls_chart"),
    path("calls/<int:session_id>/", session.call, name="call"),
    path("calls/<int:session_id>/panel/", session.panel, name="call_panel"),
    path("calls/<int:session_id>/reveal/", reveal.reveal, name="reveal"),
    path("calls/<int:session_id>/charges/", session.charges, name="call_charges"),
    path("calls/<int:session_id>/others/", session.others, name="call_others"),
    # /recordings/
    path("recordings/", recordings.listed, name="recordings"),
    path(
        "recordings/<int:session_id>-<int:record_id>/panel/",
        session.panel,
        name="recording_panel",
    ),
    # /media/: what a sealed reference names, and what is made of it
    path("media/<str:sealed>/", media.file, name="media"),
    path("media/<str:sealed>/renew/", media.renew, name="media_renew"),
    path("media/<str:sealed>/waveform/", media.waveform, name="waveform"),
    path("media/<str:sealed>/player/", media.player, name="player"),
    path("media/<str:sealed>/transcript/", media.transcript, name="transcript"),
    path("media/<str:sealed>/log/", media.log, name="session_log"),
    # /transactions/
    path("transactions/", transactions.transactions, name="transactions"),
    path("transactions/total/", transactions.total, name="transactions_total"),
    path("transactions/chart/", charts.transactions, name="transactions_chart"),
    path("transactions/balances/", transactions.balances, name="transactions_balances"),
    path(
        "transactions/<int:transaction_id>/charged/", transactions.charged_page, name="transaction"
    ),
    path(
        "transactions/<int:transaction_id>/charged/panel/",
        transactions.charged_panel,
        name="transaction_panel",
    ),
    # /acd/
    path("acd/", acd.acd, name="acd"),
    path("acd/total/", acd.total, name="acd_total"),
    path("acd/<int:acd_id>/", acd.session_page, name="acd_session"),
    path("acd/<int:acd_id>/panel/", acd.session_panel, name="acd_session_panel"),
    # /audit/
    path("audit/", audit.audit, name="audit"),
    path("audit/total/", audit.total, name="audit_total"),
    # /settings/
    path("settings/", people.preferences, name="settings"),
    path("settings/zones/", people.zones, name="zones"),
    path("settings/views/", people.save_view, name="save_view"),
    path("settings/views/<int:pk>/delete/", people.delete_view, name="delete_view"),
    *urls_accounts.urlpatterns,
    *urls_deletions.urlpatterns,
    *urls_reports.urlpatterns,
]
