"""What is seen on a slow phone: when a page is painted, and when files can be chosen, beside a blank page."""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser

from bench.parts.table import show, spread
from tests.parts import browser as chromium
from tests.parts import people
from tests.parts.mail_server import MailServer
from tests.parts.people import FORM
from tests.parts.service import Service

PHONE = {"width": 375, "height": 667}
CPU = 6  # times as slow as this machine
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 200_000}
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
READY = """([selector]) => {
    const place = document.querySelector(selector);
    return place?.checkVisibility() && !place.disabled && performance.now();
}"""


@dataclass
class Page:
    """A page that is looked at: what must be there for it to be ready, and what must be reached."""

    name: str
    address: str
    ready: str
    target: str
    painted: list[float] = field(default_factory=list)
    usable: list[float] = field(default_factory=list)


@contextlib.contextmanager
def pages() -> Iterator[list[Page]]:
    """The pages of one service, for as long as they are looked at; a line of plain text counts as blank."""
    mail_server = MailServer()
    mail_server.start()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        service = Service(Path(folder) / "service", SMTP_URL=mail_server.url).start()
        try:
            upload = people.apply(service, FORM).location
            yield [
                Page("a blank page", f"{service.url}/healthz", "body", ""),
                Page("application", f"{service.url}/", "#sender_name", "painted ≤ 1.2 s"),
                Page("upload", f"{service.url}{upload}", "#choose", "painted ≤ 1.2 s, ready ≤ 2.0 s"),
            ]
        finally:
            service.kill()
            mail_server.stop()


def look(browser: Browser, page: Page) -> None:
    """One first visit, with nothing in the browser's memory: seconds from the click to paint and to use."""
    with chromium.person(browser, viewport=PHONE, is_mobile=True, has_touch=True) as window:
        devtools = window.context.new_cdp_session(window)
        devtools.send("Network.enable")
        devtools.send("Network.emulateNetworkConditions", NETWORK)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU})
        window.goto(page.address, wait_until="commit")
        page.usable.append(window.wait_for_function(READY, arg=[page.ready]).json_value() / 1000)
        page.painted.append(window.wait_for_function(PAINTED).json_value() / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, to see that it runs")
    parser.add_argument("--rounds", type=int, default=0)
    asked = parser.parse_args()
    rounds = asked.rounds or (1 if asked.quick else 5)
    with pages() as seen, chromium.chromium() as browser:
        for number in range(rounds):
            for page in seen if number % 2 else reversed(seen):
                look(browser, page)
    show(
        f"First visits, {rounds} rounds: 375 pixels, {CPU} times slower than here, 1.6 Mbit/s, 150 ms",
        ["page", "first paint, s", "ready, s", "to be reached"],
        [[page.name, spread(page.painted, ".2f"), spread(page.usable, ".2f"), page.target] for page in seen],
    )


if __name__ == "__main__":
    main()
