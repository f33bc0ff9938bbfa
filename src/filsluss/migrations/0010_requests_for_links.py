from django.db import migrations, models


class Migration(migrations.Migration):
    """Who has lost their links asks for them; the address is encrypted until a job has looked it up."""

    dependencies = [("filsluss", "0009_security_event_account")]

    operations = [
        migrations.CreateModel(
            name="LinkRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.TextField()),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
