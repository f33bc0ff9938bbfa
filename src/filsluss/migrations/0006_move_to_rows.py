"""Copies parties, links, pickups and what letters are about to their tables; links already sent keep working.

In SQL where possible, and where Python computes a value a thousand rows at a time, so that memory does not
grow with the tables. Rules of the program are written out here, because the program's own will change.
"""

import base64
import secrets
import unicodedata

from django.db import migrations

FIRST_OF_ALL = ("approval-requested", "approved", "file-ready")


def fold(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def canonical(address):
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def row_id():
    return secrets.token_urlsafe(16)


def sent_name(metadata, name):
    """The name that the client sent, from `Upload-Metadata` (tus, "creation") if it is there."""
    pairs = (pair.strip(" ").partition(" ") for pair in metadata.split(","))
    values = {key: value for key, _, value in pairs}
    try:
        raw = base64.b64decode(values.get("filename") or values.get("name") or "", validate=True)
        return (raw.decode() or name).replace("\0", "")[:1024]
    except ValueError:
        return name


SOME_TRANSFERS = """SELECT id, sender_name, sender_email, recipient_email, approver_email, language
    FROM filsluss_transfer WHERE id > %s ORDER BY id LIMIT 1000"""
SOME_FILES = "SELECT id, name, metadata FROM filsluss_transferfile WHERE id > %s ORDER BY id LIMIT 1000"
SOME_LETTERS = "SELECT id, kind FROM filsluss_letter WHERE id > %s ORDER BY id LIMIT 1000"


def in_parts(cursor, select):
    """The rows of a query that begins after a key, a thousand at a time."""
    last = 0
    while True:
        cursor.execute(select, [last])
        rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def make_parties(cursor):
    insert = """INSERT INTO filsluss_party
        (public_id, transfer_id, role, name, address, canonical, folded, language, proof)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'none')"""
    for rows in in_parts(cursor, SOME_TRANSFERS):
        parties = []
        for pk, name, sender, recipient, approver, language in rows:
            people = (("sender", name, sender), ("recipient", "", recipient), ("approver", "", approver))
            for role, own_name, address in people:
                if address:
                    folded = fold(f"{own_name} {address}".strip())
                    parties.append(
                        (row_id(), pk, role, own_name, address, canonical(address), folded, language)
                    )
        cursor.executemany(insert, parties)


PROOFS = (
    # Only a letter carries the links for uploading, deciding and fetching.
    """UPDATE filsluss_party SET proof = 'mailbox', proved_at =
         (SELECT MIN(f.received_at) FROM filsluss_transferfile f
           WHERE f.transfer_id = filsluss_party.transfer_id)
       WHERE role = 'sender' AND EXISTS (SELECT 1 FROM filsluss_transferfile f
         WHERE f.transfer_id = filsluss_party.transfer_id AND f.received_at IS NOT NULL)""",
    """UPDATE filsluss_party SET proof = 'mailbox', proved_at =
         (SELECT MIN(f.fetched_at) FROM filsluss_transferfile f
           WHERE f.transfer_id = filsluss_party.transfer_id)
       WHERE role = 'recipient' AND EXISTS (SELECT 1 FROM filsluss_transferfile f
         WHERE f.transfer_id = filsluss_party.transfer_id AND f.fetched_at IS NOT NULL)""",
    """UPDATE filsluss_party SET proof = 'mailbox', proved_at =
         (SELECT MIN(a.at) FROM filsluss_auditentry a
            JOIN filsluss_transfer t ON t.public_id = a.transfer_public_id
           WHERE t.id = filsluss_party.transfer_id AND a.role = 'approver'
             AND a.step IN ('approved', 'rejected'))
       WHERE role = 'approver' AND EXISTS (SELECT 1 FROM filsluss_auditentry a
            JOIN filsluss_transfer t ON t.public_id = a.transfer_public_id
           WHERE t.id = filsluss_party.transfer_id AND a.role = 'approver'
             AND a.step IN ('approved', 'rejected'))""",
)

COLUMNS = "digest, purpose, transfer_id, party_id, file_id, derived_from, nonce, made_at"
CASE_LINKS = tuple(
    f"""INSERT INTO filsluss_link ({COLUMNS})
        SELECT t.{digest}, '{purpose}', t.id, p.id, NULL, t.public_id, t.nonce, t.applied_at
        FROM filsluss_transfer t JOIN filsluss_party p ON p.transfer_id = t.id AND p.role = '{role}'
        WHERE t.direction <> '{never_sent_in}'"""  # noqa: S608
    for digest, purpose, role, never_sent_in in (
        ("upload_digest", "upload", "sender", "none"),
        ("sender_status_digest", "status-sender", "sender", "none"),
        ("recipient_status_digest", "status-recipient", "recipient", "none"),
        ("decide_digest", "decide", "approver", "outbound"),
        ("approver_status_digest", "status-approver", "approver", "outbound"),
    )
)
# The letter about a file was sent if it was ever ready, whatever its state is now.
FILE_LINKS = tuple(
    f"""INSERT INTO filsluss_link ({COLUMNS})
        SELECT f.{purpose}_digest, '{purpose}', f.transfer_id, p.id, f.id, f.public_id, f.nonce, f.ready_at
        FROM filsluss_transferfile f
        JOIN filsluss_party p ON p.transfer_id = f.transfer_id AND p.role = 'recipient'
        WHERE f.ready_at IS NOT NULL"""  # noqa: S608
    for purpose in ("download", "pickup")
)
SPANS = "CASE WHEN f.sent_until > 0 THEN '[[0, ' || f.sent_until || ']]' ELSE '[]' END"
PICKUPS = {
    vendor: f"""INSERT INTO filsluss_pickup
        (file_id, party_id, code_digest, code_sealed, fetched_at, fetched_last_at, fetches, spans)
        SELECT f.id, p.id, f.code_digest, '', f.fetched_at, f.fetched_last_at, f.fetches, {spans}
        FROM filsluss_transferfile f
        JOIN filsluss_party p ON p.transfer_id = f.transfer_id AND p.role = 'recipient'
        WHERE f.ready_at IS NOT NULL"""  # noqa: S608
    for vendor, spans in (("sqlite", SPANS), ("postgresql", f"({SPANS})::jsonb"))
}
COLLATIONS = (
    'ALTER TABLE filsluss_party ALTER COLUMN canonical TYPE varchar(254) COLLATE "C"',
    'ALTER TABLE filsluss_party ALTER COLUMN folded TYPE varchar(600) COLLATE "C"',
    'ALTER TABLE filsluss_transferfile ALTER COLUMN folded TYPE varchar(1024) COLLATE "C"',
)


def fill_files(cursor):
    update = "UPDATE filsluss_transferfile SET folded = %s, sent_name = %s WHERE id = %s"
    for rows in in_parts(cursor, SOME_FILES):
        cursor.executemany(update, [(fold(name), sent_name(meta, name), pk) for pk, name, meta in rows])


def fill_letters(cursor):
    update = "UPDATE filsluss_letter SET public_id = %s, priority = %s WHERE id = %s"
    for rows in in_parts(cursor, SOME_LETTERS):
        cursor.executemany(update, [(row_id(), 0 if kind in FIRST_OF_ALL else 1, pk) for pk, kind in rows])
    cursor.execute(
        """INSERT INTO filsluss_lettercase (letter_id, transfer_id, party_id, file_id)
           SELECT l.id, l.transfer_id, p.id, l.file_id FROM filsluss_letter l
           LEFT JOIN filsluss_party p ON p.transfer_id = l.transfer_id AND p.role = l.role
           WHERE l.transfer_id IS NOT NULL"""
    )


TRAIL = (
    """UPDATE filsluss_auditentry SET party_public_id = COALESCE(
         (SELECT p.public_id FROM filsluss_transfer t JOIN filsluss_party p ON p.transfer_id = t.id
           WHERE t.public_id = filsluss_auditentry.transfer_public_id
             AND p.role = filsluss_auditentry.role), '')
       WHERE role IN ('sender', 'recipient', 'approver')""",
    # An actor with the name of a user was that user, any other one an account of the machine.
    """UPDATE filsluss_auditentry SET person = COALESCE(
         (SELECT 'user:' || u.id FROM auth_user u WHERE u.username = actor), 'os:' || actor)
       WHERE role = 'administrator' AND actor <> ''""",
    """UPDATE filsluss_auditentry SET reason_code = SUBSTR(step, 6)
       WHERE step IN ('file-ended', 'file-removed', 'file-withdrawn', 'file-stale', 'file-damaged',
                      'file-infected')""",
    # Typed text is blanked for transfers that have been forgotten.
    """UPDATE filsluss_auditentry SET reason = '' WHERE reason <> '' AND NOT EXISTS
         (SELECT 1 FROM filsluss_transfer t WHERE t.public_id = filsluss_auditentry.transfer_public_id)""",
)
FOREIGN_KEYS = """SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND conrelid IN ('filsluss_party'::regclass, 'filsluss_link'::regclass,
      'filsluss_pickup'::regclass, 'filsluss_lettercase'::regclass)"""


def drop_foreign_keys(cursor):
    """Those of the new tables: row by row, PostgreSQL keeps each check in memory until the end."""
    cursor.execute(FOREIGN_KEYS)
    found = cursor.fetchall()
    for table, name, _ in found:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    return found


def add_foreign_keys(cursor, found):
    for table, name, definition in found:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')


def move_rows(cursor, vendor):
    make_parties(cursor)
    for statement in (*PROOFS, *CASE_LINKS, *FILE_LINKS, PICKUPS[vendor]):
        cursor.execute(statement)
    fill_files(cursor)
    fill_letters(cursor)
    for statement in TRAIL:
        cursor.execute(statement)
    cursor.execute("INSERT INTO filsluss_installation (name, value) VALUES ('oldest-program', '0.2.0')")


def move(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    with schema_editor.connection.cursor() as cursor:
        if vendor != "postgresql":
            move_rows(cursor, vendor)
            return
        for statement in COLLATIONS:
            cursor.execute(statement)
        found = drop_foreign_keys(cursor)
        move_rows(cursor, vendor)
        add_foreign_keys(cursor, found)


class Migration(migrations.Migration):
    dependencies = [
        ("filsluss", "0005_parties_links_pickups"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(move)]
