"""Django views that do the least: the same call to the API, its JSON passed on, and the same part
of a recording.

Without middleware, templates, database and sign-in: the floor of what a page, or sound that comes
through a Django of one's own, can cost.
"""

import os
from collections.abc import Iterator
from datetime import datetime

import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
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


def sound(request: HttpRequest) -> StreamingHttpResponse:
    headers = {**ACCOUNT.headers(), "Range": request.headers["Range"]}
    answer = session.get(request.GET["url"], headers=headers, stream=True, timeout=60)

    def pieces() -> Iterator[bytes]:
        with answer:
            yield from answer.iter_content(64 * 1024)

    said = {name: answer.headers[name] for name in ("Content-Range", "Content-Length")}
    return StreamingHttpResponse(pieces(), status=answer.status_code, headers=said)


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [path("calls/", calls), path("sound/", sound), path("healthz", healthz)]
application = WSGIHandler()
