from django.db import migrations, models


class Migration(migrations.Migration):
    """A file that an administrator removed may be given back for a time, and says for which reason."""

    dependencies = [("filsluss", "0018_notices_of_work")]

    operations = [
        migrations.AddField(
            "transferfile",
            "removal_code",
            models.CharField(blank=True, default="", help_text="why, as a fixed word", max_length=16),
        ),
        migrations.AddField(
            "transferfile",
            "withheld_until",
            models.DateTimeField(
                help_text="until then what an administrator removed can be given back", null=True
            ),
        ),
    ]
