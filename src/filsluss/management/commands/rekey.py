"""`filsluss rekey`: goes on with another secret key, where the one before is lost."""

from typing import Any

from django.conf import settings

from filsluss.actions import key_fingerprint
from filsluss.management.printing import PrintingCommand


class Command(PrintingCommand):
    help = "Accepts the secret key as it is now; codes and unsent letters made with another are lost."

    def handle(self, *args: Any, **options: Any) -> None:
        key_fingerprint.replace(settings.KEY_FINGERPRINTS[0])
        self.say("The secret key is accepted. Codes and unsent letters made with another are lost.")
