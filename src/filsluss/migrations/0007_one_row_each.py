"""Drops the columns whose values were moved to tables of their own."""

from django.db import migrations, models


class ChangeTable(migrations.SeparateDatabaseAndState):
    """Operations on one table. SQLite copies it once for all of them, where Django would for each."""

    def __init__(self, model_name, *operations):
        super().__init__(operations, operations)
        self.model_name = model_name

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        old = from_state.apps.get_model(app_label, self.model_name)
        table, copy = old._meta.db_table, f"new__{old._meta.db_table}"
        renamed = to_state.clone()
        renamed.alter_model_options(app_label, self.model_name, {"db_table": copy})
        new = renamed.apps.get_model(app_label, self.model_name)
        kept = {field.column for field in old._meta.concrete_fields}
        both = [field.column for field in new._meta.concrete_fields if field.column in kept]
        columns = ", ".join(schema_editor.quote_name(column) for column in both)
        # In the order of https://www.sqlite.org/lang_altertable.html#otheralter: what refers to the table still does.
        schema_editor.create_model(new)
        schema_editor.execute(f"INSERT INTO {copy} ({columns}) SELECT {columns} FROM {table}")  # noqa: S608
        schema_editor.delete_model(old)
        schema_editor.alter_db_table(new, copy, table)


class Migration(migrations.Migration):
    dependencies = [("filsluss", "0006_move_to_rows")]

    operations = [
        ChangeTable(
            "transfer",
            *(
                migrations.RemoveField("transfer", name)
                for name in (
                    "approver_email",
                    "approver_status_digest",
                    "decide_digest",
                    "language",
                    "nonce",
                    "recipient_email",
                    "recipient_status_digest",
                    "sender_email",
                    "sender_name",
                    "sender_status_digest",
                    "upload_digest",
                )
            ),
            migrations.RemoveConstraint(
                model_name="transfer",
                name="transfer_state_known",
            ),
            migrations.AlterField(
                model_name="transfer",
                name="lapse_by",
                field=models.DateTimeField(help_text="null until the approver is asked", null=True),
            ),
            migrations.AddField(
                model_name="transfer",
                name="form_key",
                field=models.CharField(max_length=64, null=True, unique=True),
            ),
            migrations.AddConstraint(
                model_name="transfer",
                constraint=models.CheckConstraint(
                    condition=models.Q(
                        (
                            "state__in",
                            [
                                "new",
                                "pending",
                                "open",
                                "closing",
                                "closed",
                                "rejected",
                                "lapsed",
                                "withdrawn",
                            ],
                        )
                    ),
                    name="transfer_state_known",
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
        ),
        ChangeTable(
            "transferfile",
            *(
                migrations.RemoveField("transferfile", name)
                for name in (
                    "code_digest",
                    "download_digest",
                    "fetched_at",
                    "fetched_last_at",
                    "fetches",
                    "nonce",
                    "pickup_digest",
                    "sent_until",
                )
            ),
            migrations.RemoveConstraint(
                model_name="transferfile",
                name="file_state_known",
            ),
            migrations.AddConstraint(
                model_name="transferfile",
                constraint=models.CheckConstraint(
                    condition=models.Q(
                        (
                            "state__in",
                            [
                                "uploading",
                                "received",
                                "scanning",
                                "unscanned",
                                "infected",
                                "ready",
                                "withheld",
                                "erasing",
                                "erased",
                            ],
                        )
                    ),
                    name="file_state_known",
                ),
            ),
            migrations.AddIndex(
                model_name="transferfile",
                index=models.Index(fields=["folded"], name="file_folded"),
            ),
        ),
        ChangeTable(
            "letter",
            migrations.RemoveField("letter", "file"),
            migrations.RemoveField("letter", "transfer"),
            migrations.AlterField(
                model_name="letter",
                name="html",
                field=models.TextField(blank=True, default=""),
            ),
            migrations.AlterField(
                model_name="letter",
                name="subject",
                field=models.CharField(blank=True, default="", max_length=200),
            ),
            migrations.AlterField(
                model_name="letter",
                name="text",
                field=models.TextField(blank=True, default=""),
            ),
            migrations.AlterField(
                model_name="letter",
                name="public_id",
                field=models.CharField(max_length=22, unique=True),
            ),
            migrations.AddConstraint(
                model_name="letter",
                constraint=models.UniqueConstraint(
                    condition=models.Q(("delivery", "collecting")),
                    fields=("collects",),
                    name="letter_collects_once",
                ),
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
                    condition=models.Q(("delivery", "given_up")),
                    fields=["given_up_at"],
                    name="letter_given_up",
                ),
            ),
        ),
        ChangeTable(
            "auditentry",
            migrations.RemoveField("auditentry", "actor"),
            migrations.AlterField(
                model_name="auditentry",
                name="transfer_public_id",
                field=models.CharField(max_length=9),
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
        # The approver of every other case was asked at once; outbound nobody is asked, and nothing lapses.
        migrations.RunSQL(
            """UPDATE filsluss_transfer SET
                 asked_at = CASE WHEN direction <> 'outbound' THEN applied_at END,
                 lapse_by = CASE WHEN direction <> 'outbound' THEN lapse_by END"""
        ),
    ]
