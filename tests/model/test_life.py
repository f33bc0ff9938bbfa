"""Any life of any transfers, with crashes and power cuts in it, is the life that the mission tells of."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest
import time_machine
from django.conf import settings as house_settings
from django.core.management import call_command
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
from filsluss.actions.decide import AlreadyDecided, decide
from filsluss.blobs import open_store
from filsluss.models import Attempt, AuditEntry, Heartbeat, Letter, Transfer, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.networks import Client
from filsluss.rules.tokens import Purpose
from filsluss.streams.request import this_boot
from tests.model import mission
from tests.model.door import ask

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
HERE = Client("127.0.0.1", may_be_inside=True)
BEGIN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TICKS = [timedelta(minutes=1), timedelta(hours=5), *(timedelta(days=days) for days in (1, 2, 8, 31))]
COUNTED = (
    "approval-requested", "received", "approved", "rejected", "lapsed", "file-ready", "file-removed",
    "erased", "file-downloaded",
)  # fmt: skip
TUS = {"Tus_Resumable": "1.0.0"}
POLICY = house_settings.POLICY
WAYS = st.sampled_from(["outbound", "inbound", "through"])
PIECES = st.integers(0, 40)


class Life(RuleBasedStateMachine):
    """`self.known` pairs a row's public id with its model."""

    transfers = Bundle("transfers")
    folder: Path

    @initialize()
    def begin(self):
        for model in (Transfer, AuditEntry, Letter, Attempt, Heartbeat):
            model.objects.all().delete()
        self.now, self.boot, self.known, self.serial = BEGIN, "boot-1", {}, 0
        self.clock = time_machine.travel(self.now, tick=False)
        self.traveller = self.clock.start()
        self.new_objects()

    def teardown(self):
        self.clock.stop()

    def new_objects(self):
        """What a process that starts has: nothing but rows and blobs."""
        open_store.cache_clear()
        this_boot.cache_clear()
        self.store = open_store(house_settings.BLOB_URL)

    @property
    def open_ones(self):
        return [pk for pk, model in self.known.items() if model.state != "gone"]

    @rule(target=transfers, way=WAYS, days=st.integers(1, 9))
    def apply(self, way, days):
        self.serial += 1
        n = self.serial
        inside, outside, other = f"anna{n}@ltdalarna.se", f"bo{n}@rontgen.example", f"eva{n}@konsult.example"
        sender, recipient, approver = {
            "outbound": (inside, outside, ""),
            "inbound": (outside, inside, inside),
            "through": (outside, other, inside),
        }[way]
        row = apply(
            Application("Någon", sender, recipient, "Ritningar", way == "through", approver, days),
            policy=POLICY, now=self.now, client=HERE,
        )  # fmt: skip
        people = {"sender": sender, "recipient": recipient, "approver": approver}
        self.known[row.public_id] = mission.apply(way, people, days=days, policy=POLICY, now=self.now)
        return row.public_id

    @rule(name=transfers, choice=st.sampled_from(["approve", "reject"]), days=st.integers(1, 9))
    def decide(self, name, choice, days):
        model = self.known[name]
        if model.state == "gone":
            return
        reason = "" if choice == "approve" else "Nej tack."
        expected = mission.decide(model, choice, days=days, policy=POLICY, now=self.now)
        try:
            decide(
                Transfer.objects.get(public_id=name), decision=choice, rejection_reason=reason,
                days=str(days) if choice == "approve" else "", policy=POLICY, now=self.now,
            )  # fmt: skip
            assert expected
        except AlreadyDecided:
            assert not expected

    def upload_path(self, name):
        row = Transfer.objects.get(public_id=name)
        return f"/upload/{row.token_for(Purpose.UPLOAD, POLICY.link_keys)}"

    @rule(name=transfers, size=st.integers(0, 100))
    def announce(self, name, size):
        model = self.known[name]
        if model.state == "gone":
            return
        reply = ask("POST", f"{self.upload_path(name)}/files", Upload_Length=str(size), **TUS)
        assert reply.status == (201 if model.is_open(self.now) else 410), reply
        if reply.status == 201:
            upload = urlsplit(reply.headers["Location"]).path.rpartition("/")[2]
            file = mission.File(size, self.now)
            model.files[upload] = file
            if size == 0:
                mission.receive(file)

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
            file.told = file.stored = len(file.content)
            file.trusted, file.active = True, self.now
            if file.stored == file.size:
                mission.receive(file)

    @rule(name=transfers, data=st.data())
    def look(self, name, data):
        """HEAD tells the true offset, never less than what was told."""
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        model, _, file, where = picked
        reply = ask("HEAD", where)
        if not model.is_open(self.now) or not file.is_live:
            assert reply.status == 410
            return
        assert (reply.status, int(reply.headers["Upload-Offset"])) == (200, file.offset)
        if file.state == "uploading" and not file.trusted:
            file.stored, file.trusted, file.active = file.told, True, self.now
            file.content = file.content[: file.told]

    @rule(name=transfers, data=st.data(), count=PIECES)
    def die_while_writing(self, name, data, count):
        """Bytes came to the store, and whoever should have acknowledged them is no more."""
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
        reply = ask("GET", f"/download/{row.token(POLICY.link_keys)}/{row.name}")
        may = model.is_open(self.now) and file.state == "ready"
        assert reply.status in ((200,) if may else (404, 410)), reply
        if may:
            assert reply.body == file.content
            if not file.fetched:
                file.fetched = True
                model.tell("file-downloaded", "sender", file=upload)

    @rule(name=transfers, data=st.data())
    def remove(self, name, data):
        if self.known[name].state == "gone" or not (picked := self.pick(data, name)):
            return
        model, upload, file, where = picked
        reply = ask("DELETE", where, **TUS)
        may = model.is_open(self.now) and file.is_live
        assert reply.status == (204 if may else 410)
        if may:
            mission.take_away(model, upload, "withdrawn")

    @rule(name=transfers)
    def close(self, name):
        """The administrator ends an account before its time."""
        model = self.known[name]
        if model.state == "open":
            row = Transfer.objects.get(public_id=name)
            oversee.close_transfer(row, reason="Missbruk", by="eva", policy=POLICY, now=self.now)
            mission.close(model, now=self.now)

    @rule(ticks=st.sampled_from(TICKS))
    def tick(self, ticks):
        self.now += ticks
        self.traveller.move_to(self.now, tick=False)

    @rule()
    def work(self):
        jobs.run_once(jobs.Services(POLICY, self.store, this_boot()), self.now)
        for model in self.known.values():
            if model.state != "gone":
                mission.work(model, policy=POLICY, now=self.now)
                if mission.is_forgotten(model, policy=POLICY, now=self.now):
                    model.state, model.files, model.letters = "gone", {}, []

    @invariant()
    def rows_are_what_the_mission_says(self):
        wanted = {name: model.state for name, model in self.known.items() if model.state != "gone"}
        assert dict(Transfer.objects.values_list("public_id", "state")) == wanted

    @invariant()
    def files_are_what_the_mission_says(self):
        files = {u: f for model in self.known.values() for u, f in model.files.items()}
        here = dict(TransferFile.objects.values_list("upload_id", "state"))
        states = {u: f.state for u, f in files.items()}
        # The doors shut at once; the rows follow with the next round of the worker.
        assert {u: s for u, s in here.items() if not closing(self.known, u)} == {
            u: s for u, s in states.items() if not closing(self.known, u)
        }
        for upload, file in files.items():
            if file.state == "erased":
                assert not self.store.exists(upload)
            elif file.is_live:
                assert self.store.size(upload) >= file.told

    @invariant()
    def everybody_was_told_what_the_mission_says_and_nothing_else(self):
        rows = Letter.objects.filter(kind__in=COUNTED).values_list(
            "transfer__public_id", "kind", "role", "file__upload_id"
        )
        here = Counter((name, kind, role, upload or "") for name, kind, role, upload in rows)
        wanted = Counter((name, *letter) for name, model in self.known.items() for letter in model.letters)
        assert here == wanted


def closing(known, upload):
    return any(upload in model.files and model.state == "closing" for model in known.values())


def lives(count, steps):
    run_state_machine_as_test(
        Life,
        settings=hypothesis.settings(
            max_examples=count, stateful_step_count=steps, deadline=None,
            derandomize=count < 100, database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )  # fmt: skip


@pytest.fixture
def _house(transactional_db, settings, tmp_path, monkeypatch):
    """A store of this test's own, letters that stay in this process, and a machine that can start again."""
    call_command("collectstatic", verbosity=0, interactive=False)
    settings.BLOB_URL = (tmp_path / "blobs").as_uri()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Life.booted, real = ["boot-1"], Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, *a, **k: Life.booted[0] if path == BOOT_ID else real(path, *a, **k)
    )
    yield
    open_store.cache_clear()
    this_boot.cache_clear()


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_house")
def test_a_few_lives_are_what_the_mission_tells_of():
    lives(15, 30)


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("_house")
def test_many_lives_are_what_the_mission_tells_of():
    lives(500, 60)
