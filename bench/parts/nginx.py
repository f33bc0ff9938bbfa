"""Debian's nginx: the tuned baseline for bytes in and out, and the proxy before our own service."""

import os
from pathlib import Path

from bench.parts.client import Connection, Source, put
from bench.parts.servers import Server

MAIN = """
{user}
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    include /etc/nginx/mime.types;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""

DAV = """
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {files};
        dav_methods PUT DELETE;
        client_max_body_size 0;
        client_body_buffer_size 1m;
    }}
"""


class Nginx(Server):
    """`http` is what stands inside nginx's `http` block, with {port} and {files} to be filled in."""

    def __init__(self, name: str, folder: Path, http: str = DAV, *, workers: int = 1, port: int = 0) -> None:
        super().__init__(name, folder, put, "/fil-{}.bin", port=port)
        user = "user root;" if os.geteuid() == 0 else ""
        inner = http.format(port=self.port, files=self.files)
        conf = self.folder / "nginx.conf"
        conf.write_text(MAIN.format(user=user, workers=workers, folder=self.folder, http=inner))
        path = f"{os.environ['PATH']}:/usr/sbin"
        self.run("nginx", "-c", conf, "-p", self.folder, PATH=path)


class SyncingNginx(Nginx):
    """The client sees to it that the file is on disk, within its time."""

    def take(self, connection: Connection, place: str, source: Source) -> None:
        super().take(connection, place, source)
        fd = os.open(f"{self.files}{place}", os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
