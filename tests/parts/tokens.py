"""Tokens of links that are out, as the letters of a row carry them."""

from collections.abc import Sequence

from filsluss.models import Transfer, TransferFile
from filsluss.models.link import token_of
from filsluss.rules.directions import Role
from filsluss.rules.tokens import Purpose

OWNER = {
    Purpose.UPLOAD: Role.SENDER,
    Purpose.DECIDE: Role.APPROVER,
    Purpose.STATUS_SENDER: Role.SENDER,
    Purpose.STATUS_RECIPIENT: Role.RECIPIENT,
    Purpose.STATUS_APPROVER: Role.APPROVER,
}


def of_transfer(transfer: Transfer, purpose: Purpose, keys: Sequence[bytes]) -> str:
    """The token of the transfer's link of that purpose, which belongs to one of its parties."""
    party = transfer.party(OWNER[purpose])
    assert party is not None
    return token_of(party, purpose, keys)


def of_file(file: TransferFile, keys: Sequence[bytes], purpose: Purpose = Purpose.DOWNLOAD) -> str:
    """The token of the recipient's link to the file."""
    return token_of(file.transfer.recipient, purpose, keys, file=file)
