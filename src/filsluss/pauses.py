"""The pauses of a worker's jobs, which a notice of the database ends as soon as there is work."""

import threading
from typing import Protocol

from filsluss.postgresql.listening import Hearer

CHANNEL = "filsluss_work"
FILES, LETTERS, LOST_LINKS = "files", "letters", "links"
"""What there is to do, as triggers of the tables say it on that channel."""
POLL = 10.0
"""Seconds of a pause while notices are heard, for what falls due, or was left by a worker that died."""


class Notices(Protocol):
    """What a `Listener` is to the pauses, and with SQLite `Changes`."""

    def hear(self, channel: str, hearer: Hearer, /) -> None: ...

    def start(self) -> None: ...

    def is_listening(self) -> bool: ...


class Pauses:
    """Of all jobs of this process. Without notices each pause lasts as long as it is to."""

    def __init__(self, notices: Notices | None = None) -> None:
        self._notices = notices
        self._all: list[tuple[str, threading.Event]] = []
        if notices:
            notices.hear(CHANNEL, self._heard)
            notices.start()

    def of(self, woken_by: str) -> "Pause":
        """Those of one job, which a notice of that work ends; of any other job if it is empty."""
        pause = Pause(self._notices if woken_by else None)
        self._all.append((woken_by, pause.over))
        return pause

    def _heard(self, work: str) -> None:
        """Ends the pauses of the jobs that do this work; "": any such work, as it is not known which."""
        for woken_by, over in tuple(self._all):
            if woken_by and work in ("", woken_by):
                over.set()

    def end(self) -> None:
        """Ends the pauses of all jobs."""
        for _, over in tuple(self._all):
            over.set()


class Pause:
    """Of one job: a notice that comes while the job runs ends the next pause at once."""

    def __init__(self, notices: Notices | None) -> None:
        self._notices, self.over = notices, threading.Event()

    def begin(self) -> None:
        """The job runs now: what came before is what it is about to do."""
        self.over.clear()

    def wait(self, seconds: float) -> None:
        """For so long, or for POLL while notices are heard, unless one comes."""
        is_told = self._notices is not None and self._notices.is_listening()
        self.over.wait(max(seconds, POLL) if is_told else seconds)
