"""How far a request may write: asked of account and disk before bytes beyond it are written."""

import time

from django.db import connection

from filsluss.actions import room
from filsluss.models import TransferFile
from filsluss.models.room_queries import PIECE
from filsluss.streams.body import Body
from filsluss.streams.request import Request

FIRST_PIECE = 1 << 20
"""A request of unknown length asks for this much, and then for as much as has come: few ask for too much."""


class RequestAllowance:
    """The `Allowance` of one request's body. Raises UploadRefused when there is no room, or no account."""

    def __init__(self, request: Request, file: TransferFile, body: Body, *, start: int) -> None:
        self._request = request
        self._file = file
        self._body = body
        self._start = self._until = start
        self._ask_at = 0.0

    def allowed(self, offset: int) -> int:
        if offset >= self._until or time.monotonic() >= self._ask_at:
            self._ask(offset)
        return self._until - offset

    def _ask(self, offset: int) -> None:
        lasts = self._request.policy.promise_lasts
        try:
            self._until = room.take_room(
                self._file,
                offset=offset,
                most=self._most(offset),
                services=self._request.services,
                now=self._request.now,
            )
        finally:
            if not self._body.is_here:
                connection.close()  # a body may take hours: hold no database connection meanwhile
        left = self._file.active_at + lasts - self._request.now
        self._ask_at = time.monotonic() + max(0.0, left.total_seconds())

    def _most(self, offset: int) -> int:
        """Bytes to ask for when the file's length is not known."""
        wanted = min(PIECE, max(FIRST_PIECE, offset - self._start))
        length = self._body.length
        return wanted if length is None else max(1, min(wanted, length - (offset - self._start)))
