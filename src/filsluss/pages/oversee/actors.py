"""Who did what stands in the audit trail: by name or address while they are remembered."""

from collections.abc import Iterable

from django.contrib.auth.models import User

from filsluss.models import AuditEntry, Party


def actors_of(entries: Iterable[AuditEntry]) -> dict[int, str]:
    """By entry: the address of a party, the name of an administrator; empty for a rule and once forgotten."""
    rows = list(entries)
    addresses = dict(
        Party.objects.filter(public_id__in={entry.party_public_id for entry in rows} - {""}).values_list(
            "public_id", "address"
        )
    )
    users = dict(
        User.objects.filter(pk__in=set(filter(None, map(_user, rows)))).values_list("pk", "username")
    )
    return {entry.pk: addresses.get(entry.party_public_id) or _name(entry, users) for entry in rows}


def _user(entry: AuditEntry) -> int | None:
    kind, _, name = entry.person.partition(":")
    return int(name) if kind == "user" and name.isdecimal() else None


def _name(entry: AuditEntry, users: dict[int, str]) -> str:
    user = _user(entry)
    return users.get(user, entry.person) if user is not None else entry.person.partition(":")[2]
