"""How many files and letters an act that cannot be undone is about, as pages say before it."""

from dataclasses import dataclass

from filsluss.actions.transitions import distinct_roles, roles_told
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.models.letter import Delivery
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import ASKING, LetterKind
from filsluss.rules.lifecycle import ERASED, WITHDRAWN, FileState


@dataclass(frozen=True)
class Consequences:
    """How many files are deleted, and how many letters are sent."""

    files: int
    letters: int


def of_closing(transfer: Transfer) -> Consequences:
    """Of ending an open account."""
    kept = transfer.files.exclude(state__in=(FileState.ERASING, FileState.ERASED))
    return Consequences(kept.count(), len(roles_told(transfer, step=ERASED)))


def of_withdrawing(transfer: Transfer) -> Consequences:
    """Of an administrator's ending an undecided application."""
    return Consequences(0, len(roles_told(transfer, step=WITHDRAWN)))


def of_taking_back(transfer: Transfer) -> Consequences:
    """Of its sender's doing so: the approver is told if a letter that asks them has left."""
    kinds = (*ASKING, LetterKind.APPROVALS_REQUESTED)
    asked = Letter.objects.about(transfer).filter(kind__in=kinds, delivery=Delivery.SENT).exists()
    return Consequences(0, int(asked))


def of_removing(file: TransferFile) -> Consequences:
    """Of removing a file: the parties that were told of it are told that it is gone."""
    told = tuple(Role) if file.ready_at else (Role.SENDER,)
    letters = len(distinct_roles(file.transfer, among=told)) if file.received_at else 0
    return Consequences(1, letters)
