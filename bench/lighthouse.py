"""What Lighthouse says of the application, an upload page and a download page, on a slow phone."""

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.parts.table import show
from tests.parts import browser as chromium
from tests.parts import people
from tests.parts.mail_server import MailServer
from tests.parts.people import FORM, path_of
from tests.parts.service import Service

HERE = Path(__file__).parent / "lighthouse"
CATEGORIES = ("performance", "accessibility", "best-practices")
# Slow 3G and a processor four times as slow, worked out from what was loaded (simulated).
SLOW = (
    "--throttling-method=simulate --throttling.rttMs=400 --throttling.throughputKbps=400 "
    "--throttling.cpuSlowdownMultiplier=4"
).split()
CHROMIUM = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
MUST_REACH = 95
SLOW_NETWORK = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
AFTER_FIRST_BYTE = """() => {
    const page = performance.getEntriesByType("navigation")[0];
    const seen = performance.getEntriesByName("first-contentful-paint")[0];
    return [seen.startTime - page.responseStart, page.domInteractive - page.responseStart];
}"""


@contextlib.contextmanager
def pages() -> Iterator[dict[str, str]]:
    """The addresses of the three pages, of a service that runs for as long as they are looked at."""
    mail_server = MailServer()
    mail_server.start()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        service = Service(Path(folder) / "service", SMTP_URL=mail_server.url).start()
        try:
            upload = people.apply(service, FORM).location
            people.send_tus(service, upload, b"x" * 100_000, filename="ritning.pdf")
            download = path_of(mail_server.one("file-ready").links("download")[0])
            paths = {"application": "/", "upload": upload, "download": download}
            yield {name: service.url + path for name, path in paths.items()}
        finally:
            service.kill()
            mail_server.stop()


def judge(address: str, *throttling: str) -> dict:
    """Lighthouse's report on a page."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run(
            [
                HERE / "node_modules/.bin/lighthouse",
                address,
                "--quiet",
                "--output=json",
                f"--output-path={report.name}",
                f"--chrome-flags={CHROMIUM}",
                f"--only-categories={','.join(CATEGORIES)}",
                *throttling,
            ],
            env={**os.environ, "CHROME_PATH": "/usr/bin/chromium"},
            check=True,
            timeout=300,
        )
        return json.loads(Path(report.name).read_text())


def felt(address: str) -> list[str]:
    """Milliseconds after the first byte until it is seen, and can be typed into, in a slowed browser."""
    with chromium.chromium() as browser, chromium.person(browser) as page:
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.emulateNetworkConditions", SLOW_NETWORK)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(address)
        times = page.evaluate(AFTER_FIRST_BYTE)
    return [f"{time:.0f} ms" for time in times]


def seconds(report: dict, audit: str) -> str:
    return f"{report['audits'][audit]['numericValue'] / 1000:.2f} s"


def row(name: str, report: dict) -> list[str]:
    """Its scores, and when it could be seen and used."""
    scores = [f"{report['categories'][each]['score'] * 100:.0f}" for each in CATEGORIES]
    weight = f"{report['audits']['total-byte-weight']['numericValue'] / 1000:.0f} kB"
    times = [seconds(report, audit) for audit in ("first-contentful-paint", "interactive")]
    return [
        name,
        *scores,
        *times,
        f"{report['audits']['total-blocking-time']['numericValue']:.0f} ms",
        weight,
    ]


def failed_audits(reports: dict[str, dict]) -> list[list[str]]:
    return [
        [name, audit["id"], audit["title"]]
        for name, report in reports.items()
        for audit in report["audits"].values()
        if audit["score"] is not None and audit["score"] < 0.9 and audit["scoreDisplayMode"] == "binary"
    ]


def main() -> None:
    if not (HERE / "node_modules/.bin/lighthouse").exists():
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
            cwd=HERE,
            check=True,
        )
    with pages() as addresses:
        phone = {name: judge(address) for name, address in addresses.items()}
        slow = {name: judge(address, *SLOW) for name, address in addresses.items()}
        after = [[name, *felt(address)] for name, address in addresses.items()]
    head = ["page", *CATEGORIES, "first seen", "usable", "blocked", "weight"]
    title = f"Lighthouse {phone['upload']['lighthouseVersion']}"
    show(
        f"{title}, phone on slow 4G (its default); scores must reach {MUST_REACH}",
        head,
        [row(name, report) for name, report in phone.items()],
    )
    show(
        f"{title}, phone on slow 3G (400 kbit/s, 400 ms), processor 4 × slower",
        head,
        [row(name, report) for name, report in slow.items()],
    )
    show(
        "After the first byte, in Chromium slowed to 400 kbit/s, 400 ms and a quarter of the processor; "
        "the application must be usable within 1 000 ms",
        ["page", "first seen", "usable"],
        after,
    )
    if found := failed_audits(phone):
        show("What it would have otherwise", ["page", "audit", ""], found)


if __name__ == "__main__":
    main()
