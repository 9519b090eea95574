"""From settings to a client of the Management API: the one place that knows both."""

from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.core.cache import cache as shared_cache
from django.utils import timezone

from history.api import wire
from history.api.client import Client
from history.api.credentials import ApiKey, BadCredentials, ServiceAccount
from history.api.errors import NotSetUp, RemoteError
from history.api.methods import GetCallHistory, GetTransactionHistory
from history.reports.limits import wait_for_turn

A_MINUTE, A_DAY = 60, 24 * 3600


@cache
def connect() -> Client:
    """The client of the account the settings name; one a process, for its pooled connections."""
    return _client()


def connect_politely() -> Client:
    """The same for workers: each request waits for its turn among all workers', and trying again
    is left to the task, which lays the work down meanwhile."""
    return _polite(connect())


@cache
def _polite(usual: Client) -> Client:
    return _client(before_request=wait_for_turn, retry_for=2.0)


def _client(**options: Any) -> Client:
    return Client(
        settings.VOX_API_URL,
        _credentials(),
        timeout=settings.VOX_TIMEOUT,
        ca_bundle=settings.VOX_CA_BUNDLE,
        media_hosts=settings.VOX_MEDIA_HOSTS,
        **options,
    )


def _credentials() -> ApiKey | ServiceAccount:
    try:
        if settings.VOX_ACCOUNT_ID:
            return ApiKey(account_id=settings.VOX_ACCOUNT_ID, api_key=settings.VOX_API_KEY)
        if settings.VOX_CREDENTIALS is not None:
            return ServiceAccount.from_file(settings.VOX_CREDENTIALS)
    except BadCredentials as error:
        raise NotSetUp("sign-in", str(error), retryable=False) from None
    reason = (
        "No account is set up. Set VOX_CREDENTIALS to the service account's JSON file, or"
        " VOX_ACCOUNT_ID and VOX_API_KEY."
    )
    raise NotSetUp("sign-in", reason, retryable=False)


def account_zone() -> str:
    """The account's own time zone: what the API makes of `auto`. Raises RemoteError."""
    known: str | None = shared_cache.get("account_zone")
    if known is None:
        now = timezone.now().replace(tzinfo=None, microsecond=0)
        question = GetCallHistory(
            from_date=now - timedelta(seconds=1),
            to_date=now,
            timezone=wire.AUTO,
            with_other_resources=False,
            with_total_count=False,
            count=1,
        )
        known = connect().get_call_history(question).timezone
        shared_cache.set("account_zone", known, A_DAY)
    return known


def account_currency() -> str:
    """The currency of the account's money; empty where that cannot be known.

    Sessions have costs without a currency, but every transaction names it: the newest one of
    the past year is asked for.
    """
    known: str | None = shared_cache.get("account_currency")
    if known is None:
        now = timezone.now().replace(tzinfo=None, microsecond=0)
        question = GetTransactionHistory(
            from_date=now - timedelta(days=365),
            to_date=now,
            desc_order=True,
            with_total_count=False,
            count=1,
        )
        try:
            newest = connect().get_transaction_history(question).result
            known, keep = (newest[0].currency if newest else ""), A_DAY
        except RemoteError:
            # A page about a call must not fail because its key may not see the bill.
            known, keep = "", A_MINUTE
        shared_cache.set("account_currency", known, keep)
    return known
