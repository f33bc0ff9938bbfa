from django.db import migrations


class Migration(migrations.Migration):
    """Who holds the lease of a blob stands in the blob's row; the column of the file was never filled."""

    dependencies = [("filsluss", "0012_blobs_in_a_bucket")]

    operations = [migrations.RemoveField(model_name="transferfile", name="holder")]
