"""Queries that every page asks, put together once: Django takes ten times as long to put one
together as a database takes to answer it."""

from collections.abc import Callable
from functools import cached_property

from django.db.models import Model, QuerySet


class Prepared[M: Model]:
    """A query whose values come later, each by a name and of one type, `int` or `str`:

        theirs = Prepared(lambda owner: Report.objects.filter(owner_id=owner), owner=int)
        theirs(owner=7)  # a list of reports

    `build` is called once, with stand-ins: it must use each value as it is, and decide nothing by
    it. Raises ValueError where one is not found in the query, and TypeError for values of other
    names.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], **types: type[int] | type[str]) -> None:
        self._build = build
        self._stand_ins: dict[object, str] = {}
        for place, (name, kind) in enumerate(types.items()):
            self._stand_ins[1_900_000_000 + place if kind is int else f"value of {name}"] = name

    def __call__(self, **values: int | str) -> list[M]:
        model, statement, wanted = self._query
        if values.keys() != set(self._stand_ins.values()):
            raise TypeError(f"{sorted(values)} are not the values of this query")
        params = [values[name] if name else fixed for name, fixed in wanted]
        return list(model._default_manager.raw(statement, params))

    @cached_property
    def _query(self) -> tuple[type[M], str, list[tuple[str | None, object]]]:
        """The model, the statement, and its parameters: the name of each, or what it always is."""
        rows = self._build(**{name: value for value, name in self._stand_ins.items()})
        statement, params = rows.query.sql_with_params()
        wanted = [(self._stand_ins.get(param), param) for param in params]
        if lost := set(self._stand_ins.values()) - {name for name, _param in wanted}:
            raise ValueError(f"The query does not ask for {', '.join(sorted(lost))}")
        return rows.model, statement, wanted
