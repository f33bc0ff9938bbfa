"""The Django app's configuration."""

from django.apps import AppConfig


class FilslussConfig(AppConfig):
    name = "filsluss"
    default_auto_field = "django.db.models.BigAutoField"
