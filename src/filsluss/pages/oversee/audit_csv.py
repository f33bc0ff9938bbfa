"""The audit trail as CSV: of all transfers, or of one."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC
from itertools import islice

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from filsluss.models import AuditEntry
from filsluss.pages.decorators import allow_methods
from filsluss.pages.oversee.access import administrators_only
from filsluss.pages.oversee.actors import actors_of
from filsluss.pages.oversee.noting import note_export
from filsluss.pages.oversee.transfers import transfer_named

COLUMNS = ("at", "transfer", "file", "step", "role", "actor", "about", "size", "sha256", "reason")
FORMULA = frozenset("=+-@\t\r\n\0＝＋－＠")
"""First characters that make a spreadsheet calculate a cell."""
BATCH = 1000
"""Entries read from the database at a time."""


@allow_methods("GET")
@administrators_only
def audit_csv(request: HttpRequest, public_id: str = "") -> StreamingHttpResponse:
    if public_id:
        transfer_named(public_id)
    note_export(request, public_id)
    entries = AuditEntry.objects.filter(**({"transfer_public_id": public_id} if public_id else {}))
    response = StreamingHttpResponse(table(entries), content_type="text/csv; charset=utf-8; header=present")
    name = f"audit-trail-{public_id}.csv" if public_id else "audit-trail.csv"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def table(entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    """CSV (RFC 4180) with a byte order mark, by which Excel recognises UTF-8."""
    write = csv.writer(Line(), quoting=csv.QUOTE_ALL).writerow
    yield b"\xef\xbb\xbf" + write(COLUMNS)
    for batch in batched(entries.iterator(chunk_size=BATCH), BATCH):
        actors = actors_of(batch)
        for entry in batch:
            yield write([without_formula(cell) for cell in cells_of(entry, actors[entry.pk])])


def batched(entries: Iterator[AuditEntry], size: int) -> Iterator[list[AuditEntry]]:
    """The entries in lists of that size."""
    while batch := list(islice(entries, size)):
        yield batch


class Line:
    """A file object for csv.writer that returns each line instead of storing it."""

    def write(self, line: str) -> bytes:
        return line.encode()


def cells_of(entry: AuditEntry, actor: str) -> Sequence[str]:
    at = entry.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    size = "" if entry.size is None else str(entry.size)
    return (
        at,
        entry.transfer_public_id,
        entry.file_public_id,
        entry.step,
        entry.role,
        actor,
        entry.about,
        size,
        entry.sha256,
        entry.reason,
    )


def without_formula(cell: str) -> str:
    """The cell, with an apostrophe in front if a spreadsheet would take it for a formula."""
    first = cell.lstrip(" ")[:1]
    return f"'{cell}" if first in FORMULA else cell
