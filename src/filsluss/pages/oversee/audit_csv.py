"""The audit trail as CSV, plain or for Excel: of all transfers, or of one."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from filsluss.models import AuditEntry
from filsluss.pages.decorators import allow_methods
from filsluss.pages.oversee.access import permitted, standing_in
from filsluss.pages.oversee.actors import actors_of
from filsluss.pages.oversee.noting import note_export, note_opened
from filsluss.pages.oversee.search import reached
from filsluss.pages.oversee.transfers import transfer_named
from filsluss.rules.permissions import Act

COLUMNS = (
    *("at", "transfer", "file", "step", "role", "actor", "about", "size", "sha256", "reason"),
    *("proof", "network", "request_id"),
)
BEFORE_FORMULA = "=+@＝＋－＠\\0\\-"
FORMULA = re.compile(rf" *[{BEFORE_FORMULA}\t\r\n]")
"""The beginning of a cell that a spreadsheet calculates instead of showing it."""
BATCH = 500
"""Entries read from the database at a time."""


@dataclass(frozen=True)
class TableFormat:
    """How a table is written. With `local_time` a column says each time once more, in that zone.

    Which character splits cells depends on the settings of whoever opens the file, so that an apostrophe
    stands also where another one than `delimiter` would leave a cell that begins like a formula.
    """

    delimiter: str = ","
    local_time: tzinfo | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return COLUMNS if self.local_time is None else (COLUMNS[0], "local_time", *COLUMNS[1:])

    def as_text(self, cell: str) -> str:
        """The cell as every spreadsheet shows it: nothing in it, however it is split, is calculated."""
        guarded = FOREIGN_SPLIT[self.delimiter].sub(r"\g<0>'", cell)
        return f"'{guarded}" if FORMULA.match(guarded) else guarded


def foreign_split(delimiter: str) -> re.Pattern[str]:
    """Separators before the beginning of a formula; quotes protect it only from the file's own separator."""
    others = ";,\t".replace(delimiter, "")
    line_end = rf"[\r\n](?=[\s\"]*[{BEFORE_FORMULA}])"
    return re.compile(
        rf"[{others}](?=[ \"]*[{BEFORE_FORMULA}\t\r])|{delimiter}(?= *[{BEFORE_FORMULA}\t\r])|{line_end}"
    )


FOREIGN_SPLIT = {delimiter: foreign_split(delimiter) for delimiter in ",;"}
EXCEL = "excel"
"""The value of `?for=` that asks for the table as Excel in Swedish reads it; anything else gets plain CSV."""


def format_of(request: HttpRequest) -> TableFormat:
    return TableFormat(";", settings.POLICY.time_zone) if request.GET.get("for") == EXCEL else TableFormat()


@allow_methods("GET")
@permitted(Act.EXPORT_TRAIL)
def audit_csv(request: HttpRequest, public_id: str = "") -> StreamingHttpResponse:
    if public_id:
        note_opened(request, transfer_named(request, public_id, Act.EXPORT_TRAIL))
    note_export(request, public_id)
    entries = AuditEntry.objects.filter(**({"transfer_public_id": public_id} if public_id else {}))
    standing = standing_in(request)
    if not public_id and standing.domains_for(Act.EXPORT_TRAIL) is not None:
        own = reached(standing, Act.EXPORT_TRAIL).values("public_id")
        entries = entries.filter(transfer_public_id__in=own)
    written = table(entries, format_of(request))
    response = StreamingHttpResponse(written, content_type="text/csv; charset=utf-8; header=present")
    name = f"audit-trail-{public_id}.csv" if public_id else "audit-trail.csv"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; frame-ancestors 'none'"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def table(entries: QuerySet[AuditEntry], form: TableFormat) -> Iterator[bytes]:
    """CSV (RFC 4180) with a byte order mark, by which Excel recognises UTF-8."""
    write = csv.writer(Line(), delimiter=form.delimiter, quoting=csv.QUOTE_ALL).writerow
    yield b"\xef\xbb\xbf" + write(form.columns)
    for batch in by_time(entries):
        actors = actors_of(batch)
        for entry in batch:
            yield write([form.as_text(cell) for cell in cells_of(entry, actors[entry.pk], form)])


def by_time(entries: QuerySet[AuditEntry]) -> Iterator[list[AuditEntry]]:
    """The entries in the order of their times, in batches, each of which is read when it is asked for."""
    ordered, last = entries.order_by("at", "pk"), None
    while batch := list((ordered if last is None else after(last, ordered))[:BATCH]):
        yield batch
        last = batch[-1]


def after(last: AuditEntry, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """Those after that one, for which the database goes on in its index."""
    return entries.filter(at__gte=last.at).exclude(at=last.at, pk__lte=last.pk)


class Line:
    """A file object for csv.writer that returns each line instead of storing it."""

    def write(self, line: str) -> bytes:
        return line.encode()


def cells_of(entry: AuditEntry, actor: str, form: TableFormat) -> Sequence[str]:
    at = entry.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    local = [f"{entry.at.astimezone(form.local_time):%Y-%m-%d %H:%M:%S}"] if form.local_time else []
    size = "" if entry.size is None else str(entry.size)
    return (
        at,
        *local,
        entry.transfer_public_id,
        entry.file_public_id,
        entry.step,
        entry.role,
        actor,
        entry.about,
        size,
        entry.sha256,
        entry.reason,
        entry.proof,
        entry.network,
        entry.request_id,
    )
