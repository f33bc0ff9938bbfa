"""Apply: somebody asks for a transfer. Outbound it opens at once, else an approver is asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from filsluss.actions.block_list import blocked_role
from filsluss.actions.limits import count_for_network, count_outbound, may_ask_at_once, may_confirm
from filsluss.actions.security_log import event_now, note
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
from filsluss.rules.blocking import BLOCKED
from filsluss.rules.directions import Direction, Proof, Role, approver_on
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import APPLIED, APPROVED, WITHDRAWN, State
from filsluss.rules.networks import Client, is_inside_network
from filsluss.rules.refusals import FormRefused
from filsluss.rules.security_events import Kind, Outcome
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
    transfer, parties = draft(application, services=services, now=now)
    if signed_in:
        transfer.sender.proof, transfer.sender.proved_at = Proof.SIGN_IN.value, now
    elif opens_at_once(transfer, client=client, services=services):
        transfer.sender.proof, transfer.sender.proved_at = Proof.NETWORK.value, now
    refuse_or_mark(transfer, has_form_for_sender=signed_in is None, now=now)
    cause = Cause(
        Role.SENDER,
        signed_in.trail_name if signed_in else "",
        reason_code=transfer.reason_code,
        detail=confirmed,
    )

    def insert() -> None:
        with transaction.atomic():
            transfer.form_key = claim_form_key(form_key(application, by=cause.person), now=now)
            if not signed_in:
                count_for_network(client, services=services, now=now)
            if transfer.approver:
                ask(transfer, parties=parties, cause=cause, client=client, services=services, now=now)
                return
            count_outbound(transfer.sender, client=client, services=services, now=now)
            insert_rows(transfer, parties=parties, services=services, now=now)
            if transfer.is_blocked:
                turn_down(transfer, cause=cause, services=services, now=now)
            else:
                days = application.days or services.policy.default_days
                open_at_once(transfer, cause=cause, days=days, services=services, now=now)

    try:
        with_free_public_id(transfer, insert)
    except AppliedBefore as before:
        return before.transfer
    if transfer.is_blocked:
        note_blocked(transfer, now=now)
    return transfer


def refuse_or_mark(transfer: Transfer, *, has_form_for_sender: bool, now: datetime) -> None:
    """Asks the block list. Whoever is known to be inside reads whom to ask: raises FormRefused.

    To all others a blocked application looks like any other; it is marked, and nobody else is told of it.
    """
    role = blocked_role(transfer, now=now)
    if role is None:
        return
    transfer.reason_code = BLOCKED
    if transfer.sender.proof != Proof.NONE:
        note_blocked(transfer, now=now)
        of_sender = role is Role.SENDER and has_form_for_sender
        raise FormRefused({"sender_email" if of_sender else "recipient_email": "address_blocked"})


def note_blocked(transfer: Transfer, *, now: datetime) -> None:
    """Counts it in the security log; a refused one has no case."""
    case = transfer.public_id if transfer.pk else ""
    note(event_now(Kind.APPLICATION, outcome=Outcome.BLOCKED, transfer=case, now=now))


def turn_down(transfer: Transfer, *, cause: Cause, services: Services, now: datetime) -> None:
    """Ends a blocked outbound application; the mailbox, which is inside, is told whom to ask."""
    record_audit(transfer, step=APPLIED.name, cause=cause, now=now)
    Transfer.objects.filter(pk=transfer.pk, state=State.NEW).update(state=State.PENDING)
    with translation.override(transfer.sender.language or services.policy.language):
        words = _("Files cannot be sent to or from this address. Questions? Contact %(contact)s.")
        contact = services.policy.contact_email or _("the system administrator")
    reason = words % {"contact": contact}
    texts: dict[str, Any] = {"rejection_reason": reason, "closed_reason": reason}
    by_rule = replace(RULE, reason_code=BLOCKED)
    advance(transfer, WITHDRAWN, cause=by_rule, services=services, now=now, **texts, decided_at=now)


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


def ask(
    transfer: Transfer,
    *,
    parties: Sequence[Party],
    cause: Cause,
    client: Client,
    services: Services,
    now: datetime,
) -> None:
    """Saves an application that an approver answers: now, or once the next list has left."""
    assert transfer.approver is not None
    code = transfer.reason_code
    asked = may_ask_at_once(transfer.approver, client=client, services=services, now=now, reason_code=code)
    transfer.asked_at = now if asked else None
    transfer.lapse_by = services.policy.end_of(now, services.policy.decision_days) if asked else None
    confirms = may_confirm(transfer.sender, client=client, services=services, now=now)
    insert_rows(transfer, parties=parties, services=services, now=now)
    begin(transfer, cause=cause, confirms=confirms, services=services, now=now)


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
