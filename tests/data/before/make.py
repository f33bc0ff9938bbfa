"""Makes the fixture beside this file: two installations as version 0.1.0 leaves them, and what they hold.

It runs with that version alone, whose tables it reads: PYTHONPATH is a checkout's `src` and the checkout.

    python make.py FOLDER           makes the fixture in FOLDER
    python make.py FOLDER --check   opens every link of it again, with the same version
"""

import copy
import gzip
import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any
from urllib.parse import urlsplit

from tests.parts.eventually import eventually
from filsluss.blobs.clamd import EICAR
from filsluss.rules.sealing import unseal
from tests.parts.house import Answer, Body, House
from tests.parts.post import Arrived, Post
from tests.parts.raw import Line
from tests.parts.rows import blobs, rows

import filsluss
from filsluss.rules.tokens import TOKEN_PATTERN, code_digest, digest_of, keys_for, read_code
from tests.parts import people, rebooted
from tests.parts.installation import folder
from tests.parts.postgres import USER, Postgres
from tests.parts.scanner import Scanner

HOST = "fts.example.se"
SECRET_KEY = "only-a-test-this-key-stands-in-a-public-repository-and-opens-nothing-else"
SETTINGS = {
    "BASE_URL": f"https://{HOST}",
    "ORGANISATION": "Landstinget Dalarna",
    "INSIDE_DOMAINS": "ltdalarna.se",
    "INSIDE_NETWORKS": "10.0.0.0/8",
    "TRUSTED_PROXIES": "127.0.0.0/8",
    "MAIL_FROM": "filsluss@ltdalarna.se",
    "SUPPORT_EMAIL": "support@ltdalarna.se",
    "ADMIN_EMAIL": "drift@ltdalarna.se",
    "FREE_SPACE": "0%",
}
BOOT_ID = "0e57b007-0000-4000-8000-00000000b007"
"""The start of the machine in the rows: no machine has it, so that every test comes after another one."""
ADMINISTRATOR = {"username": "eva", "password": "only-a-test, en lång mening"}
OPERATOR = "drift"
"""The account of the operating system under which commands were given."""
INSIDE, OUTSIDE = "10.1.2.3", "203.0.113.{}"

DISTRUST = """
import sys
import django
django.setup()
from filsluss.worker import Clock
Clock(sys.argv[1]).pause("the clock leapt by 3:00:00")
"""

OUT = {**people.FORM, "sender_name": "Åsa Öström-Bäck", "sender_email": "Asa.Ostrom+Ritning@LTDalarna.se"}
IN = {**people.FROM_OUTSIDE, "recipient_email": "Karin.Lund@ltdalarna.se"}
THROUGH = {**people.THROUGH, "sender_email": "Bo.Ek+Filer@Rontgen.Example"}
ODD_NAME = 'R&D "plan" <v2>: 50 % #3?*|\\ö\u202efdp.exe \U0001f469\u200d\U0001f52c.txt'
VERA, SVEN = "Vera.Vakt+post@ltdalarna.se", "sven@konsult.example"
"""Whose letters are taken until today."""
NOBODY, BUSY = "550 5.1.1 No such user here", "451 4.7.1 Greylisted, try again later"

TOKEN = re.compile(rf"(?<=/){TOKEN_PATTERN}(?![A-Za-z0-9_-])")
CODE = re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b")
LINKS = {
    "upload_digest": ("upload", "/upload/{}"),
    "decide_digest": ("decide", "/decide/{}"),
    "sender_status_digest": ("status-sender", "/status/{}"),
    "recipient_status_digest": ("status-recipient", "/status/{}"),
    "approver_status_digest": ("status-approver", "/status/{}"),
    "download_digest": ("download", "/download/{}"),
    "pickup_digest": ("pickup", "/download/{}"),
}
"""The column of each link's digest, its purpose and where it leads."""
CASE_COLUMNS = (
    "id",
    "public_id",
    "state",
    "direction",
    "language",
    "sender_name",
    "sender_email",
    "recipient_email",
    "approver_email",
    "rejection_reason",
    "closed_reason",
    *list(LINKS)[:5],
)
FILE_COLUMNS = (
    "id",
    "transfer_id",
    "public_id",
    "upload_id",
    "state",
    "name",
    "size",
    "with_code",
    "sha256",
    "acknowledged",
    "sent_until",
    "fetches",
    "erased_because",
    "removed_by",
    *list(LINKS)[5:],
    "code_digest",
)
LETTER_COLUMNS = (
    "transfer_id",
    "file_id",
    "key",
    "kind",
    "role",
    "to",
    "delivery",
    "tries",
    "trouble",
    "text",
)


def content(label: str, size: int) -> bytes:
    """The bytes of the file with that label: the label and a line feed, again and again."""
    line = f"{label}\n".encode()
    return (line * (size // len(line) + 1))[:size]


@dataclass(frozen=True)
class File:
    """One file, the name it was sent under, and the SHA-256 of all of it."""

    label: str
    public_id: str
    upload_id: str
    sent_name: str
    sha256: str


@dataclass
class Case:
    """One transfer, and where its sender uploads once that is known."""

    label: str
    public_id: str
    first_page: str
    upload: str = ""


class Installation(House):
    """A house behind a proxy of its own name, which remembers every link that it was told."""

    def __init__(self, data_dir: Path, **own: str) -> None:
        super().__init__(data_dir, **{**SETTINGS, **own})
        self.env["LOGNAME"] = OPERATOR
        self.client = INSIDE
        self.told: set[str] = set()

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        about = {"Host": HOST, "X-Forwarded-For": self.client, **(headers or {})}
        answer = super().request(method, path, body, about)
        self.told |= set(TOKEN.findall(answer.headers.get("Location", "")))
        return answer


@dataclass
class Life:
    """What happens in one installation, from 45 days ago until now."""

    house: Installation
    post: Post
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    cases: dict[str, Case] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    applications: int = 0
    cookies: dict[str, str] = field(default_factory=dict)

    def ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    @contextmanager
    def open(self, at: datetime | None = None) -> Iterator[None]:
        """The pages are there, at that moment or now."""
        self.house.start("web", at=at)
        yield
        self.house.stop()

    # What people do

    def apply(self, label: str, form: dict[str, str], **changes: str) -> Case:
        """Strangers come from a network each, as only a few applications an hour are taken from one."""
        self.applications += 1
        outside = not form["sender_email"].lower().endswith("@ltdalarna.se")
        self.house.client = OUTSIDE.format(self.applications) if outside else INSIDE
        page = people.apply(self.house, {**form, "purpose": f"Prov: {label}", **changes}).location
        self.house.client = INSIDE
        ((public_id,),) = rows(self.house, "SELECT public_id FROM filsluss_transfer ORDER BY id DESC LIMIT 1")
        self.cases[label] = Case(label, public_id, page, "" if outside else page)
        return self.cases[label]

    def letter(self, case: Case, kind: str, to: str = "") -> Arrived:
        """The letter that came last, of that kind about that case."""
        return [letter for letter in self.post.of(kind, to) if letter.transfer == case.public_id][-1]

    def approve(self, case: Case, days: int = 14) -> None:
        people.approve(self.house, self.letter(case, "approval-requested"), days)

    def find_upload(self, case: Case) -> None:
        (link,) = self.letter(case, "approved").links("upload")
        case.upload = people.path_of(link)

    def newest(self, label: str, sent_name: str, data: bytes) -> File:
        """The file that was announced last."""
        question = "SELECT public_id, upload_id FROM filsluss_transferfile ORDER BY id DESC LIMIT 1"
        ((public_id, upload_id),) = rows(self.house, question)
        self.files[label] = File(label, public_id, upload_id, sent_name, hashlib.sha256(data).hexdigest())
        return self.files[label]

    def send(self, case: Case, label: str, size: int = 900, name: str = "", **about: str) -> File:
        """A whole file over tus, with what the page's own script says about it."""
        data = EICAR if label == "infected" else content(label, size)
        told = {"filename": name or f"{label}.pdf", "lastmodified": "1763981234567", **about}
        answer = people.send_tus(self.house, case.upload, data, **told)
        assert answer.status == 204, answer.text
        return self.newest(label, told["filename"], data)

    def announce(self, case: Case, label: str, size: int) -> str:
        """Where its bytes go; none has been sent."""
        where = people.announce(self.house, case.upload, size, filename=f"{label}.mov").location
        self.newest(label, f"{label}.mov", content(label, size))
        return where

    def letter_of(self, file: File) -> Arrived:
        found = rows(self.house, "SELECT public_id, download_digest FROM filsluss_transferfile")
        digest = dict(found)[file.public_id]

        def leads_there(letter: Arrived) -> bool:
            (link,) = letter.links("download")
            return digest_of(TOKEN.findall(link)[0]) == digest

        return next(letter for letter in self.post.of("file-ready") if leads_there(letter))

    def fetch(self, file: File, by: str = "letter", **headers: str) -> None:
        """The file by the link in its letter, or by the code that stands there."""
        letter = self.letter_of(file)
        page = people.path_of(letter.links("download")[0])
        if by == "code":
            page = self.house.post("/code", {"code": CODE.findall(letter.text)[0]}).location
        answer = self.house.get(f"{page}/file", **headers)
        assert answer.status in (200, 206), answer.text

    def take_back(self, case: Case, file: File) -> None:
        assert self.house.post(f"{case.upload}/remove", {"file": file.public_id}).status == 303

    def sign_in(self, password: str, status: int = 303) -> dict[str, str]:
        """The cookies of whoever tries that password."""
        first = self.house.get("/oversee/sign-in")
        guard = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', first.text)[0]
        form = {**ADMINISTRATOR, "password": password, "csrfmiddlewaretoken": guard}
        head = {"Cookie": str(first.headers["Set-Cookie"]).partition(";")[0], "Origin": SETTINGS["BASE_URL"]}
        answer = self.house.request("POST", "/oversee/sign-in", form, head)
        assert answer.status == status, answer.text
        given = [line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie", [])]
        return dict(pair.split("=", 1) for pair in given)

    def admit_administrator(self) -> None:
        """One who signs in and stays so, after which somebody guesses her password."""
        named = {f"DJANGO_SUPERUSER_{name.upper()}": text for name, text in ADMINISTRATOR.items()}
        usual = self.house.env
        self.house.env = {**usual, **named, "DJANGO_SUPERUSER_EMAIL": ""}
        self.house.run("createsuperuser", "--noinput")
        self.house.env = usual
        self.cookies = self.sign_in(ADMINISTRATOR["password"])
        self.sign_in("a guess", status=422)

    def oversee(self, path: str, reason: str) -> None:
        """What the administrator does, and why."""
        token = next(text for name, text in self.cookies.items() if name.endswith("csrftoken"))
        cookie = "; ".join(f"{name}={text}" for name, text in self.cookies.items())
        head = {"Cookie": cookie, "Origin": SETTINGS["BASE_URL"]}
        form = {"reason": reason, "csrfmiddlewaretoken": token}
        answer = self.house.request("POST", f"/oversee/{path}", form, head)
        assert answer.status == 303, answer.text

    # What the house does

    @contextmanager
    def worker(self, *words: str, **env: str) -> Iterator[House]:
        """A worker beside the pages."""
        beside = copy.copy(self.house)
        beside.env = {**self.house.env, **env}
        beside.start("worker", *words)
        try:
            yield beside
        finally:
            beside.kill()

    def work_with_scanner(self, address: str) -> None:
        self.house.env["FILSLUSS_CLAMD"] = address
        self.house.work()
        del self.house.env["FILSLUSS_CLAMD"]

    def wait_for(self, question: str, wanted: str) -> None:
        """Until that is among what the SELECT finds."""
        eventually(
            lambda: rows(self.house, question), lambda found: (wanted,) in found, say=self.house.log_text
        )

    # What has happened

    def live(self) -> None:
        self.house.run("migrate")
        self.long_ago()
        self.last_week()
        self.leap()
        with ExitStack() as until_killed:
            until_killed.callback(self.house.leave)
            self.house.start("web")
            self.today()
            self.refused_letters()
            self.scans()
            self.untried_letters()
            self.unfinished()

    def long_ago(self) -> None:
        """A case that has been forgotten, one whose time ran out, and an application nobody answered."""
        with self.open(self.ago(45)):
            forgotten = self.apply("forgotten", OUT, days="7")
            gone = self.send(forgotten, "forgotten-file")
            self.house.work(at=self.ago(45))
            self.fetch(gone)
        close = ("close", forgotten.public_id, "--reason", "Ärendet var skickat till fel person.")
        self.house.run(*close, at=self.ago(44))
        self.house.work(at=self.ago(43))
        with self.open(self.ago(10)):
            ended = self.apply("ended", OUT, days="1")
            fetched = self.send(ended, "ended-fetched", with_code="1")
            self.send(ended, "ended-unfetched", with_code="1")
            people.append(self.house, self.announce(ended, "ended-half", 5000), 0, content("ended-half", 700))
            self.apply("lapsed", IN)
            self.house.work(at=self.ago(10))
            self.fetch(fetched, by="code")
        self.house.work(at=self.ago(7))

    def last_week(self) -> None:
        """What is to be reminded of now, a letter given up after five days, and an account closed early."""
        self.post.refuse["never.home@rontgen.example"] = BUSY
        with self.open(self.ago(6)):
            self.apply("waiting-long", IN, recipient_email=VERA)
            soon = self.apply("ending-soon", OUT, days="7", recipient_email=SVEN)
            self.send(soon, "ending-soon-file")
            people.append(self.house, self.announce(soon, "stale", 5000), 0, content("stale", 700))
            never = self.apply("never-reached", OUT, days="14", recipient_email="never.home@rontgen.example")
            self.send(never, "never-reached-file", with_code="1")
            through = self.apply("closed-early", THROUGH)
            self.house.work(at=self.ago(6))
            self.approve(through)
            self.house.work(at=self.ago(6))
            self.find_upload(through)
            self.send(through, "closed-early-file")
            self.house.work(at=self.ago(6))
        close = ("close", through.public_id, "--reason", "Filen innehöll uppgifter om en patient.")
        self.house.run(*close, at=self.ago(5))
        self.house.work(at=self.ago(3))
        self.house.work(at=self.ago(0.9))

    def leap(self) -> None:
        """What a worker does whose clock leaps; under a Python that sleeps none can be made to."""
        program = [sys.executable, "-c", DISTRUST, BOOT_ID]
        subprocess.run(
            program, env={**self.house.env, "DJANGO_SETTINGS_MODULE": "filsluss.settings"}, check=True
        )

    def today(self) -> None:
        """Accounts of every way with files in every state, and applications with every answer."""
        self.post.refuse |= {VERA: BUSY, SVEN: BUSY}
        main = self.apply("open", OUT, days="14", recipient_email="Bo+Filsluss@Rontgen.example")
        english = self.apply("open-english", OUT, days="30", language="en", sender_name="Jane O'Neil")
        asked = {
            label: self.apply(label, form, **changes)
            for label, form, changes in (
                ("pending", IN, {"sender_name": "Bo Ek, Röntgen & Co"}),
                ("pending-through", THROUGH, {"language": "en"}),
                ("rejected", IN, {}),
                ("withdrawn", IN, {}),
                ("open-inbound", IN, {}),
                ("open-through", THROUGH, {"recipient_email": "Eva.Ek+X@konsult.example"}),
                ("to-be-closed", THROUGH, {}),
                ("to-be-closed-unswept", IN, {}),
                ("to-be-rejected", IN, {}),
            )
        }
        self.house.work()
        approved = ("open-inbound", "open-through", "to-be-closed", "to-be-closed-unswept")
        for label in approved:
            self.approve(asked[label])
        people.reject(
            self.house, self.letter(asked["rejected"], "approval-requested"), "Vi väntar inga filer från er."
        )
        self.house.run("close", asked["withdrawn"].public_id, "--reason", "Ansökan var skickad av misstag.")
        self.house.work()
        for label in approved:
            self.find_upload(asked[label])
            self.send(asked[label], f"{label}-file", with_code="1" if label == "open-through" else "")
        self.fill(main, english)
        self.house.work()
        self.use(main)
        self.house.work()

    def fill(self, main: Case, english: Case) -> None:
        """Every way to send a file, and names that are not plain."""
        self.send(main, "ready", 3000, unicodedata.normalize("NFD", "Årsöversikt för Älvdalen.pdf"))
        self.send(main, "ready-with-code", 3000, with_code="1")
        self.send(main, "fetched", 2000)
        self.send(main, "fetched-by-code-twice", 2000, with_code="1")
        self.send(main, "fetched-in-part", 6000)
        self.send(main, "taken-back")
        self.send(main, "removed")
        self.send(main, "damaged", sha256="0" * 64)
        self.send(main, "odd-name", 500, ODD_NAME)
        self.send(main, "long-name", 500, "Protokoll från mötet om den nya mottagningen " * 7 + ".docx")
        self.send(main, "empty", 0)
        name, data = "Från formuläret.txt", content("by-form", 700)
        assert people.send_form(self.house, english.upload, {name: data}, with_code="1").status == 303
        self.newest("by-form", name, data)
        name, data = "by-put.csv", content("by-put", 700)
        assert self.house.request("PUT", f"{english.upload}/{name}", data).status == 201
        self.newest("by-put", name, data)

    def use(self, main: Case) -> None:
        self.fetch(self.files["fetched"])
        for _ in range(2):
            self.fetch(self.files["fetched-by-code-twice"], by="code")
        self.fetch(self.files["fetched-in-part"], Range="bytes=0-1999")
        self.fetch(
            self.files["ready-with-code"], by="code", Range="bytes=1000-1999"
        )  # from the middle: that is not remembered
        self.take_back(main, self.files["taken-back"])
        self.admit_administrator()
        removed = self.files["removed"].public_id
        self.oversee(f"files/{removed}/remove", "Filen innehöll en felaktig ritning.")
        assert self.house.post("/code", {"code": "2222-3333-4444"}).status == 422

    def refused_letters(self) -> None:
        """Letters that the server refused for good, that wait for another try, and that were withdrawn."""
        wrong, busy, sender = "no.such@rontgen.example", "busy@rontgen.example", "Bo.Busy@rontgen.example"
        self.post.refuse |= {wrong: NOBODY, "no.such@ltdalarna.se": NOBODY, busy: BUSY, sender: BUSY}
        lost = self.apply("recipient-unknown", OUT, days="7", recipient_email=wrong)
        self.send(lost, "recipient-unknown-file", with_code="1")
        self.apply("approver-unknown", IN, recipient_email="no.such@ltdalarna.se")
        late = self.apply("recipient-busy", OUT, days="7", recipient_email=busy)
        self.send(late, "recipient-busy-file", with_code="1")
        withdrawn = self.send(late, "recipient-busy-taken-back")
        inbound = self.apply("sender-busy", IN, sender_email=sender)
        self.house.work()
        self.take_back(late, withdrawn)
        self.approve(inbound)
        self.house.work()

    def scans(self) -> None:
        """A virus, a clean file, one that no scanner looked at, and one whose scanner's worker died."""
        case = self.apply("scanned", OUT, days="7")
        self.send(case, "infected", name="faktura.exe")
        self.send(case, "clean")
        scanner = Scanner(folder("clamd")).start()
        self.work_with_scanner(scanner.address)
        scanner.kill()
        self.send(case, "unscanned")
        self.work_with_scanner(scanner.address)
        self.send(case, "scanning")
        with socket(AF_UNIX) as silent:
            silent.bind(str(scanner.folder / "ctl"))
            silent.listen()
            address = {"FILSLUSS_CLAMD": scanner.address}
            with self.worker("--once", **address) as worker:
                self.wait_for("SELECT state FROM filsluss_transferfile", "scanning")
                worker.kill()

    def untried_letters(self) -> None:
        """The server takes its time over one letter, and meanwhile others are written."""
        closed = self.cases["to-be-closed"].public_id
        self.oversee(f"transfers/{closed}/close", "Fel mottagare är angiven.")
        self.send(self.cases["open"], "ready-untold", 1500, with_code="1")
        self.house.post("/accessibility", {"fault": "Knappen syns inte.", "reply_email": "Ida@post.example"})
        self.post.slow = 6
        with self.worker() as worker:
            for wanted in ("erased", "file-ready", "alarm"):
                self.wait_for("SELECT kind FROM filsluss_letter WHERE tries = 0", wanted)
            worker.stop(20)
        self.post.slow = 0

    def unfinished(self) -> None:
        """No worker runs after this: what is asked for here waits for one."""
        self.fetch(self.files["ready"])
        self.take_back(self.cases["open-english"], self.files["by-put"])
        reject = self.letter(self.cases["to-be-rejected"], "approval-requested")
        people.reject(self.house, reject, "Skicka den på papper i stället.")
        self.apply("pending-untold", IN)
        fresh = self.apply("open-untold", OUT, days="3", language="en")
        status = people.path_of(self.letter(self.cases["open-inbound"], "approved").links("status")[0])
        report = {"abuse": "Det är inte jag som har bett om det."}
        assert self.house.post(f"{status}/report", report).status == 303
        closing = self.cases["to-be-closed-unswept"].public_id
        self.house.run("close", closing, "--reason", "Kontot används till annat än det var till för.")
        self.send(fresh, "received", 1200, with_code="1")
        where = self.announce(fresh, "half", 12000)
        assert people.append(self.house, where, 0, content("half", 4000)).status == 204
        self.defer(fresh)
        self.cut_off(fresh)

    def defer(self, case: Case) -> None:
        about = people.metadata(filename="deferred.log", with_code="1")
        head = {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1", "Upload-Metadata": about}
        created = self.house.request("POST", f"{case.upload}/files", b"", head)
        data = content("deferred", 2500)
        self.newest("deferred", "deferred.log", data)
        assert people.append(self.house, created.location, 0, data).status == 204

    def cut_off(self, case: Case) -> None:
        """The house dies in the middle of a request: more bytes lie in the blob than were acknowledged."""
        where = self.announce(case, "cut-off", 20000)
        data = content("cut-off", 20000)
        assert people.append(self.house, where, 0, data[:5000]).status == 204
        blob = blobs(self.house)[self.files["cut-off"].upload_id]
        with Line(self.house) as line:
            line.append(where, 5000, data[5000:9000], length=15000)
            eventually(lambda: blob.stat().st_size, lambda size: size >= 9000)
            self.house.kill()


# What the installation holds


@dataclass
class Inventory:
    """Reads from the rows and from the letters what a test must know to open everything again."""

    life: Life

    def __post_init__(self) -> None:
        house, post = self.life.house, self.life.post
        self.cases = table(house, "filsluss_transfer", CASE_COLUMNS)
        self.files = table(house, "filsluss_transferfile", FILE_COLUMNS)
        self.letters, keys = table(house, "filsluss_letter", LETTER_COLUMNS), keys_for("letter", [SECRET_KEY])
        for letter in self.letters:
            letter["text"] = unseal(letter["text"], keys) if letter["text"] else ""
        arrived = "\n".join(letter.text for letter in post.letters)
        queued = "\n".join(letter["text"] for letter in self.letters)
        self.seen = dict.fromkeys(house.told, "answer")
        self.seen |= dict.fromkeys(TOKEN.findall(queued), "queued letter")
        self.seen |= dict.fromkeys(TOKEN.findall(arrived), "letter")
        self.codes = {
            code_digest(keys_for("code", [SECRET_KEY])[0], read_code(code)): code
            for code in CODE.findall(arrived + queued)
        }
        self.case_labels = {case.public_id: case.label for case in self.life.cases.values()}
        self.file_labels = {file.public_id: file.label for file in self.life.files.values()}

    def links(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Every link of the row that anybody was ever given."""
        by_digest = {row[column]: kind for column, kind in LINKS.items() if column in row}
        found = []
        for token, where in self.seen.items():
            if kind := by_digest.get(digest_of(token)):
                purpose, path = kind
                found.append({"purpose": purpose, "path": path.format(token), "seen_in": where})
        return sorted(found, key=lambda link: (link["purpose"], link["path"]))

    def case(self, row: dict[str, Any]) -> dict[str, Any]:
        plain = {
            name: value for name, value in row.items() if name not in ("id", "label") and name not in LINKS
        }
        return {**plain, "links": self.links(row), "files": self.files_of(row)}

    def files_of(self, case: dict[str, Any]) -> dict[str, Any]:
        mine = [file for file in self.files if file["transfer_id"] == case["id"]]
        return {self.file_labels[file["public_id"]]: self.file(file, case) for file in mine}

    def file(self, row: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
        label = self.file_labels[row["public_id"]]
        hidden = ("id", "transfer_id", "code_digest", *LINKS)
        plain = {name: value for name, value in row.items() if name not in hidden}
        links = self.links(row)
        for link in tuple(links):
            token = link["path"].rpartition("/")[2]
            byways = {"bytes": f"/download/{token}/file"}
            if link["purpose"] == "download":
                byways["zip"] = f"/zip/{token}/{case['public_id']}.zip"
            links += [
                {"purpose": name, "path": path, "seen_in": link["seen_in"]} for name, path in byways.items()
            ]
        if row["state"] == "uploading":
            (account,) = (link for link in self.links(case) if link["purpose"] == "upload")
            plain["upload_path"] = f"{account['path']}/files/{row['upload_id']}"
        sent = self.life.files[label]
        assert row["sha256"] in ("", sent.sha256), label
        return {
            **plain,
            "with_code": bool(row["with_code"]),
            "code": self.codes.get(row["code_digest"], ""),
            "sent_name": sent.sent_name,
            "sha256": sent.sha256,
            "links": links,
        }

    def letter(self, row: dict[str, Any]) -> dict[str, Any]:
        """Without what it does not have; `paths` are the links in the text of one that has not left."""
        case = {each["id"]: self.case_labels[each["public_id"]] for each in self.cases}
        file = {each["id"]: self.file_labels[each["public_id"]] for each in self.files}
        found = re.findall(r"https?://[^\s<>\"]+", row["text"])
        about = {name: value for name, value in row.items() if name not in ("text", "transfer_id", "file_id")}
        about["case"], about["file"] = case.get(row["transfer_id"]), file.get(row["file_id"])
        about["paths"] = [urlsplit(link).path for link in found if TOKEN.search(link)]
        return {name: value for name, value in about.items() if value}

    def told(self) -> dict[str, Any]:
        forgotten = set(self.case_labels.values()) - {
            self.case_labels[row["public_id"]] for row in self.cases
        }
        return {
            "cases": {self.case_labels[row["public_id"]]: self.case(row) for row in self.cases},
            "forgotten": {label: self.life.cases[label].public_id for label in sorted(forgotten)},
            "letters": [self.letter(row) for row in self.letters],
        }


def table(house: House, name: str, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every row, by the names of those columns."""
    listed = ", ".join(f'"{column}"' for column in columns)
    return [
        dict(zip(columns, row, strict=True))
        for row in rows(house, f"SELECT {listed} FROM {name} ORDER BY id")
    ]


NEEDED = {
    "links": "upload decide status-sender status-recipient status-approver download pickup bytes zip",
    "cases": "pending open closing closed rejected lapsed",
    "files": "uploading received scanning unscanned ready erasing erased",
    "ends": "ended removed withdrawn stale damaged infected",
    "letters": "queued sent given_up withdrawn",
    "untried": "approval-requested approved file-ready file-downloaded erased rejected received alarm "
    "abuse-reported",
    "tried": "file-ready approved approval-reminder expiry-reminder",
}
"""What must be in it; links answer with 200."""


def demand(told: dict[str, Any]) -> None:
    """Fails if something is missing for which the fixture is made."""
    cases = told["cases"].values()
    files = [file for case in cases for file in case["files"].values()]
    links = [link for row in (*cases, *files) for link in row["links"]]
    queued = [letter for letter in told["letters"] if letter["delivery"] == "queued"]
    found = {
        "links": {link["purpose"] for link in links if link["status"] == 200},
        "cases": {case["state"] for case in cases},
        "files": {file["state"] for file in files},
        "ends": {file["erased_because"] for file in files},
        "letters": {letter["delivery"] for letter in told["letters"]},
        "untried": {letter["kind"] for letter in queued if "tries" not in letter},
        "tried": {letter["kind"] for letter in queued if "tries" in letter},
    }
    missing = {what: set(words.split()) - found[what] for what, words in NEEDED.items()}
    assert not any(missing.values()), missing


# The fixture's files


class Store:
    """The fixture's folder, from which an installation can be started again on a copy."""

    def __init__(self, root: Path, server: Postgres) -> None:
        self.root, self.server = root, server
        self.dump = root / "postgresql.sql.gz"

    def keep(self, name: str, house: House) -> None:
        """Database, key and blobs; what else lies in a data folder is made again at every start."""
        kept = self.root / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        shutil.copytree(house.data_dir / "blobs", kept / "blobs", ignore=shutil.ignore_patterns("turns"))
        shutil.copy(house.data_dir / "secret_key", kept)
        if name == "postgresql":
            self.keep_dump(house.env["FILSLUSS_DATABASE_URL"].rpartition("/")[2])
            return
        database = house.data_dir / "filsluss.sqlite3"
        with closing(sqlite3.connect(database)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (kept / "filsluss.sqlite3.gz").write_bytes(gzip.compress(database.read_bytes(), 9, mtime=0))

    def keep_dump(self, database: str) -> None:
        written = self.server.folder / "dump.sql"
        where = ("-h", str(self.server.folder), "-U", USER)
        self.server.order("pg_dump", *where, "--no-owner", "--no-privileges", f"--file={written}", database)
        plain = "".join(line for line in written.read_text().splitlines(keepends=True) if is_for_all(line))
        self.dump.write_bytes(gzip.compress(plain.encode(), 9, mtime=0))

    @contextmanager
    def opened(self, name: str) -> Iterator[Installation]:
        """The version before, at work on a copy."""
        data_dir = folder("copy") / "data"
        shutil.copytree(self.root / name, data_dir)
        for packed in data_dir.glob("*.gz"):
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        with ExitStack() as until_the_end:
            own = {}
            if name == "postgresql":
                own["DATABASE_URL"] = until_the_end.enter_context(self.server.database("copy"))
                self.load("copy")
            house = Installation(data_dir, **own)
            until_the_end.callback(house.leave)
            house.start("web")
            yield house

    def load(self, database: str) -> None:
        written = self.server.folder / "load.sql"
        written.write_bytes(gzip.decompress(self.dump.read_bytes()))
        written.chmod(0o644)
        where = ("-h", str(self.server.folder), "-U", USER, "-d", database)
        self.server.order("psql", "-q", "-v", "ON_ERROR_STOP=1", *where, "-f", str(written))


def is_for_all(line: str) -> bool:
    """Whether every PostgreSQL from 15 on reads that line of a dump, and it tells of no other."""
    return not re.match(r"\\(un)?restrict |-- Dumped |SET transaction_timeout", line)


def measure(house: Installation, told: dict[str, Any]) -> None:
    """How each link answers, and how far each upload has come; a HEAD of a file's bytes fetches nothing."""
    for case in told["cases"].values():
        for row in (case, *case["files"].values()):
            for link in row["links"]:
                link["method"] = "HEAD" if link["purpose"] in ("bytes", "zip") else "GET"
                link["status"] = house.request(link["method"], link["path"]).status
        for file in case["files"].values():
            if where := file.get("upload_path"):
                answer = house.request("HEAD", where, headers={"Tus-Resumable": "1.0.0"})
                file["status"], file["offset"] = answer.status, answer.headers["Upload-Offset"]
                file["offset"] = int(file["offset"]) if file["offset"] else None


def live_in(name: str, server: Postgres, store: Store) -> dict[str, Any]:
    """Makes one installation on that database, keeps it, and tells what it holds."""
    data_dir = folder(name) / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "secret_key").write_text(SECRET_KEY)
    post = Post()
    post.open()
    with ExitStack() as until_the_end:
        until_the_end.callback(post.shut)
        own = {"SMTP_URL": post.url}
        if name == "postgresql":
            own["DATABASE_URL"] = until_the_end.enter_context(server.database("before"))
        house = Installation(data_dir, **own)
        house.program = rebooted.program(BOOT_ID)
        life = Life(house, post)
        life.live()
        told = {"made_at": datetime.now(UTC).isoformat(), **Inventory(life).told()}
        store.keep(name, house)
    with store.opened(name) as house:
        measure(house, told)
    demand(told)
    return told


def this_version() -> dict[str, str]:
    """Which version this is; an end where it is another than the one before the tables moved."""
    checkout = Path(filsluss.__file__).parents[2]
    migrations = Path(filsluss.__file__).with_name("migrations").glob("0*.py")
    if max(path.stem for path in migrations) != "0003_leases_and_pauses":
        raise SystemExit("this fixture is made by the version before its tables moved, and by no other")
    version = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["version"]
    git = ("git", "-C", str(checkout), "log", "-1", "--format=%H %cI")
    commit, at = subprocess.run(git, check=True, capture_output=True, text=True).stdout.split()
    return {"version": version, "commit": commit, "committed_at": at}


def make(store: Store, server: Postgres) -> None:
    made = {name: live_in(name, server, store) for name in ("sqlite", "postgresql")}
    contents = {
        "made_by": this_version(),
        "settings": {**SETTINGS, "SECRET_KEY": SECRET_KEY},
        "boot_id": BOOT_ID,
        "administrator": ADMINISTRATOR,
        "operator": OPERATOR,
        "databases": made,
    }
    text = json.dumps(contents, ensure_ascii=False, indent=1)
    (store.root / "contents.json").write_text(text + "\n")


def check(store: Store) -> None:
    contents = json.loads((store.root / "contents.json").read_text())
    for name, told in contents["databases"].items():
        again = copy.deepcopy(told)
        with store.opened(name) as house:
            measure(house, again)
        assert again == told, f"{name}: something answers otherwise than contents.json says"
        print(f"{name}: everything answers as contents.json says")


def main(where: str, *words: str) -> None:
    this_version()
    server = Postgres()
    server.start()
    try:
        store = Store(Path(where).absolute(), server)
        check(store) if words == ("--check",) else make(store, server)
    finally:
        server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
