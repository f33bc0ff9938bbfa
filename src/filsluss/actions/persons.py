"""Persons: known from their first sign-in, by issuer and subject; which roles a provider's claims give."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, Q

from filsluss.actions.heartbeat import TWO_PERSONS, record_heartbeat
from filsluss.actions.transitions import Cause, note_act
from filsluss.installation import Services
from filsluss.letters import notices
from filsluss.models import EnrolmentLink, Person, RoleGrant, StaffSession, serialize_on
from filsluss.rules.addresses import canonical, masked_address
from filsluss.rules.identity import Identity, IdentityRefused
from filsluss.rules.permissions import Act, StaffRole, Standing
from filsluss.rules.policy import Policy
from filsluss.rules.refusals import FormRefused
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


def _other_with_address(identity: Identity | Person) -> Person | None:
    """Somebody else of the same provider's who may sign in and has this address.

    Who came from a provider of before, or from one that called itself otherwise, signs in no more.
    """
    holders = Person.objects.filter(canonical=identity.canonical, issuer=identity.issuer, shut_at=None)
    return holders.exclude(subject=identity.subject).first()


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


def shut_out(person: Person, *, by: Cause, now: datetime) -> bool:
    """They sign in no more, and their sessions end at once; their address is free for another person.

    False if that was so before. Raises FormRefused for whoever would shut themselves out.
    """
    if by.person == person.trail_name:
        raise FormRefused({"person": "person_self"})
    with transaction.atomic():
        serialize_on(PERSONS, now=now)
        if not Person.objects.filter(pk=person.pk, shut_at=None).update(shut_at=now):
            return False
        StaffSession.objects.filter(person=person).delete()
        EnrolmentLink.objects.filter(person=person).delete()
        note_person("person-shut-out", person=person, by=by, now=now)
    return True


def let_in(person: Person, *, by: Cause, now: datetime) -> bool:
    """They may sign in again; False if they might before. Raises FormRefused if another has their address."""
    with transaction.atomic():
        serialize_on(PERSONS, now=now)
        if not person.is_local and _other_with_address(person):
            raise FormRefused({"person": "person_address_taken"})
        if not Person.objects.filter(pk=person.pk).exclude(shut_at=None).update(shut_at=None):
            return False
        StaffSession.objects.filter(person=person).delete()  # of a sign-in that the shutting out overtook
        note_person("person-let-in", person=person, by=by, now=now)
    return True


def sign_out(person: Person, *, by: Cause, now: datetime) -> int:
    """Ends every session of theirs; returns how many there were."""
    with transaction.atomic():
        ended, _ = StaffSession.objects.filter(person=person).delete()
        if ended:
            note_person("sessions-ended", person=person, by=by, now=now)
    return ended


def persons_named(name: str) -> list[Person]:
    """Whoever has that account, address or name in the trail (`user:<number>`)."""
    kind, _, number = name.partition(":")
    if kind == "user" and number.isascii() and number.isdigit() and len(number) < 19:
        wanted = Q(user=int(number))
    else:
        wanted = Q(issuer="", user__username=name)
        wanted |= Q(canonical=canonical(name)) if "@" in name else Q()
    return list(Person.objects.filter(wanted).select_related("user").order_by("pk"))


def persons_shut_out() -> list[Person]:
    """Those of the provider's who may not sign in."""
    rows = Person.objects.exclude(shut_at=None).exclude(issuer="")
    return list(rows.select_related("user").order_by("canonical", "pk"))


def note_person(step: str, *, person: Person, by: Cause, now: datetime) -> None:
    """An act that is about somebody who signs in: they stand in the trail by their number."""
    note_act(step, cause=replace(by, reason=person.trail_name), now=now)


def standing_of(person: Person, *, now: datetime) -> Standing:
    """The roles of that person which are in force."""
    grants = RoleGrant.objects.in_force_at(now).filter(person=person).values_list("role", "scope")
    known = set(StaffRole)
    return Standing(frozenset((StaffRole(role), scope) for role, scope in grants if role in known))


def holder_may(named: str, *, act: Act, now: datetime) -> bool:
    """Whether whom the trail names so may do this now; nobody who does not sign in here may."""
    number = named.removeprefix("user:")
    person = Person.objects.filter(user=int(number)).first() if number.isdecimal() else None
    return person is not None and standing_of(person, now=now).may(act)


def theirs_since(person: Person) -> datetime | None:
    """Since when the address is theirs alone, if it was somebody's before who was shut out; else None."""
    before = Person.objects.filter(canonical=person.canonical).exclude(pk=person.pk).exclude(shut_at=None)
    return before.aggregate(last=Max("shut_at"))["last"] if person.canonical else None


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
