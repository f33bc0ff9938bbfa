"""What a person does in a browser: reads words on buttons and labels, clicks, types and chooses files."""

import hashlib
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from playwright.sync_api import Dialog, JSHandle, Locator, Page, Request, Route, expect

from tests.parts.browser import SLOWLY, while_page_works
from tests.parts.eventually import eventually
from tests.parts.people import ANNA, BO, EVA, FORM, KARIN

MiB = 1 << 20


def write_file(path: Path, size: int, seed: int = 1) -> Path:
    """A file of that many bytes, the same for the same seed, never all in memory."""
    source = random.Random(seed)
    with path.open("wb") as file:
        for start in range(0, size, MiB):
            file.write(source.randbytes(min(MiB, size - start)))
    return path


def sha256(path: Path | str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def apply(page: Page, url: str, *, sender: str = ANNA, recipient: str = BO, contact: str = "") -> None:
    """Fills in the application, sends it and waits for the page that follows.

    `contact` is wanted when nobody else is inside.
    """
    page.goto(url)
    page.get_by_label("Ditt namn").fill("Anna Berg" if sender == ANNA else "Bo Ek")
    page.get_by_label("Din e-postadress").fill(sender)
    page.get_by_label("Mottagarens e-postadress").fill(recipient)
    if contact:
        page.get_by_label("Varken jag eller mottagaren har en e-postadress").check()
        page.get_by_label("Godkännarens e-postadress").fill(contact)
    page.get_by_role("textbox", name="Anledning").fill("Ritningar till den nya mottagningen")
    page.get_by_label("Filerna innehåller inte patientuppgifter").check()
    with page.expect_navigation():
        page.get_by_role("button", name="Skicka ansökan").click()


def apply_from_outside(page: Page, url: str) -> None:
    apply(page, url, sender=BO, recipient=ANNA)


def apply_through(page: Page, url: str) -> None:
    apply(page, url, sender=BO, recipient=EVA, contact=KARIN)


def open_account(page: Page, url: str, *, recipient: str = BO) -> None:
    """Opens the upload page of a new account; the application was sent beside the browser."""
    form = {**FORM, "recipient_email": recipient}
    answer = requests.post(url, form, allow_redirects=False, timeout=SLOWLY / 1000)
    assert answer.status_code == 303, answer.text
    page.goto(urljoin(url, answer.headers["Location"]))


def choose(page: Page, *paths: Path | str, button: Locator | None = None) -> None:
    """Presses the button, the upload's own unless another is named, and chooses in the window it opens."""
    # Until the script has started, the plain form's own field has the same name.
    words = re.compile("^(Välj filer|Lägg till fler filer)$")
    chooser = page.get_by_role("button", name=words).and_(page.locator("#choose"))
    with page.expect_file_chooser() as opened:
        (button or chooser).click()
    opened.value.set_files(list(paths))


def drag(page: Page, files: Sequence[tuple[str, str]]) -> JSHandle:
    """Drags files of text onto the page; what is carried."""
    carried = page.evaluate_handle(
        """files => {
            const carried = new DataTransfer();
            for (const [name, text] of files) carried.items.add(new File([text], name));
            return carried;
        }""",
        [list(file) for file in files],
    )
    page.locator("#drop").dispatch_event("dragenter", {"dataTransfer": carried})
    return carried


def drop(page: Page, files: Sequence[tuple[str, str]]) -> None:
    """Drags files of text onto the page and lets go of them over the drop zone."""
    carried = drag(page, files)
    zone = page.get_by_text("Släpp filerna här", exact=True)
    zone.dispatch_event("dragover", {"dataTransfer": carried})
    zone.dispatch_event("drop", {"dataTransfer": carried})


def choose_folder(page: Page, folder: Path) -> None:
    """Presses the button for folders and chooses that one in the window it opens."""
    with page.expect_file_chooser() as opened:
        page.get_by_role("button", name="Välj en mapp", exact=True).click()
    opened.value.set_files(folder)


def shorten_silence(page: Page, milliseconds: int) -> None:
    """From the next page on, the script takes a silence of that length for a minute's."""

    def serve(route: Route) -> None:
        answer = route.fetch()
        script = answer.text().replace("IDLE_TIMEOUT=60_000", f"IDLE_TIMEOUT={milliseconds}")
        assert f"IDLE_TIMEOUT={milliseconds}" in script
        route.fulfill(response=answer, body=script)

    page.route(re.compile(r"/tus\.[0-9a-f]+\.js$"), serve)


def leave(page: Page) -> bool:
    """Whether the browser asks before the page is left; it stays."""
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.evaluate("setTimeout(() => location.assign('/help'))")
    page.wait_for_timeout(500)
    page.remove_listener("dialog", refuse)
    return asked == ["beforeunload"]


def summary(page: Page) -> Locator:
    """The line above the rows: how far they are, or what is left; when everything is done, see `done`."""
    return page.locator("#upload-summary")


def done(page: Page) -> Locator:
    """The panel that says that everything is done, to whom it was sent and what comes next."""
    return page.locator("#done:not([hidden])")


def allow_code(page: Page) -> None:
    """Opens the lines that the choices are behind, and ticks that the recipient can use a code."""
    for line in ("terms", "how"):
        if page.locator(f"#{line}:not([open])").count():
            page.locator(f"#{line} > summary").click()
    page.get_by_label("Mottagaren kan också använda en hämtkod").check()


def row(page: Page, name: str) -> Locator:
    """The row of that file, be it the page's own or the server's."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


def button(page: Page, word: str, name: str) -> Locator:
    return row(page, name).get_by_role("button", name=f"{word} {name}", exact=True)


def is_sent(page: Page, name: str) -> None:
    """Waits until the page says that the file is in and the recipient told."""
    expect(row(page, name).get_by_text("Klar. Mejlet till mottagaren skickades")).to_be_visible()


def download(page: Page, name: str) -> Path:
    """Presses the file's own button and waits for the browser to have saved it; where, under which name."""
    with page.expect_download() as begun:
        page.get_by_role("link", name=f"Ladda ner {name}", exact=True).click()
    saved = begun.value
    assert (saved.suggested_filename, saved.failure()) == (name, None)
    return Path(saved.path())


def entries(page: Page, name: str) -> list[dict[str, Any]]:
    """What the service itself says of the files of that name, asked from the upload page."""
    listed = page.evaluate("fetch(location.pathname + '/files').then(answer => answer.json())")
    return [file for file in listed["files"] if file["name"] == name]


def entry(page: Page, name: str) -> dict[str, Any]:
    (found,) = entries(page, name)
    return found


def offsets_sent(page: Page) -> list[int]:
    """A list that grows with each piece the page sends: where it says that the piece belongs."""
    sent: list[int] = []

    def notice(request: Request) -> None:
        if request.method == "PATCH":
            sent.append(int(request.headers["upload-offset"]))

    page.on("request", notice)
    return sent


def await_stored(page: Page, name: str, least: int) -> int:
    """Waits until the service has that many bytes of the file; how many it has."""
    return eventually(
        lambda: sum(int(entry["offset"]) for entry in entries(page, name)),
        lambda stored: stored >= least,
        interval=0.2,
        seconds=SLOWLY / 1000,
        pause=while_page_works(page),
    )
