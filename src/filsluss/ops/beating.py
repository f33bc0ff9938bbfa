"""That this process runs is noted in the database, so that others miss it when it does not."""

import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from filsluss.actions import nodes
from filsluss.version import program_version

log = logging.getLogger(__name__)


def member_of(part: str) -> nodes.Member:
    """This process, which is that part of the service."""
    return nodes.Member(part, settings.NODE, program_version(), settings.NODE_SETTINGS)


def leave(member: nodes.Member) -> None:
    """It ends in order; if the database does not answer, it is missed for a while."""
    with suppress(DatabaseError, InterfaceError):
        nodes.leave(member)
    connection.close()


class Beating:
    """A thread that notes it every BEAT_SECONDS, until `stop`."""

    def __init__(self, part: str) -> None:
        self._member, self._stop = member_of(part), threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()
        leave(self._member)

    def _beat(self) -> None:
        while not self._stop.is_set():
            with suppress(DatabaseError, InterfaceError):
                nodes.beat(self._member, now=datetime.now(UTC))
            connection.close()
            self._stop.wait(nodes.BEAT_SECONDS)
