"""Accounts that were looked up a moment ago: small files of one sender come hundreds a second."""

import time
from dataclasses import replace

from filsluss.models.upload_queries import UploadAccount, account_at_upload_link

SECONDS, MOST = 1.0, 1000


class RecentAccounts:
    """What `account_at_upload_link` has found in the last second, for up to so many links.

    Whether the account is still open, the transaction that writes a file asks again (`room.lock_open`). An
    account that was not found is not remembered.
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, UploadAccount]] = {}

    def at_link(self, token: str) -> UploadAccount | None:
        """The account of an upload link, a copy of the caller's own; None for an unknown or revoked link."""
        now = time.monotonic()
        at, account = self._found.get(token, (now, None))
        if account is None or now - at > SECONDS:
            account = account_at_upload_link(token)
            if account is None:
                return None
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[token] = now, account
        return replace(account)


recent_accounts = RecentAccounts()
