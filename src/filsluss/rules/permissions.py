"""What each role of the staff may do in the administrator's pages: one table."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum


class StaffRole(StrEnum):
    """A role that somebody who signs in can have; the parties of a transfer have a `directions.Role`."""

    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    REGISTRAR = "registrar"
    HELP_DESK = "help-desk"
    SECURITY_OFFICER = "security-officer"


class Act(StrEnum):
    """What can be done there; each view asks for one of them."""

    READ_FIGURES = "read-figures"
    LIST_TRANSFERS = "list-transfers"
    READ_TRANSFER = "read-transfer"
    READ_ADDRESSES = "read-addresses"
    READ_SECURITY_LOG = "read-security-log"
    EXPORT_TRAIL = "export-trail"
    CLOSE_TRANSFER = "close-transfer"
    WITHDRAW_REQUEST = "withdraw-request"
    RELEASE_FILE = "release-file"
    REMOVE_FILE = "remove-file"
    GIVE_BACK_FILE = "give-back-file"
    SEND_AGAIN = "send-again"
    EXTEND_TRANSFER = "extend-transfer"
    READ_BLOCK_LIST = "read-block-list"
    CHANGE_BLOCK_LIST = "change-block-list"
    READ_PERSONS = "read-persons"
    CHANGE_PERSONS = "change-persons"
    READ_BYTES = "read-bytes"


_ADMINISTRATOR, _AUDITOR, _REGISTRAR, _HELP_DESK, _SECURITY_OFFICER = StaffRole
EVERYBODY = frozenset(StaffRole)

PERMISSIONS: Mapping[Act, frozenset[StaffRole]] = {
    Act.READ_FIGURES: EVERYBODY,
    Act.LIST_TRANSFERS: EVERYBODY,
    Act.READ_TRANSFER: EVERYBODY,
    Act.READ_ADDRESSES: EVERYBODY - {_HELP_DESK},
    Act.READ_SECURITY_LOG: frozenset({_ADMINISTRATOR, _AUDITOR, _SECURITY_OFFICER}),
    Act.EXPORT_TRAIL: frozenset({_ADMINISTRATOR, _AUDITOR, _REGISTRAR, _SECURITY_OFFICER}),
    Act.CLOSE_TRANSFER: frozenset({_ADMINISTRATOR}),
    Act.WITHDRAW_REQUEST: frozenset({_ADMINISTRATOR}),
    Act.RELEASE_FILE: frozenset({_ADMINISTRATOR, _SECURITY_OFFICER}),
    Act.REMOVE_FILE: frozenset({_ADMINISTRATOR}),
    Act.GIVE_BACK_FILE: frozenset({_ADMINISTRATOR}),
    Act.SEND_AGAIN: frozenset({_ADMINISTRATOR, _REGISTRAR, _HELP_DESK}),
    Act.EXTEND_TRANSFER: frozenset({_ADMINISTRATOR, _REGISTRAR, _HELP_DESK}),
    Act.READ_BLOCK_LIST: frozenset({_ADMINISTRATOR, _AUDITOR, _SECURITY_OFFICER}),
    Act.CHANGE_BLOCK_LIST: frozenset({_ADMINISTRATOR, _SECURITY_OFFICER}),
    Act.READ_PERSONS: frozenset({_ADMINISTRATOR, _AUDITOR, _SECURITY_OFFICER}),
    Act.CHANGE_PERSONS: frozenset({_ADMINISTRATOR}),
    Act.READ_BYTES: frozenset(),
}
"""No role opens a file: its bytes belong to its recipient."""

SCOPED = frozenset({_REGISTRAR})
"""Roles that see the cases that come from outside, and where they are held for a domain, only to there."""
BY_NAME_ONLY = frozenset({_HELP_DESK})
"""Roles that find a case by its public id or by a whole address, and see addresses masked."""
NOTED = frozenset({_AUDITOR})
"""Roles of whom each case that they open is noted in the trail."""
FRESH = frozenset(
    {Act.CLOSE_TRANSFER, Act.WITHDRAW_REQUEST, Act.RELEASE_FILE, Act.REMOVE_FILE, Act.CHANGE_PERSONS}
)
"""Acts that nothing undoes: who does them has proved who they are within `FRESH_MINUTES`."""


_STRONGEST_FIRST = (_ADMINISTRATOR, _SECURITY_OFFICER, _AUDITOR, _REGISTRAR, _HELP_DESK)


@dataclass(frozen=True)
class Standing:
    """What somebody may who has these roles, each with the domain that it is held for; empty: all."""

    grants: frozenset[tuple[StaffRole, str]] = frozenset()

    @property
    def roles(self) -> frozenset[StaffRole]:
        return frozenset(role for role, _ in self.grants)

    def may(self, act: Act) -> bool:
        return may(self.roles, act)

    def role_for(self, act: Act) -> StaffRole:
        """The role by which they do it, as the trail says it."""
        return next(role for role in _STRONGEST_FIRST if role in self.roles & PERMISSIONS[act])

    def domains_for(self, act: Act) -> frozenset[str] | None:
        """The domains whose inbound cases it holds for, "" being all of them; None: every case."""
        able = {(role, scope) for role, scope in self.grants if role in PERMISSIONS[act]}
        if any(role not in SCOPED for role, _ in able):
            return None
        return frozenset(scope for _, scope in able)

    @property
    def masks(self) -> bool:
        """Whether there are cases whose addresses they see masked, and find only whole.

        Who is also a registrar reads those of their own domains, and no others.
        """
        return not self.roles.isdisjoint(BY_NAME_ONLY) and self.domains_for(Act.READ_ADDRESSES) is not None

    @property
    def is_noted(self) -> bool:
        """Whether the trail says which cases they open."""
        return not self.roles.isdisjoint(NOTED)


def may(roles: Collection[StaffRole], act: Act) -> bool:
    """Whether somebody who has these roles may do it."""
    return not PERMISSIONS[act].isdisjoint(roles)
