"""Renames the row that is locked, and the columns of a letter's claim and last error."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("filsluss", "0003_leases_and_pauses"),
    ]

    operations = [
        migrations.RenameModel(old_name="Gate", new_name="RowLock"),
        migrations.RenameField(model_name="letter", old_name="holder", new_name="claimed_by"),
        migrations.RenameField(model_name="letter", old_name="signs", new_name="claim_count"),
        migrations.AlterField(
            model_name="letter",
            name="claim_count",
            field=models.PositiveIntegerField(
                default=0,
                help_text="grows when it is claimed, and with each heartbeat of who claimed it",
            ),
        ),
        migrations.RenameField(model_name="letter", old_name="trouble", new_name="last_error"),
    ]
