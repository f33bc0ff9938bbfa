from django.db import migrations, models


class Migration(migrations.Migration):
    """The cases that a text belongs to are read from an index alone, and those of one state by their times."""

    dependencies = [("filsluss", "0020_indexes_that_sqlite_uses")]

    operations = [
        migrations.AddIndex(
            "party", models.Index(fields=["canonical", "transfer"], name="party_by_canonical")
        ),
        migrations.AddIndex("party", models.Index(fields=["folded", "transfer"], name="party_by_folded")),
        migrations.AddIndex(
            "transferfile", models.Index(fields=["folded", "transfer"], name="file_by_folded")
        ),
        migrations.AddIndex(
            "transfer",
            models.Index(fields=["state", "-applied_at", "-id"], name="transfer_state_newest"),
        ),
        migrations.RemoveIndex("party", "party_canonical"),
        migrations.RemoveIndex("party", "party_folded"),
        migrations.RemoveIndex("transferfile", "file_folded"),
    ]
