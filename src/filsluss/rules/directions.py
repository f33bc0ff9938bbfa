"""The three directions of a transfer, its roles, and who approves in each direction."""

from enum import StrEnum


class Role(StrEnum):
    SENDER = "sender"
    RECIPIENT = "recipient"
    APPROVER = "approver"


BY_RULE = "rule"
"""What stands in the audit trail for a role if a rule of the service took the step, and nobody did."""


class Proof(StrEnum):
    """How a party has proved that the address is theirs; each proof is stronger than those before it.

    MAILBOX: an act (never the opening of a page) through a link that only a letter carried. NETWORK: an
    inside sender on an inside network. SIGN_IN: they signed in with the provider.
    """

    NONE = "none"
    MAILBOX = "mailbox"
    NETWORK = "network"
    SIGN_IN = "sign-in"

    def weaker(self) -> tuple["Proof", ...]:
        """Every proof that this one may replace."""
        order = tuple(Proof)
        return order[: order.index(self)]


class Direction(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"
    THROUGH = "through"


def direction_between(*, sender_inside: bool, recipient_inside: bool) -> Direction:
    """The direction by who is inside; inside to inside counts as outbound."""
    if sender_inside:
        return Direction.OUTBOUND
    return Direction.INBOUND if recipient_inside else Direction.THROUGH


def approver_on(direction: Direction, *, recipient: str, contact: str) -> str:
    """The approver's address: none (empty) outbound, the recipient's inbound, the contact's through."""
    return {Direction.OUTBOUND: "", Direction.INBOUND: recipient, Direction.THROUGH: contact}[direction]
