"""Persons: known from their first sign-in, by issuer and subject; which roles a provider's claims give."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from filsluss.actions.heartbeat import TWO_PERSONS, record_heartbeat
from filsluss.actions.transitions import Cause, note_act
from filsluss.installation import Services
from filsluss.letters import notices
from filsluss.models import Person, RoleGrant, StaffSession, serialize_on
from filsluss.rules.addresses import masked_address
from filsluss.rules.identity import Identity, IdentityRefused
from filsluss.rules.permissions import StaffRole, Standing
from filsluss.rules.policy import Policy
from filsluss.rules.sign_in import roles_given

PERSONS = "persons"
"""The lock of whoever may add a person, and the name of the alarm about two of them."""


def provision(identity: Identity, *, services: Services, now: datetime) -> Person:
    """The person of that issuer and subject, new or as the claims say now, with the roles that these give.

    Raises IdentityRefused for one who was shut out, and for one whose address another person has: the newer
    of the two is refused until an administrator has shut the other out.
    """
    with transaction.atomic():
        serialize_on(PERSONS, now=now)
        known = Person.objects.filter(issuer=identity.issuer, subject=identity.subject).first()
        if known and known.shut_at:
            raise IdentityRefused("shut_out")
        if not (other := _other_with_address(identity)):
            person = _renew(known, identity, now=now) if known else _add(identity, now=now)
            _take_roles(person, identity, policy=services.policy, now=now)
            return person
    _tell_of_two(other, services=services, now=now)
    raise IdentityRefused("address_taken")


def _other_with_address(identity: Identity) -> Person | None:
    """Somebody else of the provider's who may sign in and has this address."""
    holders = Person.objects.filter(canonical=identity.canonical, shut_at=None).exclude(issuer="")
    return holders.exclude(issuer=identity.issuer, subject=identity.subject).first()


def _tell_of_two(other: Person, *, services: Services, now: datetime) -> None:
    record_heartbeat(TWO_PERSONS, now=now)
    value = f"{masked_address(other.address)} ({other.trail_name})"
    notices.raise_alarm(PERSONS, since=now, value=value, policy=services.policy, now=now)


def _add(identity: Identity, *, now: datetime) -> Person:
    """With a user of Django's for their sessions, who has no password."""
    digest = hashlib.sha256(f"{identity.issuer} {identity.subject}".encode()).hexdigest()
    user = User(username=f"provider:{digest[:40]}")
    user.set_unusable_password()
    user.save(force_insert=True)
    return Person.objects.create(
        user=user,
        issuer=identity.issuer,
        subject=identity.subject,
        name=identity.name,
        address=identity.address,
        canonical=identity.canonical,
        made_at=now,
        seen_at=now,
    )


def _renew(person: Person, identity: Identity, *, now: datetime) -> Person:
    person.name, person.address, person.canonical = identity.name, identity.address, identity.canonical
    person.seen_at = now
    person.save(update_fields=["name", "address", "canonical", "seen_at"])
    return person


def _take_roles(person: Person, identity: Identity, *, policy: Policy, now: datetime) -> None:
    """What claims gave follows the claims of this sign-in; what somebody gave by hand stays."""
    wanted = {(role.value, scope) for role, scope in roles_given(identity.groups, policy.role_groups)}
    given = RoleGrant.objects.filter(person=person, by=RoleGrant.BY_CLAIM)
    for grant in given:
        if (grant.role, grant.scope) not in wanted:
            grant.delete()
    held = {(grant.role, grant.scope) for grant in given.all()}
    RoleGrant.objects.bulk_create(
        RoleGrant(person=person, role=role, scope=scope, by=RoleGrant.BY_CLAIM, given_at=now)
        for role, scope in sorted(wanted - held)
    )


def shut_out(person: Person, *, now: datetime) -> None:
    """They sign in no more, and every session of theirs ends; their address is free for another person."""
    with transaction.atomic():
        serialize_on(PERSONS, now=now)
        Person.objects.filter(pk=person.pk, shut_at=None).update(shut_at=now)
        StaffSession.objects.filter(person=person).delete()


def let_in(person: Person, *, now: datetime) -> None:
    """They may sign in again, unless another person has their address meanwhile."""
    with transaction.atomic():
        serialize_on(PERSONS, now=now)
        Person.objects.filter(pk=person.pk).update(shut_at=None)


def standing_of(person: Person, *, now: datetime) -> Standing:
    """The roles of that person which are in force."""
    grants = RoleGrant.objects.in_force_at(now).filter(person=person).values_list("role", "scope")
    known = set(StaffRole)
    return Standing(frozenset((StaffRole(role), scope) for role, scope in grants if role in known))


def give_role(
    person: Person,
    *,
    role: StaffRole,
    scope: str = "",
    until: datetime | None = None,
    by: Cause,
    now: datetime,
) -> None:
    """Gives a role by hand, or changes until when it is held; the trail says who gave it."""
    lasts = {"given_at": now, "until": until}
    with transaction.atomic():
        RoleGrant.objects.update_or_create(
            person=person, role=role.value, scope=scope, by=by.person, defaults=lasts
        )
        _note_role("role-given", person=person, role=role, scope=scope, by=by, now=now)


def take_role(person: Person, *, pk: int, by: Cause, now: datetime) -> bool:
    """Takes one grant away, unless a claim gave it; False if there is none to take."""
    with transaction.atomic():
        grant = RoleGrant.objects.filter(person=person, pk=pk).exclude(by=RoleGrant.BY_CLAIM).first()
        if grant is None:
            return False
        grant.delete()
        _note_role("role-taken", person=person, role=grant.role, scope=grant.scope, by=by, now=now)
        return True


def _note_role(step: str, *, person: Person, role: str, scope: str, by: Cause, now: datetime) -> None:
    """Whose role it is stands in the trail by their number, as everybody who signs in does."""
    cause = replace(by, reason=f"{role}{':' if scope else ''}{scope} {person.trail_name}", reason_code=role)
    note_act(step, cause=cause, now=now)


def has_roles(person: Person, *, now: datetime) -> bool:
    """Whether a role of theirs is in force, so that pages of administrators are open to them."""
    return RoleGrant.objects.in_force_at(now).filter(person=person).exists()


def forget_persons(*, services: Services, now: datetime) -> None:
    """Deletes those of the provider's who have not signed in for as long as the trail lasts.

    One who is shut out stays, or they would come in anew; so does one with a role that was given by hand.
    """
    limit = now - timedelta(days=services.policy.audit_days)
    gone = Person.objects.filter(seen_at__lte=limit, shut_at=None).exclude(issuer="")
    by_hand = RoleGrant.objects.exclude(by=RoleGrant.BY_CLAIM).values("person")
    for person in gone.exclude(pk__in=by_hand).select_related("user"):
        person.user.delete()
