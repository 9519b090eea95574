from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("history", "0005_accounts")]

    operations = [
        migrations.AlterField(
            model_name="copy",
            name="format",
            field=models.CharField(
                max_length=12,
                choices=[
                    ("xlsx", "Excel workbook"),
                    ("excel", "CSV for Excel"),
                    ("xlsx-masked", "Excel workbook, numbers masked"),
                    ("excel-masked", "CSV for Excel, numbers masked"),
                ],
            ),
        ),
    ]
