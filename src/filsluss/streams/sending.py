"""Downloads under way: how many there may be, how far each was sent, and stopping those that must end."""

import logging
import os
import threading
import time
from collections.abc import Collection
from datetime import UTC, datetime
from io import BufferedReader
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from filsluss import outages
from filsluss.blobs import BlobMissing, StoreAway
from filsluss.models import Link, TransferFile
from filsluss.models.batches import batches
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.networks import rate_key
from filsluss.rules.shares import downloads_per_link, downloads_per_network, may_have_more, share_of
from filsluss.streams.connection import Connection
from filsluss.streams.ranges import Span
from filsluss.streams.rates import Rate, is_crowded
from filsluss.streams.recording import record
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal

CHECK_INTERVAL = 60.0
"""Seconds between two checks of whether the files being sent may still be downloaded."""
STALL_SECONDS = 300.0
"""How long a client may acknowledge nothing; a slow one may need minutes to empty its buffer."""

FEWEST_PER_PARTY = 4
"""How many downloads the recipient of a transfer may have at once even when few threads are free."""
RETRY_SECONDS = 30

log = logging.getLogger(__name__)


def still_downloadable(files: Collection[int], *, now: datetime) -> set[int]:
    """Those of the files (by primary key) that may still be downloaded."""
    allowed = TransferFile.objects.filter(
        state=FileState.READY, transfer__state=State.OPEN, transfer__open_until__gt=now
    )
    return {
        pk for batch in batches(files) for pk in allowed.filter(pk__in=batch).values_list("pk", flat=True)
    }


class ActiveDownload:
    """One response under way, which can be cut; `file` is the primary key of the file being sent."""

    def __init__(self, link: Link, environ: dict[str, Any]) -> None:
        assert link.file_id is not None
        self.file, self.link, self.party = link.file_id, link.pk, link.party_id
        self.network = rate_key(environ["filsluss.client"].address)
        self.connection = Connection(environ)
        self.connection.send_for(STALL_SECONDS)
        self.is_cut = False
        self._rate = Rate(self.connection.acknowledged() or 0)

    def is_slow(self) -> bool:
        """Whether it is slower than the least rate that holds while many downloads run."""
        acknowledged = self.connection.acknowledged()
        return acknowledged is not None and self._rate.is_slow_at(acknowledged)

    def cut(self) -> None:
        """Ends the response, from any thread, so that the client sees that it is incomplete."""
        self.is_cut = True
        self.connection.cut()


class DownloadRegistry:
    """Counts downloads, and cuts those that are too slow or no longer allowed, in one thread per process.

    The thread is started by the process's first download, because threads do not survive a fork.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: set[ActiveDownload] = set()
        self._pid = 0

    def add(self, response: ActiveDownload) -> None:
        """Raises Refusal if its link, its recipient or its network has as many as it may have."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._active = os.getpid(), set()
                threading.Thread(target=self._check_repeatedly, name="downloads", daemon=True).start()
            if not self._has_place(response):
                raise Refusal("too_many_downloads", retry_after=RETRY_SECONDS)
            self._active.add(response)

    def _has_place(self, new: ActiveDownload) -> bool:
        """Counted in this process alone; the web server's pools see to what cannot be counted here."""
        size = share_of(settings.THREADS)
        near = [each for each in self._active if each.network == new.network]
        alike = sum(each.link == new.link for each in near)
        of_party = sum(each.party == new.party for each in self._active)
        return (
            alike < downloads_per_link(settings.WEB_PROCESSES)
            and len(near) < downloads_per_network(size)
            and may_have_more(of_party, taken=len(self._active), size=size, least=FEWEST_PER_PARTY)
        )

    def count(self) -> int:
        """How many responses are under way in this process."""
        return len(self._active) if self._pid == os.getpid() else 0

    def drop(self, response: ActiveDownload) -> None:
        with self._lock:
            self._active.discard(response)

    def _check_repeatedly(self) -> None:
        while True:
            time.sleep(CHECK_INTERVAL)
            self._cut_slow()
            try:
                self._check(datetime.now(UTC))
            except DatabaseError as fault:
                what = "could not check which downloads must end; trying again in %.0f s"
                outages.tell(fault, what, CHECK_INTERVAL, logger=log)
            finally:
                connection.close()

    def _cut_slow(self) -> None:
        with self._lock:
            active = tuple(self._active)
        slow = [each for each in active if each.is_slow()]
        if is_crowded(len(active)):
            for each in slow:
                each.cut()

    def _check(self, now: datetime) -> None:
        with self._lock:
            active = tuple(self._active)
        if active:
            allowed = still_downloadable({each.file for each in active}, now=now)
            for each in active:
                if each.file not in allowed:
                    each.cut()


registry = DownloadRegistry()


def begin(link: Link, environ: dict[str, Any]) -> ActiveDownload:
    """A registered download, which lasts until it is dropped; raises Refusal if there are too many."""
    active = ActiveDownload(link, environ)
    registry.add(active)
    return active


def next_bytes(blob: BufferedReader, size: int) -> bytes:
    """None at the end of the blob, or if it cannot be read on: then the response must be cut.

    A blob in a bucket is looked up while it is read, so that the database may be away, too.
    """
    try:
        return blob.raw.read(size) or b""
    except StoreAway as fault:
        outages.store.met(fault)
    except outages.AWAY as fault:
        outages.database_failed(fault)
    except BlobMissing:
        log.error("bytes of a blob are not in the store any more")
    return b""


class SendingBlob:
    """An open blob for `wsgi.file_wrapper` that records how far it was sent when it is closed.

    `socket.sendfile` leaves the file's position after the last byte sent, also when the client closes.
    """

    def __init__(
        self,
        blob: BufferedReader,
        request: Request,
        link: Link,
        span: Span,
        *,
        active: ActiveDownload,
        ahead: bytes = b"",
    ) -> None:
        """`ahead`: what was read of the span's beginning already, where `read` is what the server calls."""
        self._blob, self._request, self._link, self._span = blob, request, link, span
        self._reached, self._active = span.start, active
        self._active.connection.cork(True)
        self._ahead = ahead
        blob.raw.seek(span.start + len(ahead), os.SEEK_SET)

    def fileno(self) -> int:
        """Raises OSError where the blob is not on a disk: the server then reads it instead."""
        return self._blob.fileno()

    def seek(self, position: int) -> None:
        self._reached = max(self._reached, position)

    def read(self, size: int) -> bytes:
        """The next bytes, for a server without sendfile."""
        self._reached = self._blob.raw.tell() - len(self._ahead)
        if self._active.is_cut:
            return b""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        left = max(0, self._span.stop - self._reached)
        data = next_bytes(self._blob, min(size, left))
        if left and not data:
            self._active.cut()
        return data

    def close(self) -> None:
        registry.drop(self._active)
        self._active.connection.cork(False)
        self._blob.close()
        if self._reached < self._span.stop:
            self._active.cut()  # incomplete: the next response must not be taken for the rest of this one
        if self._reached > self._span.start or self._span.length == 0:
            record(self._request, self._link, self._span.start, self._reached)
