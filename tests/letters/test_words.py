"""Whose words a letter carries: nothing that a stranger typed goes outside, and no word of a mail server."""

import email
from email.header import decode_header, make_header
from itertools import count
from pathlib import Path

import pytest
from django.db import models

from filsluss.letters import compose
from filsluss.letters.context import About, Undelivered, build_context
from filsluss.letters.message import build_message
from filsluss.models import Letter, Party, Transfer, TransferFile
from filsluss.rules.addresses import canonical
from filsluss.rules.directions import Direction, Proof, Role
from filsluss.rules.letter_kinds import LetterKind, traits_of
from filsluss.rules.lifecycle import ErasedBecause, FileState, State
from filsluss.rules.search import fold
from tests.letters.cases import example_policy, make_file, make_transfer
from tests.parts import tokens

pytestmark = pytest.mark.django_db

KINDS = sorted(
    {path.stem for path in Path(compose.engine().dirs[0]).glob("sv/*.txt")}
    - {LetterKind.APPROVALS_REQUESTED, LetterKind.LOST_LINK}
)
APPROVED_STATES = (State.OPEN, State.CLOSING, State.CLOSED)
STATES = [state for state in State if state is not State.NEW]
SERVER = "550 5.1.1 zebraserver: User unknown in mail03.intern.example"
FIXED = {
    *("public_id", "state", "direction", "terms_version", "receipts", "form_key", "reason_code"),
    *("role", "language", "proof", "canonical", "folded", "upload_id", "sha256", "boot_id", "holder"),
    *("erased_because", "removal_code", "removed_by"),
}
"""Text columns that hold no typed words, but what the service drew or one of a few fixed words."""
INSIDERS = {"closed_reason", "removal_reason", "rejection_reason"}
"""Columns that hold words of approvers and administrators."""
PARTS = {Role.SENDER: "rontgen.example", Role.RECIPIENT: "konsult.example", Role.APPROVER: "ltdalarna.se"}
numbers = count()


def typed_columns(model):
    """The columns that may hold what a stranger typed; one that is added later is among them by itself."""
    text = (models.CharField, models.TextField)
    named = {field.name for field in model._meta.fields if isinstance(field, text)}
    return sorted(named - FIXED - INSIDERS - {"address"})


def mark(row):
    """Writes a word of its own into every typed column of the row."""
    for column in typed_columns(type(row)):
        setattr(row, column, f"zebra{column.replace('_', '')}")
    if isinstance(row, TransferFile):
        row.name = "zebraname.txt"
        row.folded = fold(row.name)
    row.save()


def marked_transfer(direction, state, proof, now):
    """A transfer in which every typed word is a zebra, with the proofs that belong to its state."""
    approved = direction is Direction.OUTBOUND or state in APPROVED_STATES
    decided = state in (*APPROVED_STATES, State.REJECTED)
    transfer = make_transfer(
        now,
        direction=direction,
        state=state,
        public_id=f"ZZZZ-{next(numbers):04}",
        proofs={Role.SENDER: proof.value, Role.APPROVER: "mailbox" if decided else "none"},
        **({} if approved else {"open_until": None}),
        **({} if decided else {"decided_at": None}),
        closed_reason="Missbruk." if state is State.CLOSING else "",
        rejection_reason="Fel." if state is State.REJECTED else "",
    )
    mark(transfer)
    for party in transfer.parties.all():
        mark(party)
        inside = canonical(party.address).endswith("@ltdalarna.se")
        domain = "ltdalarna.se" if inside else PARTS[Role(party.role)]
        Party.objects.filter(pk=party.pk).update(address=f"zebra{party.role}@{domain}")
    return Transfer.objects.get(pk=transfer.pk)


def files_of(transfer, now):
    number = int(transfer.public_id[-4:]) * 2
    ready = {"public_id": f"FFFF-{number:04}", "upload_id": f"u{number}"}
    unready = {"public_id": f"FFFF-{number + 1:04}", "upload_id": f"u{number + 1}", "ready_at": None}
    removed = {"removed_by": "administrator", "removal_reason": "Säkerhetsrisk.", "state": FileState.ERASED}
    made = [make_file(transfer, now, **ready, **removed), make_file(transfer, now, **unready)]
    TransferFile.objects.filter(pk=made[1].pk).update(erased_because=ErasedBecause.ENDED)
    for file in made:
        mark(file)
    return made


def everything(letter, policy):
    """The message as it leaves, decoded: each header but To, and each part."""
    message = email.message_from_bytes(build_message(letter, policy=policy).message().as_bytes())
    headers = [
        f"{name}: {make_header(decode_header(value))}" for name, value in message.items() if name != "To"
    ]
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    return "\n".join([*headers, *(part.decode() for part in parts)]).lower()


def readers_of(kind):
    """The roles that it is written to here: one alone if only that has the link which the letter is for."""
    traits = traits_of(kind)
    return (tokens.OWNER.get(traits.link, Role.RECIPIENT),) if traits.link and traits.needs_link else Role


def letters_of(transfer, policy, now):
    """Every letter of every kind that is written to any role of the transfer."""
    files = files_of(transfer, now)
    for kind in KINDS:  # lists of requests are written by its own module, and to addresses inside only
        for role in readers_of(kind):
            letter = compose.write(
                kind,
                transfer=transfer,
                role=role,
                policy=policy,
                now=now,
                file=files[0] if "file-" in kind or kind == "undelivered" else None,
                files=files,
                undelivered=Undelivered(transfer.address_of(Role.APPROVER), "approver", "refused"),
            )
            if letter:
                Letter.objects.filter(pk=letter.pk).update(last_error=SERVER)  # a later one could quote it
                yield letter


def proofs_of(direction, state):
    """None, and one of the others: between them the states and directions meet every proof."""
    _, *others = Proof
    number = STATES.index(state) + list(Direction).index(direction)
    return Proof.NONE, others[number % len(others)]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("direction", Direction)
def test_no_letter_outside_carries_a_word_that_somebody_without_proof_typed(
    direction, state, now, pytestconfig
):
    policy, carried, written = example_policy(), False, 0
    for proof in Proof if pytestconfig.getoption("--full") else proofs_of(direction, state):
        transfer = marked_transfer(direction, state, proof, now)
        known = proof is not Proof.NONE or (direction is not Direction.OUTBOUND and state in APPROVED_STATES)
        answered = {party.address for party in transfer.parties.all() if party.proof != Proof.NONE}
        for letter in letters_of(transfer, policy, now):
            words, written = everything(letter, policy), written + 1
            assert [word for word in ("zebraserver", "mail03") if word in words] == [], letter.kind
            if known or policy.is_inside(letter.to):
                carried = carried or "zebraname" in words
                continue
            for address in answered:
                words = words.replace(address, "")
            assert "zebra" not in words, (letter.kind, letter.role, proof)
            assert [sign for sign in ("()", "{", " !", " ,") if sign in letter.text] == [], letter.kind
    assert (carried, written > 20) == (True, True)


def flat(value):
    """Every text within the values of a letter."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in flat(each)]
    if isinstance(value, list):
        return [text for each in value for text in flat(each)]
    return [value] if isinstance(value, str) else []


def test_a_kind_that_is_added_later_gets_no_word_of_a_stranger_either(now):
    transfer = marked_transfer(Direction.THROUGH, State.PENDING, Proof.NONE, now)
    file, unready = files_of(transfer, now)
    undelivered = Undelivered(transfer.address_of(Role.APPROVER), "approver", "refused")
    for role in (Role.SENDER, Role.RECIPIENT):
        party = transfer.party(role)
        about = About(transfer, party, file, [file, unready], undelivered=undelivered)
        texts = flat(build_context("a-kind-to-come", about, policy=example_policy(), now=now))
        assert [text for text in texts if "zebra" in text] == []
        assert compose.reply_to("a-kind-to-come", about, example_policy()) == "support@ltdalarna.se"


def test_every_typed_column_is_marked_by_itself():
    assert typed_columns(Party) == ["name"]
    assert typed_columns(Transfer) == ["purpose"]
    assert {"name", "sent_name", "metadata", "folder"} <= set(typed_columns(TransferFile))


@pytest.mark.parametrize("proof", Proof)
def test_that_a_letter_was_refused_is_mailed_only_to_a_sender_with_a_proof(proof, now):
    transfer = marked_transfer(Direction.THROUGH, State.PENDING, proof, now)
    letter = compose.write(
        "undelivered",
        transfer=transfer,
        role=Role.SENDER,
        policy=example_policy(),
        now=now,
        undelivered=Undelivered(transfer.address_of(Role.APPROVER), "approver", "unknown"),
    )
    assert (letter is None) == (proof is Proof.NONE)
    assert letter is None or "The address" in letter.text or "Adressen finns inte" in letter.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipient_gets_no_letter_before_a_file_was_ready(kind, now):
    transfer = marked_transfer(Direction.THROUGH, State.CLOSING, Proof.MAILBOX, now)
    file = make_file(transfer, now, ready_at=None, state=FileState.ERASED)
    written = compose.write(
        kind,
        transfer=transfer,
        role=Role.RECIPIENT,
        policy=example_policy(),
        now=now,
        file=file if "file-" in kind else None,
        files=[file],
        undelivered=Undelivered("x@y.example", "approver"),
    )
    assert written is None
    assert Letter.objects.count() == 0
