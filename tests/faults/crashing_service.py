"""A service that crashes at a chosen point, and a scenario that runs on it meanwhile."""

import contextlib
import http.client
import itertools
import socket
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.parts import crash_points, people
from tests.parts.invariants import Acknowledged, check_invariants
from tests.parts.mail_server import MailServer, ReceivedLetter
from tests.parts.service import Response, Service

SOON = timedelta(minutes=3)
"""Enough for the lease of a crashed scanner to end, and for the pause after a letter's first try."""


class CrashingService:
    """One installation, its mail server, and the folder through which its program is told where to crash."""

    def __init__(self, folder: Path, *, is_bare: bool = False, **own: str) -> None:
        self.mail_server = MailServer()
        self.mail_server.start()
        self.control = folder / "control"
        self.control.mkdir(parents=True)
        (self.control / "crash-at").touch()
        self.service = Service(folder / "service", SMTP_URL=self.mail_server.url, **own)
        self.service.is_bare = is_bare
        self.service.program = [*crash_points.PROGRAM, str(self.control)]
        self.numbers = itertools.count(1)

    def start(self) -> None:
        self.service.lay_tables()
        for letter in string.ascii_letters + string.digits + "-_":  # as after some time of use
            (self.service.data_dir / "blobs" / f"{letter}.d").mkdir(parents=True)
        self.service.start("web")

    def restart(self) -> None:
        """Kills whatever still runs of it, and starts it again, as after a power cut."""
        self.service.kill()
        self.service.start("web")

    def tear_down(self) -> None:
        self.service.tear_down()
        self.mail_server.stop()

    @contextlib.contextmanager
    def crashing_at(self, point: str) -> Any:
        """Inside the block the program crashes at that point; without a name the points are only recorded."""
        (self.control / "passed").write_text("")
        (self.control / "crash-at").write_text(point)
        (self.control / "armed").touch()
        try:
            yield
        finally:
            (self.control / "armed").unlink()

    @property
    def passed(self) -> list[str]:
        return (self.control / "passed").read_text().split()

    def run_worker(self, ahead: timedelta = timedelta()) -> int:
        """Runs the worker once, at a moment after now; returns its exit status."""
        at = datetime.now(UTC) + ahead if ahead else None
        return self.service.run("worker", "--once", at=at, check=False).returncode


@dataclass
class Case:
    """What one run of a scenario has sent and received."""

    installation: CrashingService
    number: int
    answer: Response | None = None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> Service:
        return self.installation.service

    @property
    def anna(self) -> str:
        return f"anna{self.number}@ltdalarna.se"

    @property
    def bo(self) -> str:
        return f"bo{self.number}@rontgen.example"

    def request(self, *words: Any, **more: Any) -> None:
        """Sends a request, and keeps the response if one comes: the service may crash meanwhile."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.answer = self.service.request(*words, **more)

    def patch_after_continue(self, path: str, body: bytes, **headers: str) -> None:
        """A PATCH whose body is sent when its header has been read: it is then spliced to the disk."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
            connection.putrequest("PATCH", path)
            for name, text in {"Content-Length": str(len(body)), "Expect": "100-continue", **headers}.items():
                connection.putheader(name, text)
            connection.endheaders()
            assert connection.sock is not None
            wait_for_continue(connection.sock)
            connection.sock.sendall(body)
            answer = connection.getresponse()
            self.answer = Response(answer.status, answer.headers, answer.read())
            connection.close()

    def apply_inbound(self) -> None:
        self.request(
            "POST", "/", {**people.FROM_OUTSIDE, "sender_email": self.bo, "recipient_email": self.anna}
        )

    def open_account(self, **changes: str) -> str:
        return people.apply(self.service, {**people.FORM, "recipient_email": self.bo, **changes}).location

    def arrived(self, kind: str, to: str) -> list[ReceivedLetter]:
        return self.installation.mail_server.of(kind, to=to)


def wait_for_continue(sock: socket.socket) -> None:
    """Reads the interim response (RFC 9110, 15.2.1) and not a byte more; a crashing service sends none."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise ConnectionResetError("it closed the connection")
        received += byte


@dataclass(frozen=True)
class Scenario:
    """`prepare`, then `act` in which it may crash, then `settle`: what people do next, and what must be so.

    One `with_scanner` needs a service with a virus scanner.
    """

    prepare: Callable[[Case], None]
    act: Callable[[Case], None]
    settle: Callable[[Case], None]
    with_scanner: bool = False


def run(installation: CrashingService, scenario: Scenario, point: str = "") -> list[str]:
    """One case of the scenario, with a crash at `point`; returns the points it passed."""
    case = Case(installation, next(installation.numbers))
    scenario.prepare(case)
    with installation.crashing_at(point):
        scenario.act(case)
    passed = installation.passed
    assert point in ("", *passed[-1:]), f"never came to {point}, only to {passed}"
    installation.mail_server.start() if installation.mail_server.controller is None else None
    installation.restart()
    scenario.settle(case)
    check_invariants(installation.service, Acknowledged(mail_server=installation.mail_server))
    return passed


def path_of(link: str) -> str:
    return urlsplit(link).path
