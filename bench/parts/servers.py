"""Servers to measure: each a process of its own, with a folder where the bytes it was sent lie."""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.parts.client import Connection, Source, WrongAnswer, create_with, put, send_tus, sha256_of
from bench.parts.resource_usage import ResourceUsage
from tests.parts.mail_server import free_port

PEERS = Path(__file__).parent.parent / "peers"
PYTHON = PEERS / ".venv/bin/python"

Send = Callable[[Connection, str, Source], None]


def end(process: subprocess.Popen[bytes]) -> None:
    """All of its session, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Server:
    """Started when it is made, ended when Python ends."""

    def __init__(self, name: str, folder: Path, send: Send, place: str, *, port: int = 0) -> None:
        self.name = name
        self.folder = folder / "".join(letter for letter in name if letter.isalnum())
        self.port = port or free_port()
        self.host = ""
        self.send, self._place = send, place
        self.files.mkdir(parents=True)

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def run(self, *command: str | Path, **env: str) -> None:
        """Starts it, and waits until it listens."""
        self.process = self.start_beside(*command, **env)
        self.await_listening(self.port)

    def start_beside(self, *command: str | Path, **env: str) -> subprocess.Popen[bytes]:
        """One process in a session of its own, ended when Python ends."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **env},
            )
        atexit.register(end, process)
        return process

    def await_listening(self, port: int, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return
            time.sleep(0.05)
        raise WrongAnswer(f"{self.name} does not start:\n{(self.folder / 'log').read_text()}")

    @property
    def usage(self) -> ResourceUsage:
        return ResourceUsage.of(self.process.pid)

    def connection(self) -> Connection:
        return Connection(self.port, self.host)

    def places(self, count: int) -> list[str]:
        """The paths to send the next files to."""
        return [self._place.format(number) for number in range(count)]

    def take(self, connection: Connection, place: str, source: Source) -> None:
        """Sends one file, whole."""
        self.send(connection, place, source)

    def stored(self, size: int) -> list[Path]:
        """Every file of that length that it holds."""
        found = [path for path in self.files.rglob("*") if path.is_file()]
        return [path for path in found if path.stat().st_size == size]

    def check(self, source: Source, count: int = 1) -> None:
        """Raises WrongAnswer unless just so many files are here, every byte of them right."""
        sums = [sha256_of(path) for path in self.stored(source.size)]
        if sums != [source.sha256] * count:
            raise WrongAnswer(f"{self.name} holds {len(sums)} files of {count}, or a wrong byte")

    def clean(self) -> None:
        for path in self.files.rglob("*"):
            if path.is_file():
                path.unlink()


def tus_node(folder: Path) -> Server:
    server = Server("@tus/server", folder, send_tus, "/files")
    server.run("node", PEERS / "tus.mjs", str(server.port), server.files, NODE_ENV="production")
    return server


def floor(folder: Path, threads: int) -> Server:
    """Our web server, and a program that stores and syncs and does nothing else."""
    server = Server("the floor", folder, create_with, "/files")
    server.run(
        *(sys.executable, "-m", "gunicorn", "--chdir", PEERS, "--bind", f"127.0.0.1:{server.port}"),
        *("--worker-class", "gthread", "--threads", str(threads), "--no-control-socket", "floor:application"),
        FLOOR_FOLDER=str(server.files),
    )
    return server


def tuspy(folder: Path) -> Server:
    server = Server("tuspyserver", folder, send_tus, "/files/")
    server.run(PYTHON, PEERS / "tuspy.py", str(server.port), server.files)
    return server


def copyparty(folder: Path) -> Server:
    server = Server("copyparty", folder, put, "/fil-{}.bin")
    server.run(
        PYTHON,
        "-m",
        "copyparty",
        "-q",
        "--no-crt",
        "-i",
        "127.0.0.1",
        "-p",
        str(server.port),
        "-v",
        f"{server.files}::rw",
        XDG_CONFIG_HOME=str(server.folder),
    )
    return server


def discard_server(folder: Path, path: Path) -> Server:
    """Takes every byte and keeps none, and gives the file at `path`: how fast the client is by itself."""
    server = Server("the client alone", folder, put, "/fil-{}.bin")
    server.run(sys.executable, "-m", "bench.parts.discard_server", str(server.port), path)
    return server
