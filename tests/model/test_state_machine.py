"""Any history of any transfers, with crashes and power cuts in it, matches the reference model."""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
import time_machine
from django.conf import settings as django_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from filsluss import jobs
from filsluss.actions import oversee
from filsluss.actions.apply import apply
from filsluss.actions.decide import decide
from filsluss.actions.take_back import take_back
from filsluss.actions.transitions import StepRefused
from filsluss.blobs import open_store
from filsluss.machine import boot_id
from filsluss.models import Attempt, AuditEntry, Heartbeat, Letter, LetterCase, Transfer, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.decision import Decision
from filsluss.rules.networks import Client
from filsluss.rules.tokens import Purpose
from tests.model import reference_model
from tests.model.wsgi_client import ask
from tests.parts import tokens
from tests.parts.services import services_for

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
HERE = Client("127.0.0.1", may_be_inside=True)
BEGIN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ASKING = ("approval-requested", "approval-reminder", "approvals-requested")
TICKS = [timedelta(minutes=1), timedelta(hours=5), *(timedelta(days=days) for days in (1, 2, 8, 31))]
COUNTED = (
    "approval-requested",
    "approvals-requested",
    "received",
    "approved",
    "rejected",
    "lapsed",
    "withdrawn",
    "file-ready",
    "file-removed",
    "erased",
    "files-downloaded",
)
TUS = {"Tus_Resumable": "1.0.0"}
POLICY = replace(
    django_settings.POLICY, letters_per_day=2, undo_lasts=timedelta(hours=6), max_file_size=1 << 20
)
CHIEF = "chef@ltdalarna.se"
WAYS = st.sampled_from(["outbound", "inbound", "through"])
PIECES = st.integers(0, 40)


class TransferMachine(RuleBasedStateMachine):
    """`self.known` pairs a row's public id with its model."""

    transfers = Bundle("transfers")
    folder: Path

    @initialize()
    def begin(self):
        for model in (Transfer, AuditEntry, Letter, Attempt, Heartbeat):
            model.objects.all().delete()
        self.now, self.boot, self.known, self.serial = BEGIN, "boot-1", {}, 0
        self.mailbox = reference_model.Mailbox()
        self.clock = time_machine.travel(self.now, tick=False)
        self.traveller = self.clock.start()
        self.new_objects()

    def teardown(self):
        self.clock.stop()

    def new_objects(self):
        """The state of a process that has just started: nothing but rows and blobs."""
        open_store.cache_clear()
        boot_id.cache_clear()
        self.store = open_store(django_settings.BLOB_URL)

    @property
    def open_ones(self):
        return [pk for pk, model in self.known.items() if model.state != "gone"]

    @rule(target=transfers, way=WAYS, days=st.integers(1, 9), crowd=st.booleans())
    def apply(self, way, days, crowd):
        """A crowd writes to one approver, each from a network of their own."""
        self.serial += 1
        n = self.serial
        crowd = crowd and way != "outbound"
        inside = CHIEF if crowd else f"anna{n}@ltdalarna.se"
        outside, other = f"bo{n}@rontgen.example", f"eva{n}@konsult.example"
        asks = not crowd or self.mailbox.asks(policy=POLICY, now=self.now)
        sender, recipient, approver = {
            "outbound": (inside, outside, ""),
            "inbound": (outside, inside, inside),
            "through": (outside, other, inside),
        }[way]
        row = apply(
            Application("Någon", sender, recipient, "Ritningar", way == "through", approver, days),
            services=services_for(POLICY),
            now=self.now,
            client=Client(f"198.51.100.{n}", may_be_inside=True) if crowd else HERE,
        )
        people = {"sender": sender, "recipient": recipient, "approver": approver}
        model = reference_model.apply(way, people, days=days, asks=asks, policy=POLICY, now=self.now)
        self.known[row.public_id] = model
        if crowd:
            self.mailbox.requests.append(model)
        if not asks:
            self.mailbox.collect(model, policy=POLICY, now=self.now)
        return row.public_id

    @rule(name=transfers, choice=st.sampled_from(["approve", "reject"]), days=st.integers(1, 9))
    def decide(self, name, choice, days):
        model = self.known[name]
        if model.state == "gone":
            return
        reason = "" if choice == "approve" else "Nej tack."
        expected = reference_model.decide(model, choice, days=days, policy=POLICY, now=self.now)
        try:
            decide(
                Transfer.objects.get(public_id=name),
                form=Decision(choice, str(days) if choice == "approve" else "", reason),
                services=services_for(POLICY),
                now=self.now,
            )
            assert expected
        except StepRefused:
            assert not expected

    @rule(name=transfers)
    def take_back(self, name):
        """The sender withdraws what they asked for."""
        model = self.known[name]
        if model.state == "gone":
            return
        row = Transfer.objects.get(public_id=name)
        left = Letter.objects.about(row).filter(kind__in=ASKING, delivery="sent").exists()
        # A mailbox gets a limited number of these a day.
        told = left and self.may_hear_of_withdrawals(model.people["approver"])
        expected = reference_model.take_back(model, told=told, asked=left, now=self.now)
        try:
            take_back(row, services=services_for(POLICY), now=self.now)
            assert expected
        except StepRefused:
            assert not expected

    def may_hear_of_withdrawals(self, address):
        heard = Letter.objects.filter(
            kind="withdrawn", to=address, written_at__gt=self.now - timedelta(days=1)
        )
        return heard.count() < POLICY.letters_per_day

    def upload_path(self, name):
        row = Transfer.objects.get(public_id=name)
        return f"/upload/{tokens.of_transfer(row, Purpose.UPLOAD, POLICY.link_keys)}"

    @rule(name=transfers, size=st.integers(0, 100))
    def announce(self, name, size):
        model = self.known[name]
        if model.state == "gone":
            return
        reply = ask("POST", f"{self.upload_path(name)}/files", Upload_Length=str(size), **TUS)
        assert reply.status == (201 if model.is_open(self.now) else 410), reply
        if reply.status == 201:
            upload = urlsplit(reply.headers["Location"]).path.rpartition("/")[2]
            file = reference_model.File(size, self.now)
            model.files[upload] = file
            if size == 0:
                reference_model.receive(file)

    def pick(self, data, name):
        """A file of the transfer and the address of its upload."""
        model = self.known[name]
        if not model.files:
            return None
        upload = data.draw(st.sampled_from(sorted(model.files)))
        return model, upload, model.files[upload], f"{self.upload_path(name)}/files/{upload}"

    @rule(name=transfers, data=st.data(), count=PIECES)
    def append(self, name, data, count):
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        model, _, file, where = picked
        piece = bytes([65 + count]) * min(count, max(file.size - file.offset, 0))
        kind = "application/offset+octet-stream"
        reply = ask("PATCH", where, piece, Upload_Offset=str(file.offset), Content_Type=kind, **TUS)
        if not model.is_open(self.now) or not file.is_live:
            assert reply.status == 410
            return
        assert (reply.status, int(reply.headers["Upload-Offset"])) == (204, file.offset + len(piece))
        if file.state == "uploading":
            file.content = file.content[: file.offset] + piece
            file.acknowledged = file.stored = len(file.content)
            file.trusted, file.active = True, self.now
            if file.stored == file.size:
                reference_model.receive(file)

    @rule(name=transfers, data=st.data())
    def look(self, name, data):
        """HEAD tells the true offset, never less than what was acknowledged."""
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        model, _, file, where = picked
        reply = ask("HEAD", where)
        if not model.is_open(self.now) or not file.is_live:
            assert reply.status == 410
            return
        assert (reply.status, int(reply.headers["Upload-Offset"])) == (200, file.offset)
        if file.state == "uploading" and not file.trusted:
            file.stored, file.trusted, file.active = file.acknowledged, True, self.now
            file.content = file.content[: file.acknowledged]

    @rule(name=transfers, data=st.data(), count=PIECES)
    def crash_while_writing(self, name, data, count):
        """Bytes came to the store, and the process crashed before it acknowledged them."""
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        _, upload, file, _ = picked
        if file.state == "uploading" and file.trusted:
            piece = b"z" * min(count, file.size - file.stored)
            with self.store.writer(upload) as writer:
                writer.write(piece)
            file.content += piece
            file.stored += len(piece)
        self.new_objects()

    @rule()
    def power_cut(self):
        """Another start of the machine: only what was acknowledged counts."""
        self.boot = str(uuid.UUID(int=self.serial + 1000 * len(self.boot)))
        self.boot_text(self.boot)
        self.new_objects()
        for model in self.known.values():
            for file in model.files.values():
                file.trusted = False

    def boot_text(self, boot):
        type(self).booted[0] = boot

    @rule(name=transfers, data=st.data())
    def fetch(self, name, data):
        """The bytes leave while the account is open and the file is ready, and at no other time."""
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        model, upload, file, _ = picked
        row = TransferFile.objects.get(upload_id=upload)
        if not row.links.exists():
            assert not file.was_ready
            return
        reply = ask("GET", f"/download/{tokens.of_file(row, POLICY.link_keys)}/{row.name}")
        may = model.is_open(self.now) and file.state == "ready"
        assert reply.status in ((200,) if may else (404, 410)), reply
        if may:
            assert reply.body == file.content
            if not file.fetched:
                file.fetched = True
                model.tell("files-downloaded", "sender", file=upload)

    @rule(name=transfers, data=st.data())
    def remove(self, name, data):
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        model, upload, file, where = picked
        reply = ask("DELETE", where, **TUS)
        may = model.is_open(self.now) and file.is_live
        assert reply.status == (204 if may else 410)
        if may:
            reference_model.take_away(model, upload, "withdrawn")

    @rule(name=transfers, data=st.data())
    def withhold(self, name, data):
        """An administrator removes a file, which then waits, and may be given back."""
        if self.known[name].state != "open" or not (picked := self.pick(data, name)):
            return
        model, upload, file, _ = picked
        removal = oversee.Removal(oversee.Reason("Fel fil", "os:eva"))
        row = TransferFile.objects.select_related("transfer").get(upload_id=upload)
        if not model.is_open(self.now) or not file.is_live:
            return
        oversee.remove_or_withhold(
            row, removal=removal, services=services_for(POLICY, self.store), now=self.now
        )
        reference_model.withhold(model, upload, policy=POLICY, now=self.now)

    @rule(name=transfers, data=st.data())
    def give_back(self, name, data):
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        model, upload, _, _ = picked
        row = TransferFile.objects.select_related("transfer").get(upload_id=upload)
        expected = reference_model.give_back(model, upload, now=self.now)
        try:
            oversee.give_back(row, person="os:eva", services=services_for(POLICY), now=self.now)
            assert expected
        except StepRefused:
            assert not expected

    @rule(name=transfers)
    def close(self, name):
        """The administrator ends an account before its time."""
        model = self.known[name]
        if model.state == "open":
            row = Transfer.objects.get(public_id=name)
            oversee.close_transfer(
                row, reason=oversee.Reason("Missbruk", "os:eva"), services=services_for(POLICY), now=self.now
            )
            reference_model.close(model, now=self.now)

    @rule(ticks=st.sampled_from(TICKS))
    def tick(self, ticks):
        self.now += ticks
        self.traveller.move_to(self.now, tick=False)

    @rule()
    def work(self):
        jobs.run_once(jobs.Worker(services_for(POLICY, self.store, boot_id=boot_id())), self.now)
        for model in self.known.values():
            if model.state != "gone":
                reference_model.work(model, policy=POLICY, now=self.now)
                if reference_model.is_forgotten(model, policy=POLICY, now=self.now):
                    model.state, model.files, model.letters = "gone", {}, []
        self.mailbox.work(policy=POLICY, now=self.now)

    @invariant()
    def rows_are_what_the_model_says(self):
        wanted = {name: model.state for name, model in self.known.items() if model.state != "gone"}
        assert dict(Transfer.objects.values_list("public_id", "state")) == wanted

    @invariant()
    def files_are_what_the_model_says(self):
        files = {u: f for model in self.known.values() for u, f in model.files.items()}
        here = dict(TransferFile.objects.values_list("upload_id", "state"))
        states = {u: f.state for u, f in files.items()}
        # Links are refused at once; the rows follow when the worker runs next.
        assert {u: s for u, s in here.items() if not closing(self.known, u)} == {
            u: s for u, s in states.items() if not closing(self.known, u)
        }
        for upload, file in files.items():
            if file.state == "erased":
                assert not self.store.exists(upload)
            elif file.is_live:
                assert self.store.size(upload) >= file.acknowledged

    @invariant()
    def everybody_was_told_what_the_model_says_and_nothing_else(self):
        rows = LetterCase.objects.filter(letter__kind__in=COUNTED).values_list(
            "transfer__public_id", "letter__kind", "letter__role", "file__upload_id"
        )
        # Lists are told of when they close; of what lapses the crowd's approver hears up to a limit.
        rows = rows.exclude(letter__delivery="collecting").exclude(letter__kind="lapsed", letter__to=CHIEF)
        here = Counter((name, kind, role, upload or "") for name, kind, role, upload in rows)
        wanted = Counter(
            (name, *letter)
            for name, model in self.known.items()
            for letter in model.letters
            if letter[:2] != ("lapsed", "approver") or model.people["approver"] != CHIEF
        )
        assert here == wanted


def closing(known, upload):
    return any(upload in model.files and model.state == "closing" for model in known.values())


def run_histories(count, steps):
    run_state_machine_as_test(
        TransferMachine,
        settings=hypothesis.settings(
            max_examples=count,
            stateful_step_count=steps,
            deadline=None,
            derandomize=count < 100,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


@pytest.fixture
def _environment(transactional_db, settings, tmp_path, monkeypatch):
    """A store of this test's own, letters that stay in this process, and a boot id that can change."""
    settings.BLOB_URL = (tmp_path / "blobs").as_uri()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    TransferMachine.booted, real = ["boot-1"], Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda path, *a, **k: TransferMachine.booted[0] if path == BOOT_ID else real(path, *a, **k),
    )
    yield
    open_store.cache_clear()
    boot_id.cache_clear()


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_environment")
def test_a_few_histories_match_the_reference_model():
    run_histories(15, 30)


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("_environment")
def test_many_histories_match_the_reference_model():
    run_histories(500, 60)
