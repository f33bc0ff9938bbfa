"""New tables, and new columns of old ones: parties, links, pickups, what letters are about.

Until 0007, columns have a default on SQLite: so it adds them at once, where Django would copy the whole table
for each of them.
"""

import django.db.models.deletion
from django.db import migrations, models


class AddColumn(migrations.AddField):
    """AddField of a column that is neither null nor unique, without a copy of the table on SQLite."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        field = model._meta.get_field(self.name)
        kind, _ = schema_editor.column_sql(model, field)
        default = schema_editor.quote_value(self.field.get_default())
        table, column = map(schema_editor.quote_name, (model._meta.db_table, field.column))
        schema_editor.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind} DEFAULT {default}")


class Migration(migrations.Migration):
    dependencies = [("filsluss", "0004_plain_names")]

    operations = [
        migrations.RemoveIndex(
            model_name="auditentry",
            name="audit_at",
        ),
        migrations.RemoveIndex(
            model_name="letter",
            name="letter_due",
        ),
        migrations.RenameField(
            model_name="auditentry",
            old_name="file_id_public",
            new_name="file_public_id",
        ),
        migrations.RenameField(
            model_name="auditentry",
            old_name="transfer_id_public",
            new_name="transfer_public_id",
        ),
        migrations.AddField(
            model_name="auditentry",
            name="detail",
            field=models.JSONField(null=True),
        ),
        AddColumn(
            model_name="auditentry",
            name="network",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        AddColumn(
            model_name="auditentry",
            name="party_public_id",
            field=models.CharField(blank=True, default="", max_length=22),
        ),
        AddColumn(
            model_name="auditentry",
            name="person",
            field=models.CharField(blank=True, default="", max_length=254),
        ),
        AddColumn(
            model_name="auditentry",
            name="proof",
            field=models.CharField(blank=True, default="", max_length=8),
        ),
        AddColumn(
            model_name="auditentry",
            name="reason_code",
            field=models.CharField(blank=True, default="", help_text="why, as a fixed word", max_length=32),
        ),
        AddColumn(
            model_name="auditentry",
            name="request_id",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
        migrations.AddField(
            model_name="letter",
            name="again_of",
            field=models.ForeignKey(
                help_text="sent once more",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="again",
                to="filsluss.letter",
            ),
        ),
        AddColumn(
            model_name="letter",
            name="collects",
            field=models.CharField(
                blank=True,
                default="",
                help_text="kind, mailbox and case: one collects for each",
                max_length=300,
            ),
        ),
        AddColumn(
            model_name="letter",
            name="priority",
            field=models.PositiveSmallIntegerField(default=1, help_text="0 leaves before 1"),
        ),
        AddColumn(
            model_name="letter",
            name="public_id",
            field=models.CharField(default="", max_length=22),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="transfer",
            name="asked_at",
            field=models.DateTimeField(
                help_text="when the approver's letter was queued; null: not asked", null=True
            ),
        ),
        AddColumn(
            model_name="transfer",
            name="one_letter",
            field=models.BooleanField(default=False, help_text="one letter for many files, not one for each"),
        ),
        AddColumn(
            model_name="transfer",
            name="reason_code",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
        AddColumn(
            model_name="transfer",
            name="receipts",
            field=models.CharField(
                default="first", help_text="which fetches the sender is told of", max_length=8
            ),
        ),
        AddColumn(
            model_name="transferfile",
            name="arrived",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="transferfile",
            name="crc32",
            field=models.BigIntegerField(null=True),
        ),
        AddColumn(
            model_name="transferfile",
            name="epoch",
            field=models.BigIntegerField(default=0, help_text="who may write it: the number of the lease"),
        ),
        AddColumn(
            model_name="transferfile",
            name="folded",
            field=models.CharField(default="", help_text="the name as search looks for it", max_length=1024),
            preserve_default=False,
        ),
        AddColumn(
            model_name="transferfile",
            name="folder",
            field=models.CharField(blank=True, default="", max_length=1024),
        ),
        AddColumn(
            model_name="transferfile",
            name="holder",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="transferfile",
            name="modified_at",
            field=models.DateTimeField(null=True),
        ),
        AddColumn(
            model_name="transferfile",
            name="sent_name",
            field=models.CharField(blank=True, default="", help_text="the name as it came", max_length=1024),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="about",
            field=models.CharField(blank=True, default="", help_text="the name of the file", max_length=255),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="reason",
            field=models.CharField(blank=True, default="", help_text="why, as it was typed", max_length=500),
        ),
        migrations.AlterField(
            model_name="letter",
            name="delivery",
            field=models.CharField(
                choices=[
                    ("collecting", "Collecting"),
                    ("queued", "Queued"),
                    ("sent", "Sent"),
                    ("given_up", "Given Up"),
                    ("withdrawn", "Withdrawn"),
                ],
                default="queued",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="letter",
            name="next_try_at",
            field=models.DateTimeField(
                help_text="when it is tried next; of one that collects, when it closes"
            ),
        ),
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("value", models.CharField(max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="SecurityEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(help_text="the minute")),
                ("kind", models.CharField(max_length=32)),
                ("outcome", models.CharField(max_length=16)),
                (
                    "account",
                    models.CharField(
                        blank=True, default="", help_text="HMAC of an unknown name", max_length=254
                    ),
                ),
                ("person", models.CharField(blank=True, default="", max_length=254)),
                ("transfer_public_id", models.CharField(blank=True, default="", max_length=9)),
                ("network", models.CharField(blank=True, default="", max_length=64)),
                (
                    "request_id",
                    models.CharField(blank=True, default="", help_text="of the first", max_length=64),
                ),
                ("count", models.PositiveIntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name="Party",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.CharField(max_length=22, unique=True)),
                ("role", models.CharField(max_length=16)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("address", models.CharField(max_length=254)),
                (
                    "canonical",
                    models.CharField(help_text="the address in lower case, without its tag", max_length=254),
                ),
                (
                    "folded",
                    models.CharField(help_text="name and address as search looks for them", max_length=600),
                ),
                ("language", models.CharField(max_length=2)),
                ("proof", models.CharField(default="none", max_length=8)),
                ("proved_at", models.DateTimeField(null=True)),
                (
                    "transfer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parties",
                        to="filsluss.transfer",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("purpose", models.CharField(max_length=16)),
                ("derived_from", models.CharField(max_length=22)),
                ("nonce", models.CharField(max_length=32)),
                ("made_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "file",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="filsluss.transferfile",
                    ),
                ),
                (
                    "transfer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="filsluss.transfer",
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="links", to="filsluss.party"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Pickup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code_digest", models.CharField(max_length=64, null=True, unique=True)),
                ("code_sealed", models.TextField(blank=True, default="")),
                ("fetched_at", models.DateTimeField(help_text="the first whole fetch", null=True)),
                ("fetched_last_at", models.DateTimeField(null=True)),
                ("fetches", models.PositiveIntegerField(default=0)),
                ("spans", models.JSONField(default=list)),
                (
                    "partly_at",
                    models.DateTimeField(help_text="when bytes first left without being all", null=True),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pickups",
                        to="filsluss.transferfile",
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pickups",
                        to="filsluss.party",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("file", "party"), name="pickup_once")],
            },
        ),
        migrations.CreateModel(
            name="LetterCase",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="letter_cases",
                        to="filsluss.transferfile",
                    ),
                ),
                (
                    "letter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cases",
                        to="filsluss.letter",
                    ),
                ),
                (
                    "transfer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="letter_cases",
                        to="filsluss.transfer",
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="letter_cases",
                        to="filsluss.party",
                    ),
                ),
            ],
        ),
    ]
