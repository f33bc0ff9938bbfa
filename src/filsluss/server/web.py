"""The web server: gunicorn embedded, with our settings and our log format."""

import logging
import resource
import tempfile
from typing import Any

from django.conf import settings
from django.db import connection
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from filsluss.logs import formatter
from filsluss.server import notify
from filsluss.server.gunicorn_worker import FilslussWorker
from filsluss.version import program_version

log = logging.getLogger(__name__)

FILES_MAX = 65536
GRACE_SECONDS = 8
"""For requests under way at SIGTERM; shorter than the supervisor's."""


def raise_file_limit() -> int:
    """Raises the limit of file descriptors (often 1024) as far as allowed, up to FILES_MAX; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def announce(server: Any) -> None:
    """One line when the port is open, and a word to systemd; called by gunicorn."""
    facts = {
        "version": program_version(),
        "address": ",".join(str(listener) for listener in server.LISTENERS),
        "url": settings.POLICY.base_url,
        "database": connection.vendor,
        "blobs": settings.BLOB_URL,
    }
    log.info("open", extra={"facts": facts})
    notify.tell("READY=1")


class LineLogger(Logger):
    """gunicorn's error log in the form of ours."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter(settings.LOG_FORM))


class WebServer(BaseApplication):
    """gunicorn embedded as its documentation says ("Custom Application")."""

    def __init__(self, bind: str, *, processes: int, threads: int) -> None:
        self._options = {
            "bind": bind,
            "workers": processes,
            "threads": threads,
            "worker_class": FilslussWorker,
            # Half of the descriptors: a thread with an upload has its blob and a pipe open as well.
            "worker_connections": max(threads + 1, min(threads + 4000, raise_file_limit() // 2)),
            "preload_app": True,
            "keepalive": 10,
            "timeout": 120,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "loglevel": "warning",
            "proc_name": "filsluss",
            "logger_class": LineLogger,
            "worker_tmp_dir": tempfile.gettempdir(),
            "when_ready": announce,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from filsluss.wsgi import application  # it is built when it is imported: only where it serves

        return application
