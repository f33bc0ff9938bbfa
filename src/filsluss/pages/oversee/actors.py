"""Who did what stands in the audit trail: by name or address while they are remembered."""

from collections.abc import Iterable

from django.contrib.auth.models import User

from filsluss.models import AuditEntry, Party


def actors_of(entries: Iterable[AuditEntry]) -> dict[int, str]:
    """By entry: the address of a party, and who was signed in; empty for a rule and once forgotten."""
    rows = list(entries)
    addresses = dict(
        Party.objects.filter(public_id__in={entry.party_public_id for entry in rows} - {""}).values_list(
            "public_id", "address"
        )
    )
    found = User.objects.filter(pk__in=set(filter(None, map(_user, rows)))).select_related("person")
    users = {user.pk: name_of(user) for user in found}
    return {entry.pk: _actor(addresses.get(entry.party_public_id, ""), _name(entry, users)) for entry in rows}


def _actor(address: str, person: str) -> str:
    """The person who acted for the address; once, where it is their own."""
    return f"{address} ({person})" if address and person and person != address else address or person


def name_of(user: User) -> str:
    """The address of somebody of a provider, else the name of the account."""
    person = getattr(user, "person", None)
    return person.address if person and person.address else user.get_username()


def _user(entry: AuditEntry) -> int | None:
    kind, _, name = entry.person.partition(":")
    return int(name) if kind == "user" and name.isdecimal() else None


def _name(entry: AuditEntry, users: dict[int, str]) -> str:
    user = _user(entry)
    return users.get(user, entry.person) if user is not None else entry.person.partition(":")[2]
