"""What each role of the staff may do in the administrator's pages: one table."""

from collections.abc import Collection, Mapping
from enum import StrEnum


class StaffRole(StrEnum):
    """A role that somebody who signs in can have; the parties of a transfer have a `directions.Role`."""

    ADMINISTRATOR = "administrator"


class Act(StrEnum):
    """What can be done there; each view asks for one of them."""

    LIST_TRANSFERS = "list-transfers"
    READ_TRANSFER = "read-transfer"
    READ_SECURITY_LOG = "read-security-log"
    EXPORT_TRAIL = "export-trail"
    CLOSE_TRANSFER = "close-transfer"
    WITHDRAW_REQUEST = "withdraw-request"
    RELEASE_FILE = "release-file"
    REMOVE_FILE = "remove-file"
    SEND_AGAIN = "send-again"


PERMISSIONS: Mapping[Act, frozenset[StaffRole]] = {
    Act.LIST_TRANSFERS: frozenset({StaffRole.ADMINISTRATOR}),
    Act.READ_TRANSFER: frozenset({StaffRole.ADMINISTRATOR}),
    Act.READ_SECURITY_LOG: frozenset({StaffRole.ADMINISTRATOR}),
    Act.EXPORT_TRAIL: frozenset({StaffRole.ADMINISTRATOR}),
    Act.CLOSE_TRANSFER: frozenset({StaffRole.ADMINISTRATOR}),
    Act.WITHDRAW_REQUEST: frozenset({StaffRole.ADMINISTRATOR}),
    Act.RELEASE_FILE: frozenset({StaffRole.ADMINISTRATOR}),
    Act.REMOVE_FILE: frozenset({StaffRole.ADMINISTRATOR}),
    Act.SEND_AGAIN: frozenset({StaffRole.ADMINISTRATOR}),
}


def may(roles: Collection[StaffRole], act: Act) -> bool:
    """Whether somebody who has these roles may do it."""
    return not PERMISSIONS[act].isdisjoint(roles)
