"""The audit trail as a table for other programs, all of it or one transfer's."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from filsluss.models import AuditEntry
from filsluss.pages.decorators import allow_methods
from filsluss.pages.oversee.access import administrators_only
from filsluss.pages.oversee.transfers import transfer_named

COLUMNS = ("at", "transfer", "file", "step", "role", "actor", "about", "size", "sha256", "reason")
FORMULA = frozenset("=+-@\t\r\n\0＝＋－＠")
"""What a spreadsheet takes for the beginning of one."""
TOGETHER = 1000


@allow_methods("GET")
@administrators_only
def audit_csv(request: HttpRequest, public_id: str = "") -> StreamingHttpResponse:
    if public_id:
        transfer_named(public_id)
    entries = AuditEntry.objects.filter(**({"transfer_id_public": public_id} if public_id else {}))
    answer = StreamingHttpResponse(table(entries), content_type="text/csv; charset=utf-8; header=present")
    name = f"audit-trail-{public_id}.csv" if public_id else "audit-trail.csv"
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def table(entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    """RFC 4180, with the mark by which Excel knows UTF-8."""
    write = csv.writer(Line(), quoting=csv.QUOTE_ALL).writerow
    yield b"\xef\xbb\xbf" + write(COLUMNS)
    for entry in entries.iterator(chunk_size=TOGETHER):
        yield write([without_formula(word) for word in cells_of(entry)])


class Line:
    """Hands back each line instead of keeping it."""

    def write(self, line: str) -> bytes:
        return line.encode()


def cells_of(entry: AuditEntry) -> Sequence[str]:
    at = entry.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    size = "" if entry.size is None else str(entry.size)
    return (
        at, entry.transfer_id_public, entry.file_id_public, entry.step, entry.role, entry.actor,
        entry.about, size, entry.sha256, entry.reason,
    )  # fmt: skip


def without_formula(word: str) -> str:
    """The word, with an apostrophe before what would be calculated instead of read."""
    begins = word.lstrip(" ")[:1]
    return f"'{word}" if begins in FORMULA else word
