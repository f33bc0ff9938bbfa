"""The ways through the sluice, and who approves on each of them."""

from enum import StrEnum


class Role(StrEnum):
    SENDER = "sender"
    RECIPIENT = "recipient"
    APPROVER = "approver"


class Direction(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"
    THROUGH = "through"


def direction_between(*, sender_inside: bool, recipient_inside: bool) -> Direction:
    """The domains decide; from inside to inside goes as outbound."""
    if sender_inside:
        return Direction.OUTBOUND
    return Direction.INBOUND if recipient_inside else Direction.THROUGH


def approver_on(direction: Direction, *, recipient: str, contact: str) -> str:
    """The address that decides on this way: nobody's (empty), the recipient's or the contact's."""
    return {Direction.OUTBOUND: "", Direction.INBOUND: recipient, Direction.THROUGH: contact}[direction]
