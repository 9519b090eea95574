"""The Transactions page: the list with its sums, its count, and what one transaction charged."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from history import charged
from history.ahead import Answered
from history.answers import Drawn
from history.api import wire
from history.api.client import Client, RemoteError
from history.api.replies import Page, TransactionInfoType
from history.balances import balances_of
from history.connection import connect
from history.forms_transactions import TransactionsForm
from history.listing import Column, Link, nothing, time_column
from history.middleware import Request
from history.paging import pager
from history.permissions import Right, needs
from history.rates import limited
from history.sums import decimals, sums
from history.trouble import trouble
from history.views.charts import above_list
from history.views.lists import defaults, draw, eyes, kept_view, total_of
from history.words import CHARGE_OF_A_SESSION, FAMILIES


@require_safe
@needs(Right.TRANSACTIONS)
def transactions(request: Request) -> HttpResponse:
    if view := kept_view(request, "transactions"):
        return redirect(view)
    form = TransactionsForm(request.GET, defaults(request))
    answered = None
    if form.is_valid():
        timezone.activate(wire.zone(form.chosen.zone))
        drawn = eyes(request)
        answered = Answered(lambda: _answer(form, drawn), partial(_shown, form), drawn)

    def around() -> dict[str, Any]:
        context: dict[str, Any] = {"tabs": _tabs(form), "tabs_label": _t("Which transactions")}
        if answered:
            context |= {"holds": form.cleaned_data["is_uncommitted"], "export_url": _export(form)}
        return {**context, "chart": above_list(request, "transactions", form)}

    return draw(request, "transactions", form, around, answered)


def _answer(form: TransactionsForm, drawn: Drawn) -> Page[TransactionInfoType]:
    with drawn.looked_for():
        return connect().get_transaction_history(form.params())


def _shown(form: TransactionsForm, page: Page[TransactionInfoType]) -> dict[str, Any]:
    """What the template needs to show an answer."""
    rows, count = page.result, len(page.result)
    moments = [row.performed_at for row in rows]
    summed = sums(rows)
    own = str(connect().account_id)
    # Whose money it is says something only where there is more than one account.
    with_accounts = bool(form.cleaned_data["child_account_id"]) or any(
        row.account_id not in (None, own) for row in rows
    )
    return {
        "transactions": rows,
        "sums": summed,
        "places": decimals(rows),
        "own_account": own,
        "with_accounts": with_accounts,
        "columns": _columns(form, [one.currency for one in summed], with_accounts=with_accounts),
        "pager": pager(
            form,
            moments,
            more=count == form.rows,
            total_url=reverse("transactions_total"),
        ),
        "balances_url": f"{reverse('transactions_balances')}?{form.query.urlencode()}",
        "empty": None
        if count
        else nothing(form, path=reverse("transactions"), what=_t("transactions")),
        "announce": ngettext("%(n)d transaction shown", "%(n)d transactions shown", count)
        % {"n": count},
    }


def _columns(
    form: TransactionsForm, currencies: Sequence[str], *, with_accounts: bool
) -> list[Column]:
    account = [Column(name="account", label=_("Account"))]
    extended = [Column(name="what_for", label=_("Charged for"))]
    return [
        time_column(form, _("Held since") if form.cleaned_data["is_uncommitted"] else _("Time")),
        Column(name="type", label=_("Type")),
        Column(name="description", label=_("Description")),
        *(account if with_accounts else ()),
        Column(
            name="amount",
            label=_("Amount"),
            number=True,
            unit=currencies[0] if len(currencies) == 1 else "",
            help=_("Negative is money that left the account. Every digit is shown."),
        ),
        *(extended if form.cleaned_data["with_extended_info"] else ()),
        Column(name="transaction", label=_("Transaction"), number=True),
    ]


def _export(form: TransactionsForm) -> str:
    holds = form.cleaned_data["is_uncommitted"]
    kind = "transactions_on_hold" if holds else "transactions"
    return f"{reverse('report_new')}?{form.instead(kind=kind, is_uncommitted='', chart='')}"


def _tabs(form: TransactionsForm) -> list[Link]:
    """All, a tab for each family of types, and holds, which are no transactions yet."""
    chosen = {
        part for text in form.query.getlist("transaction_type") for part in text.split(";") if part
    }
    holds = form["is_uncommitted"].value() in (True, "true", "1", "on", "yes")
    plain = [("", _("All")), *((";".join(f.types), f.label) for f in FAMILIES)]
    return [
        *(
            Link(
                label=label,
                url=f"?{form.instead(transaction_type=types, is_uncommitted='')}",
                current=not holds and chosen == set(types.split(";")) - {""},
            )
            for types, label in plain
        ),
        Link(
            label=_("On hold"),
            url=f"?{form.instead(transaction_type='', is_uncommitted='true')}",
            current=holds,
        ),
    ]


@require_safe
@needs(Right.TRANSACTIONS)
@limited("counts")
def total(request: Request) -> HttpResponse:
    """The count of all transactions that match, once the rows are there."""
    return total_of(
        request, TransactionsForm(request.GET, defaults(request)), Client.get_transaction_history
    )


@require_safe
@needs(Right.TRANSACTIONS)
@limited("counts")
def balances(request: Request) -> HttpResponse:
    """Opening and closing balance of the period, where a finished report has told them."""
    form = TransactionsForm(request.GET, defaults(request))
    context: dict[str, Any] = {}
    if form.is_valid():
        timezone.activate(wire.zone(form.chosen.zone))
        context["export_url"] = _export(form)
        try:
            context["balances"] = balances_of(connect(), form.chosen)
        except RemoteError as error:
            context["trouble"] = trouble(error)
    return render(request, "history/_balances.html", context)


@require_safe
@needs(Right.TRANSACTIONS)
@limited("charges")
def charged_page(request: Request, transaction_id: int) -> HttpResponse:
    return _charged(request, transaction_id, "history/transaction.html")


@require_safe
@needs(Right.TRANSACTIONS)
@limited("charges")
def charged_panel(request: Request, transaction_id: int) -> HttpResponse:
    """The same, for the drawer."""
    return _charged(request, transaction_id, "history/_transaction.html")


def _charged(request: Request, transaction_id: int, template: str) -> HttpResponse:
    client = connect()
    charge = charged.transaction(client, transaction_id)
    if charge is None:
        raise Http404(_t("There is no transaction with the ID %(id)d.") % {"id": transaction_id})
    is_child = charge.account_id != str(client.account_id)
    context: dict[str, Any] = {"transaction": charge, "is_child": is_child}
    if charge.transaction_type == CHARGE_OF_A_SESSION:
        try:
            context |= _found(charge)
        except RemoteError as error:
            # The key may see money and not calls: then the transaction itself is still shown.
            context["trouble"] = trouble(error)
    return render(request, template, context)


def _found(charge: TransactionInfoType) -> dict[str, Any]:
    found = charged.find(connect(), charge)
    difference = charged.difference(charge, found.part) if found.part else None
    return {"found": found, "difference": difference}
