"""Many cases in the tables of the version before: written as rows, without that version."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import psycopg

from filsluss.rules.tokens import Purpose
from tests.parts.service import Service

LAST_MIGRATION = "0003"
"""The last migration of the version before."""
AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
SECRET_TEXT = "filsluss-1:" + "c2VhbGVk" * 80
"""As long as the encrypted text of a letter; no key opens it."""
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
PER_CASE = {"transfer": 1, "transferfile": 2, "letter": 5, "auditentry": 9}
"""How many rows of each table a case has."""
DIGESTS = ("upload", "decide", "sender_status", "recipient_status", "approver_status")

Row = dict[str, Any]


def public_id(number: int) -> str:
    signs = ""
    for _ in range(8):
        number, rest = divmod(number, len(ALPHABET))
        signs += ALPHABET[rest]
    return f"{signs[:4]}-{signs[4:]}"


def digest(*about: object) -> str:
    return hashlib.sha256(repr(about).encode()).hexdigest()


def digest_column(purpose: Purpose) -> str:
    """Where a row of the version before keeps the digest of its link of that purpose."""
    words = purpose.value.split("-")
    return "_".join([*words[1:], words[0], "digest"])


def direction_of(number: int) -> str:
    return ("outbound", "inbound", "through")[number % 3]


def addresses(number: int) -> Row:
    inside, outside = f"Anna.Berg+{number}@ltdalarna.se", f"bo{number}@rontgen.example"
    return {
        "outbound": {"sender_email": inside, "recipient_email": outside, "approver_email": ""},
        "inbound": {"sender_email": outside, "recipient_email": inside, "approver_email": inside},
        "through": {
            "sender_email": outside,
            "recipient_email": "eva@konsult.example",
            "approver_email": inside,
        },
    }[direction_of(number)]


def transfer(number: int) -> Row:
    at = AT + timedelta(seconds=number % 1_000_000)
    return {
        "id": number,
        "public_id": public_id(number),
        "state": "closed",
        "direction": direction_of(number),
        "language": "sv",
        "sender_name": f"Åsa Öström-Bäck {number}",
        **addresses(number),
        "purpose": "Ritningar till den nya mottagningen",
        "terms_version": "1",
        "applied_at": at,
        "lapse_by": at + timedelta(days=7),
        "decided_at": at,
        "open_until": at + timedelta(days=7),
        "ended_at": at + timedelta(days=7),
        "erased_at": at + timedelta(days=7),
        "over_at": at + timedelta(days=7),
        "rejection_reason": "",
        "closed_reason": "",
        "nonce": digest("nonce", number)[:32],
        **{f"{name}_digest": digest(name, number) for name in DIGESTS},
    }


def file(number: int) -> Row:
    case = (number + 1) // 2
    at = AT + timedelta(seconds=case % 1_000_000)
    return {
        "id": number,
        "transfer_id": case,
        "public_id": public_id(number + 10**9),
        "upload_id": digest("upload id", number)[:22],
        "state": "erased",
        "name": f"Protokoll från mötet {number}.pdf",
        "size": 3_000_000,
        "with_code": True,
        "metadata": "filename UHJvdG9rb2xsIGZyw6VuIG3DtnRldC5wZGY=",
        "sha256": digest("sha256", number),
        "acknowledged": 3_000_000,
        "boot_id": "0e57b007-0000-4000-8000-00000000b007",
        "created_at": at,
        "active_at": at,
        "received_at": at,
        "scan_again_at": None,
        "scan_tries": 0,
        "scan_trouble": "",
        "scanned_at": None,
        "released_at": None,
        "virus": "",
        "ready_at": at,
        "sent_until": 0,
        "fetched_at": at,
        "fetched_last_at": at,
        "fetches": 1,
        "erased_at": at + timedelta(days=7),
        "erased_because": "ended",
        "removal_reason": "",
        "removed_by": "",
        "nonce": digest("nonce of a file", number)[:32],
        "download_digest": digest("download", number),
        "pickup_digest": digest("pickup", number),
        "code_digest": None,
    }


def letter(number: int) -> Row:
    case, which = divmod(number - 1, PER_CASE["letter"])
    case += 1
    kind, role, about = (
        ("approved", "sender", None),
        ("file-ready", "recipient", 2 * case - 1),
        ("file-ready", "recipient", 2 * case),
        ("erased", "sender", None),
        ("erased", "recipient", None),
    )[which]
    waits = which == 4 and case % 2 == 0
    return {
        "id": number,
        "transfer_id": case,
        "file_id": about,
        "key": f"{kind}:{public_id(case)}:{about or '-'}:{role}",
        "kind": kind,
        "role": role,
        "to": addresses(case)[f"{role}_email"],
        "reply_to": "support@ltdalarna.se",
        "language": "sv",
        "subject": "Kontot är stängt" if waits else "",
        "text": SECRET_TEXT if waits else "",
        "html": SECRET_TEXT * 4 if waits else "",
        "message_id": f"<letter-{number}@ltdalarna.se>",
        "references": "",
        "delivery": "queued" if waits else "sent",
        "written_at": AT,
        "next_try_at": AT,
        "holder": "",
        "signs": 0,
        "tries": 0,
        "sent_at": None if waits else AT,
        "given_up_at": None,
        "trouble": "",
    }


def audit_entry(number: int) -> Row:
    case, which = divmod(number - 1, PER_CASE["auditentry"])
    case += 1
    step, role = (
        ("applied", "sender"),
        ("approved", "rule" if direction_of(case) == "outbound" else "approver"),
        ("received", "sender"),
        ("ready", "rule"),
        ("fetched", "recipient"),
        ("ended", "rule"),
        ("file-ended", "rule"),
        ("file-erased", "rule"),
        ("erased", "rule"),
    )[which]
    about = step in ("received", "ready", "fetched", "file-ended", "file-erased")
    party = role in ("sender", "approver")
    return {
        "id": number,
        "at": AT,
        "transfer_id_public": public_id(case),
        "file_id_public": public_id(2 * case + 10**9) if about else "",
        "step": step,
        "role": role,
        "actor": addresses(case)[f"{role}_email"] if party and not about else "",
        "about": f"Protokoll från mötet {2 * case}.pdf" if about else "",
        "size": 3_000_000 if about else None,
        "sha256": digest("sha256", 2 * case) if about else "",
        "reason": "",
    }


MAKERS = {"transfer": transfer, "transferfile": file, "letter": letter, "auditentry": audit_entry}


def fill(service: Service, cases: int) -> None:
    """Writes that many cases to the service's database, whose tables are those of the version before."""
    for table, make in MAKERS.items():
        rows = (make(number) for number in range(1, cases * PER_CASE[table] + 1))
        if url := service.env.get("FILSLUSS_DATABASE_URL"):
            copy_rows(url, f"filsluss_{table}", rows)
        else:
            insert_rows(service, f"filsluss_{table}", rows)


def insert_rows(service: Service, table: str, rows: Iterable[Row]) -> None:
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        for columns, part in parts(rows):
            named = ", ".join(f'"{name}"' for name in columns)
            places = ", ".join("?" * len(columns))
            database.execute("BEGIN")
            database.executemany(
                f"INSERT INTO {table} ({named}) VALUES ({places})",
                ([as_stored(value) for value in row.values()] for row in part),
            )
            database.execute("COMMIT")


def as_stored(value: object) -> object:
    """A time as Django writes it to SQLite."""
    return value.replace(tzinfo=None).isoformat(" ") if isinstance(value, datetime) else value


def copy_rows(url: str, table: str, rows: Iterable[Row]) -> None:
    with psycopg.connect(url) as server, server.cursor() as cursor:
        for columns, part in parts(rows):
            named = ", ".join(f'"{name}"' for name in columns)
            with cursor.copy(f"COPY {table} ({named}) FROM STDIN") as copy:
                for row in part:
                    copy.write_row(list(row.values()))
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"
        )


def parts(rows: Iterable[Row], many: int = 10_000) -> Iterator[tuple[list[str], list[Row]]]:
    """So many rows at a time, and the names of their columns."""
    waiting = iter(rows)
    while part := list(islice(waiting, many)):
        yield list(part[0]), part
