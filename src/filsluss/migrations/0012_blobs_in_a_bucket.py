import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A blob in a bucket has a row, which says who may write it, and one for each object that it consists of."""

    dependencies = [("filsluss", "0011_count_files_by_state")]

    operations = [
        migrations.CreateModel(
            name="Blob",
            fields=[
                ("name", models.CharField(max_length=22, primary_key=True, serialize=False)),
                (
                    "epoch",
                    models.BigIntegerField(
                        help_text="the number of the last lease: what an earlier one says is void"
                    ),
                ),
                (
                    "holder",
                    models.CharField(
                        help_text="the server process that the holder listens by; empty: none", max_length=100
                    ),
                ),
                ("touched_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Part",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("start", models.BigIntegerField()),
                ("size", models.BigIntegerField()),
                (
                    "blob",
                    models.ForeignKey(
                        db_column="blob",
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="filsluss.blob",
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("blob", "start"), name="part_once")]},
        ),
    ]
