"""Apply: somebody asks for a transfer; from inside it opens at once, else an approver is asked."""

from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.transitions import advance, record_audit
from filsluss.letters import compose
from filsluss.models import Attempt, Letter, Transfer, serialize_on
from filsluss.models.letter import UNTIL_DECIDED
from filsluss.rules.addresses import canonical, read_address
from filsluss.rules.application import TERMS_VERSION, Application, direction_of, examine
from filsluss.rules.directions import Direction, Role, approver_on
from filsluss.rules.lifecycle import APPLIED, APPROVED, State
from filsluss.rules.networks import Client, is_inside_network, rate_key
from filsluss.rules.policy import Policy

APPLICATION = "application"
UNAPPROVED_KINDS = (*UNTIL_DECIDED, "lapsed")


class ApplicationRefused(ValueError):
    """The application cannot be taken as it is; `problems` maps form fields to codes."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


class TooManyApplications(Exception):
    """One network, or what strangers do to one address, has had its share; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def apply(application: Application, *, policy: Policy, now: datetime, client: Client) -> Transfer:
    """A new transfer, OPEN from an inside sender and PENDING from anyone else, with its letters queued.

    Raises ApplicationRefused, or TooManyApplications, before anything is stored.
    """
    if problems := examine(application, policy):
        raise ApplicationRefused(problems)
    with transaction.atomic():
        count_application(client, policy=policy, now=now)
        transfer = draft(application, policy=policy, now=now)
        if transfer.way is not Direction.OUTBOUND:
            limit_letters_to_mailboxes(transfer, policy=policy, now=now)
        transfer.save(force_insert=True)
        begin(transfer, days=application.days or policy.default_days, policy=policy, now=now)
    return transfer


def draft(application: Application, *, policy: Policy, now: datetime) -> Transfer:
    """The row that the application asks for, not yet saved."""
    way, recipient = direction_of(application, policy), read_address(application.recipient_email)
    contact = read_address(application.approver_email) if way is Direction.THROUGH else ""
    transfer = Transfer(
        direction=way.value,
        language=application.language,
        sender_name=application.sender_name.strip(),
        sender_email=read_address(application.sender_email),
        recipient_email=recipient,
        approver_email=approver_on(way, recipient=recipient, contact=contact),
        purpose=application.purpose.strip(),
        terms_version=TERMS_VERSION,
        applied_at=now,
        lapse_by=policy.end_of(now, policy.decision_days),
    )
    transfer.cut_links(policy.link_keys[0])
    return transfer


def begin(transfer: Transfer, *, days: int, policy: Policy, now: datetime) -> None:
    """The first step of its life; outbound takes the second in the same breath."""
    if transfer.way is Direction.OUTBOUND:
        record_audit(transfer, step=APPLIED.name, by=transfer.sender_email, role=Role.SENDER, now=now)
        Transfer.objects.filter(pk=transfer.pk, state=State.NEW).update(state=State.PENDING)
        until = policy.end_of(now, days)
        advance(
            transfer, APPROVED, by="", role="rule", policy=policy, now=now, decided_at=now, open_until=until
        )
        return
    advance(transfer, APPLIED, by=transfer.sender_email, role=Role.SENDER, policy=policy, now=now)
    compose.write("received", transfer=transfer, role=Role.SENDER, policy=policy, now=now)


def count_application(client: Client, *, policy: Policy, now: datetime, kind: str = APPLICATION) -> None:
    """Counts this application against its network; the inside networks are exempt."""
    if is_inside_network(client, networks=policy.inside_networks):
        return
    serialize_on(kind, now=now)
    network, since = rate_key(client.address or "unknown"), now - timedelta(hours=1)
    earlier = Attempt.objects.filter(kind=kind, network=network, at__gt=since).order_by("at")
    times = list(earlier.values_list("at", flat=True))
    if len(times) >= policy.applications_per_hour:
        freed = times[-policy.applications_per_hour] + timedelta(hours=1)
        raise TooManyApplications(max(1, int((freed - now).total_seconds())))
    Attempt.objects.create(kind=kind, network=network, at=now)


def limit_letters_to_mailboxes(transfer: Transfer, *, policy: Policy, now: datetime) -> None:
    """No address gets more than its share of letters a day from applications nobody has approved."""
    since = now - timedelta(days=1)
    for address in {transfer.approver_email, transfer.sender_email}:
        local, _, domain = canonical(address).partition("@")
        recent = Letter.objects.filter(
            kind__in=UNAPPROVED_KINDS, written_at__gt=since, to__istartswith=local, to__iendswith="@" + domain
        )
        count = sum(canonical(to) == canonical(address) for to in recent.values_list("to", flat=True))
        if count >= policy.letters_per_day:
            raise TooManyApplications(24 * 3600)


def opens_at_once(transfer: Transfer, *, client: Client, policy: Policy) -> bool:
    """Whether the sender may see the upload page without going by the mailbox: inside, on our own network."""
    return transfer.way is Direction.OUTBOUND and is_inside_network(client, networks=policy.inside_networks)
