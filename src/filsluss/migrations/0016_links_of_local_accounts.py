import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Links by which local accounts get a password and a second factor."""

    dependencies = [("filsluss", "0015_nodes")]

    operations = [
        migrations.CreateModel(
            name="EnrolmentLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("ends_at", models.DateTimeField()),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="enrolment_link",
                        to="filsluss.person",
                    ),
                ),
            ],
        ),
    ]
