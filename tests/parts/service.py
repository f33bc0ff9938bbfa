"""A running installation: its own processes, data folder and database, reached by HTTP and by commands."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.parts import migrated, preloaded
from tests.parts.eventually import eventually
from tests.parts.installation import environment
from tests.parts.mail_server import free_port
from tests.parts.programs import run_to_its_end

Body = bytes | Mapping[str, str] | None


OF_DJANGO = {"shell", "dumpdata"}
"""Commands of Django that tests use, and that `filsluss` does not offer."""


class FaketimeMissing(Exception):
    """The clock of a process cannot be set on this machine."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        """The path of the Location header."""
        return urlsplit(self.headers["Location"]).path


def faketime_environment(moment: datetime | None) -> dict[str, str]:
    """The environment that sets a program's clock to that moment; from there it runs on."""
    if moment is None:
        return {}
    ahead = round((moment - datetime.now(UTC)).total_seconds())
    # Both clocks are set, as Python cannot sleep otherwise; files keep their times.
    return {"LD_PRELOAD": faketime_library(), "FAKETIME": f"{ahead:+d}s", "NO_FAKE_STAT": "1"}


@cache
def faketime_library() -> str:
    """Where Debian keeps it; looked for once, in that folder of each architecture only."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise FaketimeMissing("faketime is not here (apt-get install faketime)")
    return str(found[0])


def process_tree(pid: int) -> list[int]:
    """The process and all its descendants, from /proc."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended while we looked
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def state_of_process(pid: int) -> str:
    """The letter for what its main thread does, X if there is no such process (proc_pid_stat(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def has_exited(pid: int) -> bool:
    """Whether it has exited, also if its parent has not reaped it yet."""
    return state_of_process(pid) in ("X", "Z")


def keeper_of_port() -> socket.socket:
    """It is bound to a port on which a server may listen, and which nobody else finds free meanwhile.

    Linux binds two sockets to one port if both say SO_REUSEADDR and neither listens yet (socket(7)).
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", free_port()))
    return keeper


class Service:
    """Not started yet. Settings are named without FILSLUSS_; `env` may be changed while it is stopped.

    Its tables are there before its first start, unless it `is_bare`.
    """

    is_bare = False

    def __init__(self, data_dir: Path, **own: str) -> None:
        self._keeper = keeper_of_port()
        self.port = self._keeper.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.env = environment(data_dir, **{"BASE_URL": self.url, **own})
        self.log = data_dir.with_suffix(".log")
        self.process: Any = None
        self.program = [sys.executable, "-m", "filsluss"]

    def start(self, command: str = "serve", *words: str, at: datetime | None = None) -> "Service":
        """Runs `filsluss serve` (or `web`, or `worker`) and waits until it answers, if it ever does."""
        listening = () if command == "worker" else ("--port", str(self.port))
        self.lay_tables()
        clock = faketime_environment(at)
        with self.log.open("ab") as log:
            line = [*self.program, command, *listening, *words]
            self.process = preloaded.start(line, {**self.env, **clock}, log, log)
        if listening:
            self.wait_until_alive()
        return self

    def lay_tables(self) -> None:
        """As `filsluss migrate` would make them, in a data folder that is not there yet."""
        if not (self.is_bare or self.data_dir.exists() or "FILSLUSS_DATABASE_URL" in self.env):
            migrated.lay_down(self.data_dir)

    def wait_until_alive(self, seconds: float = 90) -> None:
        eventually(
            lambda: not self.is_running or self.get("/healthz").status == 200,
            seconds=seconds,
            excusing=(OSError, http.client.HTTPException),  # not listening yet
            say=self.log_text,
        )
        assert self.is_running, f"the service has ended:\n{self.log_text()}"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM; returns the exit status once all its processes have exited."""
        assert self.process is not None, "it was never started"
        processes = process_tree(self.process.pid)
        self.process.terminate()
        status = self.process.wait(seconds)
        left = [pid for pid in processes if not has_exited(pid)]
        assert left == [], f"processes left behind: {left}"
        return status

    def kill(self) -> None:
        """SIGKILL to every process of it at once, as a power cut does, but for the disk."""
        assert self.process is not None, "it was never started"
        processes = process_tree(self.process.pid) if self.is_running else []
        # The parent first, or it would start its children again.
        for pid in processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):  # children of a parent that a test has killed
            os.killpg(self.process.pid, signal.SIGKILL)
        eventually(lambda: all(map(has_exited, processes)))  # until then they have the port

    def run(
        self, *words: str, at: datetime | None = None, check: bool = True, seconds: float = 100
    ) -> subprocess.CompletedProcess[str]:
        """One `filsluss` command on this installation, to its end; with `check`, exit 0 is demanded."""
        if words[0] == "migrate":
            self.lay_tables()
        djangos = {"DJANGO_SETTINGS_MODULE": "filsluss.settings"} if words[0] in OF_DJANGO else {}
        program = [sys.executable, "-m", "django"] if djangos else self.program
        given = {**self.env, **djangos, **faketime_environment(at)}
        ran = run_to_its_end([*program, *words], given, seconds)
        with self.log.open("a") as log:
            log.write(ran.stderr)
        assert not check or ran.returncode == 0, f"filsluss {' '.join(words)}: {ran.stdout}{ran.stderr}"
        return ran

    def run_worker(self, *, at: datetime | None = None) -> subprocess.CompletedProcess[str]:
        """`filsluss worker --once`, at a moment if one is named."""
        return self.run("worker", "--once", at=at)

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request on a connection of its own; a path, or an address from a letter."""
        parts = urlsplit(path)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = dict(headers or {})
        if isinstance(body, Mapping):
            body = urlencode(body).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Response:
        """Headers by keyword, `_` for the dash: `get("/", Accept_Language="en")`."""
        return self.request(
            "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    def post(self, path: str, form: Body = None, **headers: str) -> Response:
        dashed = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.request("POST", path, {} if form is None else form, dashed)

    def log_text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def tear_down(self) -> None:
        """The end of a test: none of its processes goes on, and its log holds no traceback."""
        if self.process is not None:
            self.kill()
        for reserve in self.data_dir.glob("*-reserve"):  # hundreds of them would be many gigabytes
            reserve.unlink()
        self._keeper.close()
        assert "Traceback" not in self.log_text(), self.log_text()
