import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Persons who sign in, their sessions, second factors and roles."""

    dependencies = [
        ("filsluss", "0013_a_blob_has_the_holder"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Person",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("issuer", models.CharField(blank=True, default="", max_length=255)),
                ("subject", models.CharField(max_length=255)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("address", models.CharField(blank=True, default="", max_length=254)),
                (
                    "canonical",
                    models.CharField(blank=True, default="", help_text="as that of a party", max_length=254),
                ),
                ("made_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="when they last signed in")),
                ("shut_at", models.DateTimeField(help_text="since when they may not sign in", null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="person",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("credential_id", models.CharField(max_length=1400, unique=True)),
                (
                    "credential_data",
                    models.TextField(help_text="with the public key (WebAuthn 6.5.1)"),
                ),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("sign_count", models.BigIntegerField(default=0)),
                ("made_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passkeys",
                        to="filsluss.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to="filsluss.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RoleGrant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("role", models.CharField(max_length=16)),
                ("scope", models.CharField(blank=True, default="", max_length=254)),
                ("by", models.CharField(max_length=254)),
                ("given_at", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="filsluss.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StaffSession",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("session_key", models.CharField(max_length=64, unique=True)),
                ("sid", models.CharField(blank=True, default="", max_length=255)),
                ("how", models.CharField(max_length=16)),
                ("network", models.CharField(blank=True, default="", max_length=64)),
                ("began_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("proved_at", models.DateTimeField(null=True)),
                ("mailboxes", models.JSONField(default=list)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="filsluss.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Totp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("secret", models.TextField()),
                ("last_step", models.BigIntegerField(default=0, help_text="of the last code that was taken")),
                ("made_at", models.DateTimeField()),
                (
                    "proved_at",
                    models.DateTimeField(
                        help_text="when the first code was taken; null: not in force", null=True
                    ),
                ),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="totp", to="filsluss.person"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(fields=["canonical"], name="person_canonical"),
        ),
        migrations.AddConstraint(
            model_name="person",
            constraint=models.UniqueConstraint(fields=("issuer", "subject"), name="person_once"),
        ),
        migrations.AddConstraint(
            model_name="recoverycode",
            constraint=models.UniqueConstraint(fields=("person", "digest"), name="recovery_code_once"),
        ),
        migrations.AddConstraint(
            model_name="rolegrant",
            constraint=models.UniqueConstraint(
                fields=("person", "role", "scope", "by"), name="role_grant_once"
            ),
        ),
        migrations.AddIndex(
            model_name="staffsession",
            index=models.Index(fields=["seen_at"], name="staff_session_seen"),
        ),
    ]
