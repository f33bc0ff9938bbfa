"""Our service behind Debian's nginx with deploy/nginx.conf; pages may have a process of their own."""

import sys
from pathlib import Path

from bench.parts.filsluss_server import FilslussServer
from bench.parts.nginx import Nginx
from bench.parts.resource_usage import ResourceUsage
from tests.parts.mail_server import free_port

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
SECURE = "listen 0.0.0.0:443 ssl http2;"


def shipped(folder: Path, blobs: Path, inner: int, pages: int) -> str:
    """The shipped settings with this service's values; without TLS, which the baseline does not speak."""
    text = (DEPLOY / "nginx.conf").read_text()
    _, _, apart = text.partition("upstream filsluss_pages {")
    text = text.replace(apart, apart.replace("127.0.0.1:8000", f"127.0.0.1:{pages}"))
    lines = [line for line in text.splitlines() if not line.strip().startswith(("ssl_", "listen [::]"))]
    text = "\n".join(lines).replace("{", "{{").replace("}", "}}")
    for theirs, here in {
        SECURE: "listen 127.0.0.1:{port} backlog=1024;",
        "0.0.0.0:80": f"127.0.0.1:{free_port()}",
        "127.0.0.1:8000": f"127.0.0.1:{inner}",
        "/var/lib/filsluss/blobs/": f"{blobs}/",
        "/usr/share/filsluss/": f"{DEPLOY}/",
        "/var/log/nginx/": f"{folder}/",
    }.items():
        assert theirs in text, f"deploy/nginx.conf no longer says {theirs}"
        text = text.replace(theirs, here)
    return text


class BehindNginx(FilslussServer):
    """Clients connect to the proxy; the proxy and our processes are measured together."""

    def __init__(
        self, name: str, folder: Path, *, syncs: bool = True, own_pages: bool = False, **settings: str
    ) -> None:
        self.origin = origin = free_port()
        trust = {"TRUSTED_PROXIES": "127.0.0.1/32", "INSIDE_NETWORKS": "10.0.0.0/8", "ACCEL": "nginx"}
        super().__init__(name, folder, syncs=syncs, origin=origin, tree=None, **{**trust, **settings})
        self.forwarded = {"X-Forwarded-For": "10.1.2.3"}
        self.inner = self.port
        pages = self.second() if own_pages else self.port
        http = shipped(self.folder, self.files, self.inner, pages)
        self.nginx = Nginx(f"{name} front", folder, http, port=origin)
        self.port = self.service.port = origin

    def second(self) -> int:
        """One more web process on the same database and store; returns its port."""
        port = free_port()
        self.start_beside(sys.executable, "-m", "filsluss", "web", "--port", str(port))
        self.await_listening(port)
        return port

    def account(self) -> str:
        """Requested from the service directly, with the header by which the proxy names an inside client."""
        self.port = self.inner
        try:
            return super().account()
        finally:
            self.port = self.origin

    @property
    def usage(self) -> ResourceUsage:
        return ResourceUsage((*super().usage.pids, *self.nginx.usage.pids))
