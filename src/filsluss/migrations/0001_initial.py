"""The first tables."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Gate",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("passed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("network", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["kind", "network", "at"], name="attempt_network"),
                    models.Index(fields=["kind", "at"], name="attempt_kind"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("transfer_id_public", models.CharField(db_index=True, max_length=9)),
                ("file_id_public", models.CharField(blank=True, default="", max_length=9)),
                ("step", models.CharField(max_length=32)),
                ("role", models.CharField(max_length=16)),
                ("actor", models.CharField(blank=True, default="", max_length=254)),
                ("about", models.CharField(blank=True, default="", max_length=255)),
                ("size", models.BigIntegerField(null=True)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
            ],
            options={
                "ordering": ["at", "id"],
                "indexes": [models.Index(fields=["at"], name="audit_at")],
            },
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.CharField(max_length=9, unique=True)),
                ("state", models.CharField(default="new", max_length=16)),
                ("direction", models.CharField(max_length=16)),
                ("language", models.CharField(max_length=2)),
                ("sender_name", models.CharField(max_length=100)),
                ("sender_email", models.CharField(max_length=254)),
                ("recipient_email", models.CharField(max_length=254)),
                ("approver_email", models.CharField(blank=True, default="", max_length=254)),
                ("purpose", models.CharField(max_length=500)),
                ("terms_version", models.CharField(default="1", max_length=10)),
                ("applied_at", models.DateTimeField()),
                ("lapse_by", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("open_until", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("erased_at", models.DateTimeField(null=True)),
                (
                    "over_at",
                    models.DateTimeField(
                        help_text="when the row reached a state that only forgetting leaves", null=True
                    ),
                ),
                ("rejection_reason", models.CharField(blank=True, default="", max_length=500)),
                ("closed_reason", models.CharField(blank=True, default="", max_length=500)),
                ("nonce", models.CharField(max_length=32)),
                ("upload_digest", models.CharField(max_length=64, unique=True)),
                ("decide_digest", models.CharField(max_length=64, unique=True)),
                ("sender_status_digest", models.CharField(max_length=64, unique=True)),
                ("recipient_status_digest", models.CharField(max_length=64, unique=True)),
                ("approver_status_digest", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["state", "open_until"], name="transfer_open_until"),
                    models.Index(fields=["state", "lapse_by"], name="transfer_lapse_by"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ["new", "pending", "open", "closing", "closed", "rejected", "lapsed"],
                            )
                        ),
                        name="transfer_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("direction__in", ["outbound", "inbound", "through"])),
                        name="transfer_direction_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TransferFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.CharField(max_length=9, unique=True)),
                ("upload_id", models.CharField(max_length=22, unique=True)),
                ("state", models.CharField(default="uploading", max_length=16)),
                ("name", models.CharField(max_length=255)),
                (
                    "size",
                    models.BigIntegerField(
                        help_text="bytes; unknown while the length is deferred", null=True
                    ),
                ),
                ("with_code", models.BooleanField(default=False)),
                (
                    "metadata",
                    models.TextField(blank=True, default="", help_text="Upload-Metadata, echoed as it came"),
                ),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("acknowledged", models.BigIntegerField(default=0, help_text="bytes known to be on disk")),
                ("boot_id", models.CharField(blank=True, default="", max_length=36)),
                ("created_at", models.DateTimeField()),
                ("active_at", models.DateTimeField(help_text="the last time a request moved it")),
                ("received_at", models.DateTimeField(null=True)),
                ("ready_at", models.DateTimeField(null=True)),
                (
                    "sent_until",
                    models.BigIntegerField(
                        default=0, help_text="bytes sent without a gap since the last fetch"
                    ),
                ),
                ("fetched_at", models.DateTimeField(help_text="the first whole fetch", null=True)),
                ("fetched_last_at", models.DateTimeField(null=True)),
                ("fetches", models.PositiveIntegerField(default=0)),
                ("erased_at", models.DateTimeField(null=True)),
                ("erased_because", models.CharField(blank=True, default="", max_length=16)),
                ("removal_reason", models.CharField(blank=True, default="", max_length=500)),
                (
                    "removed_by",
                    models.CharField(
                        blank=True, default="", help_text="sender or administrator", max_length=16
                    ),
                ),
                ("nonce", models.CharField(max_length=32)),
                ("download_digest", models.CharField(max_length=64, unique=True)),
                ("pickup_digest", models.CharField(max_length=64, unique=True)),
                ("code_digest", models.CharField(max_length=64, null=True, unique=True)),
                (
                    "transfer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="filsluss.transfer",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Letter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="what makes it the same letter again", max_length=200, unique=True
                    ),
                ),
                ("kind", models.CharField(max_length=32)),
                ("role", models.CharField(blank=True, default="", max_length=16)),
                ("to", models.CharField(max_length=254)),
                ("reply_to", models.CharField(blank=True, default="", max_length=254)),
                ("language", models.CharField(max_length=2)),
                ("subject", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("html", models.TextField()),
                ("message_id", models.CharField(max_length=120)),
                ("references", models.CharField(blank=True, default="", max_length=120)),
                (
                    "delivery",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sent", "Sent"),
                            ("given_up", "Given Up"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("written_at", models.DateTimeField()),
                ("next_try_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("given_up_at", models.DateTimeField(null=True)),
                (
                    "trouble",
                    models.CharField(
                        blank=True, default="", help_text="the last answer that was no", max_length=300
                    ),
                ),
                (
                    "transfer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="letters",
                        to="filsluss.transfer",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="letters",
                        to="filsluss.transferfile",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="transferfile",
            index=models.Index(fields=["state", "active_at"], name="file_state_active"),
        ),
        migrations.AddConstraint(
            model_name="transferfile",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["uploading", "received", "ready", "erasing", "erased"])),
                name="file_state_known",
            ),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(fields=["delivery", "next_try_at"], name="letter_due"),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(fields=["to", "written_at"], name="letter_to_written"),
        ),
    ]
