"""Taking back: a sender withdraws their undecided application, or replaces it by a corrected one."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.apply import apply
from filsluss.actions.transitions import Cause, StepRefused, advance
from filsluss.installation import Services
from filsluss.models import Letter, Transfer
from filsluss.models.letter import Delivery
from filsluss.rules.application import Application
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import ASKING, LetterKind
from filsluss.rules.lifecycle import TAKEN_BACK
from filsluss.rules.networks import Client


def take_back(transfer: Transfer, *, services: Services, now: datetime, replaced_by: str = "") -> None:
    """Withdraws an undecided application, with the letters about it that have not left.

    The approver is told if they have been asked, or are being asked at this moment. `replaced_by` is the
    public id of the application that takes its place. Raises StepRefused once it is decided or has lapsed.
    """
    if not transfer.is_undecided_at(now):
        raise StepRefused(TAKEN_BACK.name)
    cause = Cause(Role.SENDER, detail={"replaced_by": replaced_by} if replaced_by else None)
    with transaction.atomic():
        _lock(transfer)
        asked = transfer.asked_at if _has_been_asked(transfer) else None
        advance(transfer, TAKEN_BACK, cause=cause, services=services, now=now, asked_at=asked)


def _lock(transfer: Transfer) -> None:
    """The transfer before any letter, as every step does, so that no two transactions wait for each other."""
    Transfer.objects.select_for_update(of=("self",), no_key=True).get(pk=transfer.pk)


def _has_been_asked(transfer: Transfer) -> bool:
    """Whether a letter that asks the approver has left, or is leaving; no other can leave from now on."""
    asking = Letter.objects.filter(kind__in=(*ASKING, LetterKind.APPROVALS_REQUESTED)).about(transfer)
    return any(
        letter.delivery == Delivery.SENT or (letter.delivery == Delivery.QUEUED and letter.claimed_by)
        for letter in asking.order_by("pk").select_for_update(of=("self",), no_key=True)
    )


def correct(
    transfer: Transfer, *, application: Application, services: Services, now: datetime, client: Client
) -> Transfer:
    """Makes the corrected application and withdraws the old one; neither happens without the other.

    The same form sent twice gives the transfer that there is. Raises FormRefused, LimitReached, or
    StepRefused if the old one is no longer undecided.
    """
    with transaction.atomic():
        _lock(transfer)
        made = apply(application, services=services, now=now, client=client)
        try:
            take_back(transfer, services=services, now=now, replaced_by=made.public_id)
        except StepRefused:
            if made.applied_at == now:
                raise
    return made
