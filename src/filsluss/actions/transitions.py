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
from filsluss.rules.lifecycle import OVER, Step
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)


class StepRefused(Exception):
    """Somebody else was first, or the time for this step is over."""


WITHDRAWN_BY_STEP: dict[str, Collection[str]] = {
    **dict.fromkeys(("approved", "rejected", "withdrawn", "lapsed"), UNTIL_DECIDED),
    **dict.fromkeys(("ended", "closed"), WHILE_OPEN),
}
"""Letters that a step withdraws if they have not left yet."""


def advance(
    transfer: Transfer,
    step: Step,
    *,
    by: str,
    role: str,
    policy: Policy,
    now: datetime,
    reason: str = "",
    where: dict[str, Any] | None = None,
    files: Sequence[TransferFile] = (),
    **changes: Any,
) -> None:
    """Moves the transfer along `step`, setting `changes`.

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
        record_audit(transfer, step=step.name, by=by, role=role, now=now, reason=reason)
        outbox.withdraw_unsent(transfer=transfer, kinds=WITHDRAWN_BY_STEP.get(step.name, ()), now=now)
        queue_letters(transfer, step=step, policy=policy, now=now, files=files)


def queue_letters(
    transfer: Transfer, *, step: Step, policy: Policy, now: datetime, files: Sequence[TransferFile] = ()
) -> None:
    """One letter for each address the step names, however many roles that person has."""
    if step.letter is None:
        return
    for role in distinct_roles(transfer, among=step.told):
        compose.write(step.letter, transfer=transfer, role=role, policy=policy, now=now, files=files)


def withdraw_needless_reminder(transfer: Transfer, *, now: datetime) -> None:
    """A reminder that has not left yet is untrue once nothing waits to be fetched."""
    if not transfer.files.ready().filter(fetched_at=None).exists():
        outbox.withdraw_unsent(transfer=transfer, kinds=("expiry-reminder",), now=now)


def distinct_roles(transfer: Transfer, *, among: Sequence[Role]) -> list[Role]:
    """The roles that have an address, the first for each address."""
    by_address = {transfer.address_of(role): role for role in reversed(among) if transfer.address_of(role)}
    return [role for role in among if role in by_address.values()]


def record_audit(
    transfer: Transfer,
    *,
    step: str,
    by: str,
    role: str,
    now: datetime,
    reason: str = "",
    file: TransferFile | None = None,
) -> None:
    """One entry in the audit trail, in the transaction of what it tells."""
    AuditEntry.objects.create(
        at=now,
        transfer_id_public=transfer.public_id,
        step=step,
        role=role,
        actor=by,
        reason=reason,
        file_id_public=file.public_id if file else "",
        about=file.name if file else "",
        size=file.size if file else None,
        sha256=file.sha256 if file else "",
    )
    facts = {"transfer": transfer.public_id, "role": role}
    if file:
        facts |= {"file": file.public_id, "size": str(file.size)}
    transaction.on_commit(lambda: log.info(step, extra={"facts": facts}))
