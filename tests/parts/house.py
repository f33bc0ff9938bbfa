"""A living installation: its own processes, data folder and database, spoken to as anybody speaks to it."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.parts.installation import environment
from tests.parts.post import free_port

Body = bytes | Mapping[str, str] | None


class FaketimeMissing(Exception):
    """The clock of a process cannot be set on this machine."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        """Where it sends on to, as a path of the house."""
        return urlsplit(self.headers["Location"]).path


def at_clock(moment: datetime | None) -> dict[str, str]:
    """The environment that sets a program's clock to that moment; from there it runs on."""
    if moment is None:
        return {}
    found = sorted(Path("/usr/lib").glob("**/libfaketimeMT.so.1"))
    if not found:
        raise FaketimeMissing("faketime is not here (apt-get install faketime)")
    ahead = round((moment - datetime.now(UTC)).total_seconds())
    # Both clocks are set, as Python cannot sleep otherwise; files keep their times.
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": f"{ahead:+d}s", "NO_FAKE_STAT": "1"}


def family(pid: int) -> list[int]:
    """The process and all that descend from it, as /proc tells."""
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


def is_gone(pid: int) -> bool:
    """Whether it has ended, be it unburied by whoever should have waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class House:
    """Not started yet. Settings are named without FILSLUSS_; `env` may be changed while it stands still."""

    def __init__(self, data_dir: Path, **own: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = data_dir
        self.env = environment(data_dir, **{"BASE_URL": self.url, **own})
        self.log = data_dir.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None
        self.program = [sys.executable, "-m", "filsluss"]

    def start(self, command: str = "serve", *words: str, at: datetime | None = None) -> "House":
        """Runs `filsluss serve` (or `web`, or `worker`) and waits until it answers, if it ever does."""
        listening = () if command == "worker" else ("--port", str(self.port))
        clock = at_clock(at)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, command, *listening, *words],
                env={**self.env, **clock}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        if listening:
            self.await_alive()
        return self

    def await_alive(self, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.is_running:
            try:
                if self.get("/healthz").status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass  # not listening yet
            time.sleep(0.05)
        raise AssertionError(f"the house does not answer at {self.url}/healthz:\n{self.log_text()}")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds: float = 12) -> int:
        """SIGTERM, and the exit status once all of it is gone."""
        assert self.process is not None, "it was never started"
        everyone = family(self.process.pid)
        self.process.terminate()
        status = self.process.wait(seconds)
        left = [pid for pid in everyone if not is_gone(pid)]
        assert left == [], f"processes left behind: {left}"
        return status

    def kill(self) -> None:
        """SIGKILL to every process of it at once, as a power cut does, but for the disk."""
        assert self.process is not None, "it was never started"
        everyone = family(self.process.pid) if self.is_running else []
        # The parent first, or it would start its children again.
        for pid in everyone:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):  # whoever outlived a parent that a test has killed
            os.killpg(self.process.pid, signal.SIGKILL)

    def run(
        self, *words: str, at: datetime | None = None, check: bool = True, seconds: float = 100
    ) -> subprocess.CompletedProcess[str]:
        """One `filsluss` command on this installation, to its end; with `check`, exit 0 is demanded."""
        ran = subprocess.run(
            [*self.program, *words], env={**self.env, **at_clock(at)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        with self.log.open("a") as log:
            log.write(ran.stderr)
        assert not check or ran.returncode == 0, f"filsluss {' '.join(words)}: {ran.stdout}{ran.stderr}"
        return ran

    def work(self, *, at: datetime | None = None) -> subprocess.CompletedProcess[str]:
        """`filsluss worker --once`, at a moment if one is named."""
        return self.run("worker", "--once", at=at)

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own; a path, or an address that a letter held."""
        parts = urlsplit(path)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = dict(headers or {})
        if isinstance(body, Mapping):
            body = urlencode(body).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request(method, target, body, sent)
            answer = line.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            line.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Headers by keyword, `_` for the dash: `get("/", Accept_Language="en")`."""
        return self.request(
            "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    def post(self, path: str, form: Body = None, **headers: str) -> Answer:
        dashed = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.request("POST", path, {} if form is None else form, dashed)

    def log_text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def leave(self) -> None:
        """The end of a test: nothing of it runs on, and it has spoken of no fault it did not expect."""
        if self.process is not None:
            self.kill()
        assert "Traceback" not in self.log_text(), self.log_text()
