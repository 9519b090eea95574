"""Deletions: what goes, the order, its progress, its certificate; legal holds and retention."""

import json
import secrets
from collections.abc import Sequence
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from history import masking
from history.api.replies import CallSessionInfoType
from history.connection import connect
from history.deletions import ordering, retention
from history.deletions.certificate import items_of, not_erased
from history.deletions.finding import item_of, marked
from history.deletions.tasks import send
from history.forms_deletions import (
    ConfirmForm,
    HoldForm,
    RetentionForm,
    SearchForm,
    chosen,
)
from history.listing import Link
from history.middleware import Request
from history.models.deletions import (
    RETRIABLE,
    STOPPABLE,
    Deletion,
    DeletionItem,
    Fate,
    LegalHold,
    RetentionRule,
    State,
    totals,
)
from history.models.trail import Action
from history.permissions import Right, demand, may, needs
from history.templatetags.show import moment, phone
from history.trail import masked, note
from history.views.lists import paged
from history.views.session import NoSession, find

PER_PAGE = 50
SHOWN = 100  # of the recordings of an order, on its page

GROUPS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "": (_("All"), tuple(State.values)),
    "open": (_("Not over"), (*STOPPABLE, State.STOPPING)),
    "done": (_("Done"), (State.DONE,)),
    "cancelled": (_("Cancelled"), (State.CANCELLED, State.LOST)),
}
TONES = {
    State.FINDING: "info",
    State.DRAFT: "warn",
    State.UNAPPROVED: "warn",
    State.WAITING: "warn",
    State.RUNNING: "info",
    State.STOPPING: "warn",
    State.DONE: "good",
    State.LOST: "bad",
}
FATES = {
    Fate.DELETED: "good",
    Fate.REFUSED: "bad",
    Fate.FAILED: "bad",
    Fate.HELD: "warn",
    Fate.STAYED: "warn",
    Fate.WAITING: "quiet",
}


@require_safe
@needs(Right.TRAIL)
def deletions(request: Request) -> HttpResponse:
    group = request.GET.get("state", "")
    found = Deletion.here.filter(state__in=GROUPS.get(group, GROUPS[""])[1])
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": [
            {"order": order, "tone": TONES.get(State(order.state), "quiet"), **_counts(order)}
            for order in page
        ],
        "pager": paged(request, page),
        "tabs": [
            Link(label=label, url=f"?state={name}", current=name == group)
            for name, (label, _states) in GROUPS.items()
        ],
        "filtered": bool(group),
    }
    return render(request, "history/deletions.html", context)


def _counts(order: Deletion) -> dict[str, Any]:
    items = order.items.all()
    whole = items.count()
    waiting = items.filter(fate=Fate.WAITING).count()
    settled = whole - waiting
    return {
        "whole": whole,
        "waiting": waiting,
        "settled": settled,
        "deleted": items.filter(fate=Fate.DELETED).count(),
        "percent": round(100 * settled / whole) if whole else 0,
    }


# Chosen recordings


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.DELETE)
def new(request: Request) -> HttpResponse:
    """Without recordings the search for many; with them what goes, and the form that orders it."""
    said = request.POST if request.method == "POST" else request.GET
    try:
        pairs = chosen(said.getlist("record"), said.getlist("session"))
    except ValidationError as error:
        messages.error(request, error.messages[0])
        pairs = []
    if not pairs:
        return render(request, "history/deletion_new.html", {"form": _search_form(request)})
    if request.method == "POST" and (made := Deletion.here.filter(key=_key(request)).first()):
        return _ordered_already(request, made.pk)
    items, unknown = _look_up(pairs)
    going = [item for item in items if item.fate == Fate.WAITING]
    form = ConfirmForm(
        request.POST if request.method == "POST" else None,
        count=len(going),
        initial={"order_key": secrets.token_hex(16)},
    )
    if request.method == "POST" and going and form.is_valid():
        return _order_chosen(request, items, form)
    context = _preview(items, going) | {
        "form": form,
        "unknown": unknown,
        "fields": [("record", f"{session}-{record}") for session, record in pairs],
    }
    return render(request, "history/deletion_chosen.html", context)


def _look_up(pairs: Sequence[tuple[int, int]]) -> tuple[list[DeletionItem], list[int]]:
    """The recordings as they are now, marked; and those that the platform does not know."""
    items, unknown = [], []
    sessions: dict[int, CallSessionInfoType | None] = {}
    for session_id, record_id in pairs:
        if session_id not in sessions:
            try:
                with masking.lifted():  # a legal hold names whole numbers
                    sessions[session_id] = find(session_id, None)
            except NoSession:
                sessions[session_id] = None
        session = sessions[session_id]
        records = session.records if session is not None else ()
        record = next((r for r in records if r.record_id == record_id), None)
        if session is None or record is None:
            unknown.append(record_id)
        else:
            items.append(item_of(session, record))
    return marked(items), unknown


def _preview(items: Sequence[DeletionItem], going: Sequence[DeletionItem]) -> dict[str, Any]:
    """What goes and what stays, for a preview of items that are not kept yet."""
    return {
        "going": {
            "count": len(going),
            "sessions": len({item.session_id for item in going}),
            "seconds": sum(item.duration or 0 for item in going),
            "transcripts": sum(item.transcript for item in going),
        },
        "items": [_shown(item) for item in items[:SHOWN]],
        "more": max(0, len(items) - SHOWN),
        "not_erased": not_erased(),
        "delay": settings.DELETION_DELAY_MINUTES,
        "needs_approval": settings.DELETION_NEEDS_APPROVAL,
    }


def _shown(item: DeletionItem) -> dict[str, Any]:
    fate = Fate(item.fate)
    return {"item": item, "label": fate.label, "tone": FATES.get(fate, "quiet")}


def _order_chosen(
    request: Request, items: Sequence[DeletionItem], form: ConfirmForm
) -> HttpResponse:
    user = cast(User, request.user)
    with transaction.atomic():
        order, made = Deletion.objects.get_or_create(
            key=_key(request) or secrets.token_hex(),
            defaults={
                "number": connect().account_id,
                "owner": user,
                "ordered_by": user.get_username(),
            },
        )
        if made:
            for item in items:
                item.order = order
                if item.fate in (Fate.HELD, Fate.ELSEWHERE):
                    item.numbers, item.settled = [], timezone.now()
            DeletionItem.objects.bulk_create(items)
            ordering.place(order, request, form.cleaned_data["reason"])
            send(order)
    return redirect("deletion", order.pk) if made else _ordered_already(request, order.pk)


def _key(request: Request) -> str:
    """One showing of the form: pressed twice, it makes one order."""
    key = request.POST.get("order_key", "")[:40]
    return f"{request.user.pk}-{key}" if key else ""


def _ordered_already(request: Request, pk: int) -> HttpResponse:
    messages.info(request, _t("This was ordered already; nothing is deleted twice."))
    return redirect("deletion", pk)


# Searched recordings


def _search_form(request: Request) -> SearchForm:
    return SearchForm(
        request.POST if request.method == "POST" and "scope" in request.POST else None,
        zone=request.prefs.zone_name,
        region=request.prefs.region or None,
    )


@require_POST
@needs(Right.DELETE)
def search(request: Request) -> HttpResponse:
    """A draft that looks for everything that is meant; nothing goes before it is confirmed."""
    form = _search_form(request)
    if not form.is_valid():
        return render(request, "history/deletion_new.html", {"form": form})
    user = cast(User, request.user)
    with transaction.atomic():
        order = Deletion.objects.create(
            number=connect().account_id,
            state=State.FINDING,
            owner=user,
            ordered_by=user.get_username(),
            **form.wanted(),
        )
        note(
            request,
            Action.SEARCH,
            "deletion",
            order.pk,
            scope=order.scope,
            numbers=[masked(number) for number in order.numbers],
            application=order.application,
        )
        send(order)
    return redirect("deletion", order.pk)


# One order


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.TRAIL)
def deletion(request: Request, pk: int) -> HttpResponse:
    """The order; a POST confirms a draft."""
    order = get_object_or_404(Deletion.here, pk=pk)
    if order.state == State.DRAFT:
        return _draft(request, order)
    if request.method == "POST":
        return _ordered_already(request, pk)
    return render(request, "history/deletion.html", _page(request, order))


def _draft(request: Request, order: Deletion) -> HttpResponse:
    items = marked(order.items.filter(fate=Fate.WAITING), order)
    going = [item for item in items if item.fate == Fate.WAITING]
    form = ConfirmForm(request.POST if request.method == "POST" else None, count=len(going))
    if request.method == "POST":
        demand(request.user, Right.DELETE)
        if going and form.is_valid():
            return _confirm(request, order, form)
    if not form.is_bound:
        form.initial["reason"] = order.reason
    # What stays is shown first: of thousands nobody looks through all.
    items.sort(key=lambda item: item.fate == Fate.WAITING)
    context = _preview(items, going) | {
        "form": form,
        "order": order,
        "may_order": may(request.user, Right.DELETE),
    }
    return render(request, "history/deletion_draft.html", context)


def _confirm(request: Request, order: Deletion, form: ConfirmForm) -> HttpResponse:
    user = cast(User, request.user)
    try:
        with transaction.atomic():
            Deletion.objects.filter(pk=order.pk, state=State.DRAFT).update(
                owner=user, ordered_by=user.get_username()
            )
            ordering.place(order, request, form.cleaned_data["reason"])
            send(order)
    except ordering.TooLate:
        return _ordered_already(request, order.pk)
    return redirect("deletion", order.pk)


def _page(request: Request, order: Deletion) -> dict[str, Any]:
    user = cast(User, request.user)
    items = order.items.all()
    page = Paginator(items, SHOWN).get_page(request.GET.get("page"))
    fates = [
        {"label": fate.label, "count": count, "note": "", "value": count}
        for fate in Fate
        if (count := items.filter(fate=fate).count())
    ]
    own = order.owner_id == user.pk
    return {
        "order": order,
        "tone": TONES.get(State(order.state), "quiet"),
        "stats": fates,
        "sums": totals(items),
        **_counts(order),
        "items": [_shown(item) for item in page],
        "pager": paged(request, page),
        "facts": _facts(order),
        "not_erased": not_erased(),
        "may_cancel": order.state in STOPPABLE and may(user, Right.DELETE),
        "may_approve": order.state == State.UNAPPROVED and may(user, Right.APPROVE) and not own,
        "own": own,
        "may_retry": order.state == State.DONE
        and may(user, Right.DELETE)
        and items.filter(fate__in=RETRIABLE).exists(),
    }


def _facts(order: Deletion) -> list[dict[str, Any]]:
    shown = [phone(masking.hidden_number(number)) for number in order.numbers]
    numbers = format_html_join(", ", "{}", ((number,) for number in shown))
    said: list[tuple[Any, Any]] = [
        (_("What"), order.get_scope_display()),
        (_("Numbers"), numbers),
        (_("Application"), order.application),
        (pgettext_lazy("period", "From"), order.from_date and moment(order.from_date)),
        (_("Until"), order.to_date and moment(order.to_date)),
        (_("Reason"), masking.hidden(order.reason)),
        (_("Ordered by"), order.ordered_by),
        (_("Ordered"), order.ordered and moment(order.ordered)),
        (_("Approved by"), order.approved_by),
        (_("Cancelled by"), order.cancelled_by),
        (_("Ended"), order.ended and moment(order.ended)),
        (_("Account"), str(order.number)),
    ]
    return [{"label": label, "value": value} for label, value in said if value]


@require_safe
@needs(Right.TRAIL)
def live(request: Request, pk: int) -> HttpResponse:
    """The part of the order's page that moves; when it is over the whole page is shown anew."""
    order = get_object_or_404(Deletion.here, pk=pk)
    if order.moving:
        return render(request, "history/_deletion_live.html", _page(request, order))
    response = HttpResponse(status=204)
    response.headers["HX-Refresh"] = "true"
    return response


@require_POST
@needs(Right.TRAIL)
def act(request: Request, pk: int, action: str) -> HttpResponse:
    """approve, cancel, retry: each with the right it needs."""
    order = get_object_or_404(Deletion.here, pk=pk)
    if action not in ACTIONS:
        raise Http404
    right, work = ACTIONS[action]
    demand(request.user, right)
    try:
        messages.success(request, work(request, order))
    except ordering.OwnOrder:
        messages.error(
            request, _t("Nobody approves an own order: ask somebody else who may approve.")
        )
    except ordering.TooLate:
        order.refresh_from_db()
        messages.warning(
            request,
            _t("Too late: the order is “%(state)s” by now.") % {"state": order.get_state_display()},
        )
    return redirect("deletion", pk)


def _approve(request: Request, order: Deletion) -> str:
    ordering.approve(order, request, cast(User, request.user))
    send(order)
    return _t("Approved.")


def _cancel(request: Request, order: Deletion) -> str:
    ordering.cancel(order, request, cast(User, request.user))
    if order.moving:
        send(order)
    gone = order.items.filter(fate=Fate.DELETED).count()
    if gone:
        return ngettext(
            "Cancelled. %(n)d recording was deleted before.",
            "Cancelled. %(n)d recordings were deleted before.",
            gone,
        ) % {"n": gone}
    return _t("Cancelled. Nothing was deleted.")


def _retry(request: Request, order: Deletion) -> str:
    again = ordering.retry(order, request)
    send(order)
    return ngettext(
        "%(n)d recording is tried once more.", "%(n)d recordings are tried once more.", again
    ) % {"n": again}


ACTIONS = {
    "approve": (Right.APPROVE, _approve),
    "cancel": (Right.DELETE, _cancel),
    "retry": (Right.DELETE, _retry),
}


# Certificates


@require_safe
@needs(Right.TRAIL)
def certificate(request: Request, pk: int) -> HttpResponse:
    """The certificate of an order that is over, to be printed."""
    order = get_object_or_404(Deletion.here, pk=pk, certificate__isnull=False)
    context = {
        "order": order,
        "certificate": order.certificate,
        "facts": _facts(order),
        "items": [_shown(item) for item in order.items.order_by("record_id")],
        "stats": _page(request, order)["stats"],
    }
    return render(request, "history/certificate.html", context)


@require_safe
@needs(Right.TRAIL)
def certificate_json(request: Request, pk: int) -> HttpResponse:
    """The same for programs, with all recordings."""
    order = get_object_or_404(Deletion.here, pk=pk, certificate__isnull=False)
    whole = {**(order.certificate or {}), "items": list(items_of(order))}
    whole["reason"] = masking.hidden(whole["reason"])
    text = json.dumps(whole, ensure_ascii=False, indent=1)
    response = HttpResponse(text, content_type="application/json")
    response.headers["Content-Disposition"] = (
        f'attachment; filename="voxledger-deletion-{order.pk}.json"'
    )
    return response


# Legal holds


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.HOLD)
def holds(request: Request) -> HttpResponse:
    """What nothing may delete; a POST adds to it."""
    initial = {name: request.GET.get(name, "")[:80] for name in ("kind", "value")}
    form = HoldForm(request.POST or None, initial=initial if initial["value"] else None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            hold = form.save(commit=False)
            hold.put_by = request.user.get_username()
            hold.save()
            _note_hold(request, Action.HOLD, hold, hold.reason)
        messages.success(request, _t("On hold: nothing here deletes it."))
        return redirect("holds")
    context = {
        "form": form,
        "holds": LegalHold.here.filter(lifted=None),
        "lifted": LegalHold.here.exclude(lifted=None)[:PER_PAGE],
    }
    return render(request, "history/holds.html", context)


def _note_hold(request: Request, action: Action, hold: LegalHold, reason: str) -> None:
    value = masked(hold.value) if hold.kind == LegalHold.Kind.NUMBER else hold.value
    note(request, action, "hold", hold.pk, what=hold.kind, value=value, reason=masked(reason))


@require_POST
@needs(Right.HOLD)
def lift(request: Request, pk: int) -> HttpResponse:
    hold = get_object_or_404(LegalHold.here, pk=pk)
    reason = request.POST.get("reason", "").strip()[:500]
    if not reason:
        messages.error(request, _t("The hold stays: say why it is to be lifted."))
        return redirect("holds")
    with transaction.atomic():
        lifted = LegalHold.objects.filter(pk=pk, lifted=None).update(
            lifted=timezone.now(), lifted_by=request.user.get_username(), lift_reason=reason
        )
        if lifted:
            _note_hold(request, Action.HOLD_LIFTED, hold, reason)
            # What was held back may be old enough to go now.
            RetentionRule.objects.update(searched=None)
    words = _t("The hold is lifted.") if lifted else _t("It was lifted already.")
    messages.success(request, words)
    return redirect("holds")


# Retention


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.DELETE)
def rules(request: Request) -> HttpResponse:
    """The retention rules; a POST adds one, which sleeps until it is switched on."""
    form = RetentionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        rule = form.save(commit=False)
        rule.owner, rule.enabled = cast(User, request.user), False
        rule.save()
        _note_rule(request, rule, "made")
        messages.success(
            request, _t("The rule is kept, switched off: see first what it would delete.")
        )
        return redirect("retention")
    context = {
        "form": form,
        "rules": RetentionRule.here.select_related("owner"),
        "needs_approval": settings.DELETION_NEEDS_APPROVAL,
    }
    return render(request, "history/retention.html", context)


def _note_rule(request: Request, rule: RetentionRule, what: str) -> None:
    details = {"application": rule.application, "keep_days": rule.keep_days}
    note(request, Action.SETTINGS, "retention", rule.pk, what=what, **details)


@require_POST
@needs(Right.DELETE)
def rule_act(request: Request, pk: int, action: str) -> HttpResponse:
    """try (a dry run: a draft of what would go), on, off, delete."""
    rule = get_object_or_404(RetentionRule.here, pk=pk)
    match action:
        case "try":
            order = retention.draft(rule, dry=True)
            send(order)
            return redirect("deletion", order.pk)
        case "on" | "off":
            # Whoever switches it on answers for what it orders.
            RetentionRule.objects.filter(pk=pk).update(
                enabled=action == "on",
                owner=cast(User, request.user),
                next_run=timezone.now(),
                searched=None,
            )
            words = _t("The rule is on.") if action == "on" else _t("The rule is off.")
        case "delete":
            rule.delete()
            words = _t("The rule is gone. What it ordered stays in the list.")
        case _:
            raise Http404
    rule.pk = pk
    _note_rule(request, rule, action)
    messages.success(request, words)
    return redirect("retention")
