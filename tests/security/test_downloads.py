"""A download is saved as a file and never rendered, and what is gone cannot be fetched at any address."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.parts import people
from tests.parts.invariants import Acknowledged, check_invariants
from tests.parts.people import path_of
from tests.parts.storage import rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

SCRIPT = b"<script>document.title='owned'; alert(1)</script>"
POLYGLOTS = {
    "a.html": b"<!doctype html><title>x</title>" + SCRIPT,
    "b.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><text>x</text></svg>',
    "c.xml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "d.xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "e.pdf": b"%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n" + SCRIPT,
    "f.txt": SCRIPT,
    "g.gif": b"GIF89a/*" + SCRIPT + b"*/=1;",
    "h.js": b"alert(1)",
    "i.mht": b"MIME-Version: 1.0\nContent-Type: text/html\n\n" + SCRIPT,
    "j.json": b'{"a":"' + SCRIPT + b'"}',
    "k": SCRIPT,
    "l.htm.": SCRIPT,
}


@pytest.fixture(scope="module")
def polyglots(target):
    """An account with every polyglot, and the addresses of the bytes."""
    upload = people.apply(target.service, people.FORM, recipient_email="bo.e1@rontgen.example").location
    for name, content in POLYGLOTS.items():
        assert people.send_tus(target.service, upload, content, filename=name).status == 204
    letters = target.mail_server.wait_for(
        "file-ready", to="bo.e1@rontgen.example", count=len(POLYGLOTS), seconds=60
    )
    return people.download_links(target.service, letters[0])


def test_e1_no_file_is_shown_by_a_browser_whatever_it_pretends_to_be(target, polyglots, page):
    assert len(polyglots) == len(POLYGLOTS)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{target.service.url}/help")
    for address in polyglots:
        with page.expect_download() as fetched:
            page.evaluate("address => { location.href = address }", address)
        assert fetched.value.failure() is None
        assert page.url == f"{target.service.url}/help"
        assert page.title() != "owned"
    assert dialogs == []


def test_e9_a_program_that_opens_the_letters_links_and_probes_the_file_is_not_counted(target):
    upload = people.apply(target.service, people.FORM, recipient_email="bo.e9@rontgen.example").location
    people.send_tus(target.service, upload, b"x" * 5000, filename="Ritning.pdf")
    letter = target.mail_server.one("file-ready", to="bo.e9@rontgen.example")
    (address,) = people.download_links(target.service, letter)
    for link in letter.links():
        for method in ("GET", "HEAD", "OPTIONS"):
            target.service.request(method, link)
    probed = [
        target.service.get(address, Range=part).status for part in ("bytes=-1", "bytes=0-0", "bytes=0-4997")
    ]
    assert (probed, target.service.request("HEAD", address).status) == ([206] * 3, 200)
    time.sleep(0.5)  # longer than it takes to record a response that is over
    assert fetches(target, letter) == 0
    assert target.service.get(address).status == 200  # or the above would prove nothing
    told = [
        each
        for each in people.receipts(target.service, target.mail_server)
        if each.transfer == letter.transfer
    ]
    assert fetches(target, letter) == 1
    # It is said that it was, not by whom.
    assert [each for each in (*told[0].to, told[0].text) if "bo.e9" in each] == []


def fetches(target, letter):
    counted = (
        "SELECT SUM(p.fetches) FROM filsluss_pickup p JOIN filsluss_transferfile f ON f.id = p.file_id"
        f" JOIN filsluss_transfer t ON t.id = f.transfer_id WHERE t.public_id = '{letter.transfer}'"
    )
    return rows(target.service, counted)[0][0]


def test_e1_every_file_leaves_as_bytes_and_nothing_else(target, polyglots):
    for address in polyglots:
        headers = target.service.get(address).headers
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment; filename=")


def test_e7_f11_what_is_over_is_gone_at_every_address_and_from_every_file_on_the_disk(
    make_service, mail_server
):
    service = make_service().start()
    canary = b"kanariefagel-%d" % id(service) * 400
    acknowledged = Acknowledged(mail_server=mail_server)
    upload = people.apply(service, people.FORM).location
    answer = people.send_tus(service, upload, canary, filename="hemligt-filnamn.txt", with_code="1")
    assert answer.status == 204
    letter = mail_server.one("file-ready")
    address = people.download_links(service, letter)[0]
    assert people.fetch(service, letter).body == canary
    people.receipt(service, mail_server)
    service.run_worker(at=datetime.now(UTC) + timedelta(days=9))
    mail_server.one("erased", to=people.BO)
    addresses = (address, path_of(letter.links("download")[0]), upload, f"{upload}/files")
    assert [service.get(path).status for path in addresses] == [410] * 4
    assert service.request("HEAD", address).status == 410
    assert service.get(address, Range="bytes=0-9").status == 410
    acknowledged.secrets = [canary[:40].decode()]
    check_invariants(service, acknowledged)


def test_e10_at_the_end_links_are_refused_though_no_worker_runs(make_service, mail_server):
    """Enforced by the endpoints, not by the worker."""
    service = make_service().start()
    upload = people.apply(service, people.FORM).location
    people.send_tus(service, upload, b"x" * 100)
    address = people.download_links(service, mail_server.one("file-ready"))[0]
    service.stop()
    service.start("web", at=datetime.now(UTC) + timedelta(days=9))
    assert service.get(address).status == 410
    assert people.announce(service, upload, 5).status == 410
