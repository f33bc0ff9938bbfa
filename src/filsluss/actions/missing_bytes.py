"""Bytes that a store had taken and says that it lacks: they are lost if it says so again later."""

from datetime import datetime, timedelta

from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import RULE, record_audit
from filsluss.models import AuditEntry, TransferFile
from filsluss.rules.lifecycle import ErasedBecause

SECOND_LOOK, NOTED_FOR = timedelta(hours=1), timedelta(days=1)
"""When bytes that were missing once are lost if they are missing again: this long after, and until then."""


def found_missing(file: TransferFile, *, as_writer: bool = False, now: datetime) -> bool:
    """Takes a file away whose bytes the store lacks, if it said so an hour ago, too; else notes that.

    A store that has failed over to a copy that lags says so for some minutes. False if the file stays.
    """
    noted = AuditEntry.objects.filter(
        transfer_public_id=file.transfer.public_id,
        file_public_id=file.public_id,
        step="file-missing",
        at__gt=now - NOTED_FOR,
    )
    if noted.filter(at__lte=now - SECOND_LOOK).exists():
        return take_away(file, because=ErasedBecause.DAMAGED, as_writer=as_writer, now=now)
    if not noted.exists():
        record_audit(file.transfer, step="file-missing", cause=RULE, now=now, file=file)
    return False
