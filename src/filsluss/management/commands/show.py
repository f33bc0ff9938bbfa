"""`filsluss show ID`: one transfer with its files, its letters and its audit trail."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.management.os_account import note_command
from filsluss.management.printing import PrintingCommand
from filsluss.models import AuditEntry, Letter, Transfer
from filsluss.models.letter import list_closes_at
from filsluss.pages.oversee.actors import actors_of
from filsluss.rules.lifecycle import State
from filsluss.rules.security_events import Kind, Outcome


class Command(PrintingCommand):
    help = "Shows one transfer with its files, letters and audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transfer", metavar="ID", help="its public id, like K7PM-4QXD")

    def handle(self, *args: Any, transfer: str, **options: Any) -> None:
        found = Transfer.objects.filter(public_id=transfer.upper()).first()
        if found is None:
            raise CommandError(f"there is no transfer {transfer}")
        note_command(Kind.READ, Outcome.TRANSFER, transfer=found.public_id)
        for line in (*facts(found), *files(found), *letters(found), *history(found)):
            self.say(line)


def facts(transfer: Transfer) -> list[str]:
    columns = (
        "public_id",
        "state",
        "direction",
        "purpose",
        "applied_at",
        "asked_at",
        "lapse_by",
        "decided_at",
        "open_until",
        "ended_at",
        "erased_at",
        "rejection_reason",
        "closed_reason",
    )
    rows = [(name, getattr(transfer, name)) for name in columns]
    rows += [("asked about", list_closes_at(transfer))] if transfer.state == State.PENDING else []
    people = [
        (party.role, f"{party.name} <{party.address}>  {party.language}  proof: {party.proof}".strip())
        for party in transfer.parties.order_by("pk")
    ]
    return [f"{name:<17} {value}" for name, value in (*rows[:3], *people, *rows[3:]) if value]


def files(transfer: Transfer) -> list[str]:
    return [
        f"file   {file.public_id}  {file.state:<9} {file.size or 0:>11}  {file.name}"
        f"  {file.erased_because}".rstrip()
        for file in transfer.files.order_by("created_at", "id")
    ]


def letters(transfer: Transfer) -> list[str]:
    return [
        f"letter {letter.kind:<19} {letter.delivery:<10} {letter.to}  {letter.public_id}  "
        f"{letter.last_error}".rstrip()
        for letter in Letter.objects.about(transfer).order_by("written_at", "id")
    ]


def history(transfer: Transfer) -> list[str]:
    entries = list(AuditEntry.objects.filter(transfer_public_id=transfer.public_id))
    actors = actors_of(entries)
    return [
        f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.step:<15} {entry.role} "
        f"{actors[entry.pk]} {entry.reason}".rstrip()
        for entry in entries
    ]
