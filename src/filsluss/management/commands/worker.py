"""`filsluss worker`: delivers, sweeps and erases, for as long as it runs or once."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from filsluss import worker
from filsluss.blobs import open_store
from filsluss.env import shut
from filsluss.streams.request import this_boot


class Command(BaseCommand):
    help = "Does the house's chores."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do all that is due now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        shut(settings.DATA_DIR)
        house = worker.House(settings.POLICY, open_store(settings.BLOB_URL), this_boot(), settings.SCANNER)
        if once:
            now = worker.clock()
            if why := worker.long_absence(now):
                self.stderr.write(f"warning: {why}; a running worker would have waited an hour")
            worker.run_once(house, now)
            return
        stop = threading.Event()
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, lambda *_: stop.set())
        worker.run_forever(house, stop)
