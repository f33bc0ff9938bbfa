"""What the last answer to a letter meant, and when it came."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("filsluss", "0007_one_row_each")]

    operations = [
        migrations.AddField(
            model_name="letter",
            name="failed_at",
            field=models.DateTimeField(help_text="when that answer came", null=True),
        ),
        migrations.AddField(
            model_name="letter",
            name="failure",
            field=models.CharField(
                blank=True, default="", help_text="what that answer means, in a word of ours", max_length=16
            ),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(
                condition=models.Q(("failure__in", ["refused", "us"])),
                fields=["failed_at"],
                name="letter_refused",
            ),
        ),
    ]
