"""What the claims of a provider say of a person, and when they are not enough."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from filsluss.rules.addresses import AddressRefused, canonical, read_address
from filsluss.rules.application import NAME_MAX, name_problem
from filsluss.rules.policy import Policy

Claims = Mapping[str, Any]
LONGEST = 255
MOST_GROUPS = 2000


class IdentityRefused(Exception):
    """The provider vouches for somebody who may not sign in; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Identity:
    """Who has signed in. `proved_at`: when, by the provider; None if it does not say."""

    issuer: str
    subject: str
    address: str
    name: str
    groups: frozenset[str]
    sid: str = ""
    proved_at: datetime | None = None

    @property
    def canonical(self) -> str:
        return canonical(self.address)


@dataclass(frozen=True)
class ClaimNames:
    """The claims that hold address and groups, and whether groups matter here at all."""

    address: str = "email"
    groups: str = "groups"
    needs_groups: bool = False

    def lacking(self, claims: Claims) -> bool:
        """Whether something that is needed is not there, so that the provider is asked for more."""
        return not claim(claims, self.address) or (
            self.needs_groups and claim(claims, self.groups) is None and not is_overage(claims, self.groups)
        )


def identity_in(claims: Claims, *, names: ClaimNames, policy: Policy) -> Identity:
    """Who the verified claims are about. Raises IdentityRefused."""
    address = _address(claims, names.address)
    if str(claims.get("email_verified", "")).lower() == "false":
        raise IdentityRefused("address_unverified")
    if not policy.is_inside(address):
        raise IdentityRefused("address_outside")
    if names.needs_groups and is_overage(claims, names.groups):
        raise IdentityRefused("too_many_groups")
    sid = claims.get("sid")
    return Identity(
        issuer=str(claims["iss"]),
        subject=_subject(claims),
        address=address,
        name=shown_name(claims.get("name"), address=address),
        groups=_groups(claim(claims, names.groups)),
        sid=sid if isinstance(sid, str) and len(sid) <= LONGEST and sid.isprintable() else "",
        proved_at=moment(claims.get("auth_time")),
    )


def claim(claims: Claims, name: str) -> Any:
    """A claim by its name; a dot leads into it. None if it is not there."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def is_overage(claims: Claims, name: str) -> bool:
    """Whether the groups are so many that the provider says only where they can be read (Entra ID)."""
    elsewhere = claims.get("_claim_names")
    return bool(claims.get("hasgroups")) or (isinstance(elsewhere, Mapping) and name in elsewhere)


def _subject(claims: Claims) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST or not subject.isprintable():
        raise IdentityRefused("subject_missing")
    return subject


def _address(claims: Claims, name: str) -> str:
    """A directory may give a list; one address of several would be a guess."""
    given = claim(claims, name)
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    try:
        return read_address(given) if isinstance(given, str) else _refuse_address()
    except AddressRefused:
        return _refuse_address()


def _refuse_address() -> str:
    raise IdentityRefused("address_missing")


def _groups(given: Any) -> frozenset[str]:
    """None are the same as no claim: some providers leave an empty one out."""
    listed: Collection[Any] = [given] if isinstance(given, str) else given if isinstance(given, list) else ()
    if len(listed) > MOST_GROUPS:
        raise IdentityRefused("too_many_groups")
    return frozenset(group for group in listed if isinstance(group, str))


def shown_name(given: Any, *, address: str) -> str:
    """The person's name as it may stand in a letter; else the part of the address before the @."""
    text = " ".join(given.split()) if isinstance(given, str) else ""
    text = "".join(char for char in text if char.isprintable())[:NAME_MAX].strip()
    return address.partition("@")[0] if name_problem(text) else text


def moment(seconds: Any) -> datetime | None:
    """Seconds since 1970 as a moment; None for anything else."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1 << 34:
        return None
    return datetime.fromtimestamp(seconds, UTC)
