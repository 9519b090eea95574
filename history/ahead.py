"""Drawing a page while the API answers: as soon as the question is on its way, the thread that sent
it draws what needs no answer, and only then reads the answer."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cached_property
from secrets import token_hex
from typing import Any

from history.answers import Drawn, DrawnBefore
from history.api.errors import RemoteError
from history.trouble import trouble


class _Meanwhile[T]:
    """Work that is done once, when `do` is called or its result is wanted."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._is_begun = False

    def do(self) -> None:
        # What fails here is no failure of the request that it is done beside.
        if not self._is_begun:
            self._is_begun = True
            try:
                self._result = self._work()
            except Exception as error:
                self._error = error

    @property
    def result(self) -> T:
        self.do()
        if hasattr(self, "_error"):
            raise self._error
        return self._result


_meanwhile: ContextVar[_Meanwhile[Any] | None] = ContextVar("meanwhile", default=None)


def sent() -> None:
    """For the client, when a request has left: what can be done before its answer is done now."""
    work = _meanwhile.get()
    if work is not None:
        work.do()


class Answered[T]:
    """What a page shows of an answer to `ask`: what `show` makes of it, or the `trouble` instead.

    All else of the page is drawn first. Where the template calls `later` (history/jinja.py) there
    is a mark until the answer is there.
    """

    def __init__(
        self,
        ask: Callable[[], T],
        show: Callable[[T], Mapping[str, Any]],
        drawn: Drawn | None = None,
    ) -> None:
        self._ask = ask
        self._show = show
        self._drawn = drawn
        self._parts: dict[str, Callable[[Mapping[str, Any]], str]] = {}
        self.status = 200

    def page(self, draw: Callable[[], str]) -> str:
        """Asks, draws what stands around the answer, and puts in what is made of that."""
        around = _Meanwhile(draw)
        token = _meanwhile.set(around)
        try:
            said = self._said
        finally:
            _meanwhile.reset(token)
        page = around.result
        for mark, part in self._parts.items():
            page = page.replace(mark, part(said))
        return page

    @cached_property
    def _said(self) -> Mapping[str, Any]:
        try:
            return self._show(self._ask())
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
