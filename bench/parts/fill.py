"""A database filled with transfers that are over, and some that are open: by statements, not row by row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, models

from filsluss.models import AuditEntry, Letter, LetterCase, Link, Party, Pickup, Transfer, TransferFile
from filsluss.rules.tokens import CODE_ALPHABET

BASE = len(CODE_ALPHABET)
EIGHT = BASE**8
STRIDE = 300_000_000_001
"""Has no divisor in common with EIGHT, so that its multiples meet no number twice."""
DAYS = 20
"""The transfers are spread over so many days before now."""
STEPS = (
    ("applied", 0),
    ("approved", 0),
    *(("received", file) for file in (1, 2)),
    *(("ready", file) for file in (1, 2)),
    *(("fetched", file) for file in (1, 2)),
    ("ended", 0),
    *(("file-erased", file) for file in (1, 2)),
    ("erased", 0),
)
"""The audit trail of each, and which of its two files an entry names."""
LETTERS = (
    ("approved", 1, 0),
    ("file-ready", 2, 1),
    ("file-ready", 2, 2),
    ("files-downloaded", 1, 1),
    ("erased", 1, 0),
    ("erased", 2, 0),
)
"""The letters of each: the kind, which party reads it, which file it names."""

Values = Mapping[str, Any]


class Sql(str):
    """An expression in which `n` is the number of the transfer; any other value is a parameter."""

    __slots__ = ()


def text_of(number: str, width: int) -> str:
    """SQL for that number as text, with zeros before it."""
    if connection.vendor == "postgresql":
        return f"lpad(({number})::text, {width}, '0')"
    return f"printf('%0{width}d', {number})"


def public_id_of(number: str) -> Sql:
    """SQL for a public id as it would be drawn: those of different numbers differ, and have no order."""
    digit = (
        f"substr('{CODE_ALPHABET}', ((({number}) * {STRIDE}) %% {EIGHT} / {{}} %% {BASE} + 1)::integer, 1)"
    )
    if connection.vendor != "postgresql":
        digit = digit.replace("::integer", "")
    digits = [digit.format(BASE**place) for place in range(8)]
    return Sql(" || ".join([*digits[:4], "'-'", *digits[4:]]))


def time_of(now: datetime, count: int) -> Sql:
    """SQL for the time of transfer n: they are spread evenly, the last is the newest."""
    step = DAYS * 86_400 / count
    if connection.vendor == "postgresql":
        return Sql(f"timestamptz '{now.isoformat()}' - ({count} - n) * interval '{step:.6f} seconds'")
    day = f"julianday('{now:%Y-%m-%d %H:%M:%S}') - ({count} - n) * {step / 86_400:.12f}"
    return Sql(f"strftime('%Y-%m-%d %H:%M:%f', {day})")


def insert(model: type[models.Model], values: Values, first: int, last: int) -> None:
    """One row for each n from `first` to `last`; columns that are not given have their default."""
    parts, given = [], []
    fields = [
        field for field in model._meta.concrete_fields if field.attname in values or not field.primary_key
    ]
    for field in fields:
        value = values.get(field.attname, field.get_default())
        if isinstance(value, Sql):
            parts.append(str(value))
        else:
            parts.append("%s")
            given.append(field.get_db_prep_save(value, connection))
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    casts = ", ".join(cast(part, field) for part, field in zip(parts, fields, strict=True))
    numbers = (
        f"generate_series({first}, {last}) AS numbers(n)"
        if connection.vendor == "postgresql"
        else f"(WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers"
        f" WHERE n < {last}) SELECT n FROM numbers)"
    )
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {casts} FROM {numbers}", given)


def cast(part: str, field: Any) -> str:
    """PostgreSQL has to be told the type of a parameter in a SELECT."""
    if connection.vendor != "postgresql" or part != "%s":
        return part
    return f"CAST(%s AS {field.db_type(connection)})"


def fill(count: int, *, now: datetime, closed: bool = True, base: int = 0) -> None:
    """So many outbound transfers of two files each, whose numbers follow `base`.

    Those that are `closed` have been over since they were applied for; the others are open until now.
    """
    first, last, at = base + 1, base + count, time_of(now, base + count)
    over = at if closed else None
    state = "closed" if closed else "open"
    number = text_of("n", 7)
    insert(
        Transfer,
        {
            "id": Sql("n"),
            "public_id": public_id_of("3 * n"),
            "state": state,
            "direction": "outbound",
            "purpose": "Ritningar till den nya mottagningen",
            "applied_at": at,
            "asked_at": None,
            "decided_at": at,
            "open_until": at if closed else now,
            "ended_at": over,
            "erased_at": over,
            "over_at": over,
        },
        first,
        last,
    )
    for place, role, name, address in (
        (1, "sender", "Åsa Öström", "asa.ostrom%s@ltdalarna.se"),
        (2, "recipient", "", "bo.ek%s@rontgen.example"),
    ):
        before, after = address.split("%s")
        mailbox = Sql(f"'{before}' || {number} || '{after}'")
        party = {
            "id": Sql(f"2 * n - 2 + {place}"),
            "public_id": Sql(f"'P{place}' || {text_of('n', 20)}"),
            "transfer_id": Sql("n"),
            "role": role,
            "name": name,
            "address": mailbox,
            "canonical": mailbox,
            "folded": Sql(f"'{(name.casefold() + ' ').lstrip()}' || {mailbox}"),
            "language": "sv",
            "proof": "network" if place == 1 else "none",
            "proved_at": None,
        }
        insert(Party, party, first, last)
    for each in (1, 2):
        _files(each, state=state, at=at, over=over, first=first, last=last)
    _links(at, first, last)
    _letters(at, first, last, closed=closed)
    for step, each in STEPS if closed else STEPS[:8]:
        entry = {
            "at": at,
            "transfer_public_id": public_id_of("3 * n"),
            "file_public_id": public_id_of(f"3 * n + {each}") if each else "",
            "step": step,
            "role": "rule",
            "about": "ritning.pdf" if each else "",
        }
        insert(AuditEntry, entry, first, last)
    if connection.vendor == "postgresql":
        _go_on_counting()


def _files(each: int, *, state: str, at: Sql, over: Sql | None, first: int, last: int) -> None:
    number = text_of("n", 7)
    name = Sql(f"'ritning {each} ' || {number} || '.pdf'")
    file = {
        "id": Sql(f"2 * n - 2 + {each}"),
        "transfer_id": Sql("n"),
        "public_id": public_id_of(f"3 * n + {each}"),
        "upload_id": Sql(f"'{each}' || {text_of('n', 21)}"),
        "state": "erased" if state == "closed" else "ready",
        "name": name,
        "folded": name,
        "size": 5,
        "sha256": "0" * 64,
        "acknowledged": 5,
        "arrived": 5,
        "created_at": at,
        "active_at": at,
        "received_at": at,
        "ready_at": at,
        "erased_at": over,
        "erased_because": "ended" if over else "",
    }
    insert(TransferFile, file, first, last)
    pickup = {
        "file_id": Sql(f"2 * n - 2 + {each}"),
        "party_id": Sql("2 * n"),
        "fetched_at": at,
        "fetched_last_at": at,
        "fetches": 1,
    }
    insert(Pickup, pickup, first, last)


def _links(at: Sql, first: int, last: int) -> None:
    for place, (purpose, party, each) in enumerate(
        (
            ("upload", 1, 0),
            ("status-sender", 1, 0),
            ("status-recipient", 2, 0),
            *(("download", 2, each) for each in (1, 2)),
            *(("pickup", 2, each) for each in (1, 2)),
        )
    ):
        link = {
            "digest": Sql(f"'{place}' || {text_of('n', 63)}"),
            "purpose": purpose,
            "transfer_id": Sql("n"),
            "party_id": Sql(f"2 * n - 2 + {party}"),
            "file_id": Sql(f"2 * n - 2 + {each}") if each else None,
            "derived_from": Sql(f"'D' || {text_of('n', 20)}"),
            "nonce": "0" * 32,
            "made_at": at,
        }
        insert(Link, link, first, last)


def _letters(at: Sql, first: int, last: int, *, closed: bool) -> None:
    letters = LETTERS if closed else LETTERS[:4]
    for place, (kind, reader, each) in enumerate(letters):
        key = Sql(f"{len(LETTERS)} * n + {place}")
        letter = {
            "id": key,
            "public_id": Sql(f"'L{place}' || {text_of('n', 20)}"),
            "key": Sql(f"'{kind}:{place}:' || {text_of('n', 8)}"),
            "kind": kind,
            "role": "sender" if reader == 1 else "recipient",
            "to": Sql(f"'bo.ek' || {text_of('n', 7)} || '@rontgen.example'"),
            "language": "sv",
            "message_id": "<x@ltdalarna.se>",
            "delivery": "sent",
            "written_at": at,
            "next_try_at": at,
            "sent_at": at,
        }
        if kind != "files-downloaded":
            letter["to"] = _address_of(reader)
        insert(Letter, letter, first, last)
        case = {
            "letter_id": key,
            "transfer_id": Sql("n"),
            "party_id": Sql(f"2 * n - 2 + {reader}"),
            "file_id": Sql(f"2 * n - 2 + {each}") if each else None,
        }
        insert(LetterCase, case, first, last)


def _address_of(reader: int) -> Sql:
    name, domain = ("asa.ostrom", "ltdalarna.se") if reader == 1 else ("bo.ek", "rontgen.example")
    return Sql(f"'{name}' || {text_of('n', 7)} || '@{domain}'")


def _go_on_counting() -> None:
    """The keys that PostgreSQL gives from now on follow the ones that were given here."""
    with connection.cursor() as cursor:
        for model in (Transfer, Party, TransferFile, Letter):
            table = model._meta.db_table
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")


def tidy() -> None:
    """PostgreSQL gets to know what is in its tables, as it does by itself in time; SQLite is never told."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
