"""PostgreSQL without room, and blobs in a bucket: whoever asks is told, and then all goes on by itself."""

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.parts.disks import NoDisk, small
from tests.parts.eventually import eventually
from tests.parts.installation import folder
from tests.parts.invariants import identity, wait_until_idle
from tests.parts.mail_server import MailServer, ReceivedLetter
from tests.parts.people import (
    FORM,
    FROM_OUTSIDE,
    announce,
    append,
    apply,
    download_links,
    metadata,
    offset_of,
    path_of,
    send_form,
)
from tests.parts.postgres import Postgres, PostgresMissing
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY
from tests.parts.service import Response, Service
from tests.streams.test_connection import TUS, listed

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
BUCKET = "full-database"
MIB = 1 << 20
SMALL = b"a small file"
NO_ROOM = """
CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
"""
DECISION = {"decision": "approve", "days": "7"}


@dataclass(frozen=True)
class Installation:
    service: Service
    postgres: Postgres
    disk: Path
    mail_server: MailServer

    @property
    def url(self) -> str:
        return self.service.env["FILSLUSS_DATABASE_URL"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory, seaweed) -> Iterator[Installation]:
    """PostgreSQL has a small disk of its own."""
    base = folder("pg-full")
    base.chmod(0o755)
    with contextlib.ExitStack() as until_the_end:
        try:
            disk = until_the_end.enter_context(small(base, size=256 * MIB))
            postgres = Postgres(disk / "pg")
        except (NoDisk, PostgresMissing) as missing:
            pytest.skip(str(missing))
        postgres.folder.mkdir()
        postgres.start()
        until_the_end.callback(lambda: postgres.stop())
        mail_server = MailServer()
        mail_server.start()
        until_the_end.callback(mail_server.stop)
        seaweed.make_bucket(BUCKET)
        until_the_end.callback(seaweed.drop_bucket, BUCKET)
        service = Service(
            tmp_path_factory.mktemp("full") / "data",
            DATABASE_URL=until_the_end.enter_context(postgres.migrated_database(BUCKET)),
            BLOB_URL=seaweed.url(BUCKET),
            S3_ACCESS_KEY=ACCESS_KEY,
            S3_SECRET_KEY=SECRET_KEY,
            SECRET_KEY="a key of its own for this installation",
            SMTP_URL=mail_server.url,
            ADMIN_EMAIL="",
        )
        until_the_end.callback(service.tear_down)
        yield Installation(service.start(), postgres, disk, mail_server)


@contextlib.contextmanager
def no_room_in(installed: Installation, table: str) -> Iterator[None]:
    """Whatever writes to that table is told that the disk is full; what writes to others is not."""
    with psycopg.connect(installed.url, autocommit=True) as session:
        session.execute(NO_ROOM)
        session.execute(
            f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON filsluss_{table} EXECUTE FUNCTION no_room()"
        )
        try:
            yield
        finally:
            session.execute(f"DROP TRIGGER no_room ON filsluss_{table}")


def stuff(disk: Path) -> None:
    """Takes every byte that is free."""
    with (disk / "stuffing").open("ab", buffering=0) as file:
        for size in (MIB, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def create_with(service: Service, account: str, data: bytes, size: int) -> Response:
    """A tus creation with its first bytes."""
    about = {"Upload-Length": str(size), "Upload-Metadata": metadata(filename="fil.bin")}
    kind = {"Content-Type": "application/offset+octet-stream"}
    return service.request("POST", f"{account}/files", data, {**TUS, **about, **kind})


class People:
    """An account with a file that is read, one that is half there, and a request that waits for an answer."""

    def __init__(self, installed: Installation, name: str) -> None:
        self.service, self.mail_server = installed.service, installed.mail_server
        self.reader, self.sender = f"bo-{name}@rontgen.example", f"eva-{name}@rontgen.example"
        self.account = apply(self.service, FORM, recipient_email=self.reader).location
        self.data = os.urandom(3 * MIB)
        self.where = announce(self.service, self.account, len(self.data)).location
        assert append(self.service, self.where, 0, self.data[:MIB]).status == 204
        assert create_with(self.service, self.account, SMALL, len(SMALL)).status == 201
        (self.link,) = download_links(self.service, self.mail_server.one("file-ready", to=self.reader))
        apply(self.service, FROM_OUTSIDE, sender_email=self.sender)
        self.mail_server.one("received", to=self.sender)
        asked = eventually(self.requests)
        self.decide = path_of(asked[0].links("decide")[0])
        self.whole = 1
        """Files that were acknowledged whole."""

    def requests(self) -> list[ReceivedLetter]:
        """The letters to the approver about the request that waits."""
        return [each for each in self.mail_server.of("approval-requested") if self.sender in each.text]

    def append(self) -> Response:
        """Goes on with the file that is half there, for a MiB."""
        return append(self.service, self.where, MIB, self.data[MIB : 2 * MIB])

    def ask_for_everything(self) -> list[tuple[str, Response]]:
        """What each request is answered; what is acknowledged counts."""
        service, account = self.service, self.account
        asked = [
            ("announcement", lambda: announce(service, account, 5)),
            ("small file", lambda: create_with(service, account, SMALL, len(SMALL))),
            ("first bytes", lambda: create_with(service, account, self.data[:MIB], len(self.data))),
            ("form", lambda: send_form(service, account, {"a": SMALL})),
            ("PUT", lambda: service.request("PUT", f"{account}/a", SMALL)),
            ("PATCH", self.append),
            ("HEAD", lambda: service.request("HEAD", self.where, headers=TUS)),
            ("decision", lambda: service.post(self.decide, DECISION)),
            ("request", lambda: service.post("/", {**FORM, "recipient_email": f"x-{self.reader}"})),
            ("download", lambda: service.get(self.link)),
            ("page", lambda: service.get(account)),
        ]
        answers = [(name, ask()) for name, ask in asked]
        took = {"small file": 201, "form": 303, "PUT": 201}
        self.whole += sum(took.get(name) == answer.status for name, answer in answers)
        return answers

    def finish(self) -> None:
        """Everybody goes on, and each thing has happened once."""
        offset = offset_of(self.service, self.where)
        assert append(self.service, self.where, offset, self.data[offset:]).status == 204
        decided = self.service.post(self.decide, DECISION).status
        assert decided in (303, 410)
        wait_until_idle(self.service)
        assert await_ready_as(self.service, self.account, self.data)
        ready = [file for file in listed(self.service, self.account) if file["state"] == "ready"]
        assert len(ready) == self.whole + 1
        self.mail_server.wait_for("file-ready", to=self.reader, count=len(ready))
        self.mail_server.one("approved", to=self.sender)
        ours = [each for each in self.mail_server.letters if {self.reader, self.sender} & {*each.to}]
        came = Counter(map(identity, ours))
        assert [name for name, count in came.items() if count > 1] == []
        said = self.service.run("reconcile", "--dry-run", "--checksums").stdout
        assert said.startswith("Blob store and database agree"), said


def await_ready_as(service, account, data):
    digest = hashlib.sha256(data).hexdigest()
    return eventually(lambda: [f for f in listed(service, account) if f.get("sha256") == digest])


def is_said_well(name: str, answer: Response) -> bool:
    """Whether it is done, or refused for want of room in the reader's words, and says where to go on."""
    if answer.status < 300 or answer.status in (303, 422):
        return True
    if answer.status == 507 and name in ("PATCH", "HEAD"):
        return "Upload-Offset" in answer.headers
    if answer.status == 507 and answer.headers.get_content_type() == "text/html":
        return answer.headers["Content-Language"] == "sv" and "<h1>" in answer.text
    return answer.status == 507 and '"code": "disk_full"' in answer.text


@pytest.mark.parametrize(
    "table",
    [
        "part",
        "transferfile",
        "auditentry",
        "letter",
        *(
            pytest.param(table, marks=pytest.mark.full)
            for table in ("blob", "lettercase", "transfer", "party", "link", "pickup")
        ),
    ],
)
def test_whatever_cannot_be_written_is_refused_and_done_once_there_is_room(installed, table):
    people, before = People(installed, table), len(installed.service.log_text())
    with no_room_in(installed, table):
        answers = people.ask_for_everything()
        wrong = [(name, answer.status) for name, answer in answers if not is_said_well(name, answer)]
        assert wrong == []
    told = {answer.headers["Upload-Offset"] for name, answer in answers if name in ("PATCH", "HEAD")}
    assert told == {str(offset_of(installed.service, people.where))}
    people.finish()
    assert "the database did not answer" not in installed.service.log_text()[before:]


def test_a_disk_is_full_until_the_server_dies_of_it_and_is_started_again(installed):
    people = People(installed, "crash")
    stuff(installed.disk)
    answers = people.ask_for_everything()
    with contextlib.suppress(psycopg.Error):  # a new segment of its log has no room: it ends itself
        while True:
            installed.postgres.sql("SELECT pg_switch_wal(), pg_logical_emit_message(false, '', 'x')")
    assert installed.postgres.process.wait(60) != 0
    answers += [(name, answer) for name, answer in people.ask_for_everything()]
    away = {answer.status for name, answer in answers[-11:]}
    assert away == {503}
    assert all(answer.headers["Retry-After"] for _, answer in answers if answer.status == 503)
    (installed.disk / "stuffing").unlink()
    installed.postgres.run()
    eventually(lambda: installed.service.get("/readyz").status, lambda status: status == 200)
    people.finish()
