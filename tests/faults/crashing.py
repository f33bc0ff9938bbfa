"""A house that dies where it is told to, and what people do to it meanwhile."""

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

from tests.parts import crash, people
from tests.parts.house import Answer, House
from tests.parts.post import Arrived, Post
from tests.parts.world import Told, verify_world

SOON = timedelta(minutes=3)
"""Enough for the lease of a scanner who died to end, and for the pause after a letter's first try."""


class Crashing:
    """One installation, its post office, and the folder through which its program is told where to die."""

    def __init__(self, folder: Path, **own: str) -> None:
        self.post = Post()
        self.post.open()
        self.orders = folder / "orders"
        self.orders.mkdir(parents=True)
        (self.orders / "die-at").touch()
        self.house = House(folder / "house", SMTP_URL=self.post.url, **own)
        self.house.program = [*crash.PROGRAM, str(self.orders)]
        self.numbers = itertools.count(1)

    def open(self) -> None:
        self.house.run("migrate", "--verbosity", "0")
        for letter in string.ascii_letters + string.digits + "-_":
            (self.house.data_dir / "blobs" / f"{letter}.d").mkdir(parents=True)  # as a house of some age has
        self.house.start("web")

    def reopen(self) -> None:
        """Whatever is left of it goes, and it is started again, as after a power cut."""
        self.house.kill()
        self.house.start("web")

    def leave(self) -> None:
        self.house.leave()
        self.post.shut()

    @contextlib.contextmanager
    def dying_at(self, point: str) -> Any:
        """Inside the block a passage of that point is the last; with no name they are only written down."""
        (self.orders / "passed").write_text("")
        (self.orders / "die-at").write_text(point)
        (self.orders / "armed").touch()
        try:
            yield
        finally:
            (self.orders / "armed").unlink()

    @property
    def passed(self) -> list[str]:
        return (self.orders / "passed").read_text().split()

    def work(self, ahead: timedelta = timedelta()) -> int:
        """A worker's round, at a moment after now; its exit status."""
        at = datetime.now(UTC) + ahead if ahead else None
        return self.house.run("worker", "--once", at=at, check=False).returncode


@dataclass
class Case:
    """What one run of a scenario has said and heard."""

    here: Crashing
    number: int
    answer: Answer | None = None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def house(self) -> House:
        return self.here.house

    @property
    def anna(self) -> str:
        return f"anna{self.number}@ltdalarna.se"

    @property
    def bo(self) -> str:
        return f"bo{self.number}@rontgen.example"

    def request(self, *words: Any, **more: Any) -> None:
        """Asks, and hears an answer if one comes: the house may die meanwhile."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.answer = self.house.request(*words, **more)

    def slowly(self, path: str, body: bytes, **headers: str) -> None:
        """A PATCH whose body goes when its header has been read: it then takes the short way to the disk."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            line = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=30)
            line.putrequest("PATCH", path)
            for name, text in {"Content-Length": str(len(body)), "Expect": "100-continue", **headers}.items():
                line.putheader(name, text)
            line.endheaders()
            assert line.sock is not None
            wait_for_continue(line.sock)
            line.sock.sendall(body)
            answer = line.getresponse()
            self.answer = Answer(answer.status, answer.headers, answer.read())
            line.close()

    def apply_inbound(self) -> None:
        self.request(
            "POST", "/", {**people.FROM_OUTSIDE, "sender_email": self.bo, "recipient_email": self.anna}
        )

    def open_account(self, **changes: str) -> str:
        return people.apply(self.house, {**people.FORM, "recipient_email": self.bo, **changes}).location

    def arrived(self, kind: str, to: str) -> list[Arrived]:
        return self.here.post.of(kind, to=to)


def wait_for_continue(sock: socket.socket) -> None:
    """Reads the interim answer (RFC 9110, 15.2.1) and not a byte more; a dying house says nothing."""
    heard = b""
    while not heard.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise ConnectionResetError("it hung up")
        heard += byte


@dataclass(frozen=True)
class Scenario:
    """`prepare`, then `act` in which it may die, then `settle`: what people do next, and what must be so.

    One that is `guarded` wants a house with a virus scanner.
    """

    prepare: Callable[[Case], None]
    act: Callable[[Case], None]
    settle: Callable[[Case], None]
    guarded: bool = False


def run(here: Crashing, scenario: Scenario, point: str = "") -> list[str]:
    """One case of the scenario, with a death at `point`; returns the points it passed."""
    case = Case(here, next(here.numbers))
    scenario.prepare(case)
    with here.dying_at(point):
        scenario.act(case)
    passed = here.passed
    assert point in ("", *passed[-1:]), f"never came to {point}, only to {passed}"
    here.post.open() if here.post.door is None else None
    here.reopen()
    scenario.settle(case)
    verify_world(here.house, Told(post=here.post))
    return passed


def path_of(link: str) -> str:
    return urlsplit(link).path
