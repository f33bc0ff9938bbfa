"""What an administrator reads and exports is noted in the security log."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from filsluss.actions.security_log import event_now, note
from filsluss.actions.transitions import Cause, record_audit
from filsluss.models import Transfer
from filsluss.pages.oversee.access import standing_in
from filsluss.pages.oversee.actors import name_of
from filsluss.rules.permissions import StaffRole
from filsluss.rules.security_events import Kind, Outcome


def note_read(request: HttpRequest, outcome: Outcome, *, transfer: str = "") -> None:
    """`outcome`: the kind of page. `transfer`: the public id of the one that it shows."""
    _note(request, Kind.READ, outcome, transfer)


def note_opened(request: HttpRequest, row: Transfer) -> None:
    """An auditor's opening of a case stands in its trail."""
    if standing_in(request).is_noted:
        cause = Cause(StaffRole.AUDITOR, f"user:{request.user.pk}")
        record_audit(row, step="case-opened", cause=cause, now=timezone.now())


def note_export(request: HttpRequest, transfer: str) -> None:
    """The audit trail of that transfer was exported; of all transfers if it is empty."""
    _note(request, Kind.EXPORT, Outcome.TRANSFER if transfer else Outcome.TRAIL, transfer)


def _note(request: HttpRequest, kind: Kind, outcome: Outcome, transfer: str) -> None:
    assert isinstance(request.user, User)  # @permitted
    person, account = f"user:{request.user.pk}", name_of(request.user)
    event = event_now(
        kind, outcome=outcome, account=account, person=person, transfer=transfer, now=timezone.now()
    )
    note(event)
