"""A request on a byte path: its method, headers and parameters, with the policy and the blob store."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qs

from django.conf import settings

from filsluss.blobs import Store
from filsluss.installation import Services, current_services
from filsluss.models import Link, Transfer
from filsluss.models.connections import let_go
from filsluss.models.upload_queries import UploadAccount, transfer_at_upload_link
from filsluss.rules.lifecycle import State
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose
from filsluss.streams.recent import account_at
from filsluss.streams.responses import Refusal, Response

Found = TypeVar("Found", Transfer, UploadAccount)

MOST_FIELDS = 20
"""Of a query; no way to ask for bytes has more than a few."""


@dataclass(frozen=True)
class Request:
    environ: dict[str, Any]
    path_params: dict[str, str]

    @property
    def method(self) -> str:
        """The method; a POST may give another in X-HTTP-Method-Override (tus, core protocol)."""
        method = str(self.environ["REQUEST_METHOD"])
        override = self.header("X-HTTP-Method-Override") or ""
        return override if method == "POST" and override in ("PATCH", "DELETE", "HEAD") else method

    def header(self, name: str) -> str | None:
        return self.environ.get(environ_key(name))

    def query(self, name: str) -> str:
        """The first value of that name; empty if there is none, or if there are more than MOST_FIELDS."""
        try:
            fields = parse_qs(self.environ.get("QUERY_STRING", ""), max_num_fields=MOST_FIELDS)
        except ValueError:
            return ""
        return (fields.get(name) or [""])[0]

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def policy(self) -> Policy:
        policy: Policy = settings.POLICY
        return policy

    @property
    def store(self) -> Store:
        return self.services.store

    @cached_property
    def services(self) -> Services:
        return current_services()

    def transfer(self) -> Transfer:
        """The transfer whose upload link this is; refuses an unknown one, and one that is over."""
        return self._at_link(transfer_at_upload_link)

    def account(self) -> UploadAccount:
        """What an upload needs of it, refused likewise."""
        return self._at_link(account_at)

    def _at_link(self, find: Callable[[str], Found | None]) -> Found:
        token = self.path_params["token"]
        found = find(token)
        if found is None:
            refuse_unknown(token)
        refuse_over(found, now=self.now)
        return found


@cache
def environ_key(header: str) -> str:
    """Where WSGI keeps the header of that name, which is one of ours and not a client's."""
    key = header.upper().replace("-", "_")
    return key if key == "CONTENT_TYPE" else f"HTTP_{key}"


def refuse_unknown(token: str) -> NoReturn:
    """404 for a link that never was, 410 for one that has been revoked."""
    revoked = Link.objects.with_token(token, Purpose.UPLOAD).filter(revoked_at__isnull=False)
    raise Refusal("account_ended" if revoked.exists() else "not_found")


def refuse_over(transfer: Transfer | UploadAccount, *, now: datetime) -> None:
    if not transfer.is_open_at(now):
        raise Refusal("account_closed_by_admin" if transfer.closed_reason else "account_ended")


class Deadline:
    """The transfer's end, past which no body is read. Somebody may move it while a body comes, for hours."""

    def __init__(self, transfer: Transfer | UploadAccount, *, now: datetime) -> None:
        self._transfer = transfer.pk
        self._set(transfer.open_until, now)

    def _set(self, until: datetime | None, now: datetime) -> None:
        assert until is not None
        self._at = time.monotonic() + (until - now).total_seconds()

    def is_over(self) -> bool:
        """Looks into the row when it has come, and gives the database connection back."""
        if time.monotonic() < self._at:
            return False
        row = Transfer.objects.filter(pk=self._transfer, state=State.OPEN)
        until = row.values_list("open_until", flat=True).first()
        let_go()
        if until is None:
            return True
        self._set(until, datetime.now(UTC))
        return time.monotonic() >= self._at


Handler = Callable[[Request], Response]


def by_method(handlers: dict[str, Handler]) -> Handler:
    def handle(request: Request) -> Response:
        if request.method not in handlers:
            raise Refusal("method_not_allowed", headers=(("Allow", ", ".join(handlers)),))
        return handlers[request.method](request)

    return handle
