"""When a person sees the upload page and can choose files, on a slowed phone, beside a page of nothing."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from bench.parts.measurement import start_session
from bench.parts.table import show, spread
from tests.parts import browser as chromium
from tests.parts import people
from tests.parts.eventually import eventually
from tests.parts.mail_server import MailServer
from tests.parts.people import FORM
from tests.parts.service import Service

PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 667}, "has_touch": True, "is_mobile": True}
KBIT = 125  # bytes
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 1600 * KBIT, "uploadThroughput": 750 * KBIT}
CPU = 6
TARGETS = {"first seen": 1200, "chooser ready": 2000}
"""Milliseconds from the press on the link."""
WATCH = """addEventListener("DOMContentLoaded", () => {
    const drop = document.getElementById("drop");
    if (!drop) return;
    new MutationObserver(() => { if (!drop.hidden) window.readyAt ??= performance.now(); })
        .observe(drop, { attributes: true });
});"""
SEEN = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@contextlib.contextmanager
def addresses() -> Iterator[dict[str, str]]:
    """An empty upload page, and of the same server one that holds two characters and nothing else."""
    mail_server = MailServer()
    mail_server.start()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        service = Service(Path(folder) / "service", SMTP_URL=mail_server.url).start()
        try:
            upload = people.apply(service, FORM).location
            yield {"upload": service.url + upload, "blank": f"{service.url}/healthz"}
        finally:
            service.kill()
            mail_server.stop()


def slowed(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU})


def look(browser: Browser, address: str) -> dict[str, float]:
    """Milliseconds until something is seen, and until files can be chosen, on a first visit."""
    with chromium.person(browser, **PHONE) as page:
        slowed(page)
        page.add_init_script(WATCH)
        page.goto(address)
        found = {"first seen": until_set(page, SEEN)}
        if page.locator("#drop").count():
            found["chooser ready"] = until_set(page, "window.readyAt")
    return found


def until_set(page: Page, expression: str) -> float:
    """The number, once it is there; asked from outside, as the page itself may evaluate no text."""
    found = eventually(lambda: page.evaluate(expression), lambda number: number is not None, seconds=60)
    return float(found)


def rows(found: dict[str, list[dict[str, float]]]) -> list[list[str]]:
    return [
        [
            name,
            what,
            f"{spread([each[what] for each in looks], '.0f')} ms",
            f"≤ {TARGETS[what]} ms" if name == "upload" else "",
        ]
        for name, looks in found.items()
        for what in looks[0]
    ]


def main() -> None:
    session = start_session(str(__doc__))
    with addresses() as pages, chromium.chromium() as browser:
        for address in pages.values():
            look(browser, address)  # not counted
        found: dict[str, list[dict[str, float]]] = {name: [] for name in pages}
        for number in range(session.rounds):
            for name in list(pages) if number % 2 else reversed(list(pages)):
                found[name].append(look(browser, pages[name]))
    session.describe()
    show(
        f"Chromium as a phone of 375 pixels, {CPU} × slower, 1.6 Mbit/s, 150 ms; in turn",
        ["page", "what", "measured", "must reach"],
        rows(found),
    )


if __name__ == "__main__":
    main()
