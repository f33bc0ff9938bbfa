"""Sessions of persons who are signed in: how long they last, which there are, and how they end."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet

from filsluss.models import Person, StaffSession
from filsluss.origin import current_origin
from filsluss.rules.policy import Policy
from filsluss.rules.sign_in import How, LocalSignIn, SignIn
from filsluss.rules.tokens import digest_of

NOTED_EVERY = timedelta(minutes=1)
"""How often the use of a session is written down."""
FORGOTTEN_AFTER = timedelta(days=7)
"""How long an expired session of Django's is kept, which opens nothing."""


def begin_session(
    person: Person,
    *,
    key: str,
    how: How,
    proved_at: datetime | None,
    sid: str = "",
    mailboxes: Sequence[str] = (),
    now: datetime,
) -> StaffSession:
    """The session whose cookie holds `key`."""
    return StaffSession.objects.create(
        session_key=digest_of(key),
        person=person,
        sid=sid,
        how=how.value,
        network=current_origin().network,
        began_at=now,
        seen_at=now,
        proved_at=proved_at,
        mailboxes=list(mailboxes),
    )


def session_of(key: str, *, policy: Policy, now: datetime) -> StaffSession | None:
    """The session of that key, unless it is over, was ended, or its person shut out; its use is noted."""
    found = StaffSession.objects.select_related("person__user").filter(session_key=digest_of(key)).first()
    if found is None or found.person.shut_at or not is_live(found, policy=policy, now=now):
        return None
    if now - found.seen_at >= NOTED_EVERY:
        StaffSession.objects.filter(pk=found.pk).update(seen_at=now)
    return found


def is_admitted(person: Person, *, policy: Policy, issuer: str) -> bool:
    """Whether somebody still signs in the way this person did, with the provider of that name or here."""
    if person.is_local:
        return policy.local_sign_in is not LocalSignIn.NO
    return policy.sign_in is not SignIn.OFF and person.issuer == issuer


def is_live(session: StaffSession, *, policy: Policy, now: datetime) -> bool:
    return now < session.began_at + policy.session_lasts and now < session.seen_at + policy.session_idle


def is_fresh(session: StaffSession, *, policy: Policy, now: datetime) -> bool:
    """Whether its person has proved lately enough who they are for what cannot be undone."""
    return session.proved_at is not None and now < session.proved_at + policy.fresh_for


def prove_again(session: StaffSession, *, how: How, now: datetime) -> None:
    """Notes that the person has just given a factor."""
    StaffSession.objects.filter(pk=session.pk).update(how=how.value, proved_at=now)


def live_sessions(person: Person, *, policy: Policy, now: datetime) -> list[StaffSession]:
    """The newest first."""
    rows = StaffSession.objects.filter(person=person).order_by("-began_at", "-pk")
    return [row for row in rows if is_live(row, policy=policy, now=now)]


def end_session(person: Person, *, pk: int) -> bool:
    """Ends one session of that person; False if there is none of that number."""
    deleted, _ = StaffSession.objects.filter(person=person, pk=pk).delete()
    return bool(deleted)


def end_by_provider(issuer: str, *, subject: str, sid: str) -> int:
    """Ends the sessions that a provider says are over: that one, or all of the person. Returns how many."""
    rows: QuerySet[StaffSession] = StaffSession.objects.filter(person__issuer=issuer)
    if sid:
        rows = rows.filter(sid=sid)
    if subject:
        rows = rows.filter(person__subject=subject)
    deleted, _ = rows.delete() if sid or subject else (0, {})
    return deleted


def forget_sessions(*, policy: Policy, now: datetime) -> None:
    """Deletes the rows of sessions that are over, ours and Django's."""
    over = Q(began_at__lte=now - policy.session_lasts) | Q(seen_at__lte=now - policy.session_idle)
    if StaffSession.objects.filter(over).exists():  # a SELECT takes no lock
        StaffSession.objects.filter(over).delete()
    expired = Session.objects.filter(expire_date__lte=now - FORGOTTEN_AFTER)
    if expired.exists():
        expired.delete()
