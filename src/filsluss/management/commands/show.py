"""`filsluss show ID`: one transfer with its files, its letters and its audit trail."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.logs import as_json
from filsluss.management.os_account import note_command
from filsluss.management.printing import PrintingCommand
from filsluss.models import AuditEntry, Letter, Transfer
from filsluss.models.letter import list_closes_at
from filsluss.pages.oversee.actors import actors_of
from filsluss.rules.lifecycle import State
from filsluss.rules.security_events import Kind, Outcome

Facts = dict[str, Any]

LINES = {
    "files": "file   {public_id}  {state:<9} {size:>11}  {name}  {erased_because}",
    "letters": "letter {kind:<19} {delivery:<10} {to}  {public_id}  {last_error}",
    "trail": "{at:%Y-%m-%d %H:%M:%S}  {step:<15} {role} {actor} {reason}",
}


class Command(PrintingCommand):
    help = "Shows one transfer with its files, letters and audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transfer", metavar="ID", help="its public id, like K7PM-4QXD")
        parser.add_argument("--json", action="store_true", help="one JSON object with all of it")

    def handle(self, *args: Any, transfer: str, json: bool, **options: Any) -> None:
        found = Transfer.objects.filter(public_id=transfer.upper()).first()
        if found is None:
            raise CommandError(f"there is no transfer {transfer}")
        note_command(Kind.READ, Outcome.TRANSFER, transfer=found.public_id)
        case: Facts = {
            **facts(found),
            "parties": parties(found),
            "files": files(found),
            "letters": letters(found),
            "trail": trail(found),
        }
        for line in [as_json(case)] if json else lines(case):
            self.say(line)


def facts(transfer: Transfer) -> Facts:
    """What is known of the transfer itself; what is not so yet is left out."""
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
    values = {name: getattr(transfer, name) for name in columns}
    values["asked_about"] = list_closes_at(transfer) if transfer.state == State.PENDING else None
    return {name: value for name, value in values.items() if value}


def parties(transfer: Transfer) -> list[Facts]:
    names = ("role", "name", "address", "language", "proof")
    return [{name: getattr(party, name) for name in names} for party in transfer.parties.order_by("pk")]


def files(transfer: Transfer) -> list[Facts]:
    names = ("public_id", "state", "size", "name", "erased_because")
    rows = transfer.files.order_by("created_at", "id")
    return [{name: getattr(file, name) for name in names} for file in rows]


def letters(transfer: Transfer) -> list[Facts]:
    names = ("kind", "delivery", "to", "public_id", "written_at", "last_error")
    rows = Letter.objects.about(transfer).order_by("written_at", "id")
    return [{name: getattr(letter, name) for name in names} for letter in rows]


def trail(transfer: Transfer) -> list[Facts]:
    entries = list(AuditEntry.objects.filter(transfer_public_id=transfer.public_id))
    actors = actors_of(entries)
    return [
        {
            "at": entry.at,
            "step": entry.step,
            "role": entry.role,
            "actor": str(actors[entry.pk]),
            "reason": entry.reason,
        }
        for entry in entries
    ]


def lines(case: Facts) -> Iterator[str]:
    """The same for a person to read: a line for each fact, party, file, letter and step."""
    single = [
        (name.replace("asked_about", "asked about"), case[name])
        for name in case
        if not isinstance(case[name], list)
    ]
    people = [
        (party["role"], "{name} <{address}>  {language}  proof: {proof}".format(**party).strip())
        for party in case["parties"]
    ]
    yield from (f"{name:<17} {value}" for name, value in (*single[:3], *people, *single[3:]))
    for name, line in LINES.items():
        yield from (line.format(**{**each, "size": each.get("size") or 0}).rstrip() for each in case[name])
