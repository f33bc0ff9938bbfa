"""The parent of `serve`: two children, web and worker, started again with growing pauses when they die."""

import ctypes
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

from django.db import connections

log = logging.getLogger(__name__)

LONGEST_DELAY = 60.0
HEALTHY_SECONDS = 60.0
GRACE_SECONDS = 10.0
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}

# A child is a copy of its parent, which has read the program already: that starts it in less than half of the
# processor time, and what both have read is in memory once.
fork = multiprocessing.get_context("fork")


def port_number(text: str) -> int:
    """For argparse, which names what is wrong and exits with 2."""
    if not 0 < int(text) < 65536:
        raise ValueError
    return int(text)


def require_free_port(host: str, port: int) -> None:
    """Raises OSError if nobody could listen there: a child that cannot would be started again for ever."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def run_child(words: tuple[str, ...]) -> None:
    """What a child does: the command that the words are, as if it had been started by itself."""
    from filsluss import cli

    # If the parent is killed, it is told to end. A Ctrl-C reaches everybody at the terminal, be it in the
    # midst of starting: the parent passes it on.
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(PR_SET_NAME, f"filsluss-{words[0]}".encode())
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    sys.argv[1:] = words
    cli.run(sys.argv)


class Child:
    def __init__(self, *words: str) -> None:
        self.name = words[0]
        self._words = words
        self._process: multiprocessing.process.BaseProcess | None = None
        self._born = self._next = 0.0
        self._pause = 1.0

    def ensure_running(self) -> None:
        """Starts it if it is not there and its pause is over."""
        if self._process and self._process.exitcode is not None:
            self._schedule_restart(self._process.exitcode)
        if self._process is None and time.monotonic() >= self._next:
            self._born = time.monotonic()
            self._start()

    def _start(self) -> None:
        """No signal meets the child before it can tell its own from its parent's."""
        connections.close_all()
        self._process = fork.Process(target=run_child, args=(self._words,), daemon=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        self._process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _schedule_restart(self, status: int) -> None:
        self._pause = 1.0 if time.monotonic() - self._born > HEALTHY_SECONDS else self._pause
        log.error("%s ended with status %s and is started again in %.0f s", self.name, status, self._pause)
        self._process, self._next = None, time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_DELAY)

    def tell(self, sig: signal.Signals) -> None:
        if self._process and self._process.pid and self._process.exitcode is None:
            os.kill(self._process.pid, sig)

    def is_gone(self) -> bool:
        return self._process is None or self._process.exitcode is not None


def supervise(children: list[Child], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Keeps the children alive until SIGTERM or SIGINT, then sees them out within ten seconds.

    `meanwhile` is called every 0.2 s. There is no thread for it: a child is a copy of one thread alone.
    """
    asked: list[int] = []

    def ask(sig: int, frame: FrameType | None) -> None:
        asked.append(sig)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    while not asked:
        for child in children:
            child.ensure_running()
        meanwhile()
        time.sleep(0.2)
    _shut_down(children)


def _shut_down(children: list[Child]) -> None:
    late = time.monotonic() + GRACE_SECONDS - 0.5
    for child in children:
        child.tell(signal.SIGTERM)
    while time.monotonic() < late and not all(child.is_gone() for child in children):
        time.sleep(0.05)
    for child in children:
        child.tell(signal.SIGKILL)
