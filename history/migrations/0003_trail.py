from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# The application never changes a row; these keep everybody else from it as well. Pruning moves
# the head's anchor first, and only what lies before it may go.
SQLITE = (
    """
    CREATE TRIGGER history_trail_is_kept BEFORE UPDATE ON history_trailentry
    BEGIN SELECT RAISE(ABORT, 'rows of the trail are not changed'); END
    """,
    """
    CREATE TRIGGER history_trail_stays BEFORE DELETE ON history_trailentry
    WHEN OLD.number > (SELECT pruned FROM history_trailhead)
    BEGIN SELECT RAISE(ABORT, 'rows of the trail are not deleted'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION history_trail_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.number <= (SELECT pruned FROM history_trailhead) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'rows of the trail are not deleted';
        END IF;
        RAISE EXCEPTION 'rows of the trail are not changed';
    END $$
    """,
    """
    CREATE TRIGGER history_trail_guard BEFORE UPDATE OR DELETE ON history_trailentry
    FOR EACH ROW EXECUTE FUNCTION history_trail_guard()
    """,
)
UNDO = {
    "sqlite": ("DROP TRIGGER history_trail_is_kept", "DROP TRIGGER history_trail_stays"),
    "postgresql": (
        "DROP TRIGGER history_trail_guard ON history_trailentry",
        "DROP FUNCTION history_trail_guard",
    ),
}


def guard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
    for statement in statements.get(editor.connection.vendor, ()):
        editor.execute(statement, params=None)


def unguard(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in UNDO.get(editor.connection.vendor, ()):
        editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("history", "0002_reports")]

    operations = [
        migrations.CreateModel(
            name="TrailHead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField(default=0)),
                (
                    "hash",
                    models.CharField(
                        default="0000000000000000000000000000000000000000000000000000000000000000",
                        max_length=64,
                    ),
                ),
                ("pruned", models.BigIntegerField(default=0)),
                (
                    "anchor",
                    models.CharField(
                        default="0000000000000000000000000000000000000000000000000000000000000000",
                        max_length=64,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TrailEntry",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_index=True)),
                ("who_id", models.BigIntegerField(null=True)),
                ("who", models.CharField(blank=True, max_length=150)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("sign_in", "Signed in"),
                            ("sign_in_failed", "Failed to sign in"),
                            ("sign_out", "Signed out"),
                            ("search", "Searched"),
                            ("view", "Looked at"),
                            ("play", "Opened to listen"),
                            ("heard", "Heard"),
                            ("download", "Downloaded"),
                            ("export", "Ordered an export"),
                            ("reveal", "Revealed"),
                            ("refused", "Was refused"),
                            ("delete_ordered", "Ordered a deletion"),
                            ("delete_approved", "Approved a deletion"),
                            ("delete_cancelled", "Cancelled a deletion"),
                            ("deleted", "Deleted"),
                            ("delete_done", "Finished a deletion"),
                            ("hold", "Put on legal hold"),
                            ("hold_lifted", "Lifted a legal hold"),
                            ("settings", "Changed settings"),
                            ("pruned", "Pruned the trail"),
                        ],
                        max_length=20,
                    ),
                ),
                ("kind", models.CharField(blank=True, max_length=20)),
                ("key", models.CharField(blank=True, max_length=80)),
                ("details", models.JSONField(default=dict)),
                ("ip", models.CharField(blank=True, max_length=45)),
                ("previous", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "ordering": ["-number"],
                "indexes": [
                    models.Index(fields=["kind", "key"], name="trail_object"),
                    models.Index(fields=["who", "-number"], name="trail_who"),
                ],
            },
        ),
        migrations.RunPython(guard, unguard),
    ]
