"""`filsluss worker`: runs the jobs, continuously or once."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from filsluss import jobs
from filsluss.actions import clock_hold
from filsluss.clock_monitor import utc_now
from filsluss.conf.data_folder import lock_down
from filsluss.installation import current_services
from filsluss.ops import beating
from filsluss.ops.beating import member_of
from filsluss.ops.bucket import require_bucket
from filsluss.ops.secret_key import require_known_key
from filsluss.ops.tables import require_current_tables
from filsluss.server import notify


class Command(BaseCommand):
    help = "Runs the jobs: delivers letters, scans, ends transfers and erases files."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="run all jobs that are due now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        lock_down(settings.DATA_DIR)
        require_current_tables()
        require_known_key()
        require_bucket()
        worker = jobs.Worker(
            current_services(), mail_connections=settings.MAIL_CONNECTIONS, member=member_of(jobs.WORKER)
        )
        if once:
            now = utc_now()
            if why := clock_hold.long_absence(jobs.WORKER, now=now):
                self.stderr.write(f"warning: {why}; a running worker would have waited an hour")
            jobs.run_once(worker, now)
            return
        stop = threading.Event()
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, lambda *_: stop.set())
        notify.adopt()
        notify.tell("READY=1")
        jobs.run_forever(worker, stop, notify.keep_alive)
        beating.leave(member_of(jobs.WORKER))
