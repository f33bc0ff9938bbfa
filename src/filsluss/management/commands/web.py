"""`filsluss web`: the web process alone."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from filsluss.conf.data_folder import lock_down
from filsluss.management.commands.serve import require_port, require_static_files
from filsluss.ops.bucket import require_bucket
from filsluss.ops.secret_key import require_known_key
from filsluss.ops.tables import require_current_tables
from filsluss.server import notify
from filsluss.server.supervisor import host_name, port_number
from filsluss.server.web import WebServer


class Command(BaseCommand):
    help = "Runs the web server alone, without a worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", type=host_name, default="127.0.0.1")
        parser.add_argument("--port", type=port_number, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lock_down(settings.DATA_DIR)
        require_port(host, port, may_be_taken=True)  # by a process before this that is about to end
        require_current_tables()
        require_known_key()
        require_bucket()
        require_static_files()
        notify.adopt()
        WebServer(bind, processes=settings.WEB_PROCESSES, threads=settings.THREADS).run()
