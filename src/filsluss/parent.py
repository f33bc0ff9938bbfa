"""The parent of `serve`: two children, web and worker, started again with growing pauses when they die."""

import ctypes
import logging
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0
HEALTHY = 60.0
GRACE = 10.0
PR_SET_PDEATHSIG = 1


def port_number(text: str) -> int:
    """For argparse, which names what is wrong and exits with 2."""
    if not 0 < int(text) < 65536:
        raise ValueError
    return int(text)


def refuse_taken(host: str, port: int) -> None:
    """Raises OSError if nobody could listen there: a child that cannot would be started again for ever."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def die_with_parent() -> None:
    """Runs in the child: it is told to end if the parent is killed (prctl(2), Linux).

    A Ctrl-C reaches everybody at the terminal, be it in the midst of starting: the parent passes it on.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    def __init__(self, *words: str) -> None:
        self.name = words[0]
        self._command = [sys.executable, "-m", "filsluss", *words]
        self._process: subprocess.Popen[bytes] | None = None
        self._born = self._next = 0.0
        self._pause = 1.0

    def tend(self) -> None:
        """Starts it if it is not there and its pause is over."""
        if self._process and self._process.poll() is not None:
            self._mourn(self._process.returncode)
        if self._process is None and time.monotonic() >= self._next:
            self._born = time.monotonic()
            self._process = subprocess.Popen(self._command, preexec_fn=die_with_parent)  # noqa: S603 - our own words

    def _mourn(self, status: int) -> None:
        self._pause = 1.0 if time.monotonic() - self._born > HEALTHY else self._pause
        log.error("%s ended with status %s and is started again in %.0f s", self.name, status, self._pause)
        self._process, self._next = None, time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def tell(self, sig: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(sig)

    def is_gone(self) -> bool:
        return self._process is None or self._process.poll() is not None


def look_after(children: list[Child]) -> None:
    """Keeps the children alive until SIGTERM or SIGINT, then sees them out within ten seconds."""
    asked: list[int] = []

    def ask(sig: int, frame: FrameType | None) -> None:
        asked.append(sig)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    while not asked:
        for child in children:
            child.tend()
        time.sleep(0.2)
    _see_out(children)


def _see_out(children: list[Child]) -> None:
    late = time.monotonic() + GRACE - 0.5
    for child in children:
        child.tell(signal.SIGTERM)
    while time.monotonic() < late and not all(child.is_gone() for child in children):
        time.sleep(0.05)
    for child in children:
        child.tell(signal.SIGKILL)
