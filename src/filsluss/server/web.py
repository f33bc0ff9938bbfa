"""The web server: gunicorn embedded, with its settings and its log."""

import resource
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from filsluss.logs import LineFormatter

FILES_MAX = 65536
GRACE_SECONDS = 8


def raise_file_limit() -> int:
    """Takes all the file descriptors that this process may have, within reason; a service often gets 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = FILES_MAX if most == resource.RLIM_INFINITY else min(most, FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (room, most))
    return room


class LineLogger(Logger):
    """gunicorn's own words, in lines like all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter())


class WebServer(BaseApplication):
    """The documented way to embed gunicorn."""

    def __init__(self, bind: str, *, processes: int, threads: int) -> None:
        self._options = {
            "bind": bind,
            "workers": processes,
            "threads": threads,
            "worker_class": "filsluss.server.gunicorn_worker.FilslussWorker",
            # An upload in a thread has other files open than its connection.
            "worker_connections": max(threads + 1, min(threads + 4000, raise_file_limit() // 2)),
            "preload_app": True,
            "keepalive": 10,
            "timeout": 120,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "loglevel": "warning",
            "proc_name": "filsluss",
            "logger_class": "filsluss.server.web.LineLogger",
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from filsluss.wsgi import application

        return application
