"""Why a letter was not delivered, as far as a sender is told: one word for a mail server's answer."""

import re
from enum import StrEnum


class Undeliverable(StrEnum):
    """FULL: the mailbox has no room. UNKNOWN: there is no such mailbox. REFUSED: anything else."""

    FULL = "full"
    UNKNOWN = "unknown"
    REFUSED = "refused"


_CODES = re.compile(r"(?P<basic>[245]\d\d)(?:[ -](?P<enhanced>[245]\.\d{1,3}\.\d{1,3})(?!\d))?")
_BY_ENHANCED = {
    **dict.fromkeys(("2.2", "3.1"), Undeliverable.FULL),
    **dict.fromkeys(("1.1", "1.2", "1.3", "1.6", "1.10", "4.4"), Undeliverable.UNKNOWN),
}
"""By subject and detail of an enhanced status code (RFC 3463; RFC 7505 for 1.10)."""
_BY_BASIC = {
    **dict.fromkeys(("452", "552"), Undeliverable.FULL),
    **dict.fromkeys(("550", "551", "553"), Undeliverable.UNKNOWN),
}
"""By the reply code alone (RFC 5321, 4.2.3)."""


def reason_of(answer: str) -> Undeliverable:
    """The reason by the codes at the beginning of the answer ("550 5.1.1 …"); its words are not read."""
    codes = _CODES.match(answer)
    if codes is None:
        return Undeliverable.REFUSED
    if codes["enhanced"]:
        return _BY_ENHANCED.get(codes["enhanced"].partition(".")[2], Undeliverable.REFUSED)
    return _BY_BASIC.get(codes["basic"], Undeliverable.REFUSED)
