"""`filsluss show ID`: one transfer, its files, its letters and what has happened."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from filsluss.models import AuditEntry, Transfer


class Command(BaseCommand):
    help = "Shows one transfer."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transfer", metavar="ID", help="its public id, like K7PM-4QXD")

    def handle(self, *args: Any, transfer: str, **options: Any) -> None:
        found = Transfer.objects.filter(public_id=transfer.upper()).first()
        if found is None:
            raise CommandError(f"there is no transfer {transfer}")
        for line in (*facts(found), *files(found), *letters(found), *history(found)):
            self.stdout.write(line)


def facts(transfer: Transfer) -> list[str]:
    shown = ("public_id", "state", "direction", "sender_name", "sender_email", "recipient_email",
             "approver_email", "purpose", "applied_at", "lapse_by", "decided_at", "open_until", "ended_at",
             "erased_at", "rejection_reason", "closed_reason")  # fmt: skip
    return [f"{name:<17} {getattr(transfer, name)}" for name in shown if getattr(transfer, name)]


def files(transfer: Transfer) -> list[str]:
    return [
        f"file   {file.public_id}  {file.state:<9} {file.size or 0:>11}  {file.name}"
        f"  {file.erased_because}".rstrip()
        for file in transfer.files.order_by("created_at", "id")
    ]


def letters(transfer: Transfer) -> list[str]:
    return [
        f"letter {letter.kind:<18} {letter.delivery:<9} {letter.to}  {letter.last_error}".rstrip()
        for letter in transfer.letters.order_by("written_at", "id")
    ]


def history(transfer: Transfer) -> list[str]:
    return [
        f"{entry.at:%Y-%m-%d %H:%M:%S}  {entry.step:<15} {entry.role} {entry.actor} {entry.reason}".rstrip()
        for entry in AuditEntry.objects.filter(transfer_id_public=transfer.public_id)
    ]
