"""The code of a file, as its sender may see it, and a new one in the place of one that cannot be shown."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.transitions import Cause, record_audit
from filsluss.installation import Services
from filsluss.models import Pickup, TransferFile
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import FileState
from filsluss.rules.tokens import code_digest, code_problem, draw_code


def code_of(file: TransferFile) -> str:
    """The code that opens the file, 12 characters; empty if it has none, or none that can be decrypted."""
    pickup = file.pickups.exclude(code_digest=None).first()
    return pickup.code_sealed if pickup and not code_problem(pickup.code_sealed) else ""


def draw_again(file: TransferFile, *, services: Services, now: datetime) -> str:
    """The file's code; where it cannot be shown a new one, and that in the email ends. Empty if it has none.

    Idempotent: a code that can be shown is never replaced.
    """
    with transaction.atomic():
        row = Pickup.objects.select_for_update(of=("self",)).filter(file=file, file__state=FileState.READY)
        pickup = row.exclude(code_digest=None).first()
        if pickup is None or not code_problem(pickup.code_sealed):
            return pickup.code_sealed if pickup else ""
        pickup.code_sealed = draw_code()
        pickup.code_digest = code_digest(services.policy.code_keys[0], pickup.code_sealed)
        pickup.save(update_fields=["code_sealed", "code_digest"])
        record_audit(file.transfer, step="code-drawn-again", cause=Cause(Role.SENDER), now=now, file=file)
        return pickup.code_sealed
