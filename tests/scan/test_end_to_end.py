"""The virus scan as people see it: Anna, who uploads, Bo, who is told nothing, and the administrator."""

import re

import pytest

from filsluss.scanners.clamd import EICAR
from tests.parts import administrators, people
from tests.parts.eventually import eventually
from tests.parts.people import ANNA, BO, FORM
from tests.parts.scanner import zipped
from tests.parts.service import Service
from tests.scan.conftest import ADMIN

PASSWORD = "en lång mening som ingen gissar"


@pytest.fixture
def scanning_service(make_service, lasting):
    """A service with a scanner."""
    return make_service(CLAMD=lasting.address, ADMIN_EMAIL=ADMIN).start()


def states(service: Service, upload: str) -> list[str]:
    return re.findall(r'"state": ?"(\w+)"', service.get(f"{upload}/files").text)


def state_words(service: Service, upload: str, language: str) -> list[str]:
    page = service.get(f"{upload}?lang={language}").text
    return [words.strip() for words in re.findall(r'<span class="state \w+">([^<]+)', page)]


class Administrator:
    """Eva, signed in, with a browser of her own."""

    def __init__(self, service: Service) -> None:
        self.service, self.cookies = service, administrators.enrol(service).cookies

    def get(self, path: str) -> str:
        answer = self.service.request("GET", path, headers={"Cookie": self.jar})
        self.keep(answer)
        assert answer.status == 200, answer.text
        return answer.text

    def post(self, path: str, **form: str) -> str:
        self.get("/oversee")
        form["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
        answer = self.service.request("POST", path, form, {"Cookie": self.jar, "Origin": self.service.url})
        self.keep(answer)
        assert answer.status == 303, answer.text
        return answer.location

    @property
    def jar(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def keep(self, answer) -> None:
        given = [line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie", [])]
        self.cookies |= dict(pair.split("=", 1) for pair in given)


def test_an_infected_file_is_told_to_its_sender_and_the_administrator_and_a_clean_one_arrives(
    scanning_service, mail_server
):
    upload = people.apply(scanning_service, FORM).location
    people.send_tus(scanning_service, upload, zipped(EICAR, 2), filename="faktura.zip")
    to_sender, to_admin = (
        mail_server.one("file-infected", to=ANNA),
        mail_server.one("file-infected", to=ADMIN),
    )
    assert "skadlig kod" in to_sender.text
    assert "faktura[.]zip" in to_sender.text
    assert "Filsluss.Test.EICAR" in to_admin.text
    assert "faktura.zip" not in to_admin.text

    eventually(lambda: states(scanning_service, upload) == ["erased"])
    stopped = {
        "sv": "Stoppad: vi hittade skadlig kod i filen. Den har inte skickats. Den är raderad.",
        "en": "Stopped: we found malicious code in the file. It has not been sent. It has been deleted.",
    }
    assert {code: state_words(scanning_service, upload, code) for code in stopped} == {
        code: [words] for code, words in stopped.items()
    }
    people.send_tus(scanning_service, upload, b"ren", filename="ren.pdf")
    letter = mail_server.one("file-ready", to=BO)
    assert people.fetch(scanning_service, letter).body == b"ren"
    page = scanning_service.get(people.path_of(letter.links("download")[0])).text
    assert "Viruskontroll: Ingen skadlig kod hittades." in page
    assert sorted(letter.kind for letter in mail_server.letters if BO in letter.to) == ["file-ready"]
    blobs = [path for path in (scanning_service.data_dir / "blobs").glob("*.d/*") if path.is_file()]
    assert [path.read_bytes() for path in blobs] == [b"ren"]


def test_while_clamd_is_away_the_file_waits_and_the_administrator_may_release_it(
    make_service, make_scanner, mail_server
):
    scanner = make_scanner()
    service = make_service(CLAMD=scanner.address, ADMIN_EMAIL=ADMIN).start()
    upload = people.apply(service, FORM).location
    people.send_tus(service, upload, b"ritning", filename="ritning.pdf")
    eventually(lambda: states(service, upload) == ["unscanned"])
    assert state_words(service, upload, "sv") == [
        "Uppladdad. Viruskontrollen har inte gått att göra än, så inget mejl har skickats. Vi försöker igen."
    ]
    alarm = mail_server.one("alarm", to=ADMIN)
    assert "viruskontrollen fungerar inte" in alarm.subject
    assert mail_server.of("file-ready") == []

    eva = Administrator(service)
    assert "Viruskontrollen fungerar inte" in eva.get("/oversee?lang=sv")
    case = re.findall(r'href="(/oversee/transfers/[0-9A-Z-]+)', eva.get("/oversee"))[0]
    (release,) = re.findall(r'href="(/oversee/files/[0-9A-Z-]+/release)', eva.get(case))
    assert eva.post(release, reason="Avsändaren är känd") == case

    letter = mail_server.one("file-ready", to=BO)
    assert people.fetch(service, letter).body == b"ritning"
    page = service.get(people.path_of(letter.links("download")[0])).text
    assert "Viruskontrollen kunde inte läsa filen. Öppna den bara om du litar på avsändaren." in page
    assert "Avsändaren är känd" in eva.get(case)
    assert "/release" not in eva.get(case)

    # When clamd is back, what waited is looked at, and the alarm is over.
    people.send_tus(service, upload, b"en till", filename="en till.pdf")
    eventually(lambda: states(service, upload) == ["ready", "unscanned"])
    service.stop()
    scanner.start()
    service.start()
    mail_server.wait_for("file-ready", to=BO, count=2, seconds=100)
    eventually(lambda: "Viruskontrollen fungerar inte" not in eva.get("/oversee?lang=sv"))


def test_one_round_of_the_worker_scans_a_file_and_sends_the_letter_that_follows(
    make_service, lasting, mail_server
):
    service = make_service(CLAMD=lasting.address)
    service.start("web")
    people.send_tus(service, people.apply(service, FORM).location, b"ritning", filename="ritning.pdf")
    service.run_worker()
    assert people.fetch(service, mail_server.one("file-ready")).body == b"ritning"


def test_check_examines_clamd(make_service, make_scanner):
    """Away, as it should be, silent about its limits, too small, and without a signature."""
    scanner = make_scanner()
    service = make_service(CLAMD=scanner.address)

    def said() -> str:
        lines = service.run("check", check=False).stdout.splitlines()
        return next(line for line in lines if "virus scanner" in line)

    def said_with(**limits: str) -> str:
        scanner.kill()
        scanner.set(**limits)
        scanner.start()
        return said()

    assert said().startswith("WRONG virus scanner: clamd does not answer")
    assert said_with().startswith("OK    virus scanner: ClamAV")
    silent = said_with(AlertExceedsMax="no")
    assert "WRONG virus scanner: reports files over its limits as clean: set AlertExceedsMax yes" in silent
    small = said_with(StreamMaxLength="100M")
    assert "WRONG virus scanner: does not accept files of FILSLUSS_MAX_FILE_SIZE" in small
    (scanner.folder / "db" / "filsluss.ndb").write_text("Other:0:*:" + b"something else".hex() + "\n")
    assert "WRONG virus scanner: does not find the EICAR test virus" in said_with()
