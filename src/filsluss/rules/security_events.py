"""The kinds of security events, the outcomes of each, and which kind a refused request belongs to."""

from enum import StrEnum

from filsluss.rules import paths


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
    BLOCKED = "blocked"
    DONE = "done"
    LIST = "list"
    SEARCH = "search"
    TRANSFER = "transfer"
    SECURITY_LOG = "security-log"
    BLOCK_LIST = "block-list"
    TRAIL = "trail"
    BACKUP = "backup"


REFUSED = (Outcome.FORBIDDEN, Outcome.LIMITED)
OUTCOMES: dict[Kind, tuple[Outcome, ...]] = {
    Kind.SIGN_IN: (Outcome.RIGHT, Outcome.WRONG, *REFUSED),
    Kind.SIGN_OUT: (Outcome.DONE,),
    Kind.READ: (Outcome.LIST, Outcome.SEARCH, Outcome.TRANSFER, Outcome.SECURITY_LOG, Outcome.BLOCK_LIST),
    Kind.EXPORT: (Outcome.TRAIL, Outcome.TRANSFER, Outcome.BACKUP),
    Kind.CODE: (Outcome.WRONG, *REFUSED),
    Kind.APPLICATION: (Outcome.BLOCKED, *REFUSED),
    **dict.fromkeys(
        (
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
BY_PREFIX = {
    paths.START: Kind.APPLICATION,
    paths.CODE: Kind.CODE,
    paths.DECIDE: Kind.DECISION,
    paths.UPLOAD: Kind.UPLOAD,
    paths.DOWNLOAD: Kind.DOWNLOAD,
    paths.ZIP: Kind.DOWNLOAD,
    paths.STATUS: Kind.REPORT,
    paths.ACCESSIBILITY: Kind.REPORT,
    paths.OVERSEE: Kind.ADMINISTRATION,
    paths.STAFF: Kind.APPLICATION,
}


def refused_kind(path: str) -> Kind:
    """What a request to that path wanted."""
    if path in (paths.SIGN_IN, paths.SECOND_STEP, paths.PROVE, paths.STAFF_SIGN_IN, paths.STAFF_RETURN):
        return Kind.SIGN_IN
    prefix = paths.prefix_of(path)
    return BY_PREFIX.get(prefix, Kind.OTHER) if prefix else Kind.OTHER
