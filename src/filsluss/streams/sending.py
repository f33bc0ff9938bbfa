"""Bytes on their way out: counted as they go, and stopped when their file is taken away."""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from io import BufferedReader
from typing import Any

from django.db import DatabaseError, connection

from filsluss.actions import download
from filsluss.models import TransferFile
from filsluss.rules.lifecycle import FileState, State
from filsluss.streams.ranges import Span
from filsluss.streams.request import Request

CHECK_INTERVAL = 60.0  # seconds between two looks at whether what is leaving may still leave
STALL_SECONDS = 300.0  # seconds that a client may take nothing; a slow one may need minutes to make room

log = logging.getLogger(__name__)


def still_downloadable(files: Collection[int], *, now: datetime) -> set[int]:
    """Which of these rows' bytes may still leave."""
    may = TransferFile.objects.filter(
        pk__in=files, state=FileState.READY, transfer__state=State.OPEN, transfer__open_until__gt=now
    )
    return set(may.values_list("pk", flat=True))


class ActiveDownload:
    """One response under way: the row of the file it is sending now, and how to cut it off."""

    def __init__(self, file: int, environ: dict[str, Any]) -> None:
        self.file = file
        self._socket: socket.socket | None = environ.get("gunicorn.socket")
        self.is_cut = False
        if self._socket:  # it waits in the kernel, which watches the client better than a poll for each piece
            self._socket.settimeout(None)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALL_SECONDS * 1000))

    def cork(self, on: bool) -> None:
        """Only full packets while it is on, the header's with the first bytes in it (tcp(7), TCP_CORK)."""
        if self._socket:
            with contextlib.suppress(OSError):  # the client was quicker
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)

    def cut(self) -> None:
        """Ends the response, from any thread; the client sees that it is not whole."""
        self.is_cut = True
        if self._socket:
            with contextlib.suppress(OSError):  # the client was quicker
                self._socket.shutdown(socket.SHUT_RDWR)


class DownloadRegistry:
    """One thread for each process, begun by its first download: threads do not survive a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._going: set[ActiveDownload] = set()
        self._pid = 0

    def add(self, going: ActiveDownload) -> None:
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._going = os.getpid(), set()
                threading.Thread(target=self._look_on, name="guard", daemon=True).start()
            self._going.add(going)

    def count(self) -> int:
        """How many responses are under way in this process."""
        return len(self._going) if self._pid == os.getpid() else 0

    def drop(self, going: ActiveDownload) -> None:
        with self._lock:
            self._going.discard(going)

    def _look_on(self) -> None:
        while True:
            time.sleep(CHECK_INTERVAL)
            try:
                self._look(datetime.now(UTC))
            except DatabaseError:
                log.exception("could not see which downloads must end; another look follows")
            finally:
                connection.close()

    def _look(self, now: datetime) -> None:
        with self._lock:
            going = tuple(self._going)
        if going:
            may = still_downloadable({each.file for each in going}, now=now)
            for each in going:
                if each.file not in may:
                    each.cut()


registry = DownloadRegistry()


@contextlib.contextmanager
def tracked(file: TransferFile, environ: dict[str, Any]) -> Iterator[ActiveDownload]:
    """A response that lasts for as long as the block, cut off when its file may no longer leave."""
    going = ActiveDownload(file.pk, environ)
    registry.add(going)
    try:
        yield going
    finally:
        registry.drop(going)


class SendingBlob:
    """An open blob on its way out, which knows how far it was sent.

    `socket.sendfile` leaves the file's position at what was sent, also when the client goes away.
    """

    def __init__(self, blob: BufferedReader, request: Request, file: TransferFile, span: Span) -> None:
        self._blob, self._request, self._file, self._span = blob, request, file, span
        self._reached = span.start
        self._going = ActiveDownload(file.pk, request.environ)
        registry.add(self._going)
        self._going.cork(True)
        os.lseek(blob.fileno(), span.start, os.SEEK_SET)

    def fileno(self) -> int:
        return self._blob.fileno()

    def seek(self, position: int) -> None:
        self._reached = max(self._reached, position)

    def read(self, size: int) -> bytes:
        """For servers without sendfile."""
        self._reached = os.lseek(self.fileno(), 0, os.SEEK_CUR)
        if self._going.is_cut:
            return b""
        return os.read(self.fileno(), max(0, min(size, self._span.stop - self._reached)))

    def close(self) -> None:
        registry.drop(self._going)
        self._going.cork(False)
        self._blob.close()
        if self._reached < self._span.stop:
            self._going.cut()  # the file has gone: no next answer may be taken for the rest of this one
        if self._reached > self._span.start or self._span.length == 0:
            record(self._request, self._file, self._span.start, self._reached)


def record(request: Request, file: TransferFile, start: int, reached: int) -> None:
    """Bytes `start` to `reached` have left, whether or not that can be written down just now."""
    try:
        download.record_sent_bytes(file, start=start, reached=reached, policy=request.policy, now=request.now)
    except DatabaseError:
        log.exception("the database did not answer: a fetch of %s was not remembered", file.public_id)
    finally:
        connection.close()
