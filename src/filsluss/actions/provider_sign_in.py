"""Sign-in with the provider: where it begins, who came back from it, and whom it has signed out."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions import persons, staff_sessions
from filsluss.actions.limits import Limit, attempts, refuse_over
from filsluss.actions.security_log import event_now, note, note_at_once
from filsluss.identity.failures import ProviderAway, TokenRefused
from filsluss.installation import Services
from filsluss.models import Attempt, Person, serialize_on
from filsluss.models.connections import let_go
from filsluss.rules.identity import Identity, IdentityRefused, identity_in
from filsluss.rules.networks import Client, is_inside_network, rate_key
from filsluss.rules.security_events import Kind, Outcome
from filsluss.rules.sign_in import Flow
from filsluss.rules.tokens import digest_of

log = logging.getLogger(__name__)

BEGUN, LOGGED_OUT = "provider-sign-in", "logout-token"
MOST, HOUR = 100, timedelta(hours=1)
"""Sign-ins that one network may begin in an hour, unless it is inside: a whole house may share an address."""
AWAY = frozenset({"server_error", "temporarily_unavailable"})
"""Errors of an answer (RFC 6749, 4.1.2.1) that say that the provider does not work."""


@dataclass(frozen=True)
class SignedIn:
    person: Person
    identity: Identity


def begin(flow: Flow, *, language: str, client: Client, services: Services, now: datetime) -> str:
    """The address at the provider where this sign-in begins. Raises LimitReached or ProviderAway."""
    provider = services.provider
    assert provider is not None
    if not is_inside_network(client, networks=services.policy.inside_networks):
        network = rate_key(client.address)
        with transaction.atomic():
            serialize_on(BEGUN, now=now)
            times = attempts(BEGUN, network=network, since=now - HOUR)
            refuse_over(times, most=MOST, window=HOUR, limit=Limit.NETWORK, now=now)
            Attempt.objects.create(kind=BEGUN, network=network, at=now)
    let_go()
    try:
        return provider.address_for(flow, language=language)
    except ProviderAway as fault:
        log.error("the sign-in provider cannot be asked: %s", fault)
        raise


def complete(code: str, *, issuer: str | None, flow: Flow, services: Services, now: datetime) -> SignedIn:
    """Who has come back with that code. Raises ProviderAway, TokenRefused or IdentityRefused."""
    provider = services.provider
    assert provider is not None
    let_go()
    try:
        provider.check_answer(issuer)
        claims = provider.claims_of(code, flow=flow, now=now)
        identity = identity_in(claims, names=provider.config.claims, policy=services.policy)
        person = persons.provision(identity, services=services, now=now)
    except ProviderAway as fault:
        log.error("the sign-in provider cannot be asked: %s", fault)
        raise
    except TokenRefused as fault:
        log.warning("a sign-in was refused: %s", fault)
        note(event_now(Kind.SIGN_IN, outcome=Outcome.WRONG, now=now))
        raise
    except IdentityRefused as fault:
        log.warning("a sign-in was refused: %s", fault.code)
        raise
    with transaction.atomic():
        account, named = person.address, person.trail_name
        note_at_once(event_now(Kind.SIGN_IN, outcome=Outcome.RIGHT, account=account, person=named, now=now))
    return SignedIn(person, identity)


def sign_out(person: Person, *, session: int, now: datetime) -> None:
    """Ends that session of the person."""
    staff_sessions.end_session(person, pk=session)
    account, named = person.address, person.trail_name
    note(event_now(Kind.SIGN_OUT, outcome=Outcome.DONE, account=account, person=named, now=now))


def signed_out_there(token: str, *, services: Services, now: datetime) -> int:
    """Ends the sessions that a logout token names; returns how many. Raises ProviderAway or TokenRefused."""
    provider = services.provider
    assert provider is not None
    let_go()
    claims = provider.logout_claims(token, now=now)
    subject, sid = (_text(claims.get(name)) for name in ("sub", "sid"))
    if not (subject or sid):
        raise TokenRefused("sub")
    with transaction.atomic():
        _refuse_if_seen(str(claims["jti"]), now=now)
        return staff_sessions.end_by_provider(provider.config.issuer, subject=subject, sid=sid)


def _text(given: object) -> str:
    """What may stand in a row; no name of a person or a session of ours is anything else."""
    return given if isinstance(given, str) and given.isprintable() else ""


def _refuse_if_seen(jti: str, *, now: datetime) -> None:
    """A logout token is taken once, while it lasts (OpenID Connect Back-Channel Logout 1.0, 2.6)."""
    serialize_on(LOGGED_OUT, now=now)
    digest = digest_of(jti)
    if Attempt.objects.filter(kind=LOGGED_OUT, network=digest).exists():
        raise TokenRefused("jti", "it was taken before")
    Attempt.objects.create(kind=LOGGED_OUT, network=digest, at=now)
