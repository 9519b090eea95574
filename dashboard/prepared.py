"""Queries that every page asks, put together once: Django takes ten times as long to put one
together as a database takes to answer it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet


@dataclass(frozen=True, kw_only=True)
class _Plan[M: Model]:
    """A query as Django has put it together: the statement; its parameters, the name of each or
    what it always is; the model, its fields by place, and what makes of a column their value."""

    statement: str
    wanted: Sequence[tuple[str | None, Any]]
    model: type[M]
    fields: Sequence[str]
    convert: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]


class Prepared[M: Model]:
    """A query whose values come later, each by a name and of one type, `int` or `str`:

        theirs = Prepared(lambda owner: Report.objects.filter(owner_id=owner), owner=int)
        theirs(owner=7)  # a list of reports

    `build` is called once, with stand-ins: it must use each value as it is, decide nothing by it,
    and select all fields of the model and no more. Raises ValueError where a value is not found in
    the query, and TypeError for values of other names.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], **types: type[int] | type[str]) -> None:
        self._build = build
        self._stand_ins: dict[object, str] = {}
        for place, (name, kind) in enumerate(types.items()):
            self._stand_ins[1_900_000_000 + place if kind is int else f"value of {name}"] = name

    def __call__(self, **values: int | str) -> list[M]:
        plan = self._plan
        if values.keys() != set(self._stand_ins.values()):
            raise TypeError(f"{sorted(values)} are not the values of this query")
        params = [values[name] if name else fixed for name, fixed in plan.wanted]
        with connection.cursor() as cursor:
            cursor.execute(plan.statement, params)
            rows = map(list, cursor.fetchall())
        return [self._read(plan, row) for row in rows]

    @staticmethod
    def _read(plan: _Plan[M], row: list[Any]) -> M:
        for place, steps, column in plan.convert:
            for step in steps:
                row[place] = step(row[place], column, connection)
        return plan.model.from_db(connection.alias, plan.fields, row)

    @cached_property
    def _plan(self) -> _Plan[M]:
        rows = self._build(**{name: value for value, name in self._stand_ins.items()})
        compiler = rows.query.get_compiler(connection=connection)
        statement, params = compiler.as_sql()
        wanted = [(self._stand_ins.get(param), param) for param in params]
        if lost := set(self._stand_ins.values()) - {name for name, _param in wanted}:
            raise ValueError(f"The query does not ask for {', '.join(sorted(lost))}")
        columns = [selected[0] for selected in compiler.select]
        converters = compiler.get_converters(columns)
        return _Plan(
            statement=statement,
            wanted=wanted,
            model=rows.model,
            fields=[column.target.attname for column in columns],
            convert=[(place, steps, column) for place, (steps, column) in converters.items()],
        )
