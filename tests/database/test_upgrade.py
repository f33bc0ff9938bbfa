"""After an upgrade from the version before every link, code, upload and letter that was out lives on."""

import csv
import hashlib
import io
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from filsluss.rules.tokens import TOKEN_PATTERN
from tests.parts import administrators, people
from tests.parts.eventually import eventually
from tests.parts.installation_before import all_rows, content, contents
from tests.parts.invariants import check_invariants
from tests.parts.storage import blobs, rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

DAYS = (0.002, 5.5, 6.5, 8, 13.5, 15, 29.5, 31)
"""When a worker runs: reminders go two days before the end, and the last account ends after thirty."""
TOKEN = re.compile(TOKEN_PATTERN)
STAFF_PAGES = ("/oversee/", "/oversee/trail.csv", "/oversee/me/factors", "/oversee/me/prove")
WRITE_AGAIN = """
from datetime import UTC, datetime
from django.conf import settings
from filsluss.letters import compose
from filsluss.models import LetterCase
from filsluss.rules.directions import Role
for kind, found in (
    ("approved", {"transfer__state": "open"}),
    ("approval-requested", {"transfer__state": "pending"}),
    ("file-ready", {"transfer__state": "open", "file__state": "ready"}),
):
    for case in LetterCase.objects.filter(letter__kind=kind, **found).select_related("letter"):
        case.letter.delete()
        compose.write(
            kind, transfer=case.transfer, file=case.file, role=Role(case.letter.role),
            policy=settings.POLICY, now=datetime.now(UTC),
        )
"""
"""Letters that people have had are written once more, as far as they are true."""


@pytest.fixture
def upgrade(copy_upgraded, mail_server):
    """A copy of one's own, upgraded and not started."""
    return lambda: copy_upgraded(SMTP_URL=mail_server.url)


def at(days):
    return datetime.now(UTC) + timedelta(days=days)


def paths(links):
    """Those that hold a token, each once."""
    return sorted({people.path_of(link) for link in links if TOKEN.search(link)})


# Links and codes


def test_every_link_that_somebody_was_given_answers_as_it_did(upgraded):
    assert upgraded.answers() == upgraded.answers_before()


def test_the_links_that_somebody_was_given_are_derived_from_the_old_rows(upgraded):
    """So that a link found to be derived below is the very link that is in a mailbox."""
    derived = {link.path for link in upgraded.derived_links() if link.was_sent}
    given = {link.path for link in upgraded.links() if link.purpose not in ("bytes", "zip")}
    assert given - derived == set()


def test_a_link_that_nobody_can_have_been_given_leads_nowhere(upgraded):
    """Nobody decides outbound, and nobody was told of a file that never became ready."""
    unsent = [link for link in upgraded.derived_links() if not link.was_sent]
    assert Counter(link.purpose.value for link in unsent) == {
        "decide": 9,
        "status-approver": 9,
        "download": 10,
        "pickup": 10,
    }
    assert {upgraded.get(link.path).status for link in unsent} == {404}


def test_every_code_opens_its_file(upgraded):
    opened = {}
    coded = {label: file for _, label, file in upgraded.files() if file["code"]}
    for label, file in coded.items():
        page = upgraded.post("/code", {"code": file["code"]}).location
        opened[label] = upgraded.get(page).status, upgraded.request("HEAD", f"{page}/file").headers["ETag"]
    assert opened == {label: (200, f'"sha256-{file["sha256"]}"') for label, file in coded.items()}
    assert len(opened) == 6


def test_a_code_leads_to_the_link_it_led_to(upgraded):
    known = {
        link.file: link.path
        for link in upgraded.links()
        if (link.purpose, link.seen_in, link.status) == ("pickup", "answer", 200)
    }
    assert known == {
        label: upgraded.post("/code", {"code": upgraded.file(label)["code"]}).location for label in known
    }
    assert sorted(known) == ["fetched-by-code-twice", "ready-with-code"]


def test_the_files_that_can_be_fetched_have_every_byte(upgrade):
    service = upgrade()
    service.start("web")
    ready = {link.file: link for link in service.links() if (link.purpose, link.status) == ("bytes", 200)}
    sums = {label: hashlib.sha256(service.get(link.path).body).hexdigest() for label, link in ready.items()}
    assert sums == {label: service.file(label)["sha256"] for label in ready}


def reached_with_the_session_from_before(service):
    """The pages that the session of the administrator opens; two of those tried are for second factors."""
    (session,) = service.before["django_session"]
    cookie = f"__Host-sessionid={session['session_key']}"
    answers = {path: service.get(path, Cookie=cookie) for path in STAFF_PAGES}
    return [path for path, answer in answers.items() if answer.status != 303 or not to_sign_in(answer)]


def to_sign_in(answer):
    return answer.headers["Location"].partition("?")[0] == "/oversee/sign-in"


@pytest.fixture(scope="module")
def administrator(upgraded):
    """Their cookies: password and session opened nothing before a link of an operator gave them a factor."""
    assert reached_with_the_session_from_before(upgraded) == []
    browser, before = administrators.Browser(upgraded), contents()["administrator"]
    browser.get("/oversee/sign-in")
    assert browser.post("/oversee/sign-in", **before).status == 403
    return administrators.enrol(upgraded, before["username"], command="unlock").jar


def test_an_administrator_signs_in_and_reads_in_the_trail_who_it_said_had_acted(upgraded, administrator):
    answer = upgraded.get("/oversee/trail.csv", Cookie=administrator)
    read = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))
    trail = sorted(upgraded.before["filsluss_auditentry"], key=lambda row: (row["at"], row["id"]))
    columns = ("transfer", "file", "step", "role", "about", "sha256")
    kept = ("transfer_id_public", "file_id_public", "step", "role", "about", "sha256")
    since, read = read[len(trail) :], read[: len(trail)]
    assert {row["transfer"] for row in since} == {""}  # about the account of who reads it
    assert [[row[name] for name in columns] for row in read] == [
        [row[name] for name in kept] for row in trail
    ]
    named = [(row["actor"], old["actor"]) for row, old in zip(read, trail, strict=True) if old["actor"]]
    assert [now for now, _ in named] == [before for _, before in named]
    assert {"eva", "drift", "karin.lund@ltdalarna.se"} <= {before for _, before in named}


def test_a_session_from_before_opens_nothing_since_it_had_no_second_factor(upgraded, administrator):
    """Nor does it once the account has a factor."""
    assert upgraded.get("/oversee/", Cookie=administrator).status == 200
    assert reached_with_the_session_from_before(upgraded) == []


# Uploads


def test_every_unfinished_upload_is_resumed_where_it_stopped_and_its_letter_leads_to_the_file(
    upgrade, mail_server
):
    service = upgrade()
    service.start("web")
    unfinished = {label: file for _, label, file in service.files() if "upload_path" in file}
    offsets = {label: people.offset_of(service, file["upload_path"]) for label, file in unfinished.items()}
    assert offsets == {label: file["offset"] for label, file in unfinished.items()}
    assert offsets == {"half": 4000, "deferred": 2500, "cut-off": 5000}
    for label, file in unfinished.items():
        whole = content(label, file["size"] or file["offset"])
        # The length of one was never told; all of its bytes had come.
        length = {} if file["size"] else {"Upload-Length": str(len(whole))}
        rest = whole[file["offset"] :]
        assert people.append(service, file["upload_path"], file["offset"], rest, **length).status == 204
    service.run_worker()
    states = rows(service, "SELECT public_id, state, sha256 FROM filsluss_transferfile")
    now = {public_id: (state, sha256) for public_id, state, sha256 in states}
    assert {label: now[file["public_id"]] for label, file in unfinished.items()} == {
        label: ("ready", file["sha256"]) for label, file in unfinished.items()
    }
    letters = mail_server.of("file-ready", to="bo@rontgen.example")
    fetched = [hashlib.sha256(people.fetch(service, letter).body).hexdigest() for letter in letters]
    waiting = [*unfinished.values(), service.file("received")]  # it had come whole, and was not ready yet
    assert sorted(fetched) == sorted(file["sha256"] for file in waiting)


# Letters that were written before


def test_every_letter_that_was_queued_leaves_once_with_the_links_it_was_written_with(upgrade, mail_server):
    service = upgrade()
    names = {row["key"]: row["message_id"] for row in service.before["filsluss_letter"]}
    queued = {
        names[letter["key"]]: (letter["kind"], [letter["to"]], sorted(set(letter.get("paths", []))))
        for letter in service.letters
        if letter["delivery"] == "queued"
    }
    service.run_worker(at=at(0.002))
    came = [letter for letter in mail_server.letters if str(letter.message["Message-ID"]) in queued]
    assert {
        str(letter.message["Message-ID"]): (letter.kind, letter.to, paths(letter.links())) for letter in came
    } == queued
    assert len(came) == len(queued) == 18
    in_html = {
        letter.message["Message-ID"]: re.findall(r'href="(https:[^"]+)"', letter.html) for letter in came
    }
    assert {name: paths(links) for name, links in in_html.items()} == {
        name: links for name, (_, _, links) in queued.items()
    }


def test_a_letter_given_up_before_stays_so_and_has_no_text(upgrade):
    service = upgrade()
    service.run_worker(at=at(0.002))
    given_up = rows(
        service, "SELECT key, subject, text, html FROM filsluss_letter WHERE delivery = 'given_up' ORDER BY 1"
    )
    told = sorted(letter["key"] for letter in service.letters if letter["delivery"] == "given_up")
    assert given_up == [(key, "", "", "") for key in told]
    assert len(told) == 3


# Letters that are written after


def purposes(service, letter):
    """What the links in the letter are for, as the version before would have derived them.

    A page beneath one that it knew (`/status/<token>/again`) is told with it: `status-sender/again`.
    """
    known = {
        (link.transfer["public_id"], link.path): link.purpose.value
        for link in service.derived_links()
        if link.was_sent
    }

    def purpose(path):
        page, beneath = re.fullmatch(r"(/\w+/[^/]+)(.*)", path).groups()
        old = known.get((letter.transfer, page))
        return f"{old}{beneath}" if old else "a new link"

    return tuple(sorted({purpose(path) for path in paths(letter.links())}))


def test_whoever_approves_by_the_old_link_has_the_old_upload_link_sent(upgrade, mail_server):
    service = upgrade()
    service.start("web")
    (decide,) = [link.path for link in service.links() if (link.case, link.purpose) == ("pending", "decide")]
    assert service.post(decide, {"decision": "approve", "days": "7"}).status == 303
    service.run_worker()
    mine = service.cases["pending"]["public_id"]
    (letter,) = [letter for letter in mail_server.of("approved") if letter.transfer == mine]
    assert purposes(service, letter) == ("upload",)
    (upload,) = letter.links("upload")
    assert people.send_tus(service, people.path_of(upload), b"ritning").status == 204
    service.run_worker()
    (ready,) = [letter for letter in mail_server.of("file-ready") if letter.transfer == mine]
    assert people.fetch(service, ready).body == b"ritning"


def test_a_letter_that_is_written_once_more_carries_the_links_of_the_first(upgrade, mail_server):
    service = upgrade()
    service.run("shell", "--no-imports", "-c", WRITE_AGAIN)
    service.run_worker()
    again = Counter(
        (letter.kind, purposes(service, letter))
        for kind in ("approved", "approval-requested", "file-ready")
        for letter in mail_server.of(kind)
    )
    states = Counter(case["state"] for case in service.cases.values())
    ready = [label for case, label, file in service.files() if is_open(service, case, file)]
    assert again == {
        ("approved", ("upload",)): states["open"],
        ("approval-requested", ("decide",)): states["pending"],
        ("file-ready", ("download",)): len(ready),
        # One file had come whole and became ready only now.
        ("file-ready", ("a new link",)): 1,
    }
    assert (states["open"], states["pending"], len(ready)) == (11, 5, 17)


def is_open(service, case, file):
    return (service.cases[case]["state"], file["state"]) == ("open", "ready")


def test_the_sender_hears_of_fetches_by_the_old_link_once_for_each_case(upgrade, mail_server):
    service = upgrade()
    service.start("web")
    unfetched = {
        link.file: link
        for link in service.links()
        if (link.purpose, link.seen_in, link.status) == ("bytes", "letter", 200)
        and not service.file(link.file)["fetches"]
    }
    for link in unfetched.values():
        assert service.get(link.path).status == 200
    wanted = {(service.file(label)["public_id"], 1) for label in unfetched}
    pickups = "filsluss_pickup p JOIN filsluss_transferfile f ON f.id = p.file_id"
    # What a fetch leaves is written when its last byte has gone.
    asked = f"SELECT f.public_id, p.fetches FROM {pickups}"
    eventually(lambda: set(rows(service, asked)), lambda found: wanted <= found)
    service.run_worker(at=at(11 / 1440))
    told = mail_server.of("files-downloaded")
    assert sorted((service.label_of(letter.transfer), *letter.to) for letter in told) == sorted(
        {(link.case, service.cases[link.case]["sender_email"]) for link in unfetched.values()}
    )
    assert {purposes(service, letter) for letter in told} == {("status-sender",)}
    assert len(told) == 6


def test_life_goes_on_and_every_letter_of_it_carries_the_old_links(upgrade, mail_server):
    service = upgrade()
    for days in DAYS:
        service.run_worker(at=at(days))
    check_invariants(service)
    told = {
        kind: {(service.label_of(letter.transfer), to) for letter in mail_server.of(kind) for to in letter.to}
        for kind in ("erased", "lapsed")
    }
    everybody, asked = ("sender", "recipient", "approver"), ("sender", "approver")
    ended = addresses(service, everybody, "open", "closing")
    assert told == {
        "erased": ended | addresses(service, everybody, label="to-be-closed"),
        "lapsed": addresses(service, asked, "pending"),
    }
    assert sorted({(letter.kind, purposes(service, letter)) for letter in mail_server.letters}) == [
        ("abuse-reported", ()),
        ("alarm", ()),
        ("approval-reminder", ("decide",)),
        # What waited to be sent had been written with the status link of before.
        ("approval-reminder", ("decide", "status-approver")),
        ("approval-requested", ("decide", "status-approver")),
        ("approved", ("status-sender", "upload")),
        ("erased", ("status-approver",)),
        ("erased", ("status-recipient",)),
        ("erased", ("status-sender",)),
        ("erased", ("status-sender/again",)),
        ("expiry-reminder", ("download",)),
        ("expiry-reminder", ("download", "status-recipient")),
        ("expiry-reminder", ("status-sender",)),
        ("file-downloaded", ("status-sender",)),
        # One file had come whole and became ready only now.
        ("file-ready", ("a new link",)),
        ("file-ready", ("download", "status-recipient")),
        ("file-removed", ("status-recipient",)),
        ("file-removed", ("status-sender",)),
        ("lapsed", ("status-approver",)),
        ("lapsed", ("status-sender/again",)),
        ("no-files-reminder", ("upload",)),
        ("received", ("status-sender",)),
        ("rejected", ("status-sender",)),
    ]
    assert set(rows(service, "SELECT state FROM filsluss_transfer")) == {("closed",), ("lapsed",)}
    assert blobs(service) == {}


def test_what_is_over_is_forgotten_at_its_time_with_every_name_in_it(upgrade):
    service = upgrade()
    service.run_worker(at=at(31))
    service.run_worker(at=at(62))
    left = all_rows(service)
    gone = ("transfer", "party", "link", "transferfile", "pickup", "letter", "lettercase")
    assert {table: left[f"filsluss_{table}"] for table in gone} == {table: [] for table in gone}
    trail = left["filsluss_auditentry"]
    assert {(row["person"], row["reason"], row["about"]) for row in trail} == {("", "", "")}
    assert {row["id"] for row in service.before["filsluss_auditentry"]} - {
        row["id"] for row in trail
    } == set()
    assert blobs(service) == {}


def addresses(service, roles, *states, label=""):
    """The addresses in those roles of the cases that were in such a state, or of the one named."""
    return {
        (name, case[f"{role}_email"])
        for name, case in service.cases.items()
        for role in roles
        if (case["state"] in states or name == label) and case[f"{role}_email"]
    }
