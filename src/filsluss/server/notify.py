"""Telling systemd how the service is (sd_notify(3)): datagrams to the socket that it names."""

import contextlib
import os
import socket
import time

_address = ""
_watchdog_seconds = 0.0
_last_ping = 0.0


def adopt() -> None:
    """Takes over what systemd has put into the environment, so that children do not speak for the service."""
    global _address, _watchdog_seconds
    _address = os.environ.pop("NOTIFY_SOCKET", "")
    microseconds = os.environ.pop("WATCHDOG_USEC", "")
    _watchdog_seconds = int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0


def tell(state: str) -> None:
    """Sends lines such as READY=1; nothing where no service manager listens."""
    if not _address:
        return
    path = "\0" + _address[1:] if _address.startswith("@") else _address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.connect(path)
        out.send(state.encode())


def keep_alive() -> None:
    """Called often by a process that works: tells the watchdog so, three times in its period."""
    global _last_ping
    if _watchdog_seconds and time.monotonic() - _last_ping > _watchdog_seconds / 3:
        _last_ping = time.monotonic()
        tell("WATCHDOG=1")
