"""What a byte path's handler returns, Response, or raises, Refusal, with its stable problem codes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from filsluss.origin import current_origin

Headers = tuple[tuple[str, str], ...]

STATUS = {
    "length_invalid": 400,
    "metadata_invalid": 400,
    "filename_invalid": 400,
    "checksum_unsupported": 400,
    "offset_invalid": 400,
    "form_invalid": 400,
    "body_short": 400,
    "content_range": 400,
    "forbidden_origin": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "offset_mismatch": 409,
    "preempted": 409,
    "account_ended": 410,
    "account_closed_by_admin": 410,
    "upload_gone": 410,
    "length_required": 411,
    "version_unsupported": 412,
    "precondition_failed": 412,
    "too_large": 413,
    "quota_exceeded": 413,
    "too_many_files": 413,
    "content_encoding": 415,
    "content_type": 415,
    "range_unsatisfiable": 416,
    "file_missing": 422,
    "rate_limited": 429,
    "too_many_downloads": 429,
    "checksum_mismatch": 460,
    "busy": 503,
    "connection_reset": 503,
    "damaged": 503,
    "read_timeout": 503,
    "shutting_down": 503,
    "disk_full": 507,
}


class Refusal(Exception):
    """The request is refused. `code` is part of the public interface and never changes meaning."""

    def __init__(self, code: str, *, headers: Headers = (), **detail: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = STATUS[code]
        self.headers = headers
        self.detail = detail


@dataclass(frozen=True)
class Response:
    """A complete response; `body` is a WSGI iterable, for instance a file wrapper."""

    status: int
    headers: Headers = ()
    body: Iterable[bytes] = ()


def reason_of(status: int) -> str:
    """The status line; 460 is tus's own ("checksum")."""
    return "460 Checksum Mismatch" if status == 460 else f"{status} {HTTPStatus(status).phrase}"


def http_date(moment: datetime, *, now: datetime) -> str:
    """An HTTP date in whole seconds (RFC 9110, 5.6.7), never later than `now` (8.8.2.1)."""
    return format_datetime(min(moment, now).astimezone(UTC).replace(microsecond=0), usegmt=True)


def problem(refusal: Refusal) -> Response:
    """The refusal as `application/problem+json` (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": reason_of(refusal.status)[4:],
        "status": refusal.status,
        "code": refusal.code,
        **refusal.detail,
    }
    if request_id := current_origin().request_id:
        body["request_id"] = request_id
    return as_json(body, status=refusal.status, headers=refusal.headers, kind="application/problem+json")


def as_json(
    value: object, *, status: int = 200, headers: Headers = (), kind: str = "application/json"
) -> Response:
    body = json.dumps(value).encode()
    about = (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"))
    return Response(status, (*about, *headers), [body])
