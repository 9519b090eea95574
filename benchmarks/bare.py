"""A Django view that does the least: the same call to the API, its JSON passed on.

Without middleware, templates, database and sign-in: the floor of what a page can cost.
"""

import os
from datetime import datetime

import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from history.api import wire
from history.api.credentials import ServiceAccount
from history.api.methods import GetCallHistory

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="bare")
API = os.environ["BARE_API"]
ACCOUNT = ServiceAccount.from_file(os.environ["BARE_CREDENTIALS"])
session = requests.Session()


def calls(request: HttpRequest) -> HttpResponse:
    params = GetCallHistory(
        from_date=datetime.fromisoformat(request.GET["from_date"]),
        to_date=datetime.fromisoformat(request.GET["to_date"]),
        with_calls=True,
        with_records=True,
        with_total_count=False,
        desc_order=True,
        count=int(request.GET["count"]),
    )
    answer = session.post(
        f"{API}/{params.name}", data=wire.encode(params), headers=ACCOUNT.headers(), timeout=60
    )
    return JsonResponse(answer.json())


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("calls/", calls), path("healthz", healthz)]
application = WSGIHandler()
