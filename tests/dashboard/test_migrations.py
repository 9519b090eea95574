"""Migrations run while the former version still serves: they only add (docs/operations.md)."""

from collections.abc import Iterator

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

# The last ones of the first release, which had no former version.
FIRST_RELEASE = {"history": 7, "dashboard": 1}
TAKES_AWAY = (
    migrations.DeleteModel,
    migrations.RemoveField,
    migrations.RenameField,
    migrations.RenameModel,
)


def trouble_of(operations: list[Operation]) -> Iterator[str]:
    """What a version that does not know of these operations would stumble over."""
    made = {op.name_lower for op in operations if isinstance(op, migrations.CreateModel)}
    for op in operations:
        if isinstance(op, TAKES_AWAY):
            yield f"{op.describe()}: what the former version asks for is gone"
        elif isinstance(op, migrations.AddField) and op.model_name_lower not in made:
            field = op.field
            if not (field.null or field.many_to_many or field.db_default is not NOT_PROVIDED):
                yield f"{op.describe()}: the former version writes no value; give db_default"


def test_migrations_after_the_first_release_only_add():
    loader = MigrationLoader(None)
    found = {
        f"{app}.{name}": list(trouble_of(migration.operations))
        for (app, name), migration in loader.disk_migrations.items()
        if app in FIRST_RELEASE
        and int(name[:4]) > FIRST_RELEASE[app]
        # What no version uses any more may go: the migration says since when.
        and not hasattr(migration, "unused_since")
    }
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (migrations.RemoveField("report", "note"), "is gone"),
        (migrations.RenameField("report", "note", "words"), "is gone"),
        (migrations.AddField("report", "colour", models.TextField(default="")), "db_default"),
        (migrations.AddField("report", "colour", models.TextField(db_default="")), ""),
        (migrations.AddField("report", "colour", models.TextField(null=True)), ""),
    ],
)
def test_the_rule_tells_what_a_former_version_stumbles_over(operation, words):
    assert [words in line for line in trouble_of([operation])] == ([True] if words else [])
