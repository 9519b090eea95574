from django.db import migrations, models

FATES = [
    ("waiting", "Waiting"),
    ("deleted", "Deleted"),
    ("gone", "Already gone"),
    ("refused", "Refused"),
    ("held", "On legal hold"),
    ("failed", "Failed"),
    ("elsewhere", "In another order"),
    ("stayed", "Not deleted"),
]
STATES = [
    ("finding", "Looking for recordings"),
    ("draft", "To be confirmed"),
    ("unapproved", "Waits for approval"),
    ("waiting", "Waits to begin"),
    ("running", "Deleting"),
    ("stopping", "Being stopped"),
    ("done", "Done"),
    ("cancelled", "Cancelled"),
    ("lost", "Nothing could be found"),
]


class Migration(migrations.Migration):
    dependencies = [("history", "0006_copies_masked")]

    operations = [
        migrations.AlterField(
            model_name="deletion",
            name="state",
            field=models.CharField(max_length=12, choices=STATES, default="draft"),
        ),
        migrations.AlterField(
            model_name="deletionitem",
            name="fate",
            field=models.CharField(max_length=10, choices=FATES, default="waiting"),
        ),
    ]
