"""What has moved to rows of its own leaves the transfer, the file, the letter and the trail."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("filsluss", "0006_move_to_rows")]

    operations = [
        migrations.RemoveField(
            model_name="auditentry",
            name="actor",
        ),
        migrations.RemoveField(
            model_name="letter",
            name="file",
        ),
        migrations.RemoveField(
            model_name="letter",
            name="transfer",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="approver_email",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="approver_status_digest",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="decide_digest",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="language",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="nonce",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="recipient_email",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="recipient_status_digest",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="sender_email",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="sender_name",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="sender_status_digest",
        ),
        migrations.RemoveField(
            model_name="transfer",
            name="upload_digest",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="code_digest",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="download_digest",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="fetched_at",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="fetched_last_at",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="fetches",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="nonce",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="pickup_digest",
        ),
        migrations.RemoveField(
            model_name="transferfile",
            name="sent_until",
        ),
        migrations.AlterField(
            model_name="letter",
            name="public_id",
            field=models.CharField(max_length=22, unique=True),
        ),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.UniqueConstraint(
                fields=("at", "kind", "outcome", "account", "network", "person", "transfer_public_id"),
                name="security_event_once",
            ),
        ),
        migrations.AddIndex(
            model_name="party",
            index=models.Index(fields=["canonical"], name="party_canonical"),
        ),
        migrations.AddIndex(
            model_name="party",
            index=models.Index(fields=["folded"], name="party_folded"),
        ),
        migrations.AddConstraint(
            model_name="lettercase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("file__isnull", False), ("party__isnull", False)),
                fields=("letter", "transfer", "party", "file"),
                name="letter_case_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettercase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("file__isnull", True), ("party__isnull", False)),
                fields=("letter", "transfer", "party"),
                name="letter_case_party_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettercase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("file__isnull", False), ("party__isnull", True)),
                fields=("letter", "transfer", "file"),
                name="letter_case_file_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="lettercase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("file__isnull", True), ("party__isnull", True)),
                fields=("letter", "transfer"),
                name="letter_case_notice_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="pickup",
            constraint=models.UniqueConstraint(fields=("file", "party"), name="pickup_once"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["transfer_public_id"], name="audit_transfer"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["step", "at"], name="audit_step"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["at", "id"], name="audit_at"),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(
                condition=models.Q(("delivery__in", ["queued", "collecting"])),
                fields=["priority", "next_try_at"],
                name="letter_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(
                condition=models.Q(("delivery", "given_up")), fields=["given_up_at"], name="letter_given_up"
            ),
        ),
        migrations.AddIndex(
            model_name="transfer",
            index=models.Index(fields=["state", "over_at"], name="transfer_over_at"),
        ),
        migrations.AddIndex(
            model_name="transfer",
            index=models.Index(fields=["-applied_at", "-id"], name="transfer_newest"),
        ),
        migrations.AddIndex(
            model_name="transferfile",
            index=models.Index(fields=["folded"], name="file_folded"),
        ),
        migrations.AddConstraint(
            model_name="letter",
            constraint=models.UniqueConstraint(
                condition=models.Q(("delivery", "collecting")),
                fields=("collects",),
                name="letter_collects_once",
            ),
        ),
    ]
