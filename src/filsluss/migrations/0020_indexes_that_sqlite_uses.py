from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """SQLite uses a partial index only where a query says its condition: none did say "one of two values".

    And the security log's events of one kind are read by their times.
    """

    dependencies = [("filsluss", "0019_files_withheld")]

    operations = [
        migrations.RemoveIndex("letter", name="letter_waiting"),
        migrations.AddIndex(
            "letter",
            models.Index(
                fields=["priority", "next_try_at"], name="letter_queued", condition=Q(delivery="queued")
            ),
        ),
        migrations.RemoveIndex("letter", name="letter_refused"),
        migrations.AddIndex(
            "letter",
            models.Index(fields=["failed_at"], name="letter_failed", condition=Q(failed_at__isnull=False)),
        ),
        migrations.AddIndex("securityevent", models.Index(fields=["kind", "at"], name="security_event_kind")),
    ]
