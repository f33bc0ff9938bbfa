"""The parent process of `serve` and `demo`: runs web and worker, and restarts them with growing delays."""

import ctypes
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

from django.db import connections

from filsluss.server import notify

log = logging.getLogger(__name__)

MAX_DELAY = 60.0
HEALTHY_SECONDS = 60.0
"""A child that ran for as long as this is restarted with the shortest delay again."""
GRACE_SECONDS = 10.0
"""From SIGTERM until the children are killed and the parent ends."""
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # prctl(2)
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}

# Forked, not started anew: the program is already loaded, which takes less than half of the processor time,
# and parent and children share the memory of it.
fork = multiprocessing.get_context("fork")


def port_number(text: str) -> int:
    """An argparse type: argparse reports the ValueError and exits with status 2."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise ValueError
    return int(text)


def host_name(text: str) -> str:
    """An argparse type: an empty host would be every address of the machine, in silence."""
    if not text.strip():
        raise ValueError
    return text.strip().removeprefix("[").removesuffix("]")


def require_free_port(host: str, port: int) -> None:
    """Raises OSError if the port cannot be bound; a child that failed on it would be restarted for ever."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def run_child(name: str, program: Callable[[], None]) -> None:
    """Runs the program in the forked child, with the process named after it and signals as at its start."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # also when the parent is killed
    libc.prctl(PR_SET_NAME, f"filsluss-{name}".encode())
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all; the parent passes it on
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    program()


class Child:
    """One child process, which runs `program`; `ps` calls it filsluss-<name>."""

    def __init__(self, name: str, program: Callable[[], None]) -> None:
        self.name = name
        self._program = program
        self._process: multiprocessing.process.BaseProcess | None = None
        self._started_at = self._start_after = 0.0
        self._delay = 1.0

    def ensure_running(self) -> None:
        """Starts it if it is not running and its restart delay is over."""
        if self._process and self._process.exitcode is not None:
            self._schedule_restart(self._process.exitcode)
        if self._process is None and time.monotonic() >= self._start_after:
            self._started_at = time.monotonic()
            self._start()

    def _start(self) -> None:
        """Blocks signals across fork so the child cannot run the parent's handlers."""
        connections.close_all()
        self._process = fork.Process(target=run_child, args=(self.name, self._program), daemon=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        self._process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _schedule_restart(self, status: int) -> None:
        self._delay = 1.0 if time.monotonic() - self._started_at > HEALTHY_SECONDS else self._delay
        log.error("%s ended with status %s; restarting it in %.0f s", self.name, status, self._delay)
        self._process, self._start_after = None, time.monotonic() + self._delay
        self._delay = min(self._delay * 2, MAX_DELAY)

    def send_signal(self, sig: signal.Signals) -> None:
        if self._process and self._process.pid and self._process.exitcode is None:
            os.kill(self._process.pid, sig)

    def has_ended(self) -> bool:
        return self._process is None or self._process.exitcode is not None


def once_open(host: str, port: int, act: Callable[[], None]) -> Callable[[], None]:
    """A function that calls `act` the first time that it finds the port open; for supervise's `meanwhile`."""
    done: list[bool] = []

    def look() -> None:
        if not done and is_open(host, port):
            done.append(True)
            act()

    return look


def is_open(host: str, port: int) -> bool:
    """Whether something accepts connections there; of 0.0.0.0 and ::, at loopback."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    try:
        socket.create_connection((near, port), 1).close()
    except OSError:
        return False
    return True


def supervise(children: list[Child], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Keeps the children running until SIGTERM or SIGINT, then ends them within GRACE_SECONDS.

    `meanwhile` is called every 0.2 s. It has no thread of its own, because a fork copies only one thread.
    """
    notify.adopt()
    received: list[int] = []

    def remember(sig: int, _frame: FrameType | None) -> None:
        received.append(sig)

    signal.signal(signal.SIGTERM, remember)
    signal.signal(signal.SIGINT, remember)
    while not received:
        for child in children:
            child.ensure_running()
        meanwhile()
        notify.keep_alive()
        time.sleep(0.2)
    notify.tell("STOPPING=1")
    _shut_down(children)


def _shut_down(children: list[Child]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS - 0.5
    for child in children:
        child.send_signal(signal.SIGTERM)
    while time.monotonic() < deadline and not all(child.has_ended() for child in children):
        time.sleep(0.05)
    for child in children:
        child.send_signal(signal.SIGKILL)
