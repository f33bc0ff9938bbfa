"""`filsluss rekey`: goes on with another secret key, and encrypts with it what the one before still reads."""

from typing import Any

from django.conf import settings

from filsluss.actions import key_fingerprint, rekey
from filsluss.conf.names import Name
from filsluss.management.printing import PrintingCommand

LINKS = (
    f"Links that were sent open anyhow. Keep {Name.SECRET_KEY_OLD} until the accounts of now are over: "
    "their codes and later letters need it."
)


class Command(PrintingCommand):
    help = "Accepts the secret key as it is now, and encrypts with it what an older one still reads."

    def handle(self, *args: Any, **options: Any) -> None:
        count = rekey.encrypt_anew()
        key_fingerprint.replace(settings.KEY_FINGERPRINTS[0])
        self.say("The secret key is accepted.")
        self.say(f"{count[rekey.ANEW]} letters and second factors are encrypted with it now.")
        if lost := count[rekey.LOST]:
            self.say(f"{lost} can be read with no key that is set, and are lost; see `filsluss admin list`")
        if settings.SECRET_KEY_FALLBACKS:
            self.say(LINKS)
