"""Who runs a command, for the audit trail, and the note of what they read in the security log."""

import getpass
import os
from datetime import UTC, datetime

from filsluss.actions.security_log import event_now, note
from filsluss.rules.security_events import Kind, Outcome


def os_account() -> str:
    """`os:<account>`, with the number of a user that has no name, as in a container."""
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"os:{os.getuid()}"


def note_command(kind: Kind, outcome: Outcome, *, transfer: str = "") -> None:
    """Notes what whoever runs the command reads or exports. Raises DatabaseError."""
    note(event_now(kind, outcome=outcome, person=os_account(), transfer=transfer, now=datetime.now(UTC)))
