"""What a byte path's handler returns, Response, or raises, Refusal, with its stable problem codes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from http import HTTPStatus
from typing import Any

from filsluss.origin import current_origin
from filsluss.rules.refusals import Refused

Headers = tuple[tuple[str, str], ...]


class Refusal(Refused):
    """A request on a byte path is refused, for one of the codes in `STATUS`; the answer has these headers."""

    def __init__(
        self, code: str, *, headers: Headers = (), retry_after: int | None = None, **params: Any
    ) -> None:
        super().__init__(code, retry_after=retry_after, **params)
        self.headers = headers


@dataclass(frozen=True)
class Response:
    """A complete response; `body` is a WSGI iterable, for instance a file wrapper."""

    status: int
    headers: Headers = ()
    body: Iterable[bytes] = ()


@cache
def reason_of(status: int) -> str:
    """The status line; 460 is tus's own ("checksum")."""
    return "460 Checksum Mismatch" if status == 460 else f"{status} {HTTPStatus(status).phrase}"


def http_date(moment: datetime, *, now: datetime) -> str:
    """An HTTP date in whole seconds (RFC 9110, 5.6.7), never later than `now` (8.8.2.1)."""
    return format_datetime(min(moment, now).astimezone(UTC).replace(microsecond=0), usegmt=True)


def problem(refusal: Refused) -> Response:
    """The refusal as `application/problem+json` (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": reason_of(refusal.status)[4:],
        "status": refusal.status,
        "code": refusal.code,
        **refusal.params,
    }
    if request_id := current_origin().request_id:
        body["request_id"] = request_id
    headers = headers_of(refusal)
    return as_json(body, status=refusal.status, headers=headers, kind="application/problem+json")


def headers_of(refusal: Refused) -> Headers:
    """The headers that the refusal adds to its answer."""
    own = refusal.headers if isinstance(refusal, Refusal) else ()
    wait = refusal.retry_after
    return own if wait is None else (*own, ("Retry-After", str(wait)))


def as_json(
    value: object, *, status: int = 200, headers: Headers = (), kind: str = "application/json"
) -> Response:
    body = json.dumps(value).encode()
    about = (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"))
    return Response(status, (*about, *headers), [body])
