"""Reports by the calendar: what is ordered, when next, what came of the last time."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history.fields import ZoneField
from history.middleware import Request
from history.models.reports import Kind, Schedule
from history.permissions import Right, demand, needs
from history.reports import access
from history.reports.drafts import FORMS, OWN, PAGES, Draft, without
from history.reports.schedules import next_run
from history.reports.shown import Shown
from history.views.lists import defaults

_NOT_KEPT = ("period", "from_date", "to_date", "timezone", "offset", "after", "skipped", "call")


class ScheduleForm(forms.ModelForm[Schedule]):
    zone = ZoneField(label=_("Time zone"))
    hour = forms.TypedChoiceField(
        label=_("At"), coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)]
    )

    class Meta:
        model = Schedule
        fields = ("cadence", "hour", "zone", "shared")
        labels = {  # noqa: RUF012
            "cadence": _("How often"),
            "shared": _("Others who may order such reports see them too"),
        }

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"]
        if zone == "auto":
            raise forms.ValidationError(_("Choose a zone by name here, such as Europe/Berlin."))
        return zone


@require_safe
@needs(Right.EXPORT)
def schedules(request: Request) -> HttpResponse:
    mine = Schedule.here.filter(owner_id=request.user.pk).prefetch_related("reports")
    rows = [
        {
            "schedule": schedule,
            "last": (last := schedule.reports.order_by("-created").first()) and Shown(last),
            "list_url": f"{reverse(PAGES[schedule.kind])}?{schedule.query}",
        }
        for schedule in mine
    ]
    return render(request, "history/report_schedules.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.EXPORT)
def new(request: Request) -> HttpResponse:
    """A schedule for the filters of the query; its period comes from the calendar."""
    kind = request.GET.get("kind", "")
    if kind not in FORMS:
        raise Http404
    demand(request.user, access.SHOWS[kind])
    filters = without(request.GET, *OWN, *_NOT_KEPT)
    draft = Draft(kind=kind, query=filters, defaults=defaults(request))
    schedule = Schedule(
        owner=cast(User, request.user),
        kind=kind,
        query=filters.urlencode(),
        zone=request.prefs.zone_name,
        next_run=timezone.now(),
    )
    form = ScheduleForm(request.POST or None, instance=schedule)
    if request.method == "POST" and form.is_valid() and draft.valid:
        schedule = form.save(commit=False)
        schedule.next_run = next_run(schedule, timezone.now())
        schedule.save()
        messages.success(request, _t("The report will be ordered by itself from now on."))
        return redirect("schedules")
    context: dict[str, Any] = {
        "form": form,
        "draft": draft,
        "kind": Kind(kind),
        "chips": draft.form.chips() if draft.valid else [],
        "invalid": not draft.valid,
    }
    return render(request, "history/report_schedule.html", context)


@require_POST
@needs(Right.EXPORT)
def act(request: Request, pk: int, deed: str) -> HttpResponse:
    """pause, resume, delete."""
    schedule = get_object_or_404(Schedule.here, pk=pk, owner_id=request.user.pk)
    match deed:
        case "pause":
            Schedule.objects.filter(pk=pk).update(enabled=False)
            messages.info(request, _t("Paused."))
        case "resume":
            # What was missed on purpose is not made up for.
            following = next_run(schedule, timezone.now())
            Schedule.objects.filter(pk=pk).update(enabled=True, note="", next_run=following)
            messages.info(request, _t("It runs again."))
        case "delete":
            schedule.delete()
            messages.info(request, _t("Deleted. The reports it made stay."))
        case _:
            raise Http404
    return redirect("schedules")
