"""`filsluss settings`: every setting with the value that is in force, and where it came from."""

from typing import Any

from django.conf import settings

from filsluss.conf.reading import DEFAULT, InForce, in_force
from filsluss.conf.table import TABLE
from filsluss.management.printing import PrintingCommand


class Command(PrintingCommand):
    help = "Shows each setting, its value in force and where that came from; secrets are not shown."

    def handle(self, *args: Any, **options: Any) -> None:
        for row in TABLE:
            if not row.is_ours:
                found = in_force(row, settings.VALUES)
                self.say(f"{row.name:<30}  {shown(found)}  ({found.source})")


def shown(found: InForce) -> str:
    """The text of the value; never that of a secret, whether somebody set it or it was generated."""
    if found.row.is_secret and found.source != DEFAULT:
        return "[secret]"
    if found.row.is_secret or not found.text:
        return found.row.unset.replace("`", "") or "none"
    return found.text
