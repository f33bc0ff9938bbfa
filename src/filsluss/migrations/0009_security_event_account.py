from django.db import migrations, models


class Migration(migrations.Migration):
    """Sign-ins of one account are looked for while its password is guessed."""

    dependencies = [("filsluss", "0008_how_letters_failed")]

    operations = [
        migrations.AddIndex(
            model_name="securityevent",
            index=models.Index(fields=["kind", "outcome", "account"], name="security_event_account"),
        ),
    ]
