"""What is remembered: transfers, their files, the letters about them, and the audit trail."""

from filsluss.models.audit import AuditEntry
from filsluss.models.file import TransferFile
from filsluss.models.letter import Letter
from filsluss.models.operations import Alarm, Attempt, Heartbeat, Pause, RowLock, serialize_on
from filsluss.models.transfer import Transfer

__all__ = [
    "Alarm",
    "Attempt",
    "AuditEntry",
    "Heartbeat",
    "Letter",
    "Pause",
    "RowLock",
    "Transfer",
    "TransferFile",
    "serialize_on",
]
