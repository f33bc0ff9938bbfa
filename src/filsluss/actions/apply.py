"""Apply: somebody asks for a transfer. Outbound it opens at once, else an approver is asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.transitions import RULE, Cause, advance, record_audit
from filsluss.letters import compose
from filsluss.models import Attempt, Letter, Link, Party, Transfer, serialize_on
from filsluss.models.letter import UNTIL_DECIDED
from filsluss.models.link import STATUS_PURPOSE, keep_links
from filsluss.models.public_id import with_free_public_id
from filsluss.rules.addresses import canonical, read_address
from filsluss.rules.application import TERMS_VERSION, Application, direction_of, examine
from filsluss.rules.directions import Direction, Proof, Role, approver_on
from filsluss.rules.lifecycle import APPLIED, APPROVED, State
from filsluss.rules.networks import Client, is_inside_network, rate_key
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose, draw_public_id

APPLICATION = "application"
UNAPPROVED_KINDS = (*UNTIL_DECIDED, "lapsed")


class ApplicationRefused(ValueError):
    """The application cannot be taken as it is; `problems` maps form fields to codes."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


class TooManyApplications(Exception):
    """The limit of a network or of an address is reached; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def apply(application: Application, *, policy: Policy, now: datetime, client: Client) -> Transfer:
    """A new transfer, OPEN from an inside sender and PENDING from anyone else, with its letters queued.

    Raises ApplicationRefused or TooManyApplications, and stores nothing then.
    """
    if problems := examine(application, policy):
        raise ApplicationRefused(problems)
    transfer, parties = draft(application, policy=policy, now=now)
    if opens_at_once(transfer, client=client, policy=policy):
        transfer.sender.proof, transfer.sender.proved_at = Proof.NETWORK.value, now

    def insert() -> None:
        with transaction.atomic():
            count_application(client, policy=policy, now=now)
            if transfer.way is not Direction.OUTBOUND:
                limit_letters_to_mailboxes(transfer, policy=policy, now=now)
            insert_rows(transfer, parties=parties, policy=policy, now=now)
            begin(transfer, days=application.days or policy.default_days, policy=policy, now=now)

    with_free_public_id(transfer, insert)
    return transfer


def draft(application: Application, *, policy: Policy, now: datetime) -> tuple[Transfer, list[Party]]:
    """The transfer and its parties, not saved."""
    way, recipient = direction_of(application, policy), read_address(application.recipient_email)
    contact = read_address(application.approver_email) if way is Direction.THROUGH else ""
    transfer = Transfer(
        public_id=draw_public_id(),
        direction=way.value,
        purpose=application.purpose.strip(),
        terms_version=TERMS_VERSION,
        applied_at=now,
    )
    if way is not Direction.OUTBOUND:
        transfer.asked_at, transfer.lapse_by = now, policy.end_of(now, policy.decision_days)
    addresses = {
        Role.SENDER: read_address(application.sender_email),
        Role.RECIPIENT: recipient,
        Role.APPROVER: approver_on(way, recipient=recipient, contact=contact),
    }
    names = {Role.SENDER: application.sender_name.strip()}
    parties = [
        Party.draw(role, name=names.get(role, ""), address=address, language=application.language)
        for role, address in addresses.items()
        if address
    ]
    transfer.keep_parties(parties, all_of_them=True)
    return transfer, parties


def insert_rows(transfer: Transfer, *, parties: Sequence[Party], policy: Policy, now: datetime) -> None:
    """Saves a new transfer with its parties and the links that their letters will carry."""
    transfer.save(force_insert=True)
    for party in parties:
        party.pk, party.transfer = None, transfer
    Party.objects.bulk_create(parties)
    links = [
        Link.draw(purpose, key=policy.link_keys[0], party=party, now=now)
        for party in parties
        for purpose in purposes_of(Role(party.role))
    ]
    Link.objects.bulk_create(links)
    keep_links(links)


def purposes_of(role: Role) -> tuple[Purpose, ...]:
    """The links of a party that are about the whole transfer."""
    own = {Role.SENDER: (Purpose.UPLOAD,), Role.APPROVER: (Purpose.DECIDE,)}
    return (*own.get(role, ()), STATUS_PURPOSE[role])


def begin(transfer: Transfer, *, days: int, policy: Policy, now: datetime) -> None:
    """Takes the first step; outbound the second one too, since no approver is asked."""
    if transfer.way is Direction.OUTBOUND:
        record_audit(transfer, step=APPLIED.name, cause=Cause(Role.SENDER), now=now)
        Transfer.objects.filter(pk=transfer.pk, state=State.NEW).update(state=State.PENDING)
        end = policy.end_of(now, days)
        advance(transfer, APPROVED, cause=RULE, policy=policy, now=now, decided_at=now, open_until=end)
        return
    advance(transfer, APPLIED, cause=Cause(Role.SENDER), policy=policy, now=now)
    compose.write("received", transfer=transfer, role=Role.SENDER, policy=policy, now=now)


def count_application(client: Client, *, policy: Policy, now: datetime, kind: str = APPLICATION) -> None:
    """Counts an application, or a report of that kind, against its network; inside networks are exempt.

    Raises TooManyApplications.
    """
    if is_inside_network(client, networks=policy.inside_networks):
        return
    serialize_on(kind, now=now)
    network, since = rate_key(client.address or "unknown"), now - timedelta(hours=1)
    earlier = Attempt.objects.filter(kind=kind, network=network, at__gt=since).order_by("at")
    times = list(earlier.values_list("at", flat=True))
    if len(times) >= policy.applications_per_hour:
        allowed_at = times[-policy.applications_per_hour] + timedelta(hours=1)
        raise TooManyApplications(max(1, int((allowed_at - now).total_seconds())))
    Attempt.objects.create(kind=kind, network=network, at=now)


def limit_letters_to_mailboxes(transfer: Transfer, *, policy: Policy, now: datetime) -> None:
    """Limits the letters that an address gets in a day from applications that nobody has approved.

    Raises TooManyApplications.
    """
    since = now - timedelta(days=1)
    for address in {transfer.address_of(Role.APPROVER), transfer.sender.address}:
        local, _, domain = canonical(address).partition("@")
        recent = Letter.objects.filter(
            kind__in=UNAPPROVED_KINDS, written_at__gt=since, to__istartswith=local, to__iendswith="@" + domain
        )
        count = sum(canonical(to) == canonical(address) for to in recent.values_list("to", flat=True))
        if count >= policy.letters_per_day:
            raise TooManyApplications(24 * 3600)


def opens_at_once(transfer: Transfer, *, client: Client, policy: Policy) -> bool:
    """Whether the sender may see the upload page at once: an inside sender on an inside network."""
    return transfer.way is Direction.OUTBOUND and is_inside_network(client, networks=policy.inside_networks)
