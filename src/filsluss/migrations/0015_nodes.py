from django.db import migrations, models


class Migration(migrations.Migration):
    """Each part on each machine says when it last ran; a pause is that of one machine."""

    dependencies = [("filsluss", "0014_persons_who_sign_in")]

    operations = [
        migrations.CreateModel(
            name="Node",
            fields=[
                (
                    "key",
                    models.CharField(help_text="part@name", max_length=80, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=64)),
                ("part", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                ("version", models.CharField(max_length=32)),
                (
                    "settings",
                    models.JSONField(
                        default=dict, help_text="a digest of each setting that nodes must share"
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="pause",
            name="name",
            field=models.CharField(
                help_text="what is paused, and on which node",
                max_length=100,
                primary_key=True,
                serialize=False,
            ),
        ),
    ]
