"""What is done to a service that crashes: each act, and what must be so when it runs again."""

import hashlib
import shutil
from datetime import timedelta

from filsluss.scanners.clamd import EICAR
from tests.faults.crashing_service import SOON, Case, Scenario, path_of
from tests.parts import people
from tests.parts.eventually import eventually
from tests.parts.storage import blobs, rows

BODY = bytes(range(256)) * 12
"""3 072 bytes, of which a file is made that shows where it was cut."""
HALF = len(BODY) // 2
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


# Apply and decide: asked once, answered once, whoever has to ask again.


def nothing(case: Case) -> None:
    """No preparation."""


def apply(case: Case) -> None:
    case.apply_inbound()


def applied(case: Case) -> None:
    """Applying again where no answer came makes a second application, and never half of one."""
    answered = case.answer is not None
    count = len(case_rows(case, "state"))
    assert count == 1 if answered else count <= 1
    if not answered:
        case.apply_inbound()
    assert case.answer is not None
    assert case.answer.status == 303
    states = [state for (state,) in case_rows(case, "state")]
    assert states == ["pending"] * (count + (not answered))
    case.installation.run_worker(SOON)
    assert len(case.arrived("approval-requested", case.anna)) == len(states)
    assert len(case.arrived("received", case.bo)) == len(states)


def ask(case: Case) -> None:
    case.apply_inbound()
    case.installation.run_worker()
    (letter,) = case.arrived("approval-requested", case.anna)
    case.known["decide"] = path_of(letter.links("decide")[0])


def approve(case: Case) -> None:
    case.answer = None
    case.request("POST", case.known["decide"], {"decision": "approve", "days": "7"})


def decided(case: Case) -> None:
    """Whoever was not answered may think again: it is one decision all the same, and one letter."""
    answered = case.answer is not None
    case.request(
        "POST", case.known["decide"], {"decision": "reject", "rejection_reason": "Vi väntar ingenting."}
    )
    assert case.answer is not None
    ((state,),) = case_rows(case, "state")
    assert case.answer.status == (410 if state == "open" else 303)
    assert not answered or state == "open"
    case.installation.run_worker(SOON)
    letters = len(case.arrived("approved", case.bo)), len(case.arrived("rejected", case.bo))
    assert letters == {"open": (1, 0), "rejected": (0, 1)}[state]


def wait(case: Case) -> None:
    case.apply_inbound()
    case.installation.run_worker()


def lapse(case: Case) -> None:
    case.installation.run_worker(timedelta(days=8))


def lapsed(case: Case) -> None:
    case.installation.run_worker(timedelta(days=8) + SOON)
    ((state,),) = case_rows(case, "state")
    assert state == "lapsed"
    for address in (case.anna, case.bo):
        come_once_or_twice(case, "lapsed", address)


# Upload: what was acknowledged is there, what was not may be.


def account(case: Case) -> None:
    case.known["upload"] = case.open_account()


def create(case: Case) -> None:
    about = people.metadata(filename="fil.bin")
    case.request(
        "POST",
        f"{case.known['upload']}/files",
        b"",
        {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(BODY)), "Upload-Metadata": about},
    )


def create_at_once(case: Case) -> None:
    case.request(
        "POST",
        f"{case.known['upload']}/files",
        BODY,
        {**TUS, "Upload-Length": str(len(BODY)), "Upload-Metadata": people.metadata(filename="fil.bin")},
    )


def created_at_once(case: Case) -> None:
    """The file is there whole or not at all: a client that had no answer sends it again."""
    answered = case.answer is not None
    if not answered:
        create_at_once(case)
    assert case.answer is not None
    assert (case.answer.status, case.answer.headers["Upload-Offset"]) == (201, str(len(BODY)))
    case.installation.run_worker(timedelta(minutes=1))
    case.installation.run_worker(SOON)
    letters = case.arrived("file-ready", case.bo)
    assert len(letters) == 1 if answered else len(letters) in (1, 2)
    for letter in letters:
        assert people.fetch(case.service, letter).body == BODY


def account_in_a_new_service(case: Case) -> None:
    """Its first blobs need their folders, too."""
    account(case)
    shutil.rmtree(case.service.data_dir / "blobs")


def created_and_removed(case: Case) -> None:
    """Nothing is left, so that the next case begins with an empty store again."""
    created(case)
    live = "SELECT upload_id FROM filsluss_transferfile WHERE state IN ('uploading', 'ready')"
    for (name,) in rows(case.service, live):
        address = f"{case.known['upload']}/files/{name}"
        assert case.service.request("DELETE", address, headers={"Tus-Resumable": "1.0.0"}).status == 204
    case.installation.run_worker(SOON)


def created(case: Case) -> None:
    if case.answer is None:
        create(case)
    assert case.answer is not None
    assert case.answer.status == 201
    case.known["file"] = case.answer.location
    case.answer = None
    finish_all(case)


def announced(case: Case) -> None:
    account(case)
    create(case)
    created = case.answer
    assert created is not None
    case.known["file"], case.answer = created.location, None


def append(case: Case) -> None:
    case.patch_after_continue(case.known["file"], BODY[:HALF], **TUS, **{"Upload-Offset": "0"})


def append_checked(case: Case) -> None:
    case.patch_after_continue(
        case.known["file"], BODY[:HALF], **TUS, **checked(BODY[:HALF]), **{"Upload-Offset": "0"}
    )


def append_wrong(case: Case) -> None:
    """Bytes that are not what their sender says they are."""
    case.patch_after_continue(
        case.known["file"], b"x" * HALF, **TUS, **checked(BODY[:HALF]), **{"Upload-Offset": "0"}
    )


def checked(data: bytes) -> dict[str, str]:
    import base64

    return {"Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(data).digest()).decode()}"}


def appended(case: Case) -> None:
    """P1: the offset is never less than what was acknowledged, and the file becomes whole from there."""
    offset = people.offset_of(case.service, case.known["file"])
    assert offset in ((HALF,) if case.answer else (0, HALF))
    finish_all(case)


def not_appended(case: Case) -> None:
    assert people.offset_of(case.service, case.known["file"]) == 0
    finish_all(case)


def half_there(case: Case) -> None:
    announced(case)
    assert people.append(case.service, case.known["file"], 0, BODY[:HALF]).status == 204


def append_last(case: Case) -> None:
    case.patch_after_continue(case.known["file"], BODY[HALF:], **TUS, **{"Upload-Offset": str(HALF)})


def finished(case: Case) -> None:
    """P2: a client that finds every byte there stops, and the service finishes the file."""
    offset = people.offset_of(case.service, case.known["file"])
    assert offset in ((len(BODY),) if case.answer else (HALF, len(BODY)))
    finish_all(case)


def finish_all(case: Case) -> None:
    """Goes on as tus clients do; then one letter comes, and its link gives every byte back."""
    offset = people.offset_of(case.service, case.known["file"])
    if offset < len(BODY):
        assert people.append(case.service, case.known["file"], offset, BODY[offset:]).status == 204
    case.installation.run_worker(timedelta(minutes=1))
    case.installation.run_worker(SOON)
    (letter,) = case.arrived("file-ready", case.bo)
    assert people.fetch(case.service, letter).body == BODY


def send_form(case: Case) -> None:
    body = people.multipart({"fil.bin": BODY})
    kind = f"multipart/form-data; boundary={people.BOUNDARY}"
    case.request("POST", case.known["upload"], body, {"Content-Type": kind})


def form_sent(case: Case) -> None:
    """A file by form is there whole or not at all."""
    answered = case.answer is not None
    if not answered:
        send_form(case)
    assert case.answer is not None
    assert case.answer.status == 303
    case.installation.run_worker(timedelta(minutes=1))
    case.installation.run_worker(SOON)
    letters = case.arrived("file-ready", case.bo)
    assert len(letters) == 1 if answered else len(letters) in (1, 2)
    for letter in letters:
        assert people.fetch(case.service, letter).body == BODY


# Make ready, send, fetch: a letter for each file, and two only where the worker crashed after a 250.


def received(case: Case) -> None:
    announced(case)
    assert people.append(case.service, case.known["file"], 0, BODY).status == 204


def received_alone(case: Case) -> None:
    """Every other letter has been sent."""
    case.known["upload"] = case.open_account()
    case.installation.run_worker(SOON)
    create(case)
    assert case.answer is not None
    case.known["file"] = case.answer.location
    assert people.append(case.service, case.known["file"], 0, BODY).status == 204


def make_ready(case: Case) -> None:
    """With the mail server stopped, so that letters stay queued."""
    case.installation.mail_server.stop()
    case.installation.run_worker()


def made_ready(case: Case) -> None:
    case.installation.run_worker(SOON)
    come_once_or_twice(case, "file-ready", case.bo)
    assert people.fetch(case.service, case.arrived("file-ready", case.bo)[0]).body == BODY


def scan(case: Case) -> None:
    """The worker scans it, makes it ready and sends its letter, or erases it and tells the sender."""
    case.installation.run_worker()


def infected(case: Case) -> None:
    announced(case)
    sick = EICAR.ljust(len(BODY))
    assert people.append(case.service, case.known["file"], 0, sick).status == 204


def found_infected(case: Case) -> None:
    """The recipient is never told of it, and its bytes are gone wherever the worker crashed."""
    case.installation.run_worker(SOON)
    name = upload_id(case)
    assert name not in blobs(case.service)
    assert rows(
        case.service, f"SELECT state, erased_because FROM filsluss_transferfile WHERE upload_id = '{name}'"
    ) == [("erased", "infected")]
    assert case.arrived("file-ready", case.bo) == []
    assert rows(
        case.service,
        "SELECT COUNT(*) FROM filsluss_letter l JOIN filsluss_lettercase c ON c.letter_id = l.id"
        " JOIN filsluss_transferfile f ON f.id = c.file_id"
        f" WHERE l.kind = 'file-infected' AND l.role = 'sender' AND f.upload_id = '{name}'",
    ) == [(1,)]


def waiting_to_be_sent(case: Case) -> None:
    """Everything before it has been sent; this file's letter is written and has not."""
    received(case)
    case.installation.mail_server.stop()
    case.installation.run_worker()
    case.installation.mail_server.start()


def send(case: Case) -> None:
    case.installation.run_worker(SOON)


def sent(case: Case) -> None:
    case.installation.run_worker(SOON + SOON)
    come_once_or_twice(case, "file-ready", case.bo)


def come_once_or_twice(case: Case, kind: str, to: str) -> None:
    """P3: at least once; twice only after a crash between a 250 and its record; then the same letter."""
    letters = [letter for letter in case.arrived(kind, to) if letter.kind == kind]
    assert 1 <= len(letters) <= 1 + crashed_after_250(case), f"{len(letters)} of {kind} to {to}"
    assert len({letter.message["Message-ID"] for letter in letters}) == 1


def crashed_after_250(case: Case) -> bool:
    """Whether the last point but for the record of it was a mail server's answer."""
    *_, before, last = ("", "", *case.installation.passed)
    if before.startswith("after-mail-data") and last.startswith("before-"):
        return True
    return last.startswith("after-mail-data")


def ready(case: Case) -> None:
    received(case)
    case.installation.run_worker()
    (letter,) = case.arrived("file-ready", case.bo)
    case.known["bytes"] = people.download_links(case.service, letter)[0]


def fetch(case: Case) -> None:
    """The download is recorded after the last byte, when the client has long had all of it."""
    case.answer = None
    case.request("GET", case.known["bytes"])
    eventually(lambda: not case.service.is_running or fetches_of(case))


def fetches_of(case: Case) -> int:
    ((fetches,),) = rows(
        case.service,
        "SELECT p.fetches FROM filsluss_pickup p JOIN filsluss_transferfile f ON f.id = p.file_id"
        f" WHERE f.upload_id = '{upload_id(case)}'",
    )
    return int(fetches)


def fetched(case: Case) -> None:
    again = case.service.get(case.known["bytes"])
    assert (again.status, again.body) == (200, BODY)
    assert eventually(lambda: fetches_of(case)) in (1, 2)
    case.installation.run_worker(SOON)
    assert rows(
        case.service,
        "SELECT COUNT(*) FROM filsluss_letter l JOIN filsluss_lettercase c ON c.letter_id = l.id"
        " JOIN filsluss_transferfile f ON f.id = c.file_id"
        f" WHERE l.kind = 'files-downloaded' AND f.upload_id = '{upload_id(case)}'",
    ) == [(1,)]


# Remove, erase, end, forget: what is said to be gone is gone, and nothing is said before it is.


def remove(case: Case) -> None:
    case.answer = None
    ((file,),) = rows(
        case.service, f"SELECT public_id FROM filsluss_transferfile WHERE upload_id = '{upload_id(case)}'"
    )
    case.known["public"] = file
    case.request("POST", f"{case.known['upload']}/remove", {"file": file})


def removed(case: Case) -> None:
    if case.answer is None:
        case.request("POST", f"{case.known['upload']}/remove", {"file": case.known["public"]})
    assert case.answer is not None
    assert case.answer.status in (303, 404, 410)
    assert case.service.get(case.known["bytes"]).status == 410
    gone_and_told(case, SOON, "file-removed")


def marked(case: Case) -> None:
    ready(case)
    remove(case)


def erase(case: Case) -> None:
    case.installation.run_worker()


def erased(case: Case) -> None:
    assert case.service.get(case.known["bytes"]).status == 410
    gone_and_told(case, SOON, "file-removed")


def end(case: Case) -> None:
    case.installation.run_worker(timedelta(days=9))


def ended(case: Case) -> None:
    gone_and_told(case, timedelta(days=9) + SOON, "erased")
    assert case.service.get(case.known["bytes"]).status == 410
    ((state,),) = case_rows(case, "state")
    assert state == "closed"


def gone_and_told(case: Case, ahead: timedelta, kind: str) -> None:
    """P5 and P6: no byte, no code, and only then the letter."""
    case.installation.run_worker(ahead)
    name = upload_id(case)
    assert name not in blobs(case.service)
    assert rows(
        case.service,
        "SELECT f.state, p.code_digest, p.code_sealed FROM filsluss_transferfile f"
        f" JOIN filsluss_pickup p ON p.file_id = f.id WHERE f.upload_id = '{name}'",
    ) == [("erased", None, "")]
    come_once_or_twice(case, kind, case.bo)


def over(case: Case) -> None:
    ready(case)
    case.installation.run_worker(timedelta(days=9))


def forget(case: Case) -> None:
    case.installation.run_worker(timedelta(days=60))


def forgotten(case: Case) -> None:
    """What is left is the audit trail, with no name in it."""
    case.installation.run_worker(timedelta(days=60) + SOON)
    assert case_rows(case, "state") == []
    assert rows(case.service, f"SELECT id FROM filsluss_letter WHERE {quoted('to')} = '{case.bo}'") == []
    named = "SELECT COUNT(*) FROM filsluss_auditentry WHERE person <> '' OR about <> '' OR reason <> ''"
    assert rows(case.service, named) == [(0,)]
    assert case.service.get(case.known["bytes"]).status == 404


def quoted(name: str) -> str:
    return f'"{name}"'


def upload_id(case: Case) -> str:
    return str(case.known["file"]).rpartition("/")[2]


def case_rows(case: Case, columns: str) -> list[tuple[object, ...]]:
    """The transfers of this case's two people."""
    mine = f"id IN (SELECT transfer_id FROM filsluss_party WHERE address = '{case.bo}')"
    return rows(case.service, f"SELECT {columns} FROM filsluss_transfer WHERE {mine} ORDER BY id")


SCENARIOS = {
    "apply": Scenario(nothing, apply, applied),
    "decide": Scenario(ask, approve, decided),
    "lapse": Scenario(wait, lapse, lapsed),
    "create": Scenario(account, create, created),
    "create, at once": Scenario(account, create_at_once, created_at_once),
    "create, the first": Scenario(account_in_a_new_service, create, created_and_removed),
    "append": Scenario(announced, append, appended),
    "append, checked": Scenario(announced, append_checked, appended),
    "append, not what it says": Scenario(announced, append_wrong, not_appended),
    "finish": Scenario(half_there, append_last, finished),
    "form": Scenario(account, send_form, form_sent),
    "make ready": Scenario(received_alone, make_ready, made_ready),
    "scan": Scenario(received_alone, scan, made_ready, with_scanner=True),
    "scan, infected": Scenario(infected, scan, found_infected, with_scanner=True),
    "send": Scenario(waiting_to_be_sent, send, sent),
    "fetch": Scenario(ready, fetch, fetched),
    "remove": Scenario(ready, remove, removed),
    "erase": Scenario(marked, erase, erased),
    "end": Scenario(ready, end, ended),
    "forget": Scenario(over, forget, forgotten),
}
