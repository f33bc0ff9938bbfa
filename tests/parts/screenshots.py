"""The screenshots of README and docs, of a service with data in every state; `bin/screenshots` takes them."""

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.parts import installation

# What makes the data imports models, which want the settings of an installation of their own.
installation.configure_process(installation.folder("screenshots"))
os.environ["DJANGO_SETTINGS_MODULE"] = "filsluss.settings"

import django

django.setup()
# The service that is started reads its own.
del os.environ["DJANGO_SETTINGS_MODULE"]

from tests.parts import people
from tests.parts.browser import CHROMIUM_ARGUMENTS
from tests.parts.mail_server import MailServer
from tests.parts.people import FORM
from tests.parts.populated_service import PopulatedService
from tests.parts.service import Body, Response, Service
from tests.parts.slow_proxy import SlowProxy, start_slow_proxy

FOLDER = Path(__file__).parents[2] / "docs" / "images"
NAME = "fts.example.se"
AT_MOST = 150_000
MiB = 1 << 20
WIDE, PHONE = {"width": 1200, "height": 720}, {"width": 390, "height": 844}
FILLED_IN = {
    "apply": {
        "sender_name": "Bo Ek",
        "sender_email": "bo.ek@rontgen.example",
        "recipient_email": "anna.berg@ltdalarna.se",
        "purpose": "Ritningar till den nya mottagningen",
    }
}
"""What stands in the fields of a page."""
ON_THE_WAY = {
    "Ritning plan 2.pdf": 2 * MiB,
    "Bilder från kontrollen.zip": 90 * MiB,
    "Film från provkörningen.mov": 70 * MiB,
    "Protokoll.docx": 1 * MiB,
}


class ServiceWithHostname(Service):
    """A service with a host name of its own, as it would have on the web."""

    def __init__(self, data_dir: Path, **own: str) -> None:
        super().__init__(data_dir, BASE_URL=f"http://{NAME}", **own)
        self.url = f"http://{NAME}"

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        return super().request(method, path, body, {"Host": NAME, **(headers or {})})


def visit(browser: Browser, language: str = "sv", **habits: object) -> Page:
    return browser.new_context(**{"viewport": WIDE, "locale": language, **habits}).new_page()  # type: ignore[arg-type]


def keep(page: Page, name: str) -> None:
    """Of the whole page; small enough for a slow connection."""
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size < AT_MOST, f"{name}.png is {path.stat().st_size} bytes"


def uploading(page: Page, service: Service, slow_proxy: SlowProxy, folder: Path) -> None:
    """Some files there, some on their way, some waiting."""
    page.goto(service.url + people.apply(service, FORM).location)
    page.locator("#drop").wait_for()
    paths = [folder / name for name in ON_THE_WAY]
    for path, size in zip(paths, ON_THE_WAY.values(), strict=True):
        with path.open("wb") as file:
            file.truncate(size)
    with page.expect_file_chooser() as opened:
        page.locator("#choose").click()
    slow_proxy.rate = 8 * MiB
    opened.value.set_files(paths)
    expect(page.locator("#total-share")).to_have_text(re.compile(r"[4-9]\d\s%"), timeout=120_000)


def take_upload(browser: Browser, service: Service, slow_proxy: SlowProxy, folder: Path) -> None:
    """Before anything else is there: the service then gets a scanner that does not answer."""
    page = visit(browser, device_scale_factor=0.8)
    uploading(page, service, slow_proxy, folder)
    page.mouse.move(0, 0)  # a button under the pointer has another colour
    keep(page, "upload")
    page.context.close()


def take(browser: Browser, populated: PopulatedService) -> None:
    for name, name_of_page, language, habits in (
        ("apply", "apply", "sv", {"device_scale_factor": 0.8}),
        ("decide", "decide-through", "sv", {"device_scale_factor": 0.8}),
        ("download", "download", "en", {"device_scale_factor": 0.8}),
        ("oversee", "oversee", "sv", {"device_scale_factor": 0.8}),
        ("status-phone-dark", "status-approved", "sv", {"viewport": PHONE, "color_scheme": "dark"}),
    ):
        page = visit(browser, language, **habits)
        populated.open_page(page, name_of_page, language)
        for field, text in FILLED_IN.get(name, {}).items():
            page.fill(f"#{field}", text)
            page.locator(f"#{field}").blur()
        keep(page, name)
        page.context.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    mail_server = MailServer()
    mail_server.start()
    with tempfile.TemporaryDirectory(dir="/tmp") as there, start_slow_proxy(1000 * MiB) as slow_proxy:
        service = ServiceWithHostname(
            Path(there) / "service", SMTP_URL=mail_server.url, SUPPORT_EMAIL="it-stod@ltdalarna.se"
        ).start()
        slow_proxy.service_port = service.port
        way = f"--host-resolver-rules=MAP {NAME}:80 {slow_proxy.url.partition('://')[2]}"
        trusted = f"--unsafely-treat-insecure-origin-as-secure=http://{NAME}"
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path="/usr/bin/chromium",
                    args=[*CHROMIUM_ARGUMENTS, way, trusted, "--disable-lcd-text"],
                )
                take_upload(browser, service, slow_proxy, Path(there))
                mail_server.letters.clear()
                take(browser, PopulatedService(service, mail_server))
                browser.close()
        finally:
            service.kill()
            mail_server.stop()
    for path in sorted(FOLDER.glob("*.png")):
        sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])} {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
