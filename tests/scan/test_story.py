"""The virus check as people meet it: Anna, who uploads, Bo, who hears nothing, and the administrator."""

import re

import pytest

from filsluss.scanners.clamd import EICAR
from tests.parts import people
from tests.parts.house import House
from tests.parts.people import ANNA, BO, FORM
from tests.parts.scanner import zipped
from tests.scan.conftest import ADMIN, wait_until

PASSWORD = "en lång mening som ingen gissar"


@pytest.fixture
def guarded(make_house, lasting):
    """A house with a scanner."""
    return make_house(CLAMD=lasting.address, ADMIN_EMAIL=ADMIN).start()


def states(house: House, upload: str) -> list[str]:
    return re.findall(r'"state": ?"(\w+)"', house.get(f"{upload}/files").text)


def state_words(house: House, upload: str, language: str) -> list[str]:
    page = house.get(f"{upload}?lang={language}").text
    return re.findall(r'<p class="state \w+">([^<]+)', page)


class Administrator:
    """Eva, signed in, with a browser of her own."""

    def __init__(self, house: House) -> None:
        house.env |= {"DJANGO_SUPERUSER_USERNAME": "eva", "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
                      "DJANGO_SUPERUSER_EMAIL": ""}  # fmt: skip
        house.run("createsuperuser", "--noinput")
        self.house, self.cookies = house, {}
        self.post("/oversee/sign-in", username="eva", password=PASSWORD)

    def get(self, path: str) -> str:
        answer = self.house.request("GET", path, headers={"Cookie": self.jar})
        self.keep(answer)
        assert answer.status == 200, answer.text
        return answer.text

    def post(self, path: str, **form: str) -> str:
        self.get("/oversee/sign-in")
        form["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
        answer = self.house.request("POST", path, form, {"Cookie": self.jar, "Origin": self.house.url})
        self.keep(answer)
        assert answer.status == 303, answer.text
        return answer.location

    @property
    def jar(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def keep(self, answer) -> None:
        given = [line.partition(";")[0] for line in answer.headers.get_all("Set-Cookie", [])]
        self.cookies |= dict(pair.split("=", 1) for pair in given)


def test_an_infected_file_is_told_to_its_sender_and_the_administrator_and_a_clean_one_arrives(guarded, post):
    upload = people.apply(guarded, FORM).location
    people.send_tus(guarded, upload, zipped(EICAR, 2), filename="faktura.zip")
    to_sender, to_admin = post.one("file-infected", to=ANNA), post.one("file-infected", to=ADMIN)
    assert "skadlig kod" in to_sender.text
    assert "faktura.zip" in to_sender.text
    assert "Filsluss.Test.EICAR" in to_admin.text
    assert "faktura.zip" not in to_admin.text

    wait_until(lambda: states(guarded, upload) == ["erased"])
    stopped = {
        "sv": "Stoppad: vi hittade skadlig kod i filen. Den har inte skickats. Den är raderad.",
        "en": "Stopped: we found malicious code in the file. It has not been sent. It has been deleted.",
    }
    assert {code: state_words(guarded, upload, code) for code in stopped} == {
        code: [words] for code, words in stopped.items()
    }
    people.send_tus(guarded, upload, b"ren", filename="ren.pdf")
    letter = post.one("file-ready", to=BO)
    assert people.fetch(guarded, letter).body == b"ren"
    page = guarded.get(people.path_of(letter.links("download")[0])).text
    assert "Viruskontroll: Ingen skadlig kod hittades." in page
    assert sorted(letter.kind for letter in post.letters if BO in letter.to) == ["file-ready"]
    blobs = [path for path in (guarded.data_dir / "blobs").glob("*.d/*") if path.is_file()]
    assert [path.read_bytes() for path in blobs] == [b"ren"]


def test_while_clamd_is_away_the_file_waits_and_the_administrator_may_release_it(
    make_house, make_scanner, post
):
    scanner = make_scanner()
    house = make_house(CLAMD=scanner.address, ADMIN_EMAIL=ADMIN).start()
    upload = people.apply(house, FORM).location
    people.send_tus(house, upload, b"ritning", filename="ritning.pdf")
    wait_until(lambda: states(house, upload) == ["unscanned"])
    assert state_words(house, upload, "sv") == [
        "Uppladdad. Viruskontrollen har inte gått att göra än, så inget mejl har skickats. Vi försöker igen."
    ]
    alarm = post.one("alarm", to=ADMIN)
    assert "viruskontrollen fungerar inte" in alarm.subject
    assert post.of("file-ready") == []

    eva = Administrator(house)
    assert "Viruskontrollen fungerar inte" in eva.get("/oversee?lang=sv")
    case = re.findall(r'href="(/oversee/transfers/[0-9A-Z-]+)', eva.get("/oversee"))[0]
    (release,) = re.findall(r'action="(/oversee/files/[0-9A-Z-]+/release)', eva.get(case))
    assert eva.post(release, reason="Avsändaren är känd") == case

    letter = post.one("file-ready", to=BO)
    assert people.fetch(house, letter).body == b"ritning"
    page = house.get(people.path_of(letter.links("download")[0])).text
    assert "Viruskontrollen kunde inte läsa filen. Öppna den bara om du litar på avsändaren." in page
    assert "Avsändaren är känd" in eva.get(case)
    assert "/release" not in eva.get(case)

    # When clamd is back, what waited is looked at, and the alarm is over.
    people.send_tus(house, upload, b"en till", filename="en till.pdf")
    wait_until(lambda: states(house, upload) == ["ready", "unscanned"])
    house.stop()
    scanner.start()
    house.start()
    post.wait_for("file-ready", to=BO, count=2, seconds=100)
    wait_until(lambda: "Viruskontrollen fungerar inte" not in eva.get("/oversee?lang=sv"))


def test_one_round_of_the_worker_scans_a_file_and_sends_the_letter_that_follows(make_house, lasting, post):
    house = make_house(CLAMD=lasting.address)
    house.run("migrate")
    house.start("web")
    people.send_tus(house, people.apply(house, FORM).location, b"ritning", filename="ritning.pdf")
    house.work()
    assert people.fetch(house, post.one("file-ready")).body == b"ritning"


def test_check_looks_into_clamd(make_house, make_scanner):
    """Away, as it should be, silent about its limits, too small, and without a signature."""
    scanner = make_scanner()
    house = make_house(CLAMD=scanner.address)

    def said() -> str:
        lines = house.run("check", check=False).stdout.splitlines()
        return next(line for line in lines if "virus scanner" in line)

    def said_with(**limits: str) -> str:
        scanner.kill()
        scanner.set(**limits)
        scanner.start()
        return said()

    assert said().startswith("WRONG virus scanner: clamd does not answer")
    assert said_with().startswith("OK    virus scanner: ClamAV")
    silent = said_with(AlertExceedsMax="no")
    assert "WRONG virus scanner: calls clean what exceeds its limits: set AlertExceedsMax yes" in silent
    small = said_with(StreamMaxLength="100M")
    assert "WRONG virus scanner: does not take files as large as FILSLUSS_MAX_FILE_SIZE" in small
    (scanner.folder / "db" / "filsluss.ndb").write_text("Other:0:*:" + b"something else".hex() + "\n")
    assert "WRONG virus scanner: does not find the EICAR test virus" in said_with()
