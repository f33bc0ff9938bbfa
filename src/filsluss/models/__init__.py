"""What is remembered: transfers, their files, the letters about them, and the audit trail."""

from filsluss.models.audit import AuditEntry
from filsluss.models.letter import Letter
from filsluss.models.transfer import Transfer
from filsluss.models.transfer_file import TransferFile
from filsluss.models.watch import Alarm, Attempt, Gate, Heartbeat, Pause, pass_gate

__all__ = [
    "Alarm",
    "Attempt",
    "AuditEntry",
    "Gate",
    "Heartbeat",
    "Letter",
    "Pause",
    "Transfer",
    "TransferFile",
    "pass_gate",
]
