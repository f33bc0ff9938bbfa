"""A real clamd with one signature of our own, started by the tests: no updates can be fetched here."""

import io
import os
import shutil
import signal
import subprocess
import zipfile
from pathlib import Path

from filsluss.scanners.clamd import EICAR, Clamd, NotScanned
from tests.parts.eventually import eventually

SIGNATURE = f"Filsluss.Test.EICAR:0:*:{EICAR.hex()}\n"
VIRUS = "Filsluss.Test.EICAR.UNOFFICIAL"
AS_IT_SHOULD_BE = {
    "AlertExceedsMax": "yes",
    "StreamMaxLength": "2147483647",
    "MaxFileSize": "2147483647",
    "MaxScanSize": "4294967295",
    "MaxScanTime": "0",
}
"""The limits as docs/operations.md asks for them."""


class ClamdMissing(Exception):
    """Debian's clamd is not on this machine."""


class Scanner:
    """Not started yet; `own` are lines of its clamd.conf."""

    def __init__(self, folder: Path, **own: str) -> None:
        self.program = shutil.which("clamd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if not self.program:
            raise ClamdMissing("clamd is not here (apt-get install clamav-daemon)")
        self.folder = folder
        for name in ("db", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "db" / "filsluss.ndb").write_text(SIGNATURE)
        self.set(**own)
        self.process: subprocess.Popen[bytes] | None = None

    def set(self, **own: str) -> None:
        """Writes clamd.conf anew; it counts from the next start on."""
        lines = {
            "LocalSocket": str(self.folder / "ctl"),
            "DatabaseDirectory": str(self.folder / "db"),
            "TemporaryDirectory": str(self.folder / "tmp"),
            "Foreground": "yes",
            **AS_IT_SHOULD_BE,
            **own,
        }
        text = "".join(f"{name} {value}\n" for name, value in lines.items())
        (self.folder / "clamd.conf").write_text(text)

    @property
    def address(self) -> str:
        """As FILSLUSS_CLAMD names it."""
        return f"unix:{self.folder / 'ctl'}"

    @property
    def client(self) -> Clamd:
        return Clamd.at(self.address)

    def start(self) -> "Scanner":
        assert self.program is not None
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-c", self.folder / "clamd.conf"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        said = self.folder / "log"
        eventually(self.answers_or_exited, excusing=NotScanned, say=said.read_text)
        assert self.process.poll() is None, said.read_text()
        return self

    def answers_or_exited(self) -> bool:
        return bool(self.process and self.process.poll() is not None) or bool(self.client.version())

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        (self.folder / "ctl").unlink(missing_ok=True)  # it would be taken for one that is alive


def zipped(content: bytes, times: int = 1) -> bytes:
    """The content in an archive, that one in another, …"""
    for _ in range(times):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inre.zip", content)
        content = outer.getvalue()
    return content
