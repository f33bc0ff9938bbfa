from django.db import migrations, models


class Migration(migrations.Migration):
    """Addresses and domains that are blocked."""

    dependencies = [("filsluss", "0019_links_of_local_accounts")]

    operations = [
        migrations.CreateModel(
            name="Blocked",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=8)),
                ("value", models.CharField(max_length=255, unique=True)),
                ("reason", models.CharField(max_length=500)),
                ("until", models.DateTimeField()),
                ("by", models.CharField(max_length=254)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
