"""The pictures of README and docs, of a house that people have used; `bin/screenshots` takes them again."""

import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.parts import people
from tests.parts.browser import QUIET
from tests.parts.house import Answer, Body, House
from tests.parts.people import FORM
from tests.parts.post import Post
from tests.parts.rooms import LivedIn
from tests.parts.slow import SlowLine, slow_line

FOLDER = Path(__file__).parents[2] / "docs" / "images"
NAME = "fts.example.se"
AT_MOST = 150_000
MiB = 1 << 20
WIDE, PHONE = {"width": 900, "height": 700}, {"width": 390, "height": 844}
ON_THE_WAY = {
    "Ritning plan 2.pdf": 2 * MiB,
    "Bilder från kontrollen.zip": 90 * MiB,
    "Film från provkörningen.mov": 70 * MiB,
    "Protokoll.docx": 1 * MiB,
}


class Named(House):
    """A house that goes by a name of its own, as it would on the web."""

    def __init__(self, data_dir: Path, **own: str) -> None:
        super().__init__(data_dir, BASE_URL=f"http://{NAME}", **own)
        self.url = f"http://{NAME}"

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return super().request(method, path, body, {"Host": NAME, **(headers or {})})


def visit(browser: Browser, language: str = "sv", **habits: object) -> Page:
    return browser.new_context(**{"viewport": WIDE, "locale": language, **habits}).new_page()  # type: ignore[arg-type]


def keep(page: Page, name: str) -> None:
    """Of the whole page; small enough to be looked at on any line."""
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size < AT_MOST, f"{name}.png is {path.stat().st_size} bytes"


def uploading(page: Page, house: House, line: SlowLine, folder: Path) -> None:
    """Some files there, some on their way, some waiting."""
    page.goto(house.url + people.apply(house, FORM).location)
    page.locator("#drop").wait_for()
    paths = [folder / name for name in ON_THE_WAY]
    for path, size in zip(paths, ON_THE_WAY.values(), strict=True):
        with path.open("wb") as file:
            file.truncate(size)
    with page.expect_file_chooser() as opened:
        page.locator("#choose").click()
    line.rate = 8 * MiB
    opened.value.set_files(paths)
    half = re.compile(r"1 av 4 filer är uppladdade · [4-9]\d\s%")
    expect(page.locator("#upload-summary")).to_have_text(half, timeout=120_000)


def take(browser: Browser, lived_in: LivedIn, line: SlowLine, folder: Path) -> None:
    for name, room, language, habits in (
        ("apply", "apply", "sv", {"device_scale_factor": 0.8}),
        ("decide", "decide-through", "sv", {}),
        ("download", "download", "en", {}),
        ("status-phone-dark", "status-recipient", "sv", {"viewport": PHONE, "color_scheme": "dark"}),
    ):
        page = visit(browser, language, **habits)
        lived_in.enter(page, room, language)
        keep(page, name)
        page.context.close()
    page = visit(browser, device_scale_factor=0.8)
    uploading(page, lived_in.house, line, folder)
    page.mouse.move(0, 0)  # a button under the pointer has another shade
    keep(page, "upload")
    page.context.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    post = Post()
    post.open()
    with tempfile.TemporaryDirectory(dir="/tmp") as there, slow_line(1000 * MiB) as line:
        house = Named(Path(there) / "house", SMTP_URL=post.url, SUPPORT_EMAIL="it-stod@ltdalarna.se").start()
        line.house_port = house.port
        way = f"--host-resolver-rules=MAP {NAME}:80 {line.url.partition('://')[2]}"
        trusted = f"--unsafely-treat-insecure-origin-as-secure=http://{NAME}"
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path="/usr/bin/chromium", args=[*QUIET, way, trusted, "--disable-lcd-text"]
                )
                take(browser, LivedIn(house, post), line, Path(there))
                browser.close()
        finally:
            house.kill()
            post.shut()
    for path in sorted(FOLDER.glob("*.png")):
        sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])} {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
