"""Links as pages meet them: the row behind a token, and addresses of our own pages."""

from django.conf import settings
from django.http import Http404

from filsluss.models import Link, Party, Transfer
from filsluss.models.link import STATUS_PURPOSE, LinkLost, token_of
from filsluss.rules.directions import Role
from filsluss.rules.paths import START, STATUS, UPLOAD
from filsluss.rules.tokens import Purpose


def link_behind(token: str, *purposes: Purpose) -> Link:
    """The link of that token with its transfer, party and file; raises Http404 or LinkRevoked."""
    link = Link.behind(token, *purposes)
    if link is None:
        raise Http404
    return link


def status_page(party: Party) -> str:
    """The address of the party's status page; raises LinkLost."""
    return STATUS.path(token_of(party, STATUS_PURPOSE[Role(party.role)], settings.POLICY.link_keys))


def report_page(party: Party | None) -> str:
    """Where this party reports the case; empty if there is nobody, or the key of the link is lost."""
    try:
        return f"{status_page(party)}/report" if party else ""
    except LinkLost:
        return ""


def own_page(party: Party) -> str:
    """The address of the party's status page; empty if the key of the link is lost."""
    try:
        return status_page(party)
    except LinkLost:
        return ""


def again_page(party: Party) -> str:
    """Where this sender applies once more with the same parties; else, if the link's key is lost, anew."""
    try:
        return f"{status_page(party)}/again"
    except LinkLost:
        return START.path()


def upload_page(transfer: Transfer) -> str:
    """The address of the sender's page; raises LinkLost."""
    return UPLOAD.path(token_of(transfer.sender, Purpose.UPLOAD, settings.POLICY.link_keys))
