"""The only code that changes the state of a transfer: state, audit entry and letters in one transaction."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from filsluss.installation import Services
from filsluss.letters import compose, disclosure, outbox, request_lists
from filsluss.letters.context import About
from filsluss.letters.mailboxes import has_room
from filsluss.models import Transfer, TransferFile
from filsluss.models.audit import NEW_ENTRY
from filsluss.origin import NOWHERE, Origin, current_origin
from filsluss.rules.directions import BY_RULE, Proof, Role
from filsluss.rules.letter_kinds import ABOUT_ONE_REQUEST, VALID_WHILE_OPEN, LetterKind, traits_of
from filsluss.rules.lifecycle import OVER, State, Step
from filsluss.rules.refusals import Refused

log = logging.getLogger(__name__)


class StepRefused(Refused):
    """The row is not in the step's source state, or the time for the step is over."""


@dataclass(frozen=True)
class Cause:
    """Who takes a step, and why: `role` is a party's, the staff's or BY_RULE.

    `person` identifies who is signed in (see `AuditEntry`), `reason` is as it was typed. `origin` is that of
    the request that is being answered.
    """

    role: str
    person: str = ""
    reason: str = ""
    reason_code: str = ""
    detail: dict[str, str] | None = None
    origin: Origin = field(default_factory=current_origin)

    @property
    def proof(self) -> str:
        """How an administrator is known: by a sign-in, or not by us (a command)."""
        return Proof.SIGN_IN.value if self.person.startswith("user:") else ""


ROLES = frozenset(Role)
RULE = Cause(BY_RULE, origin=NOWHERE)

WITHDRAWN_AFTER: dict[State, Collection[str]] = {
    State.PENDING: ABOUT_ONE_REQUEST,
    State.OPEN: VALID_WHILE_OPEN,
}
"""The kinds of unsent letters that every step from that state withdraws."""


def advance(
    transfer: Transfer,
    step: Step,
    *,
    cause: Cause,
    services: Services,
    now: datetime,
    files: Sequence[TransferFile] = (),
    **changes: Any,
) -> None:
    """Takes `step` and sets the columns in `changes`.

    Raises StepRefused, and changes nothing, if the row is not in the step's source state.
    """
    if step.target in OVER:
        changes["over_at"] = now
    with transaction.atomic():
        row = Transfer.objects.filter(pk=transfer.pk, state=step.source)
        if row.update(state=step.target, **changes) != 1:
            raise StepRefused(step.name)
        for name, value in {**changes, "state": step.target.value}.items():
            setattr(transfer, name, value)
        record_audit(transfer, step=step.name, cause=cause, now=now)
        outbox.withdraw_unsent(transfer=transfer, kinds=WITHDRAWN_AFTER.get(step.source, ()), now=now)
        if step.source is State.PENDING:
            request_lists.leave(transfer, now=now)
        queue_letters(transfer, step=step, services=services, now=now, files=files)
        if step.target in OVER:
            outbox.forget_texts([transfer])


def moved(transfer: Transfer, step: Step, *, services: Services, now: datetime, **changes: Any) -> bool:
    """Takes a step by rule; False if it was refused."""
    try:
        advance(transfer, step, cause=RULE, services=services, now=now, **changes)
    except StepRefused:
        return False
    return True


def move_all(
    transfers: Sequence[Transfer],
    *,
    step: Step,
    services: Services,
    now: datetime,
    files: Mapping[int, Sequence[TransferFile]] | None = None,
    **changes: Any,
) -> int:
    """Takes a step of accounts by rule, with all that are in its source state; returns how many.

    What `advance` does for one, by a few statements for all. `files` are those that letters list, by the key
    of their transfer.
    """
    changes |= {"state": step.target.value, **({"over_at": now} if step.target in OVER else {})}
    with transaction.atomic():
        still = Transfer.objects.filter(pk__in=[transfer.pk for transfer in transfers], state=step.source)
        locked = still.order_by("pk").select_for_update(no_key=True)
        keys = set(locked.values_list("pk", flat=True))
        moving = [transfer for transfer in transfers if transfer.pk in keys]
        Transfer.objects.filter(pk__in=keys).update(**changes)
        for transfer in moving:
            vars(transfer).update(changes)
        record_each([(transfer, None) for transfer in moving], step=step.name, cause=RULE, now=now)
        outbox.withdraw_all(moving, kinds=WITHDRAWN_AFTER.get(step.source, ()))
        tell_each(moving, step=step, services=services, now=now, files=files or {})
        if step.target in OVER:
            outbox.forget_texts(moving)
    return len(moving)


def tell_each(
    transfers: Sequence[Transfer],
    *,
    step: Step,
    services: Services,
    now: datetime,
    files: Mapping[int, Sequence[TransferFile]],
) -> None:
    """The letters of the step for each of these; of kinds that no mailbox gets too many of."""
    if step.letter is None:
        return
    disclosure.read_ready(transfers)
    abouts = [
        About(transfer, party, files=files.get(transfer.pk, ()))
        for transfer in transfers
        for role in roles_told(transfer, step=step)
        if (party := transfer.party(role))
    ]
    compose.write_all(step.letter, abouts, policy=services.policy, now=now)


def queue_letters(
    transfer: Transfer, *, step: Step, services: Services, now: datetime, files: Sequence[TransferFile] = ()
) -> None:
    """One letter for each address among the roles that the step tells.

    A mailbox gets no more than its limit of those that only say how an undecided application ended.
    """
    if step.letter is None:
        return
    for role in roles_told(transfer, step=step):
        reader = transfer.party(role) if traits_of(step.letter).is_limited else None
        if reader and not has_room(reader, kind=step.letter, policy=services.policy, now=now):
            continue
        compose.write(step.letter, transfer=transfer, role=role, policy=services.policy, now=now, files=files)


def roles_told(transfer: Transfer, *, step: Step) -> list[Role]:
    """The roles that get the letter of the step, the first for each address.

    An approver who was not asked gets none, nor does a recipient for whom no file was ever ready.
    """
    not_asked = step.source in (State.NEW, State.PENDING) and transfer.asked_at is None
    told = [role for role in step.told if not (not_asked and role is Role.APPROVER)]
    known = [role for role in told if disclosure.is_told(step.letter or "", role, transfer)]
    return distinct_roles(transfer, among=known)


def withdraw_needless_reminder(transfer: Transfer, *, now: datetime) -> None:
    """Withdraws unsent reminders if every file has been fetched."""
    if not transfer.files.unfetched().exists():
        outbox.withdraw_unsent(transfer=transfer, kinds=(LetterKind.EXPIRY_REMINDER,), now=now)


def distinct_roles(transfer: Transfer, *, among: Sequence[Role]) -> list[Role]:
    """The roles that have an address, the first for each address."""
    by_address = {transfer.address_of(role): role for role in reversed(among) if transfer.address_of(role)}
    return [role for role in among if role in by_address.values()]


def record_audit(
    transfer: Transfer, *, step: str, cause: Cause, now: datetime, file: TransferFile | None = None
) -> None:
    """Adds an entry to the audit trail, and a line to the log when the transaction commits.

    Not a line for each file that is received: there are thousands, and the line of `ready` follows.
    """
    record_each([(transfer, file)], step=step, cause=cause, now=now)


def record_each(
    acts: Sequence[tuple[Transfer, TransferFile | None]], *, step: str, cause: Cause, now: datetime
) -> None:
    """The same for the step of several transfers or files, in their order."""
    NEW_ENTRY.insert_all(
        [
            entry(
                step=step,
                cause=cause,
                now=now,
                **by_party(transfer, cause=cause),
                **(about_file(file) if file else {}),
            )
            for transfer, file in acts
        ]
    )
    if step != "received":
        told = [facts_of(transfer, file=file, role=cause.role) for transfer, file in acts]
        transaction.on_commit(lambda: log_each(step, facts=told))


def record_files(files: Sequence[TransferFile], *, step: str, cause: Cause, now: datetime) -> None:
    """The same for files, whose transfers have been read."""
    record_each([(file.transfer, file) for file in files], step=step, cause=cause, now=now)


def log_each(step: str, *, facts: Sequence[dict[str, str]]) -> None:
    for each in facts:
        log.info(step, extra={"facts": each})


def by_party(transfer: Transfer, *, cause: Cause) -> dict[str, str]:
    """The columns of an entry that say whose transfer it is, and which party took the step."""
    party = transfer.party(Role(cause.role)) if cause.role in ROLES else None
    return {
        "transfer_public_id": transfer.public_id,
        "party_public_id": party.public_id if party else "",
        "proof": party.proof if party else cause.proof,
    }


def facts_of(transfer: Transfer, *, file: TransferFile | None, role: str) -> dict[str, str]:
    """What a line of the log says of a step."""
    about = {"file": file.public_id, "size": str(file.size)} if file else {}
    return {"transfer": transfer.public_id, "role": role, **about}


def about_file(file: TransferFile) -> dict[str, Any]:
    return {"file_public_id": file.public_id, "about": file.name, "size": file.size, "sha256": file.sha256}


ABOUT_NO_FILE = {"file_public_id": "", "about": "", "size": None, "sha256": ""}


def note_act(step: str, *, cause: Cause, now: datetime) -> None:
    """Adds an act of the staff that is about no transfer, such as a role that was given."""
    of_nobody = {"transfer_public_id": "", "party_public_id": "", "proof": cause.proof}
    NEW_ENTRY.insert(**entry(step=step, cause=cause, now=now, **of_nobody))


def entry(*, step: str, cause: Cause, now: datetime, **columns: Any) -> dict[str, Any]:
    """The columns of a row of the audit trail."""
    return {
        "step": step,
        "at": now,
        "role": cause.role,
        "person": cause.person,
        "network": cause.origin.network,
        "request_id": cause.origin.request_id,
        "reason": cause.reason,
        "reason_code": cause.reason_code,
        "detail": cause.detail,
        **ABOUT_NO_FILE,
        **columns,
    }
