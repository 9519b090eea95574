"""Addresses of reports: their pages, and what scripts use."""

from django.urls import path

from history.views import api, downloads, exports, reports, schedules, tokens

urlpatterns = [
    path("reports/", reports.reports, name="reports"),
    path("reports/new/", exports.new, name="report_new"),
    path("reports/now/", exports.now, name="report_now"),
    path("reports/tray/", reports.tray, name="report_tray"),
    path("reports/platform/", exports.platform, name="report_platform"),
    path("reports/schedules/", schedules.schedules, name="schedules"),
    path("reports/schedules/new/", schedules.new, name="schedule_new"),
    path("reports/schedules/<int:pk>/<slug:deed>/", schedules.act, name="schedule_act"),
    path("reports/<int:pk>/", reports.report, name="report"),
    path("reports/<int:pk>/row/", reports.row, name="report_row"),
    path("reports/<int:pk>/live/", reports.live, name="report_live"),
    path("reports/<int:pk>/file/", downloads.report_file, name="report_file"),
    path("reports/<int:pk>/file/<slug:format>/", downloads.copy_file, name="report_copy"),
    path("reports/<int:pk>/make/<slug:format>/", reports.make_copy, name="report_make_copy"),
    path("reports/<int:pk>/do/<slug:deed>/", reports.act, name="report_act"),
    # Scripts
    path("settings/tokens/", tokens.tokens, name="tokens"),
    path("settings/tokens/<int:pk>/withdraw/", tokens.withdraw, name="token_withdraw"),
    path("api/reports/", api.reports, name="api_reports"),
    path("api/reports/<int:pk>/", api.report, name="api_report"),
    path("api/reports/<int:pk>/file/", api.file, name="api_report_file"),
]
