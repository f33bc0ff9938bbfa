"""What this process looked up or wrote a moment ago: small files of one sender come hundreds a second."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from filsluss.models import TransferFile
from filsluss.models.upload_queries import UploadAccount, account_at_upload_link, transfer_of
from filsluss.rules.directions import Proof

Value = TypeVar("Value")

SECONDS, MOST = 1.0, 1000
MEANWHILE = timedelta(seconds=SECONDS)


class Recent(Generic[Value]):
    """Values of the last second by their keys, at most so many. Safe in any thread."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Value]] = {}

    def keep(self, key: str, value: Value) -> None:
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = time.monotonic(), value

    def get(self, key: str) -> Value | None:
        return self._if_recent(self._kept.get(key))

    def take(self, key: str) -> Value | None:
        """The same, for one caller alone."""
        return self._if_recent(self._kept.pop(key, None))

    @staticmethod
    def _if_recent(kept: tuple[float, Value] | None) -> Value | None:
        return kept[1] if kept and time.monotonic() - kept[0] <= SECONDS else None


accounts: Recent[UploadAccount] = Recent()
announcements: Recent[tuple[TransferFile, UploadAccount]] = Recent()


def account_at(token: str) -> UploadAccount | None:
    """The account of an upload link, a copy of the caller's own; None for an unknown or revoked link.

    A revoked one is known for a second more. What else may change, the transaction that writes a file reads
    again (`room.lock_open`). An account that was not found is not kept, nor one whose sender has proved
    nothing yet: this upload will. Nor is one that is over, or will be within that second, as that transaction
    is not asked then: its end may be moved.
    """
    account = accounts.get(token)
    if account is None:
        account = account_at_upload_link(token)
        if account is None:
            return None
        if account.sender_proof != Proof.NONE and account.is_open_at(datetime.now(UTC) + MEANWHILE):
            accounts.keep(token, account)
    return replace(account)


def keep_announced(token: str, file: TransferFile, account: UploadAccount) -> None:
    """For the request that brings its bytes, and mostly is the next on this connection."""
    announcements.keep(f"{token} {file.upload_id}", (file, account))


def just_announced(token: str, upload: str) -> TransferFile | None:
    """The file with that upload id as this process announced it, given to one request; None if long ago.

    Its row may have changed since it was written, as it may since it is read: see `uploads.is_as_stored`.
    """
    announced = announcements.take(f"{token} {upload}")
    if announced is None:
        return None
    file, account = announced
    file.transfer = transfer_of(account)
    return file
