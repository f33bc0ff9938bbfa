"""Whoever steals the database, its log or its old rows reads no letter: the key is not in them."""

import base64
import json
import re

import pytest
from django.db import connection

from filsluss.letters import outbox
from filsluss.letters.claims import Claimant
from filsluss.models import Letter
from filsluss.rules.directions import Role
from filsluss.rules.encryption import PREFIX, DecryptionFailed, decrypt, encrypt, is_encrypted
from tests.letters.cases import Case
from tests.parts import people
from tests.parts.eventually import eventually
from tests.parts.invariants import wait_until_idle
from tests.parts.mail_server import free_port
from tests.parts.storage import rows

TOKEN = r"(?<![\w-])(?=[\w-]*[A-Zg-z_-])[\w-]{43}(?![\w-])"
CODE = r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b"
KEY, OTHER = b"k" * 32, b"o" * 32


def secrets_in(words):
    links, codes = set(re.findall(TOKEN, words)), set(re.findall(CODE, words))
    assert len(links) >= 2
    assert codes
    return {*links, *codes}


def on_the_disk(service, server):
    """Every byte that the database keeps: its rows, old versions of rows, its write-ahead log."""
    if server is None:
        return b"".join(path.read_bytes() for path in service.data_dir.glob("filsluss.sqlite3*"))
    server.sql("CHECKPOINT")
    cluster = [
        *(server.folder / "cluster" / "base").rglob("*"),
        *(server.folder / "cluster" / "pg_wal").iterdir(),
    ]
    return b"".join(path.read_bytes() for path in cluster if path.is_file())


def readable_secrets(service, server, secrets):
    """The secrets that can be read there; what the same rows say openly must be, or it proves nothing."""
    disk = on_the_disk(service, server)
    names = [name for (name,) in rows(service, "SELECT message_id FROM filsluss_letter")]
    assert [name for name in names if name.encode() not in disk] == []
    return [secret for secret in secrets if secret.encode() in disk]


def send_a_file_with_a_code(service):
    upload = people.apply(service, people.FORM).location
    people.send_tus(service, upload, b"x" * 5000, filename="Ritning.pdf", with_code="1")


def test_b3_while_a_letter_waits_nothing_in_the_database_opens_what_it_leads_to(
    make_service, database_server
):
    service = make_service(SMTP_URL=f"smtp://127.0.0.1:{free_port()}").start()
    send_a_file_with_a_code(service)
    queued = (
        "SELECT text, html FROM filsluss_letter"
        " WHERE delivery = 'queued' AND kind IN ('approved', 'file-ready')"
    )
    found = eventually(
        lambda: rows(service, queued), lambda found: len(found) == 2, seconds=60, say=service.log_text
    )
    assert [is_encrypted(text) and is_encrypted(html) for text, html in found] == [True, True]
    # With the key they are what they were.
    letters = [row["fields"] for row in json.loads(service.run("dumpdata", "filsluss.letter").stdout)]
    secrets = secrets_in("\n".join(letter["text"] + letter["html"] for letter in letters))
    assert readable_secrets(service, database_server, secrets) == []


def test_b3_when_a_letter_has_left_no_old_row_and_no_log_of_the_database_holds_its_secrets(
    make_service, mail_server, database_server
):
    service = make_service().start()
    send_a_file_with_a_code(service)
    mail_server.wait_for("file-ready")
    wait_until_idle(service)
    secrets = secrets_in("\n".join(letter.text for letter in mail_server.letters))
    assert rows(service, "SELECT kind FROM filsluss_letter WHERE text <> '' OR html <> ''") == []
    assert readable_secrets(service, database_server, secrets) == []


@pytest.mark.parametrize("words", ["x", "Hej Åsa 😀\n", "a" * 5000, "sealed:x"])
def test_ciphertext_is_read_with_its_key_only_and_never_looks_the_same(words):
    first, second = encrypt(words, [KEY]), encrypt(words, [KEY, OTHER])
    assert [decrypt(ciphertext, [OTHER, KEY]) for ciphertext in (first, second)] == [words, words]
    assert first != second
    assert len(words) < 9 or words[:9].encode() not in first.encode()
    for ciphertext in (first, second):
        with pytest.raises(DecryptionFailed):
            decrypt(ciphertext, [OTHER])


def test_ciphertext_that_was_changed_or_cut_is_not_decrypted():
    ciphertext = encrypt("Hej Åsa", [KEY])
    held = base64.urlsafe_b64decode(ciphertext.removeprefix(PREFIX))
    assert decrypt(PREFIX + base64.urlsafe_b64encode(held).decode(), [KEY]) == "Hej Åsa"
    changed = [held[:place] + bytes([held[place] ^ 1]) + held[place + 1 :] for place in range(len(held))]
    for other in (*changed, *(held[:length] for length in range(len(held)))):
        with pytest.raises(DecryptionFailed):
            decrypt(PREFIX + base64.urlsafe_b64encode(other).decode(), [KEY])
    with pytest.raises(DecryptionFailed):
        decrypt(ciphertext[:-1], [KEY])


@pytest.mark.django_db
def test_a_letter_is_read_as_it_was_written_and_stored_encrypted(now):
    letter = Case("file-ready", Role.RECIPIENT, file={}).write("sv", now)
    assert (Letter.objects.get().text, Letter.objects.get().html) == (letter.text, letter.html)
    with connection.cursor() as cursor:
        cursor.execute("SELECT text, html FROM filsluss_letter")
        assert [is_encrypted(words) for words in cursor.fetchone()] == [True, True]
    Letter.objects.update(text="", html="")
    assert Letter.objects.filter(text="", html="").count() == 1


@pytest.mark.django_db
def test_a_letter_survives_a_new_key_and_one_whose_key_is_lost_keeps_no_other_waiting(
    now, mail_server, settings, policy
):
    lost = Case("file-ready", Role.RECIPIENT, file={}).write("sv", now)
    settings.ENCRYPTION_KEYS = {**settings.ENCRYPTION_KEYS, "letter": (OTHER,)}
    kept = Letter.objects.filter(pk=lost.pk)
    assert is_encrypted(kept.get().text)
    outbox.compose.write(
        "erased", transfer=lost.cases.get().transfer, role=Role.SENDER, policy=policy, now=now
    )
    settings.ENCRYPTION_KEYS = {**settings.ENCRYPTION_KEYS, "letter": (KEY, OTHER)}
    me = Claimant()
    while outbox.deliver_next(me, policy=policy, now=now):
        pass
    assert kept.get().delivery == "given_up"
    assert sorted(letter.kind for letter in mail_server.letters) == ["erased", "undelivered"]
