"""What was sent is recorded: at once, or, if the database is away as the response ends, once it is back."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial

from django.db import connection

from filsluss import outages
from filsluss.actions.download import record_sent_bytes
from filsluss.models import Link
from filsluss.streams.request import Request

RETRY_SECONDS = 5.0
MOST_WAITING = 1000
"""How many records may wait for the database; further ones are lost, as all are when the process ends."""

log = logging.getLogger(__name__)


class Recorder:
    """Safe in any thread. What waits is tried again in one thread, which ends when nothing does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], bool]] = deque()
        self._is_trying = False

    def record(self, request: Request, link: Link, start: int, reached: int) -> None:
        """Records bytes [start, reached) as sent; an error is logged, since the response is over."""
        write = partial(
            record_sent_bytes, link, start=start, reached=reached, services=request.services, now=request.now
        )
        attempt = partial(copy_context().run, is_settled, write, link)  # with the origin of this request
        if attempt():
            return
        with self._lock:
            if len(self._waiting) == MOST_WAITING:
                log.error("the download of %s is not recorded: too many wait", link.file)
                return
            self._waiting.append(attempt)
            if not self._is_trying:
                self._is_trying = True
                threading.Thread(target=self._try_again, name="recorder", daemon=True).start()

    def _try_again(self) -> None:
        while self._goes_on():
            if self._waiting[0]():
                self._waiting.popleft()
            else:
                time.sleep(RETRY_SECONDS)

    def _goes_on(self) -> bool:
        with self._lock:
            self._is_trying = bool(self._waiting)
            return self._is_trying


def is_settled(write: Callable[[], None], link: Link) -> bool:
    """Whether it is written, or never will be; False if the database is away."""
    try:
        write()
    except outages.AWAY as fault:
        outages.database_failed(fault)
        return False
    except Exception:
        log.exception("the download of %s is not recorded", link.file)
    finally:
        connection.close()
    return True


record = Recorder().record
