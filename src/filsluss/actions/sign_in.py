"""Sign-in of administrators: limits for each network and each account, and the security events of them."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from filsluss.actions.download import seconds_to_wait
from filsluss.actions.limits import Limit, LimitReached
from filsluss.actions.security_log import (
    Event,
    event_now,
    hidden_account,
    network_name,
    note,
    note_at_once,
)
from filsluss.actions.transitions import Cause, note_act
from filsluss.installation import Services
from filsluss.letters import notices
from filsluss.models import Attempt, Person, SecurityEvent, serialize_on
from filsluss.origin import current_origin
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.permissions import StaffRole
from filsluss.rules.security_events import Kind, Outcome
from filsluss.rules.sign_in import LocalSignIn
from filsluss.rules.throttle import account_delay

SIGN_IN, OF_ACCOUNT, TURN = "sign-in", "sign-in-account", "sign-in-turn"
"""Attempts: of a network; of an account from anywhere; when a network may try an account that is guessed."""
HOUR = timedelta(hours=1)


def count_sign_in(client: Client, *, name: str, now: datetime) -> None:
    """Counts an attempt before its password is verified, so that concurrent attempts count, too.

    Raises LimitReached.
    """
    network = rate_key(client.address)
    with transaction.atomic():
        serialize_on(SIGN_IN, now=now)
        delay = seconds_to_wait(network, now=now, kind=SIGN_IN)
        delay = delay or _seconds_for_account(name, client=client, now=now)
        if not delay:
            Attempt.objects.create(kind=SIGN_IN, network=network, at=now)
            Attempt.objects.create(kind=OF_ACCOUNT, network=hidden_account(name.casefold()), at=now)
    if delay:
        note(_event(Kind.SIGN_IN, Outcome.LIMITED, name=name, client=client, now=now))
        raise LimitReached(Limit.SIGN_INS, delay)


def _seconds_for_account(name: str, *, client: Client, now: datetime) -> int:
    """Seconds that this network must wait since others guess the account's password; 0 if it need not.

    Each network gets a turn of its own after the delay, so that no guesser keeps the administrator out. One
    from which the account signed in within a week never waits.
    """
    account = hidden_account(name.casefold())
    failures = Attempt.objects.filter(kind=OF_ACCOUNT, network=account, at__gt=now - HOUR).count()
    delay = account_delay(failures)
    if not delay or _signed_in_before(name, client=client):
        return 0
    key = hidden_account(f"{account} {rate_key(client.address)}")
    turns = Attempt.objects.filter(kind=TURN, network=key, at__gt=now - HOUR)
    turn = turns.order_by("at").first()
    if turn is None:
        Attempt.objects.create(kind=TURN, network=key, at=now + delay)
        return int(delay.total_seconds())
    if turn.at > now:
        return max(1, int((turn.at - now).total_seconds()))
    turns.delete()
    return 0


def _signed_in_before(name: str, *, client: Client) -> bool:
    right = SecurityEvent.objects.filter(kind=Kind.SIGN_IN, outcome=Outcome.RIGHT, account=name)
    return right.filter(network=network_name(client.address)).exists()


def sign_in_failed(name: str, *, client: Client, now: datetime) -> None:
    """Notes a wrong password, or a name that no administrator has."""
    note(_event(Kind.SIGN_IN, Outcome.WRONG, name=name, client=client, now=now))


def signed_in(user: User, *, client: Client, now: datetime) -> None:
    """Notes a sign-in, and deletes the attempts before it of this network and of this account."""
    name = user.get_username()
    with transaction.atomic():
        Attempt.objects.filter(kind=SIGN_IN, network=rate_key(client.address)).delete()
        Attempt.objects.filter(kind=OF_ACCOUNT, network=hidden_account(name.casefold())).delete()
        note_at_once(_event(Kind.SIGN_IN, Outcome.RIGHT, name=name, client=client, now=now))


def note_local(person: Person, *, services: Services, now: datetime) -> None:
    """A sign-in with an account of this service stands in the trail; an emergency's is told by email."""
    cause = Cause(StaffRole.ADMINISTRATOR, person.trail_name)
    Person.objects.filter(pk=person.pk).update(seen_at=now)
    policy, account = services.policy, person.user.get_username()
    with transaction.atomic():
        note_act("local-sign-in", cause=cause, now=now)
        if policy.local_sign_in is LocalSignIn.BREAK_GLASS:
            network = current_origin().network or "–"
            notices.write_break_glass(account, network=network, policy=policy, now=now)


def signed_out(user: User, *, client: Client, now: datetime) -> None:
    note(_event(Kind.SIGN_OUT, Outcome.DONE, name=user.get_username(), client=client, now=now))


def _event(kind: Kind, outcome: Outcome, *, name: str, client: Client, now: datetime) -> Event:
    """The event of an account. A name that no account has is kept as an HMAC only."""
    user = User.objects.filter(username=name).first()
    account, person = (name, f"user:{user.pk}") if user else (hidden_account(name), "")
    event = event_now(kind, outcome=outcome, account=account, person=person, now=now)
    return replace(event, network=network_name(client.address))
