from importlib import import_module
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import history.models.accounts

# SQLite makes a table whose columns change anew, and drops its triggers on the way.
trail = import_module("history.migrations.0003_trail")

OF_ACCOUNTS = (
    *("deletion", "legalhold", "recentsearch", "report", "retentionrule", "savedview"),
    *("schedule", "trailentry"),
)


def account(name: str, default: Any) -> "models.CharField[str, str]":
    return models.CharField(max_length=64, blank=name == "trailentry", default=default)


class Migration(migrations.Migration):
    dependencies = [
        ("history", "0004_deletions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(max_length=40, unique=True)),
                ("name", models.CharField(max_length=60)),
                ("letter", models.CharField(blank=True, max_length=1)),
                ("hue", models.PositiveSmallIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[("on", "On"), ("off", "Switched off"), ("removed", "Removed")],
                        default="on",
                        max_length=7,
                    ),
                ),
                ("is_default", models.BooleanField(default=False)),
                ("secret", models.TextField(blank=True)),
                ("number", models.BigIntegerField(null=True)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("methods", models.JSONField(default=dict)),
                ("tested", models.DateTimeField(null=True)),
                ("children", models.JSONField(default=dict)),
            ],
            options={"ordering": ["name", "pk"]},
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("is_default",),
                name="account_one_default",
            ),
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("role", models.CharField(max_length=20)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="history.account",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(
                fields=("person", "account", "role"), name="grant_once"
            ),
        ),
        # Rows from before belong to the account of the settings.
        migrations.RenameField(model_name="deletion", old_name="account", new_name="number"),
        migrations.RunPython(trail.unguard, trail.guard),
        *(
            migrations.AddField(model_name=name, name="account", field=account(name, "default"))
            for name in OF_ACCOUNTS
            if name not in ("report", "schedule")
        ),
        *(
            migrations.AlterField(
                model_name=name,
                name="account",
                field=account(name, history.models.accounts.slug),
            )
            for name in OF_ACCOUNTS
        ),
        migrations.RunPython(trail.guard, trail.unguard),
        migrations.RemoveConstraint(model_name="legalhold", name="legal_hold_once"),
        migrations.AddConstraint(
            model_name="legalhold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("lifted", None)),
                fields=("account", "kind", "value"),
                name="legal_hold_once",
            ),
        ),
        migrations.AlterField(
            model_name="report",
            name="order_key",
            field=models.CharField(max_length=64, null=True),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                fields=("account", "order_key"), name="report_ordered_once"
            ),
        ),
        migrations.RemoveConstraint(model_name="savedview", name="saved_view_name"),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                fields=("owner", "account", "page", "name"), name="saved_view_name"
            ),
        ),
        migrations.RemoveConstraint(model_name="savedview", name="saved_view_one_default"),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("owner", "account", "page"),
                name="saved_view_one_default",
            ),
        ),
    ]
