"""Accounts that were looked up a moment ago: small files of one sender come hundreds a second."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from filsluss.models.upload_queries import UploadAccount, account_at_upload_link
from filsluss.rules.directions import Proof

SECONDS, MOST = 1.0, 1000
FRESH = timedelta(seconds=SECONDS)


class RecentAccounts:
    """What `account_at_upload_link` has found in the last second, for up to so many links.

    What may change of it, the transaction that writes a file reads again (`room.lock_open`). An account that
    was not found is not remembered, nor one whose sender has proved nothing yet: this upload will. Nor is one
    that is over, or will be within that second, as that transaction is not asked then: its end may be moved.
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, UploadAccount]] = {}

    def at_link(self, token: str) -> UploadAccount | None:
        """The account of an upload link, a copy of the caller's own; None for an unknown link.

        None also for a revoked one, at the latest a second after that.
        """
        now = time.monotonic()
        at, account = self._found.get(token, (now, None))
        if account is None or now - at > SECONDS:
            account = account_at_upload_link(token)
            if account is None:
                return None
            if len(self._found) >= MOST:
                self._found.clear()
            if account.sender_proof != Proof.NONE and account.is_open_at(datetime.now(UTC) + FRESH):
                self._found[token] = now, account
        return replace(account)


recent_accounts = RecentAccounts()
