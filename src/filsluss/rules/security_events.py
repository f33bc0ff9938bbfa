"""The kinds of security events, the outcomes of each, and which kind a refused request belongs to."""

from enum import StrEnum


class Kind(StrEnum):
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    READ = "read"
    EXPORT = "export"
    CODE = "code"
    APPLICATION = "application"
    DECISION = "decision"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    REPORT = "report"
    ADMINISTRATION = "administration"
    OTHER = "other"


class Outcome(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    LIMITED = "limited"
    FORBIDDEN = "forbidden"
    DONE = "done"
    LIST = "list"
    SEARCH = "search"
    TRANSFER = "transfer"
    SECURITY_LOG = "security-log"
    TRAIL = "trail"
    BACKUP = "backup"


REFUSED = (Outcome.FORBIDDEN, Outcome.LIMITED)
OUTCOMES: dict[Kind, tuple[Outcome, ...]] = {
    Kind.SIGN_IN: (Outcome.RIGHT, Outcome.WRONG, *REFUSED),
    Kind.SIGN_OUT: (Outcome.DONE,),
    Kind.READ: (Outcome.LIST, Outcome.SEARCH, Outcome.TRANSFER, Outcome.SECURITY_LOG),
    Kind.EXPORT: (Outcome.TRAIL, Outcome.TRANSFER, Outcome.BACKUP),
    Kind.CODE: (Outcome.WRONG, *REFUSED),
    **dict.fromkeys(
        (
            Kind.APPLICATION,
            Kind.DECISION,
            Kind.UPLOAD,
            Kind.DOWNLOAD,
            Kind.REPORT,
            Kind.ADMINISTRATION,
            Kind.OTHER,
        ),
        REFUSED,
    ),
}
"""Every event that the security log may hold; docs/security-log.md says what each means."""

BY_STATUS = {"403": Outcome.FORBIDDEN, "429": Outcome.LIMITED}
BY_SEGMENT = {
    "": Kind.APPLICATION,
    "code": Kind.CODE,
    "decide": Kind.DECISION,
    "upload": Kind.UPLOAD,
    "download": Kind.DOWNLOAD,
    "zip": Kind.DOWNLOAD,
    "status": Kind.REPORT,
    "accessibility": Kind.REPORT,
    "oversee": Kind.ADMINISTRATION,
}
SIGN_IN_PATH = "/oversee/sign-in"


def refused_kind(path: str) -> Kind:
    """What a request to that path wanted, by its first segment."""
    if path == SIGN_IN_PATH:
        return Kind.SIGN_IN
    return BY_SEGMENT.get(path[1:].partition("/")[0], Kind.OTHER)
