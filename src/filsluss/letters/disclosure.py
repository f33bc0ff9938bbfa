"""Which words a letter may carry: none that a stranger typed goes to an address outside."""

from collections.abc import Sequence

from django.db.models import BigIntegerField

from filsluss.models import Party, Transfer, TransferFile
from filsluss.models.compiled_queries import CompiledQuery, Param
from filsluss.rules.directions import Direction, Proof, Role
from filsluss.rules.letter_kinds import traits_of
from filsluss.rules.policy import Policy

ONCE_READY = CompiledQuery(
    lambda: (
        TransferFile.objects.once_ready()
        .filter(transfer_id=Param("transfer", BigIntegerField()))
        .values_list("pk")[:1]
    )
)


def may_carry_words(transfer: Transfer, reader: Party, policy: Policy) -> bool:
    """Whether a letter to this party may carry what the sender of the transfer typed.

    Inside it always may. Outside it may once somebody inside has approved the transfer, or its sender has a
    proof: before, the sender may be a stranger who wrote somebody else's address, also as their own.
    """
    return policy.is_inside(reader.address) or was_approved(transfer) or is_proven(transfer.sender)


def may_show_address(party: Party, transfer: Transfer, reader: Party, policy: Policy) -> bool:
    """Whether a letter to `reader` may show the address of `party`, which the sender typed, too.

    The address of somebody who has proved that it is theirs is no longer only what was typed.
    """
    proven = {each.address for role in Role if (each := transfer.party(role)) and is_proven(each)}
    return party.address in proven or may_carry_words(transfer, reader, policy)


def is_told(kind: str, role: Role, transfer: Transfer, file: TransferFile | None = None) -> bool:
    """Whether that role gets letters of this kind, about that file, at all.

    Recipients get none about a file that was never ready, nor before any was. That a letter was not
    delivered is mailed only to a sender with a proof, because it says which mailboxes exist; others see on
    their status page that it was not.
    """
    if traits_of(kind).needs_proof:
        return role is Role.SENDER and is_proven(transfer.sender)
    if role is not Role.RECIPIENT:
        return True
    return file.ready_at is not None if file else had_ready_file(transfer)


def had_ready_file(transfer: Transfer) -> bool:
    """Whether a file of it was ready at some time; uses what `read_ready` has read."""
    read: bool | None = transfer.__dict__.get("_had_ready_file")
    return bool(ONCE_READY.rows(transfer=transfer.pk)) if read is None else read


def read_ready(transfers: Sequence[Transfer]) -> None:
    """Caches on each, by one query, whether a file of it was ready; of transfers that get no more files."""
    once = TransferFile.objects.once_ready().filter(transfer__in=transfers)
    had = set(once.values_list("transfer_id", flat=True).distinct())
    for transfer in transfers:
        transfer.__dict__["_had_ready_file"] = transfer.pk in had


def was_approved(transfer: Transfer) -> bool:
    """Whether somebody inside has approved it; outbound nobody does."""
    return transfer.way is not Direction.OUTBOUND and transfer.open_until is not None


def is_proven(party: Party) -> bool:
    return Proof(party.proof) is not Proof.NONE
