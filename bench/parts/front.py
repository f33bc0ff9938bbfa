"""Our house behind Debian's nginx; pages may have a process of their own."""

import sys
from pathlib import Path

from bench.parts.meter import Meter
from bench.parts.nginx import Nginx
from bench.parts.ours import Ours
from tests.parts.post import free_port

FRONT = """
    upstream bytes {{{{ server 127.0.0.1:{inner}; keepalive 32; }}}}
    upstream pages {{{{ server 127.0.0.1:{pages}; keepalive 32; }}}}
    server {{{{
        listen 127.0.0.1:{{port}} backlog=1024;
        client_max_body_size 0;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_read_timeout 300s;
        location ~ ^/(upload|download|zip)/ {{{{
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_pass http://bytes;
        }}}}
        location / {{{{ proxy_pass http://pages; }}}}
        location /filsluss-bytes/ {{{{ internal; alias {blobs}/; }}}}
    }}}}
"""


class Fronted(Ours):
    """What people reach is the proxy; it and our processes are weighed together."""

    def __init__(
        self, name: str, folder: Path, *, syncs: bool = True, own_pages: bool = False, **settings: str
    ) -> None:
        self.origin = origin = free_port()
        trust = {"TRUSTED_PROXIES": "127.0.0.1/32", "INSIDE_NETWORKS": "10.0.0.0/8", "ACCEL": "nginx"}
        super().__init__(name, folder, syncs=syncs, origin=origin, **{**trust, **settings})
        self.vouched = {"X-Forwarded-For": "10.1.2.3"}
        self.inner = self.port
        pages = self.second() if own_pages else self.port
        http = FRONT.format(inner=self.inner, pages=pages, blobs=self.files)
        self.front = Nginx(f"{name} front", folder, http, port=origin)
        self.port = self.house.port = origin

    def second(self) -> int:
        """One more web process on the same rows and bytes; answers its port."""
        port = free_port()
        self.start_beside(sys.executable, "-m", "filsluss", "web", "--port", str(port))
        self.await_listening(port)
        return port

    def account(self) -> str:
        """Asked of the house itself, as the proxy would ask: an inside client is vouched for."""
        self.port = self.inner
        try:
            return super().account()
        finally:
            self.port = self.origin

    @property
    def meter(self) -> Meter:
        return Meter((*super().meter.pids, *self.front.meter.pids))
