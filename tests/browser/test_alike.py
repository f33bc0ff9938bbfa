"""Files that look alike are told apart, and a file whose name the house changes is known again."""

import os
import zipfile

from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    button,
    choose,
    choose_folder,
    done,
    entries,
    is_sent,
    offsets_sent,
    open_account,
    row,
    sha256,
    summary,
    write_file,
)
from tests.parts.people import BO, announce, append, path_of

DATE = 1_760_000_000


def dated(path):
    os.utime(path, (DATE, DATE))
    return path


def alike(folder, *names, size=1000):
    """Files of one size and date with these paths, each with bytes of its own."""
    made = []
    for seed, name in enumerate(names, 1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        made.append(dated(write_file(folder / name, size, seed=seed)))
    return made


def test_files_of_equal_name_size_and_date_from_two_folders_all_arrive(
    service, mail_server, page, another, tmp_path
):
    folder = tmp_path / "Mätningar"
    files = alike(folder, "2024/logg.txt", "2025/logg.txt", "2025/maj/logg.txt")
    open_account(page, service.url)
    choose_folder(page, folder)
    names = [str(file.relative_to(tmp_path)) for file in files]
    for name in names:
        is_sent(page, name)
    expect(done(page)).to_contain_text("Klart! 3 filer är på väg.")
    letters = mail_server.wait_for("file-ready", to=BO, count=3)
    assert [any(name in letter.text for letter in letters) for name in names] == [True] * 3

    bo = another()
    bo.goto(letters[0].links("download")[0])
    with bo.expect_download() as begun:
        bo.get_by_role("link", name="Ladda ner alla").click()
    with zipfile.ZipFile(begun.value.path()) as archive:
        assert sorted(archive.namelist()) == sorted(names)
        assert [archive.read(name) for name in names] == [file.read_bytes() for file in files]


def test_files_chosen_together_are_never_taken_for_one(service, page, tmp_path):
    files = alike(tmp_path, "a/x.bin", "b/x.bin")
    open_account(page, service.url)
    choose(page, *files)
    expect(done(page)).to_contain_text("Klart! 2 filer är på väg.")
    expect(page.get_by_text("Klar. Mejlet till mottagaren skickades")).to_have_count(2)
    assert sorted(file["sha256"] for file in entries(page, "x.bin")) == sorted(map(sha256, files))


def test_done_is_not_said_while_anything_is_asked(service, page, tmp_path):
    old, new = write_file(tmp_path / "gammal.bin", 1000), write_file(tmp_path / "ny.bin", 1000, seed=2)
    open_account(page, service.url)
    choose(page, old)
    is_sent(page, "gammal.bin")
    choose(page, old, new)
    is_sent(page, "ny.bin")
    expect(summary(page)).to_have_text("1 av 2 filer är uppladdade. 1 väntar på ditt svar.")
    page.get_by_role("button", name="Nej gammal.bin").click()
    expect(done(page)).to_contain_text("Klart! Filen är på väg.")


def test_done_is_not_said_while_an_earlier_file_is_unfinished(service, page, tmp_path):
    open_account(page, service.url)
    upload_path = path_of(page.url)
    half = announce(service, upload_path, 2000, filename="halv.bin")
    append(service, half.location, 0, b"h" * 1000)
    choose(page, write_file(tmp_path / "hel.bin", 1000))
    is_sent(page, "hel.bin")
    expect(summary(page)).to_have_text(
        "Filen är uppladdad, men inte allt som valdes. Se nedan vad som återstår."
    )


CLEANED = {
    "Skärmavbild kl. 10.04.33\u202fPM.mov": "Skärmavbild kl. 10.04.33 PM.mov",
    "hårt\u00a0blanksteg.bin": "hårt blanksteg.bin",
    "två  blanka.bin": "två blanka.bin",
    "fråga?.bin": "fråga_.bin",
    "aux.pdf": "_aux.pdf",
    "a\u030angstro\u0308m.bin": "ångström.bin",
    "punkt. .bin.": "punkt. .bin",
}


def test_a_file_whose_name_is_cleaned_goes_on_where_it_was(service, page, tmp_path):
    open_account(page, service.url)
    files = {name: dated(write_file(tmp_path / name, 2 * MiB)) for name in CLEANED}
    for name, file in files.items():
        about = {"filename": name, "lastmodified": str(DATE * 1000)}
        half = announce(service, path_of(page.url), 2 * MiB, **about)
        append(service, half.location, 0, file.read_bytes()[:MiB])
    page.reload()
    sent = offsets_sent(page)
    for name, kept in CLEANED.items():
        choose(page, files[name], button=button(page, "Välj filen igen", kept))
        is_sent(page, kept)
        (only,) = entries(page, kept)
        assert (kept, only["sha256"]) == (kept, sha256(files[name]))
    assert set(sent) == {MiB}


def test_a_folder_chosen_again_goes_on_with_each_of_its_files(service, page, tmp_path):
    files = alike(tmp_path / "mapp", "a/x.bin", "b/x.bin", size=2 * MiB)
    open_account(page, service.url)
    upload_path = path_of(page.url)
    for file in files:
        about = {"filename": "x.bin", "folder": f"mapp/{file.parent.name}", "lastmodified": str(DATE * 1000)}
        half = announce(service, upload_path, 2 * MiB, **about)
        append(service, half.location, 0, file.read_bytes()[:MiB])
    page.reload()
    sent = offsets_sent(page)
    choose_folder(page, tmp_path / "mapp")
    for name in ("mapp/a/x.bin", "mapp/b/x.bin"):
        is_sent(page, name)
        expect(row(page, name)).to_have_count(1)
    assert set(sent) == {MiB}
    assert sorted(file["sha256"] for file in entries(page, "x.bin")) == sorted(map(sha256, files))
