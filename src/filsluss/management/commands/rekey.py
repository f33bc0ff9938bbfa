"""`filsluss rekey`: goes on with another secret key, where the one before is lost."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from filsluss.actions import key_fingerprint


class Command(BaseCommand):
    help = "Accepts the secret key as it is now; codes and unsent letters made with another are lost."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        key_fingerprint.replace(settings.KEY_FINGERPRINTS[0])
        self.stdout.write("The secret key is accepted. Codes and unsent letters made with another are lost.")
