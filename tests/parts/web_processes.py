"""Connections to one web process or another: where several share a listening socket, the kernel chooses."""

import os
import signal
from pathlib import Path

from tests.parts.eventually import eventually
from tests.parts.raw_http import RawConnection
from tests.parts.service import Service, process_tree, state_of_process


def accepted(service: Service, *, but: RawConnection | None = None) -> RawConnection:
    """A connection that a web process has accepted, and not the one that has accepted `but`.

    That one is stopped meanwhile, so that it cannot be the first: its main thread accepts.
    """
    stopped = process_of(but, service) if but else None
    if stopped:
        os.kill(stopped, signal.SIGSTOP)
    try:
        if stopped:
            eventually(lambda: state_of_process(stopped) == "T", interval=0.01)
        connection = RawConnection(service)
        eventually(lambda: process_of(connection, service), interval=0.01)
    finally:
        if stopped:
            os.kill(stopped, signal.SIGCONT)
    return connection


def process_of(connection: RawConnection, service: Service) -> int | None:
    """The process that has accepted it, as the kernel tells; None if none has yet."""
    socket = f"socket:[{inode_of(connection, service)}]"
    for pid in process_tree(service.process.pid):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(descriptor) == socket:
                    return pid
            except FileNotFoundError:
                continue  # it was closed while we looked
    return None


def inode_of(connection: RawConnection, service: Service) -> str | None:
    """Of the service's end of it (proc_net(5)): 0 until it is accepted."""
    ours = connection.sock.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (port(fields[1]), port(fields[2])) == (service.port, ours):
            return fields[9]
    return None


def port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
