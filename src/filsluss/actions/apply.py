"""Apply: somebody asks for a transfer. Outbound it opens at once, else an approver is asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.limits import count_for_network, count_outbound, may_ask_at_once, may_confirm
from filsluss.actions.transitions import RULE, Cause, advance, record_audit
from filsluss.installation import Services
from filsluss.letters import compose, request_lists
from filsluss.models import Link, Party, Person, Transfer, serialize_on
from filsluss.models.link import STATUS_PURPOSE, keep_links
from filsluss.models.public_id import with_free_public_id
from filsluss.rules.addresses import read_address
from filsluss.rules.application import (
    TERMS_VERSION,
    Application,
    direction_of,
    examine,
    fields_with_number,
    form_key,
    language_of,
)
from filsluss.rules.directions import Direction, Proof, Role, approver_on
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import APPLIED, APPROVED, State
from filsluss.rules.networks import Client, is_inside_network
from filsluss.rules.refusals import FormRefused
from filsluss.rules.sign_in import SignIn
from filsluss.rules.tokens import Purpose, draw_public_id

FORM_LASTS = timedelta(hours=1)
"""For so long the same form with the same content is the same application."""


class AppliedBefore(Exception):
    """The same form with the same content was sent within FORM_LASTS."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__(transfer.public_id)
        self.transfer = transfer


def apply(
    application: Application,
    *,
    services: Services,
    now: datetime,
    client: Client,
    signed_in: Person | None = None,
) -> Transfer:
    """A new transfer, OPEN from an inside sender and PENDING from anyone else, with its letters queued.

    Where the approver's mailbox has many undecided requests, this one waits for the next list of them
    (`letters/request_lists.py`). A form that is sent twice, as by a double click, gives the transfer that
    there is. `signed_in` is the sender who has signed in, whose name and address the application has. Raises
    FormRefused or LimitReached, and stores nothing then.
    """
    today = now.astimezone(services.policy.time_zone).date()
    problems = examine(application, services.policy, today=today)
    if problems := problems or _must_sign_in(application, signed_in, services=services):
        raise FormRefused(problems)
    confirmed = {"confirmed": "personal_number"} if fields_with_number(application, today=today) else None
    cause = Cause(Role.SENDER, signed_in.trail_name if signed_in else "", detail=confirmed)
    transfer, parties = draft(application, services=services, now=now)
    if signed_in:
        transfer.sender.proof, transfer.sender.proved_at = Proof.SIGN_IN.value, now
    elif opens_at_once(transfer, client=client, services=services):
        transfer.sender.proof, transfer.sender.proved_at = Proof.NETWORK.value, now

    def insert() -> None:
        with transaction.atomic():
            transfer.form_key = claim_form_key(form_key(application, by=cause.person), now=now)
            if not signed_in:
                count_for_network(client, services=services, now=now)
            if transfer.approver:
                asked = may_ask_at_once(transfer.approver, client=client, services=services, now=now)
                transfer.asked_at = now if asked else None
                transfer.lapse_by = (
                    services.policy.end_of(now, services.policy.decision_days) if asked else None
                )
                confirms = may_confirm(transfer.sender, client=client, services=services, now=now)
                insert_rows(transfer, parties=parties, services=services, now=now)
                begin(transfer, cause=cause, confirms=confirms, services=services, now=now)
            else:
                count_outbound(transfer.sender, client=client, services=services, now=now)
                insert_rows(transfer, parties=parties, services=services, now=now)
                days = application.days or services.policy.default_days
                open_at_once(transfer, cause=cause, days=days, services=services, now=now)

    try:
        with_free_public_id(transfer, insert)
    except AppliedBefore as before:
        return before.transfer
    return transfer


def _must_sign_in(
    application: Application, signed_in: Person | None, *, services: Services
) -> dict[str, str]:
    """The same for every inside address, whoever has it: who may sign in is nobody's business."""
    if signed_in or services.policy.sign_in is not SignIn.REQUIRED:
        return {}
    is_inside = services.policy.is_inside(read_address(application.sender_email))
    return {"sender_email": "sign_in_needed"} if is_inside else {}


def claim_form_key(key: str | None, *, now: datetime) -> str | None:
    """The key, which no other transfer has from now on; raises AppliedBefore."""
    if key is None:
        return None
    serialize_on("form-key", now=now)
    earlier = Transfer.objects.filter(form_key=key).first()
    if earlier and earlier.applied_at > now - FORM_LASTS:
        raise AppliedBefore(earlier)
    if earlier:
        Transfer.objects.filter(pk=earlier.pk).update(form_key=None)
    return key


def draft(application: Application, *, services: Services, now: datetime) -> tuple[Transfer, list[Party]]:
    """The transfer and its parties, not saved."""
    way, recipient = direction_of(application, services.policy), read_address(application.recipient_email)
    contact = read_address(application.approver_email) if way is Direction.THROUGH else ""
    transfer = Transfer(
        public_id=draw_public_id(),
        direction=way.value,
        purpose=application.purpose.strip(),
        terms_version=TERMS_VERSION,
        applied_at=now,
    )
    addresses = {
        Role.SENDER: read_address(application.sender_email),
        Role.RECIPIENT: recipient,
        Role.APPROVER: approver_on(way, recipient=recipient, contact=contact),
    }
    names = {Role.SENDER: application.sender_name.strip()}
    parties = [
        Party.draw(
            role,
            name=names.get(role, ""),
            address=address,
            language=language_of(role, address, application, services.policy),
        )
        for role, address in addresses.items()
        if address
    ]
    transfer.keep_parties(parties, all_of_them=True)
    return transfer, parties


def insert_rows(transfer: Transfer, *, parties: Sequence[Party], services: Services, now: datetime) -> None:
    """Saves a new transfer with its parties and the links that their letters will carry."""
    transfer.save(force_insert=True)
    for party in parties:
        party.pk, party.transfer = None, transfer
    Party.objects.bulk_create(parties)
    links = [
        Link.draw(purpose, key=services.policy.link_keys[0], party=party, now=now)
        for party in parties
        for purpose in purposes_of(Role(party.role))
    ]
    Link.objects.bulk_create(links)
    keep_links(links)


def purposes_of(role: Role) -> tuple[Purpose, ...]:
    """The links of a party that are about the whole transfer."""
    own = {Role.SENDER: (Purpose.UPLOAD,), Role.APPROVER: (Purpose.DECIDE,)}
    return (*own.get(role, ()), STATUS_PURPOSE[role])


def begin(transfer: Transfer, *, cause: Cause, confirms: bool, services: Services, now: datetime) -> None:
    """Takes the first step, which asks the approver, or else puts the request on the next list."""
    advance(transfer, APPLIED, cause=cause, services=services, now=now)
    if transfer.asked_at is None:
        request_lists.collect(transfer, policy=services.policy, now=now)
    if confirms:
        compose.write(
            LetterKind.RECEIVED, transfer=transfer, role=Role.SENDER, policy=services.policy, now=now
        )


def open_at_once(transfer: Transfer, *, cause: Cause, days: int, services: Services, now: datetime) -> None:
    """Takes the first two steps, since outbound no approver is asked."""
    record_audit(transfer, step=APPLIED.name, cause=cause, now=now)
    Transfer.objects.filter(pk=transfer.pk, state=State.NEW).update(state=State.PENDING)
    end = services.policy.end_of(now, days)
    advance(transfer, APPROVED, cause=RULE, services=services, now=now, decided_at=now, open_until=end)


def opens_at_once(transfer: Transfer, *, client: Client, services: Services) -> bool:
    """Whether the sender may see the upload page at once: an inside sender on an inside network.

    Where staff sign in, a network opens nothing: only a sign-in tells one of them from another.
    """
    if services.policy.sign_in is not SignIn.OFF:
        return False
    return transfer.way is Direction.OUTBOUND and is_inside_network(
        client, networks=services.policy.inside_networks
    )
