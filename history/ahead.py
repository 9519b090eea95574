"""Asking the API ahead: the question is on its way while the page around its answer is drawn."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import cached_property
from secrets import token_hex
from threading import Event
from typing import Any

from django.db import connections
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone, translation

from history import masking
from history.answers import Drawn, DrawnBefore
from history.api.errors import RemoteError
from history.models import accounts
from history.trouble import trouble

# More than gunicorn has threads, so that no question waits for another one.
_threads = ThreadPoolExecutor(64, thread_name_prefix="ahead")

# Set when a question that is asked ahead is about to be sent.
_leaves: ContextVar[Event | None] = ContextVar("leaves", default=None)


def ask_ahead[T](question: Callable[[], T]) -> Callable[[], T]:
    """Begins with a question at once, in a thread that knows the request's account, language,
    zone and mask. What is returned waits for the answer, and raises what the question raised."""
    # Here, since they may have to ask the database.
    accounts.slug()
    masking.current()
    leaves = Event()
    # Django keeps these by thread, not in the context that is copied.
    language, zone = translation.get_language(), timezone.get_current_timezone()
    prefix = get_script_prefix()

    def ask() -> T:
        _leaves.set(leaves)
        set_script_prefix(prefix)
        try:
            with translation.override(language), timezone.override(zone):
                return question()
        finally:
            leaves.set()
            connections.close_all()  # whatever a question should come to need

    answer = _threads.submit(copy_context().run, ask).result
    # Two threads that compute hold each other up, and the one that draws would win.
    leaves.wait()
    return answer


def leaving(method: str) -> None:
    """For the client, before each request: what was asked ahead is on its way."""
    leaves = _leaves.get()
    if leaves is not None:
        leaves.set()


class Answered:
    """What a page shows of an answer: what `show` returns, or the `trouble` instead of it.

    All else of the page is drawn first. Where the template calls `later` (history/jinja.py) there
    is a mark until then, which `completed` replaces.
    """

    def __init__(self, show: Callable[[], Mapping[str, Any]], drawn: Drawn | None = None) -> None:
        self._show = show
        self._drawn = drawn
        self._parts: dict[str, Callable[[Mapping[str, Any]], str]] = {}
        self.status = 200

    @cached_property
    def context(self) -> Mapping[str, Any]:
        """Waits for the answer."""
        try:
            return self._show()
        except DrawnBefore:
            return {}
        except RemoteError as error:
            self.status = 502
            return {"trouble": trouble(error)}

    def later(self, draw: Callable[[Mapping[str, Any]], str]) -> str:
        """The mark of a part that is drawn of what the answer says. Nobody can have put the like
        into a page."""
        mark = f"<!-- {token_hex(16)} -->"
        self._parts[mark] = draw
        return mark

    def shown(self, draw: Callable[[], str]) -> str:
        """What `draw` makes of the answer; what it made of it before, for the same eyes."""
        drawn = self._drawn
        if drawn and drawn.part is not None:
            return drawn.part
        part = draw()
        if drawn and drawn.keep and drawn.complete and self.status == 200:
            drawn.keep(part)
        return part

    def completed(self, page: str) -> str:
        """The page with those parts drawn."""
        for mark, draw in self._parts.items():
            page = page.replace(mark, draw(self.context))
        return page
