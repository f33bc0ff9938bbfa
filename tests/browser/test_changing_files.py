"""A file that changes, vanishes or comes back while it is uploaded: a half of it is never called done."""

import os
import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    await_stored,
    button,
    choose,
    done,
    entries,
    entry,
    is_sent,
    offsets_sent,
    open_account,
    row,
    sha256,
    summary,
    write_file,
)
from tests.parts.browser import while_page_works
from tests.parts.eventually import eventually

CHANGED = "Fel: filen har ändrats sedan du valde den."
FAST = 1000 * MiB


def age(path, seconds=60):
    """As if it had been written a while ago."""
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    return path


def overwrite(path, start, size):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"N" * size)


def await_taken_back(page, name):
    eventually(
        lambda: {file["state"] for file in entries(page, name)},
        lambda states: states <= {"erasing", "erased"},
        pause=while_page_works(page),
    )


@pytest.mark.parametrize(
    ("start", "size", "is_dated"),
    [(5 * MiB, 2 * MiB, True), (0, 7 * MiB, True), (0, MiB, False), (MiB + 1000, 100, False)],
    ids=["its end", "all of it", "its beginning, and its date put back", "its middle, and its date put back"],
)
def test_a_file_that_changes_on_the_way_is_taken_back(
    slow_proxy, mail_server, page, tmp_path, start, size, is_dated
):
    file = age(write_file(tmp_path / "a.bin", 7 * MiB))
    before = file.stat()
    open_account(page, slow_proxy.url)
    slow_proxy.rate = MiB
    choose(page, file)
    await_stored(page, "a.bin", MiB if is_dated else start + size)
    overwrite(file, start, size)
    if not is_dated:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    slow_proxy.rate = FAST
    expect(row(page, "a.bin").get_by_text(CHANGED)).to_be_visible()
    expect(done(page)).to_have_count(0)
    await_taken_back(page, "a.bin")
    assert mail_server.of("file-ready") == []

    choose(page, file, button=button(page, "Välj filen igen", "a.bin"))
    is_sent(page, "a.bin")
    expect(row(page, "a.bin").get_by_text(CHANGED)).to_have_count(0)
    (whole,) = [found for found in entries(page, "a.bin") if found["state"] == "ready"]
    assert whole["sha256"] == sha256(file)


def test_a_small_file_that_changes_while_it_waits_is_not_sent_half_new(slow_proxy, page, tmp_path):
    big = [age(write_file(tmp_path / f"{number}.bin", 6 * MiB, seed=number)) for number in (1, 2)]
    small = age(write_file(tmp_path / "liten.txt", 1000))
    open_account(page, slow_proxy.url)
    slow_proxy.rate = 2 * MiB
    choose(page, *big, small)
    await_stored(page, "1.bin", MiB)
    overwrite(small, 500, 500)
    slow_proxy.rate = FAST
    for file in big:
        is_sent(page, file.name)
    expect(row(page, "liten.txt")).to_contain_text("Fel: filen går inte att läsa.")
    expect(summary(page)).to_have_text("2 av 3 filer är uppladdade. 1 misslyckades.")
    assert entries(page, "liten.txt") == []


def test_a_file_that_is_written_to_as_it_is_chosen_is_never_a_mixture(service, page, tmp_path):
    """Within the second of its last change, by which some browsers tell changes apart."""
    file = write_file(tmp_path / "a.bin", 5 * MiB, seed=1)
    open_account(page, service.url)
    expect(page.locator("#drop")).to_be_visible()
    os.utime(file)
    first = sha256(file)
    page.locator("#file").set_input_files(file)
    write_file(file, 5 * MiB, seed=2)
    end = row(page, "a.bin").get_by_text(re.compile(r"Klar\. Mejlet till mottagaren skickades|Fel: filen"))
    # Whoever writes the file empties it first: seen at that moment, the page asks before it sends anything.
    asked = page.locator("#uploads").get_by_text("Tomma filer: 1. Vill du ladda upp dem ändå?")
    expect(end.or_(asked)).to_be_visible()
    whole = {found["sha256"] for found in entries(page, "a.bin") if found["state"] == "ready"}
    assert whole <= {first, sha256(file)}


def test_a_file_that_vanishes_and_comes_back_goes_on_where_it_was(slow_proxy, page, tmp_path):
    file = age(write_file(tmp_path / "a.bin", 12 * MiB))
    open_account(page, slow_proxy.url)
    slow_proxy.rate = 2 * MiB
    choose(page, file)
    await_stored(page, "a.bin", 2 * MiB)
    button(page, "Pausa", "a.bin").click()
    expect(row(page, "a.bin")).to_contain_text("är sparat")
    file.rename(tmp_path / "borta")
    button(page, "Fortsätt", "a.bin").click()
    expect(row(page, "a.bin")).to_contain_text("Fel: filen går inte att läsa.")
    (tmp_path / "borta").rename(file)
    sent = offsets_sent(page)
    slow_proxy.rate = FAST
    button(page, "Försök igen", "a.bin").click()
    is_sent(page, "a.bin")
    assert sent[0] >= 2 * MiB
    assert entry(page, "a.bin")["sha256"] == sha256(file)
