"""From settings to a client of the Management API: the one place that knows both."""

from datetime import timedelta
from functools import cache

from django.conf import settings
from django.core.cache import cache as shared_cache
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from history.api import wire
from history.api.client import Client
from history.api.credentials import ApiKey, ServiceAccount
from history.api.methods import GetCallHistory

A_DAY = 24 * 3600


@cache
def connect() -> Client:
    """The client of the account the settings name; one a process, for its pooled connections."""
    return Client(
        settings.VOX_API_URL,
        _credentials(),
        timeout=settings.VOX_TIMEOUT,
        ca_bundle=settings.VOX_CA_BUNDLE,
    )


def _credentials() -> ApiKey | ServiceAccount:
    if settings.VOX_ACCOUNT_ID:
        return ApiKey(account_id=settings.VOX_ACCOUNT_ID, api_key=settings.VOX_API_KEY)
    if settings.VOX_CREDENTIALS is None:
        raise ImproperlyConfigured(
            "No Voximplant account is set up. Set VOX_CREDENTIALS to the service account's JSON"
            " file, or VOX_ACCOUNT_ID and VOX_API_KEY."
        )
    return ServiceAccount.from_file(settings.VOX_CREDENTIALS)


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
