"""Absolute URLs for letters, built from `policy.base_url` and never from a request's headers."""

from filsluss.models import Party, TransferFile
from filsluss.models.link import STATUS_PURPOSE, token_of
from filsluss.rules import paths
from filsluss.rules.directions import Role
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose


def site(policy: Policy) -> str:
    """The start of every URL of ours; with the slash no longer host name begins with it."""
    return f"{policy.base_url}/"


def application_page(policy: Policy) -> str:
    return site(policy)


def code_page(policy: Policy) -> str:
    return f"{policy.base_url}{paths.CODE.path()}"


def genuine_page(policy: Policy, ref: str = "") -> str:
    """Where a reader asks whether a letter is ours; the reference of its case is filled in."""
    return f"{policy.base_url}{paths.GENUINE.path()}" + (f"?ref={ref}" if ref else "")


def accessibility_page(policy: Policy) -> str:
    return f"{policy.base_url}{paths.ACCESSIBILITY.path()}"


def upload_link(sender: Party, policy: Policy) -> str:
    """Raises LinkLost, as do the following ones."""
    token = token_of(sender, Purpose.UPLOAD, policy.link_keys)
    return f"{policy.base_url}{paths.UPLOAD.path(token)}"


def decide_link(approver: Party, policy: Policy) -> str:
    token = token_of(approver, Purpose.DECIDE, policy.link_keys)
    return f"{policy.base_url}{paths.DECIDE.path(token)}"


def again_page(status: str) -> str:
    """Where the sender with that status link applies once more with the same parties."""
    return f"{status}/again"


def correct_page(status: str) -> str:
    """Where the sender with that status link corrects an application that is not decided."""
    return f"{status}/correct"


def status_link(party: Party, policy: Policy) -> str:
    token = token_of(party, STATUS_PURPOSE[Role(party.role)], policy.link_keys)
    return f"{policy.base_url}{paths.STATUS.path(token)}"


def download_link(file: TransferFile, recipient: Party, policy: Policy) -> str:
    token = token_of(recipient, Purpose.DOWNLOAD, policy.link_keys, file=file)
    return f"{policy.base_url}{paths.DOWNLOAD.path(token)}"


def in_language(link: str, language: str) -> str:
    return f"{link}{'&' if '?' in link else '?'}lang={language}"
