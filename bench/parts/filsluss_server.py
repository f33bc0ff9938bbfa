"""Filsluss as an operator starts it: a real process, a real database, tus uploads and ranged downloads."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from bench.parts.client import Source, WrongAnswer, send_tus
from bench.parts.servers import Server
from tests.parts import people
from tests.parts.mail_server import MailServer
from tests.parts.service import Service

GENEROUS_LIMITS = {"MAX_TRANSFER_SIZE": "100000GiB", "FREE_SPACE": "0%"}


class FilslussServer(Server):
    """`command` is `web` for the data plane alone, or `serve` for the worker too.

    `syncs=False` injects a store without fsync. `origin` is the port that clients connect to, if a proxy is
    in front. Letters go to a mail server of its own. `tree` is another checkout, whose program is run.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        command: str = "web",
        *,
        syncs: bool = True,
        origin: int = 0,
        tree: Path | None = None,
        **settings: str,
    ) -> None:
        super().__init__(name, folder, send_tus, "")
        self.forwarded: dict[str, str] = {}
        self.mail_server = MailServer()
        self.mail_server.start()
        self.host = f"127.0.0.1:{origin or self.port}"
        own = {
            "BASE_URL": f"http://{self.host}",
            "SMTP_URL": self.mail_server.url,
            **GENEROUS_LIMITS,
            **settings,
        }
        self.service = Service(self.folder / "data", **own)
        self.service.port = self.port
        self.program = {"PYTHONPATH": f"{tree / 'src'}:{tree}"} if tree else {}
        if tree:  # its tables and maybe its packages are its own, and its settings may be elsewhere
            python = tree / ".venv/bin/python"
            self.service.program[0] = str(python) if python.exists() else sys.executable
            self.service.env |= self.program
            self.service.is_bare = True
            del self.service.env["FILSLUSS_CONFIG"]
        self.service.run("migrate")
        module = "filsluss" if syncs else "bench.parts.without_fsync"
        self.run(self.service.program[0], "-m", module, command, "--port", str(self.port))
        self.service.process = self.process
        self.service.wait_until_alive()

    def start_beside(self, *command: str | Path, **env: str) -> subprocess.Popen[bytes]:
        own = {name: text for name, text in self.service.env.items() if name.startswith("FILSLUSS_")}
        return super().start_beside(*command, **own, **self.program, **env)

    @property
    def files(self) -> Path:
        return self.folder / "data" / "blobs"

    def account(self) -> str:
        """The path of a new, open upload page."""
        form = urlencode(people.FORM).encode()
        kind = "application/x-www-form-urlencoded"
        with self.connection() as connection:
            connection.send_head(
                "POST",
                "/",
                {"Content-Type": kind, "Content-Length": str(len(form)), **self.forwarded},
                form,
            )
            where = connection.read_response("POST", 303)["Location"]
        if "/upload/" not in where:
            raise WrongAnswer(f"the application led to {where}")
        return where[where.index("/upload/") :]

    def places(self, count: int) -> list[str]:
        return [f"{self.account()}/files"] * count

    def publish_many(self, source: Source, count: int) -> list[str]:
        """The paths of the bytes of so many files, each of a transfer of its own."""
        before = len(self.mail_server.of("file-ready"))
        for _ in range(count):
            with self.connection() as connection:
                self.take(connection, self.places(1)[0], source)
        self.service.run_worker()
        letters = self.mail_server.wait_for("file-ready", count=before + count)[before:]
        return [people.download_links(self.service, letter)[0] for letter in letters]

    def publish(self, source: Source) -> str:
        """Uploads a file, lets the worker do its part, and answers the path of the bytes in the letter."""
        with self.connection() as connection:
            self.take(connection, self.places(1)[0], source)
        self.service.run_worker()
        return people.download_links(self.service, self.mail_server.one("file-ready"))[0]
