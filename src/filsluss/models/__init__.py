"""The tables: transfers and what belongs to them, letters, the audit trail, blobs, persons, blocks."""

from filsluss.models.audit import AuditEntry, SecurityEvent
from filsluss.models.blob import Blob, Part
from filsluss.models.blocked import Blocked
from filsluss.models.file import TransferFile
from filsluss.models.letter import Letter, LetterCase
from filsluss.models.link import Link
from filsluss.models.operations import (
    Alarm,
    Attempt,
    Heartbeat,
    Installation,
    LinkRequest,
    Node,
    Pause,
    RowLock,
    serialize_on,
)
from filsluss.models.party import Party
from filsluss.models.pickup import Pickup
from filsluss.models.staff import EnrolmentLink, Passkey, Person, RecoveryCode, RoleGrant, StaffSession, Totp
from filsluss.models.transfer import Transfer

__all__ = [
    "Alarm",
    "Attempt",
    "AuditEntry",
    "Blob",
    "Blocked",
    "EnrolmentLink",
    "Heartbeat",
    "Installation",
    "Letter",
    "LetterCase",
    "Link",
    "LinkRequest",
    "Node",
    "Part",
    "Party",
    "Passkey",
    "Pause",
    "Person",
    "Pickup",
    "RecoveryCode",
    "RoleGrant",
    "RowLock",
    "SecurityEvent",
    "StaffSession",
    "Totp",
    "Transfer",
    "TransferFile",
    "serialize_on",
]
