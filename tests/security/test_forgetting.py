"""When a case is forgotten, no word that anybody typed in it is left, wherever it was copied to."""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db import models as orm
from django.test import Client as Browser
from django.utils import timezone

from filsluss.actions import alarms, completion, erasure, expiry, oversee
from filsluss.actions.retention import cut_or_blank, retain
from filsluss.actions.transitions import Cause, record_audit
from filsluss.blobs import open_store
from filsluss.machine import boot_id
from filsluss.models import AuditEntry, Letter, LetterCase, Transfer, TransferFile
from filsluss.models.letter import Delivery
from filsluss.origin import NOWHERE, Origin, set_origin
from filsluss.rules.networks import Client
from filsluss.rules.tokens import Purpose
from tests.model.wsgi_client import ask
from tests.pages.cases import KARIN, applied, link
from tests.parts import administrators, tokens
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db(transaction=True)
MARK = "zqxwvj"  # no random key holds it

COLUMNS: dict[str, dict[str, str]] = {
    "Transfer": {
        "goes": "public_id purpose rejection_reason closed_reason reason_code form_key",
        "fixed": "state direction terms_version receipts",
    },
    "Party": {"goes": "public_id name address canonical folded", "fixed": "role language proof"},
    "Link": {"goes": "digest derived_from nonce", "fixed": "purpose"},
    "TransferFile": {
        "goes": "public_id upload_id name sent_name folded metadata sha256 boot_id scan_trouble virus "
        "removal_reason folder",
        "fixed": "state erased_because removed_by removal_code",
    },
    "Pickup": {"goes": "code_digest code_sealed", "fixed": "spans"},
    "Letter": {
        "goes": "public_id key to reply_to subject text html message_id references collects claimed_by "
        "last_error",
        "fixed": "kind role language delivery failure",
    },
    "LetterCase": {},
    "AuditEntry": {
        "goes": "person reason about network request_id detail",
        "outlives": "transfer_public_id file_public_id party_public_id sha256",
        "fixed": "step role reason_code proof",
    },
    "SecurityEvent": {
        # Kept for FILSLUSS_SECURITY_LOG_DAYS, and they hold no word of a case: the name of an account (an
        # HMAC if there is none), who an administrator is, a network that is cut, ids that the program drew.
        "outlives": "account person transfer_public_id network request_id",
        "fixed": "kind outcome",
    },
    "Attempt": {"outlives": "network", "fixed": "kind"},  # deleted after a day
    "LinkRequest": {"goes": "address"},
    "Alarm": {"outlives": "value limit", "fixed": "name"},  # figures, and what clamd or the clock said
    "Heartbeat": {"fixed": "name"},
    "Pause": {"outlives": "why boot_id", "fixed": "name"},
    "RowLock": {"fixed": "name"},
    "Blob": {"outlives": "name holder"},  # as its file has it, until the blob is erased
    "Part": {"outlives": "key"},
    "Blocked": {"outlives": "value reason by", "fixed": "kind"},  # of no case, deleted when its time is over
    "Installation": {"outlives": "value", "fixed": "name"},
    "User": {"outlives": "password username first_name last_name email"},  # administrators, by command only
    # Of whoever signs in, also where they have no case.
    "Person": {"outlives": "issuer subject name address canonical"},
    "StaffSession": {"outlives": "session_key sid network mailboxes", "fixed": "how"},
    "Passkey": {"outlives": "credential_id credential_data name"},
    "Totp": {"outlives": "secret"},
    "Node": {"outlives": "key name settings version", "fixed": "part"},
    "EnrolmentLink": {"outlives": "digest"},
    "RecoveryCode": {"outlives": "digest"},
    "RoleGrant": {"outlives": "scope by", "fixed": "role"},
    "Group": {"outlives": "name"},
    "Permission": {"fixed": "name codename"},
    "ContentType": {"fixed": "app_label model"},
    "Session": {"outlives": "session_key session_data"},  # which administrator is signed in
}
"""Every column that can hold text. `goes`: nothing of it may outlive its case. `outlives`: it may, and why
that is no word of anybody's. `fixed`: words of the program's own lists."""


def text_columns(model: type[orm.Model]) -> list[str]:
    kinds = (orm.CharField, orm.TextField, orm.JSONField, orm.BinaryField, orm.GenericIPAddressField)
    return [field.name for field in model._meta.concrete_fields if isinstance(field, kinds)]


def everything() -> Iterator[tuple[str, str]]:
    """Each value of each text column, as the program reads it, and each row as it lies in the database."""
    for model in apps.get_models():
        names = text_columns(model)
        for values in model._default_manager.values_list(*names) if names else ():
            for name, value in zip(names, values, strict=True):
                yield f"{model.__name__}.{name}", json.dumps(value, ensure_ascii=False, default=str)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield table, str(row)


def marked() -> set[str]:
    return {where for where, text in everything() if MARK in text.casefold()}


@pytest.fixture(autouse=True)
def _ready(settings, tmp_path):
    settings.BLOB_URL = (tmp_path / "blobs").as_uri()
    settings.POLICY = replace(
        settings.POLICY, support_email="stod@ltdalarna.se", admin_emails=("drift@ltdalarna.se",)
    )
    open_store.cache_clear()
    boot_id.cache_clear()
    yield
    set_origin(NOWHERE)
    open_store.cache_clear()


def post(path, **form):
    kind = "application/x-www-form-urlencoded"
    answer = ask("POST", path, urlencode(form).encode(), content_type=kind, x_request_id=f"{MARK}-header")
    assert answer.status in (200, 303), (path, answer.status, answer.body.decode()[-2000:])
    return answer


def application(number, sender, recipient, **more):
    post(
        "/",
        sender_name=f"{MARK}name{number}",
        sender_email=sender,
        recipient_email=recipient,
        purpose=f"{MARK}purpose{number}",
        language="sv",
        accept_terms="on",
        **more,
    )
    return Transfer.objects.latest("pk")


def send(case, name, **metadata):
    """Announces and sends a small file over tus, with a name and metadata."""
    given = {"filename": name, "note": f"{MARK}note", **metadata}
    encoded = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in given.items())
    version = {"Tus_Resumable": "1.0.0"}
    upload = link(case, Purpose.UPLOAD)
    made = ask("POST", f"{upload}/files", Upload_Length="5", Upload_Metadata=encoded, **version)
    assert made.status == 201, made
    kind = "application/offset+octet-stream"
    where = urlsplit(made.headers["Location"]).path
    assert ask("PATCH", where, b"12345", Upload_Offset="0", Content_Type=kind, **version).status == 204
    return TransferFile.objects.latest("pk")


def live_through_everything():
    """Cases in each direction and with each end; whatever can be typed is typed, with a marker in it."""
    policy, store, now = settings.POLICY, open_store(settings.BLOB_URL), timezone.now()
    administrator = administrators.make_account("admin").user
    person = f"user:{administrator.pk}"
    outside = f"{MARK}bo@rontgen.example"
    opened = application(1, f"{MARK}anna@ltdalarna.se", outside)
    rejected = application(2, outside, f"{MARK}karin@ltdalarna.se")
    through = application(
        3,
        outside,
        f"{MARK}eva@konsult.example",
        recipient_outside="on",
        approver_email=f"{MARK}eva@ltdalarna.se",
    )
    withdrawn = application(4, outside, f"{MARK}karin@ltdalarna.se")
    post(link(rejected, Purpose.DECIDE), decision="reject", rejection_reason=f"{MARK}rejection")
    post(link(through, Purpose.DECIDE), decision="approve", days="3")
    post(f"{link(opened, Purpose.STATUS_RECIPIENT)}/report", abuse=f"{MARK}abuse")
    post("/accessibility", fault=f"{MARK}fault", reply_email=f"{MARK}reply@example.com")
    files = [send(opened, f"{MARK}file{number}.pdf", with_code="1") for number in range(3)]
    completion.ready_received(services=services_for(policy, store), now=now)
    fetched = Transfer.objects.get(pk=opened.pk).files.order_by("pk")[1]
    token = tokens.of_file(fetched, policy.link_keys)
    assert ask("GET", f"/download/{token}/x").status == 200
    assert (
        ask("GET", f"/download/{tokens.of_file(files[2], policy.link_keys)}/x", Range="bytes=0-2").status
        == 206
    )
    row = TransferFile.objects.get(pk=files[0].pk)
    oversee.remove_file(row, reason=oversee.Reason(f"{MARK}removal", person), now=now)
    oversee.withdraw(
        withdrawn,
        reason=oversee.Reason(f"{MARK}withdrawal", f"os:{MARK}user"),
        services=services_for(policy),
        now=now,
    )
    case = Transfer.objects.get(pk=opened.pk)
    oversee.close_transfer(
        case, reason=oversee.Reason(f"{MARK}closing", person), services=services_for(policy), now=now
    )
    strangers_words(administrator)
    return opened


def strangers_words(administrator):
    """What is typed outside cases: names at the sign-in, codes, searches, addresses, headers."""
    client = {"filsluss.client": Client("192.0.2.7", may_be_inside=False)}
    browser = Browser()
    browser.post("/oversee/sign-in", {"username": f"{MARK}user", "password": f"{MARK}password"}, **client)
    browser.post("/code", {"code": f"{MARK}ABCDEFGHI"}, **client)
    administrators.sign_in(browser, "admin")
    browser.get("/oversee", {"q": f"{MARK}search", "state": f"{MARK}state"}, **client)
    browser.get("/oversee/security", {"kind": f"{MARK}kind", "before": f"{MARK}before"}, **client)
    ask("GET", f"/{MARK}/path", user_agent=f"{MARK}agent", x_request_id=f"{MARK}id", referer=f"{MARK}referer")


def end_everything(now):
    policy = settings.POLICY
    store = open_store(settings.BLOB_URL)
    Letter.objects.filter(delivery=Delivery.QUEUED).update(
        delivery=Delivery.GIVEN_UP, given_up_at=now, last_error=f"550 <{MARK}bo@rontgen.example> unknown"
    )
    Letter.objects.filter(delivery=Delivery.COLLECTING).update(delivery=Delivery.WITHDRAWN)
    later = now + timedelta(days=40)
    expiry.end_accounts(services=services_for(policy), now=later)
    expiry.lapse_undecided(services=services_for(policy), now=later)
    while erasure.erase_files(services=services_for(policy, store), now=later):
        pass
    Letter.objects.unsent().update(delivery=Delivery.SENT, subject="", text="", html="", sent_at=later)
    return later


def forget(over_at):
    at = over_at + timedelta(days=settings.POLICY.forget_days, seconds=1)
    expiry.forget(services=services_for(settings.POLICY), now=at)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL is copied by pg_dump")
def test_a_copy_of_the_database_goes_after_a_week_though_the_service_runs_on(tmp_path, monkeypatch):
    """Also what is left of one that was being written when the service was killed."""
    connection.ensure_connection()  # to the database of the tests, whose folder alone is said to be another
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "filsluss.sqlite3"))
    now = timezone.now()
    names = [f"before-upgrade-{name}" for name in ("1.sqlite3", "2.part", "3.sqlite3", "4.part")]
    for name, days in zip(names, (8, 8, 6, 6), strict=True):
        copy = tmp_path / name
        copy.write_text(MARK)
        aged = (now - timedelta(days=days)).timestamp()
        os.utime(copy, (aged, aged))
    (tmp_path / "notes.part").touch()
    retain(services=services_for(), now=now)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names[2:], "notes.part"]


def test_every_text_column_says_whether_it_may_outlive_its_case():
    declared = {
        model: sorted(name for names in kinds.values() for name in names.split())
        for model, kinds in COLUMNS.items()
    }
    assert declared == {model.__name__: sorted(text_columns(model)) for model in apps.get_models()}


def test_after_a_full_life_no_typed_word_is_left_anywhere():
    now = timezone.now()
    live_through_everything()
    typed = marked()
    for column in ("Transfer.purpose", "Party.name", "AuditEntry.reason", "AuditEntry.about", "Letter.text"):
        assert column in typed
    assert {where.partition(".")[0] for where in typed} & {"SecurityEvent", "Attempt", "Session"} == set()
    entries = AuditEntry.objects.count()
    forget(end_everything(now))
    assert Transfer.objects.count() == 0
    assert marked() == set()
    left = AuditEntry.objects.all()
    assert left.count() > entries
    assert left.filter(step="received").exclude(sha256="", size=None).exists() is True
    assert {entry.step for entry in left} >= {"applied", "rejected", "reported", "fetched", "partly-fetched"}


def test_whatever_a_column_of_the_case_holds_is_gone_even_if_nothing_writes_it_yet():
    """Each column that must go is filled in each row of it, new columns too, before the case is forgotten."""
    now = timezone.now()
    live_through_everything()
    over_at = end_everything(now)
    for model in apps.get_models():
        fill(model)
    forget(over_at)
    assert Transfer.objects.count() == 0
    assert marked() == set()


def fill(model):
    """Unique columns and ids are how rows find each other: they stay as they are."""
    goes = COLUMNS[model.__name__].get("goes", "").split()
    for name in goes:
        field = model._meta.get_field(name)
        if field.unique or name == "public_id":
            continue
        value = {"word": f"{MARK}filled"} if isinstance(field, orm.JSONField) else f"{MARK}filled"
        model._default_manager.update(**{name: value})


def test_a_letter_about_two_cases_keeps_no_text_when_one_of_them_is_forgotten(now):
    one, other = applied(), applied()
    letter = Letter.objects.about(one).get(kind="approved")
    LetterCase.objects.create(letter=letter, transfer=other)
    Letter.objects.update(delivery=Delivery.GIVEN_UP, text=f"{MARK} words", given_up_at=now)
    Transfer.objects.filter(pk=one.pk).update(state="closed", over_at=now)
    expiry.forget(
        services=services_for(settings.POLICY), now=now + timedelta(days=settings.POLICY.forget_days)
    )
    letter.refresh_from_db()
    assert (letter.text, letter.subject, letter.cases.count()) == ("", "", 1)


def test_an_entry_says_who_with_which_proof_from_where_and_in_which_request(now):
    set_origin(Origin("203.0.113.5", "the-request"))
    case = applied("bo@rontgen.example", KARIN)
    (entry,) = AuditEntry.objects.filter(transfer_public_id=case.public_id)
    assert (entry.network, entry.request_id, entry.person) == ("203.0.113.5", "the-request", "")
    assert (entry.role, entry.proof) == ("sender", "none")
    record_audit(case, step="closed", cause=Cause("administrator", "user:7"), now=now)
    closed = AuditEntry.objects.latest("pk")
    assert (closed.person, closed.proof, closed.network) == ("user:7", "sign-in", "203.0.113.5")


def test_a_rule_comes_from_nowhere_even_within_a_request(now):
    set_origin(Origin("203.0.113.5", "the-request"))
    case = applied()
    entry = AuditEntry.objects.get(transfer_public_id=case.public_id, step="approved")
    assert (entry.role, entry.network, entry.request_id) == ("rule", "", "")


def test_alarms_hold_figures_only(now, store):
    live_through_everything()
    alarms.check_all(
        services=services_for(settings.POLICY, store), clock_trouble="", now=now + timedelta(hours=1)
    )
    assert {where for where in marked() if where.startswith("Alarm")} == set()


def test_nothing_else_keeps_a_typed_word(tmp_path):
    """No file of the data folder that is not the database, a blob or a letter of the demo holds one."""
    live_through_everything()
    kept = [path for path in Path(settings.BLOB_URL.removeprefix("file://")).rglob("*") if path.is_file()]
    assert [path for path in kept if MARK in path.name] == []


@pytest.mark.parametrize(
    ("network", "kept"),
    [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::/64", "2001:db8:1::/48"), ("räv", "")],
)
def test_of_a_network_its_part_is_kept_and_of_what_is_none_nothing(network, kept):
    assert cut_or_blank(network) == kept
