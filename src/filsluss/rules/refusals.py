"""Refusals: one family of exceptions, for whatever is asked and not done."""

from collections.abc import Mapping
from typing import Any

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
"""The HTTP status of each problem code of uploads and downloads."""


AT_ONCE_AGAIN = 5
"""Seconds after which a request that was refused with 503 may come again, if nothing else is known."""


class Refused(Exception):
    """What was asked is not done, and nothing of it is stored.

    `code` never changes its meaning, and those of `STATUS` are part of the public interface. `status` is the
    HTTP status of the answer. `retry_after`: the seconds after which it may be asked again, or None; with
    503 never None.
    `params`: what else the answer says, by name.
    """

    status = 409
    """Of codes that `STATUS` does not have."""

    def __init__(self, code: str, *, retry_after: int | None = None, **params: Any) -> None:
        super().__init__(code)
        self.code, self.params = code, params
        self.status = STATUS.get(code, self.status)
        self.retry_after = AT_ONCE_AGAIN if retry_after is None and self.status == 503 else retry_after


class FormRefused(Refused):
    """What was typed cannot be taken as it is; `problems` maps each field to a problem code of forms."""

    status = 422

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("form_refused")
        self.problems = dict(problems)
