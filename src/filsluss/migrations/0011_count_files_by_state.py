from django.db import migrations, models


class Migration(migrations.Migration):
    """The files of an account are counted, and their sizes added up, from an index alone."""

    dependencies = [("filsluss", "0010_requests_for_links")]

    operations = [
        migrations.AddIndex(
            model_name="transferfile",
            index=models.Index(fields=["transfer", "state", "size"], name="file_of_transfer"),
        ),
    ]
