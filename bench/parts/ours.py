"""Our own house, as an operator starts it: a real process, real rows, tus in and ranges out."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from bench.parts.client import Source, WrongAnswer, send_tus
from bench.parts.servers import Server
from tests.parts import people
from tests.parts.house import House
from tests.parts.post import Post

LAVISH = {"MAX_TRANSFER_SIZE": "100000GiB", "FREE_SPACE": "0%"}


class Ours(Server):
    """`command` is `web` for the data plane alone, or `serve` for the worker too.

    `syncs=False` injects a store without fsync. `origin` is the port that people see, if a proxy stands
    before. Letters go to a post office of its own.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        command: str = "web",
        *,
        syncs: bool = True,
        origin: int = 0,
        **settings: str,
    ) -> None:
        super().__init__(name, folder, send_tus, "")
        self.vouched: dict[str, str] = {}
        self.post = Post()
        self.post.open()
        self.host = f"127.0.0.1:{origin or self.port}"
        own = {"BASE_URL": f"http://{self.host}", "SMTP_URL": self.post.url, **LAVISH, **settings}
        self.house = House(self.folder / "data", **own)
        self.house.port = self.port
        self.house.run("migrate")
        self.house.run("collectstatic", "--noinput")
        module = "filsluss" if syncs else "bench.parts.careless"
        self.run(sys.executable, "-m", module, command, "--port", str(self.port))
        self.house.process = self.process
        self.house.await_alive()

    def start_beside(self, *command: str | Path, **env: str) -> subprocess.Popen[bytes]:
        own = {name: text for name, text in self.house.env.items() if name.startswith("FILSLUSS_")}
        return super().start_beside(*command, **own, **env)

    @property
    def files(self) -> Path:
        return self.folder / "data" / "blobs"

    def account(self) -> str:
        """The path of a new, open upload page."""
        form = urlencode(people.FORM).encode()
        kind = "application/x-www-form-urlencoded"
        with self.line() as line:
            line.say(
                "POST",
                "/",
                {"Content-Type": kind, "Content-Length": str(len(form)), **self.vouched},
                form,
            )
            where = line.hear("POST", 303)["Location"]
        if "/upload/" not in where:
            raise WrongAnswer(f"the application led to {where}")
        return where[where.index("/upload/") :]

    def places(self, count: int) -> list[str]:
        return [f"{self.account()}/files"] * count

    def lay(self, source: Source) -> str:
        """Uploads a file, lets the worker do its part, and answers the path of the bytes in the letter."""
        with self.line() as line:
            self.take(line, self.places(1)[0], source)
        self.house.work()
        return people.download_links(self.house, self.post.one("file-ready"))[0]
