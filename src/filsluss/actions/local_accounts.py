"""Accounts of this service: made, unlocked and removed by an operator, and given a password by a link."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe

from django.contrib.auth.models import User
from django.db import transaction

from filsluss.actions.persons import give_role, note_person
from filsluss.actions.second_factors import forget_factors, has_factor
from filsluss.actions.security_log import hidden_account
from filsluss.actions.transitions import Cause, note_act
from filsluss.models import Attempt, EnrolmentLink, Person, RoleGrant, StaffSession
from filsluss.rules.permissions import StaffRole
from filsluss.rules.tokens import digest_of

LINK_LASTS = timedelta(hours=1)
LONGEST_NAME = 100


class AccountRefused(Exception):
    """Nothing was done; the text says why, for an operator."""


@dataclass(frozen=True)
class Account:
    """A local account as an operator reads it."""

    name: str
    seen_at: datetime | None
    has_factor: bool
    roles: tuple[str, ...]
    shut_at: datetime | None = None


def add(name: str, *, by: str, now: datetime) -> str:
    """A new administrator without a password; returns the token of their link. Raises AccountRefused."""
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip() or ":" in name:
        raise AccountRefused(f"a name is 1 to {LONGEST_NAME} characters, without a colon")
    with transaction.atomic():
        if User.objects.filter(username=name).exists():
            raise AccountRefused(f"there is an account {name} already; `filsluss admin unlock` lets it in")
        user = User(username=name)
        user.set_unusable_password()
        user.save(force_insert=True)
        person = _person_of(user, by=by, now=now)
        note_person("account-added", person=person, by=_command_of(by), now=now)
        return _link_for(person, now=now)


def unlock(name: str, *, by: str, now: datetime) -> str:
    """A link for a new password and a new second factor; what slows down guesses of the account is forgotten.

    The old password and factors hold until the link is followed. Raises AccountRefused.
    """
    with transaction.atomic():
        user = _user_named(name)
        User.objects.filter(pk=user.pk).update(is_active=True)
        person = _person_of(user, by=by, now=now)
        Person.objects.filter(pk=person.pk).update(shut_at=None)
        Attempt.objects.filter(network=hidden_account(name.casefold())).delete()
        note_person("account-unlocked", person=person, by=_command_of(by), now=now)
        return _link_for(person, now=now)


def remove(name: str, *, by: str, now: datetime) -> None:
    """Deletes the account with its factors, roles and sessions. Raises AccountRefused.

    The trail keeps its name, as nothing else says any more whose number its other entries have.
    """
    with transaction.atomic():
        user = _user_named(name)
        cause = Cause(StaffRole.ADMINISTRATOR, by, f"{name} user:{user.pk}")
        user.delete()
        note_act("account-removed", cause=cause, now=now)


def accounts(*, now: datetime) -> list[Account]:
    """Every local account by name, also those without a second factor, which cannot sign in."""
    users = User.objects.filter(person__isnull=True) | User.objects.filter(person__issuer="")
    rows = users.order_by("username").select_related("person")
    return [_account(user, now=now) for user in rows]


def _account(user: User, *, now: datetime) -> Account:
    person: Person | None = getattr(user, "person", None)
    if person is None:
        return Account(user.username, user.last_login, has_factor=False, roles=())
    grants = RoleGrant.objects.in_force_at(now).filter(person=person).order_by("role")
    roles = tuple(grants.values_list("role", flat=True))
    return Account(user.username, user.last_login, has_factor(person), roles, person.shut_at)


def person_behind(token: str, *, now: datetime) -> Person | None:
    """Whose link it is; None once it was followed, replaced or has run out."""
    link = EnrolmentLink.objects.select_related("person__user").filter(digest=digest_of(token))
    found = link.filter(ends_at__gt=now).first()
    return found.person if found else None


def follow(token: str, *, password: str, now: datetime) -> Person | None:
    """Sets the password; factors and sessions of before end with it. None if the link is no longer one."""
    with transaction.atomic():
        person = person_behind(token, now=now)
        if person is None or not EnrolmentLink.objects.filter(digest=digest_of(token)).delete()[0]:
            return None
        person.user.set_password(password)
        person.user.save(update_fields=["password"])
        forget_factors(person)
        StaffSession.objects.filter(person=person).delete()
        return person


def _user_named(name: str) -> User:
    user = User.objects.filter(username=name).exclude(person__issuer__gt="").first()
    if user is None:
        raise AccountRefused(f"there is no account {name}; `filsluss admin list` shows them all")
    return user


def _person_of(user: User, *, by: str, now: datetime) -> Person:
    """The account's person. One of before persons were known was an administrator, and becomes one."""
    person, is_new = Person.objects.get_or_create(
        issuer="",
        subject=str(user.pk),
        defaults={"user": user, "name": user.username, "made_at": now, "seen_at": now},
    )
    if is_new:
        give_role(person, role=StaffRole.ADMINISTRATOR, by=_command_of(by), now=now)
    return person


def _command_of(by: str) -> Cause:
    """The cause of what a command does, which `by` runs."""
    return Cause(StaffRole.ADMINISTRATOR, by)


def _link_for(person: Person, *, now: datetime) -> str:
    token = token_urlsafe(32)
    given = {"digest": digest_of(token), "ends_at": now + LINK_LASTS}
    EnrolmentLink.objects.update_or_create(person=person, defaults=given)
    return token
