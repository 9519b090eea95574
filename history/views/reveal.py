"""The numbers of a call for who sees them masked: for a reason, for a while, noted in the trail."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from history import masking
from history.middleware import Request
from history.models.trail import Action
from history.permissions import Right, needs
from history.rates import limited, posted
from history.trail import masked, note

LONGEST_REASON = 300


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.CALLS)
@limited("reveals", posted)
def reveal(request: Request, session_id: int) -> HttpResponse:
    """Asks for the reason; a POST with one shows the numbers of this call, and only these."""
    then = _then(request, session_id)
    if masking.current() is None:
        return redirect(then)
    reason = " ".join(request.POST.get("reason", "").split())[:LONGEST_REASON]
    if request.method == "POST" and len(reason) >= masking.LEAST_REASON:
        # Written before anything is shown: without its entry there is no number.
        note(request, Action.REVEAL, "session", session_id, reason=masked(reason))
        masking.reveal(request.session, session_id)
        return redirect(then)
    context = {
        "session_id": session_id,
        "reason": reason,
        "error": _too_short(reason) if request.method == "POST" else "",
        "reveal": {"next": then, "least": masking.LEAST_REASON},
    }
    status = 400 if request.method == "POST" else 200
    return render(request, "history/reveal.html", context, status=status)


def _too_short(reason: str) -> str:
    words = ngettext(
        "“%(reason)s” is too short: say why in %(n)d letter or more.",
        "“%(reason)s” is too short: say why in %(n)d letters or more.",
        masking.LEAST_REASON,
    )
    return words % {"reason": reason, "n": masking.LEAST_REASON}


def _then(request: Request, session_id: int) -> str:
    """Where the form was opened; the page of the call if that is not one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    here = {request.get_host()}
    if url_has_allowed_host_and_scheme(wanted, here, request.is_secure()):
        return wanted
    return reverse("call", args=[session_id])
