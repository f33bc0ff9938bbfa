"""Three engines behind one interface: Chromium, Debian's Firefox ESR (Marionette) and WebKitGTK (WebDriver).

Firefox and WebKit are driven without libraries: Marionette is JSON over TCP, WebDriver is JSON over HTTP, and
both know the same commands (https://www.w3.org/TR/webdriver2/).
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.parts.browser import person
from tests.parts.eventually import eventually
from tests.parts.mail_server import free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PATIENCE = 60  # seconds that a busy machine may take
MINI_BROWSERS = "lib/*/webkit2gtk-4.*/MiniBrowser"
FIREFOX_PREFERENCES = {
    "intl.accept_languages": "sv-SE",
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.disabledForTesting": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.server": "http://127.0.0.1:9/",
    "extensions.update.enabled": False,
}


class EngineMissing(Exception):
    """This engine is not on this machine."""


class Engine:
    """What a test does with a browser; `run` takes the body of a function, which sees its `arguments`."""

    name = ""

    def open(self, url: str) -> None:
        raise NotImplementedError

    def run(self, script: str, *given: Any) -> Any:
        raise NotImplementedError

    def type(self, css: str, text: str) -> None:
        raise NotImplementedError

    def press(self, css: str) -> None:
        raise NotImplementedError

    def choose(self, css: str, path: Path) -> None:
        raise NotImplementedError

    def back(self) -> None:
        raise NotImplementedError

    def forward(self) -> None:
        raise NotImplementedError

    def fill(self, values: dict[str, str]) -> None:
        """Types into the fields of those ids; a box is ticked."""
        for field, text in values.items():
            if self.run("return document.getElementById(arguments[0]).type", field) == "checkbox":
                self.press(f"#{field}")
            else:
                self.type(f"#{field}", text)

    def value(self, css: str) -> Any:
        return self.run("return document.querySelector(arguments[0])?.value ?? null", css)

    def text(self) -> str:
        return str(self.run("return document.body ? document.body.innerText : ''"))

    def eventually(self, script: str, *given: Any) -> Any:
        """The value of the script once it is true; while a page is loading, there may be none to ask."""
        return eventually(
            lambda: self.run(script, *given),
            seconds=PATIENCE,
            interval=0.1,
            excusing=CommandFailed,
            say=lambda: f"{self.name}: {script} {given}: {self.text()[-1500:]}",
        )

    def sees(self, words: str) -> None:
        self.eventually("return document.body.innerText.includes(arguments[0])", words)


class CommandFailed(Exception):
    """The browser answered a command with an error."""


class Chromium(Engine):
    name = "chromium"

    def __init__(self, page: Any) -> None:
        self.page = page

    def open(self, url: str) -> None:
        self.page.goto(url)

    def run(self, script: str, *given: Any) -> Any:
        try:
            return self.page.evaluate(
                "given => (function () {" + script + "}).apply(null, given)", list(given)
            )
        except Exception as fault:
            raise CommandFailed(str(fault)) from fault

    def type(self, css: str, text: str) -> None:
        self.page.fill(css, text)

    def press(self, css: str) -> None:
        self.page.click(css)

    def choose(self, css: str, path: Path) -> None:
        self.page.locator(css).set_input_files(path)

    def back(self) -> None:
        self.go("back")

    def forward(self) -> None:
        self.go("forward")

    def go(self, where: str) -> None:
        try:
            getattr(self.page, f"go_{where}")(wait_until="commit")
        except Exception as fault:
            raise CommandFailed(str(fault)) from fault


class Commands(Engine):
    """An engine that takes the commands of WebDriver."""

    def __init__(self, name: str, command: Callable[..., Any]) -> None:
        self.name, self.command = name, command

    def open(self, url: str) -> None:
        self.command("Navigate", url=url)

    def run(self, script: str, *given: Any) -> Any:
        return self.command("ExecuteScript", script=script, args=list(given))

    def element(self, css: str) -> str:
        return str(self.command("FindElement", using="css selector", value=css)[ELEMENT])

    def type(self, css: str, text: str) -> None:
        element = self.element(css)
        self.command("ElementClear", id=element)
        self.command("ElementSendKeys", id=element, text=text)

    def press(self, css: str) -> None:
        self.command("ElementClick", id=self.element(css))

    def choose(self, css: str, path: Path) -> None:
        self.command("ElementSendKeys", id=self.element(css), text=str(path))

    def back(self) -> None:
        self.command("Back")

    def forward(self) -> None:
        self.command("Forward")


class Marionette:
    """Firefox's own protocol: a length, a colon, and JSON of type, id, command or error, and value."""

    def __init__(self, port: int) -> None:
        self.connection = connected(port)
        self.input = self.connection.makefile("rb")
        self.count = 0
        self.read()

    def read(self) -> Any:
        digits = b""
        while not digits.endswith(b":"):
            digits += self.input.read(1)
        return json.loads(self.input.read(int(digits[:-1])))

    def __call__(self, name: str, **given: Any) -> Any:
        self.count += 1
        message = json.dumps([0, self.count, f"WebDriver:{name}", given]).encode()
        self.connection.sendall(b"%d:%s" % (len(message), message))
        _, _, error, value = self.read()
        if error:
            raise CommandFailed(f"{name}: {error.get('error')}: {error.get('message')}")
        return value.get("value") if isinstance(value, dict) and "value" in value else value


class WebDriver:
    """The same commands over HTTP."""

    PATHS = {
        "Navigate": "url",
        "ExecuteScript": "execute/sync",
        "FindElement": "element",
        "Back": "back",
        "Forward": "forward",
    }

    def __init__(self, port: int, capabilities: dict[str, Any]) -> None:
        self.port = port
        connected(port).close()
        answer = self.post("/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.session = f"/session/{answer['sessionId']}"

    def post(self, path: str, body: dict[str, Any]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2 * PATIENCE)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        value = json.loads(connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise CommandFailed(f"{path}: {value['error']}: {value.get('message')}")
        return value

    def __call__(self, name: str, **given: Any) -> Any:
        if name.startswith("Element"):
            last = {"ElementSendKeys": "value", "ElementClick": "click", "ElementClear": "clear"}[name]
            return self.post(f"{self.session}/element/{given.pop('id')}/{last}", given)
        return self.post(f"{self.session}/{self.PATHS[name]}", given)


def connected(port: int) -> socket.socket:
    """A connection to that port, once somebody listens there."""
    return eventually(
        lambda: socket.create_connection(("127.0.0.1", port), timeout=2 * PATIENCE),
        seconds=PATIENCE,
        excusing=OSError,
    )


@contextmanager
def running(*words: str, **more: Any) -> Iterator[None]:
    """The program, with all that it starts, until the block ends."""
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **more
    ) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def firefox(folder: Path) -> Iterator[Engine]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if not program:
        raise EngineMissing("Firefox is not here (apt-get install firefox-esr)")
    port = free_port()
    preferences = {**FIREFOX_PREFERENCES, "marionette.port": port}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (folder / "user.js").write_text("".join(lines))
    words = ("--headless", "--marionette", "--no-remote", "--profile", str(folder))
    with running(program, *words, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}):
        command = Marionette(port)
        command("NewSession", strictFileInteractability=False, acceptInsecureCerts=True)
        yield Commands("firefox", command)


@contextmanager
def webkit(folder: Path) -> Iterator[Engine]:
    driver, display = shutil.which("WebKitWebDriver"), shutil.which("xvfb-run")
    browsers = sorted(Path("/usr").glob(MINI_BROWSERS))
    if not (driver and display and browsers):
        raise EngineMissing("WebKit is not here (apt-get install webkit2gtk-driver xvfb xauth)")
    port = free_port()
    options = {"binary": str(browsers[-1]), "args": ["--automation"]}
    environment = {
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin",
        "LANGUAGE": "sv_SE",
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # it cannot make one as root in a container
    }
    with running(display, "-a", driver, f"--port={port}", env=environment):
        yield Commands("webkit", WebDriver(port, {"webkitgtk:browserOptions": options}))


@contextmanager
def chromium(browser: Browser) -> Iterator[Engine]:
    with person(browser) as page:
        yield Chromium(page)
