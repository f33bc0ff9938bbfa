"""Parties, links, pickups and what letters are about become rows, and every link that is out lives on.

Set by set in SQL, and where Python must compute a value, a thousand rows at a time: memory does not grow with
the tables. Nothing here follows the program: what was true of the old tables is written out.
"""

import base64
import secrets
import unicodedata

from django.db import migrations

MANY = 1000
FIRST_OF_ALL = ("approval-requested", "approved", "file-ready")


def fold(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def canonical(address):
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def row_id():
    return secrets.token_urlsafe(16)


def sent_name(metadata, name):
    """The name as it came, as far as `Upload-Metadata` (tus, "creation") remembers it."""
    pairs = (pair.strip(" ").partition(" ") for pair in metadata.split(","))
    values = {key: value for key, _, value in pairs}
    try:
        raw = base64.b64decode(values.get("filename") or values.get("name") or "", validate=True)
        return (raw.decode() or name).replace("\0", "")[:1024]
    except ValueError:
        return name


def in_parts(cursor, columns, table):
    """Rows of the table by key, so many at a time."""
    last = 0
    while True:
        cursor.execute(
            f"SELECT id, {columns} FROM {table} WHERE id > %s ORDER BY id LIMIT {MANY}",  # noqa: S608
            [last],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def make_parties(cursor):
    insert = """INSERT INTO filsluss_party
        (public_id, transfer_id, role, name, address, canonical, folded, language, proof)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'none')"""
    columns = "sender_name, sender_email, recipient_email, approver_email, language"
    for rows in in_parts(cursor, columns, "filsluss_transfer"):
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
    # A file was received by the link that only a letter carried.
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

CASE_LINKS = (
    ("upload_digest", "upload", "sender", ""),
    ("sender_status_digest", "status-sender", "sender", ""),
    ("recipient_status_digest", "status-recipient", "recipient", ""),
    # Of outbound cases these were never sent.
    ("decide_digest", "decide", "approver", "AND t.direction <> 'outbound'"),
    ("approver_status_digest", "status-approver", "approver", "AND t.direction <> 'outbound'"),
)
LINK_COLUMNS = "digest, purpose, transfer_id, party_id, file_id, derived_from, nonce, made_at"


def make_links(cursor):
    for digest, purpose, role, among in CASE_LINKS:
        cursor.execute(
            f"""INSERT INTO filsluss_link ({LINK_COLUMNS})
                SELECT t.{digest}, '{purpose}', t.id, p.id, NULL, t.public_id, t.nonce, t.applied_at
                FROM filsluss_transfer t JOIN filsluss_party p ON p.transfer_id = t.id AND p.role = '{role}'
                WHERE 1 = 1 {among}"""  # noqa: S608
        )
    # Whatever became of a file since, the letter about it is out once it was ready.
    for digest, purpose in (("download_digest", "download"), ("pickup_digest", "pickup")):
        cursor.execute(
            f"""INSERT INTO filsluss_link ({LINK_COLUMNS})
                SELECT f.{digest}, '{purpose}', f.transfer_id, p.id, f.id, f.public_id, f.nonce, f.ready_at
                FROM filsluss_transferfile f
                JOIN filsluss_party p ON p.transfer_id = f.transfer_id AND p.role = 'recipient'
                WHERE f.ready_at IS NOT NULL"""  # noqa: S608
        )


def make_pickups(cursor, vendor):
    spans = "CASE WHEN f.sent_until > 0 THEN '[[0, ' || f.sent_until || ']]' ELSE '[]' END"
    if vendor == "postgresql":
        spans = f"({spans})::jsonb"
    cursor.execute(
        f"""INSERT INTO filsluss_pickup
            (file_id, party_id, code_digest, code_sealed, fetched_at, fetched_last_at, fetches, spans)
            SELECT f.id, p.id, f.code_digest, '', f.fetched_at, f.fetched_last_at, f.fetches, {spans}
            FROM filsluss_transferfile f
            JOIN filsluss_party p ON p.transfer_id = f.transfer_id AND p.role = 'recipient'
            WHERE f.ready_at IS NOT NULL"""  # noqa: S608
    )


def fill_files(cursor):
    update = "UPDATE filsluss_transferfile SET folded = %s, sent_name = %s WHERE id = %s"
    for rows in in_parts(cursor, "name, metadata", "filsluss_transferfile"):
        cursor.executemany(update, [(fold(name), sent_name(meta, name), pk) for pk, name, meta in rows])


def fill_letters(cursor):
    update = "UPDATE filsluss_letter SET public_id = %s, priority = %s WHERE id = %s"
    for rows in in_parts(cursor, "kind", "filsluss_letter"):
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
    # An account of ours is taken for the person of that name; else it was the machine's.
    """UPDATE filsluss_auditentry SET person = COALESCE(
         (SELECT 'user:' || u.id FROM auth_user u WHERE u.username = actor), 'os:' || actor)
       WHERE role = 'administrator' AND actor <> ''""",
    """UPDATE filsluss_auditentry SET reason_code = SUBSTR(step, 6)
       WHERE step IN ('file-ended', 'file-removed', 'file-withdrawn', 'file-stale', 'file-damaged',
                      'file-infected')""",
    # Of a case that is forgotten no typed word stays.
    """UPDATE filsluss_auditentry SET reason = '' WHERE reason <> '' AND NOT EXISTS
         (SELECT 1 FROM filsluss_transfer t WHERE t.public_id = filsluss_auditentry.transfer_public_id)""",
)
ASKED = (
    "UPDATE filsluss_transfer SET asked_at = applied_at WHERE direction <> 'outbound'",
    "UPDATE filsluss_transfer SET lapse_by = NULL WHERE direction = 'outbound'",
)


def move(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for table, column, size in (
                ("party", "canonical", 254),
                ("party", "folded", 400),
                ("transferfile", "folded", 1024),
            ):
                cursor.execute(
                    f'ALTER TABLE filsluss_{table} ALTER COLUMN {column} TYPE varchar({size}) COLLATE "C"'
                )
        make_parties(cursor)
        for statement in PROOFS:
            cursor.execute(statement)
        make_links(cursor)
        make_pickups(cursor, connection.vendor)
        fill_files(cursor)
        fill_letters(cursor)
        for statement in (*TRAIL, *ASKED):
            cursor.execute(statement)
        cursor.execute("INSERT INTO filsluss_installation (name, value) VALUES ('oldest-program', '0.2.0')")
        if connection.vendor == "postgresql":
            # Columns cannot be dropped while rows wait for their foreign keys to be looked at.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [
        ("filsluss", "0005_parties_links_pickups"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(move)]
