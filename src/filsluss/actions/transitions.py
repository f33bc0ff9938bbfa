"""The only place where a transfer changes state: the state, its audit entry and its letters, all or none."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from filsluss.letters import compose, outbox
from filsluss.models import AuditEntry, Transfer, TransferFile
from filsluss.models.letter import UNTIL_DECIDED, WHILE_OPEN
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import OVER, State, Step
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)


class StepRefused(Exception):
    """Somebody else was first, or the time for this step is over."""


WITHDRAWN_BY_STEP: dict[str, Collection[str]] = {
    **dict.fromkeys(("approved", "rejected", "withdrawn", "taken-back", "lapsed"), UNTIL_DECIDED),
    **dict.fromkeys(("ended", "closed"), WHILE_OPEN),
}
"""Letters that a step withdraws if they have not left yet."""


def advance(
    transfer: Transfer,
    step: Step,
    *,
    role: str,
    person: str = "",
    policy: Policy,
    now: datetime,
    reason: str = "",
    where: dict[str, Any] | None = None,
    files: Sequence[TransferFile] = (),
    **changes: Any,
) -> None:
    """Moves the transfer along `step`, setting `changes`, on behalf of whoever has `role`.

    `where` narrows the compare-and-set (`{"lapse_by__gt": now}`). Raises StepRefused, with nothing
    changed, when the row was not where the step begins.
    """
    if step.target in OVER:
        changes["over_at"] = now
    with transaction.atomic():
        row = Transfer.objects.filter(pk=transfer.pk, state=step.source, **(where or {}))
        if row.update(state=step.target, **changes) != 1:
            raise StepRefused(step.name)
        for name, value in {**changes, "state": step.target.value}.items():
            setattr(transfer, name, value)
        record_audit(transfer, step=step.name, role=role, person=person, now=now, reason=reason)
        outbox.withdraw_unsent(transfer=transfer, kinds=WITHDRAWN_BY_STEP.get(step.name, ()), now=now)
        queue_letters(transfer, step=step, policy=policy, now=now, files=files)
        if step.target in OVER:
            outbox.forget_texts(transfer)


def moved(transfer: Transfer, step: Step, *, policy: Policy, now: datetime, **changes: Any) -> bool:
    """Moves it along a step that time takes; False if somebody else was first."""
    try:
        advance(transfer, step, role="rule", policy=policy, now=now, **changes)
    except StepRefused:
        return False
    return True


def queue_letters(
    transfer: Transfer, *, step: Step, policy: Policy, now: datetime, files: Sequence[TransferFile] = ()
) -> None:
    """One letter for each address the step names, however many roles that person has.

    Of an application that was never put to its approver the approver hears nothing.
    """
    if step.letter is None:
        return
    unasked = step.source is State.PENDING and transfer.asked_at is None
    told = [role for role in step.told if not (unasked and role is Role.APPROVER)]
    for role in distinct_roles(transfer, among=told):
        compose.write(step.letter, transfer=transfer, role=role, policy=policy, now=now, files=files)


def withdraw_needless_reminder(transfer: Transfer, *, now: datetime) -> None:
    """A reminder that has not left yet is untrue once nothing waits to be fetched."""
    if not transfer.files.unfetched().exists():
        outbox.withdraw_unsent(transfer=transfer, kinds=("expiry-reminder",), now=now)


def distinct_roles(transfer: Transfer, *, among: Sequence[Role]) -> list[Role]:
    """The roles that have an address, the first for each address."""
    by_address = {transfer.address_of(role): role for role in reversed(among) if transfer.address_of(role)}
    return [role for role in among if role in by_address.values()]


def record_audit(
    transfer: Transfer,
    *,
    step: str,
    role: str,
    person: str = "",
    now: datetime,
    reason: str = "",
    reason_code: str = "",
    file: TransferFile | None = None,
) -> None:
    """One entry in the audit trail, in the transaction of what it tells.

    `role` is a party's, "administrator" or "rule"; `person` says who acted in a role that is no party's.
    """
    party = transfer.party(Role(role)) if role in set(Role) else None
    AuditEntry.objects.create(
        at=now,
        transfer_public_id=transfer.public_id,
        step=step,
        role=role,
        party_public_id=party.public_id if party else "",
        person=person,
        reason=reason,
        reason_code=reason_code,
        file_public_id=file.public_id if file else "",
        about=file.name if file else "",
        size=file.size if file else None,
        sha256=file.sha256 if file else "",
    )
    facts = {"transfer": transfer.public_id, "role": role}
    if file:
        facts |= {"file": file.public_id, "size": str(file.size)}
    transaction.on_commit(lambda: log.info(step, extra={"facts": facts}))
