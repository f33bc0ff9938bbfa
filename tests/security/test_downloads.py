"""What is fetched is kept as a file and never shown, and what is gone cannot be fetched by any road."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.parts import people
from tests.parts.people import path_of
from tests.parts.rows import rows
from tests.parts.world import Told, verify_world

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
def bait(target):
    """An account with every polyglot, and the addresses of the bytes."""
    upload = people.apply(target.house, people.FORM, recipient_email="bo.e1@rontgen.example").location
    for name, content in POLYGLOTS.items():
        assert people.send_tus(target.house, upload, content, filename=name).status == 204
    letters = target.post.wait_for("file-ready", to="bo.e1@rontgen.example", count=len(POLYGLOTS), seconds=60)
    return people.download_links(target.house, letters[0])


def test_e1_no_file_is_shown_by_a_browser_whatever_it_pretends_to_be(target, bait, page):
    assert len(bait) == len(POLYGLOTS)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{target.house.url}/help")
    for address in bait:
        with page.expect_download() as fetched:
            page.evaluate("address => { location.href = address }", address)
        assert fetched.value.failure() is None
        assert page.url == f"{target.house.url}/help"
        assert page.title() != "owned"
    assert dialogs == []


def test_e9_a_machine_that_opens_the_letters_links_and_tastes_the_file_is_no_reader(target):
    upload = people.apply(target.house, people.FORM, recipient_email="bo.e9@rontgen.example").location
    people.send_tus(target.house, upload, b"x" * 5000, filename="Ritning.pdf")
    letter = target.post.one("file-ready", to="bo.e9@rontgen.example")
    (address,) = people.download_links(target.house, letter)
    for link in letter.links():
        for method in ("GET", "HEAD", "OPTIONS"):
            target.house.request(method, link)
    tasted = [
        target.house.get(address, Range=part).status for part in ("bytes=-1", "bytes=0-0", "bytes=0-4998")
    ]
    assert (tasted, target.house.request("HEAD", address).status) == ([206] * 3, 200)
    assert fetches(target, letter) == 0
    assert target.house.get(address).status == 200  # or the above would prove nothing
    end = time.monotonic() + 20
    while not (
        told := [each for each in target.post.of("file-downloaded") if each.transfer == letter.transfer]
    ):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert fetches(target, letter) == 1
    # It is said that it was, not by whom.
    assert [each for each in (*told[0].to, told[0].text) if "bo.e9" in each] == []


def fetches(target, letter):
    counted = (
        "SELECT SUM(fetches) FROM filsluss_transferfile f JOIN filsluss_transfer t ON t.id = f.transfer_id"
        f" WHERE t.public_id = '{letter.transfer}'"
    )
    return rows(target.house, counted)[0][0]


def test_e1_every_file_leaves_as_bytes_and_nothing_else(target, bait):
    for address in bait:
        headers = target.house.get(address).headers
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment; filename=")


def test_e7_f11_what_is_over_is_gone_by_every_road_and_from_every_file_on_the_disk(make_house, post):
    house = make_house().start()
    canary = b"kanariefagel-%d" % id(house) * 400
    told = Told(post=post)
    upload = people.apply(house, people.FORM).location
    answer = people.send_tus(house, upload, canary, filename="hemligt-filnamn.txt", with_code="1")
    assert answer.status == 204
    letter = post.one("file-ready")
    address = people.download_links(house, letter)[0]
    assert people.fetch(house, letter).body == canary
    post.one("file-downloaded")
    house.work(at=datetime.now(UTC) + timedelta(days=9))
    post.one("erased", to=people.BO)
    roads = (address, path_of(letter.links("download")[0]), upload, f"{upload}/files")
    assert [house.get(road).status for road in roads] == [410] * 4
    assert house.request("HEAD", address).status == 410
    assert house.get(address, Range="bytes=0-9").status == 410
    told.secrets = [canary[:40].decode()]
    verify_world(house, told)


def test_e10_at_the_last_moment_the_door_is_shut_though_no_worker_runs(make_house, post):
    """Held by the doors, not by the sweep."""
    house = make_house().start()
    upload = people.apply(house, people.FORM).location
    people.send_tus(house, upload, b"x" * 100)
    address = people.download_links(house, post.one("file-ready"))[0]
    house.stop()
    house.start("web", at=datetime.now(UTC) + timedelta(days=9))
    assert house.get(address).status == 410
    assert people.announce(house, upload, 5).status == 410
