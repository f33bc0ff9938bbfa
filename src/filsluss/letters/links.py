"""Absolute addresses for letters: always built from the policy, never from what a request claims."""

from filsluss.models import Transfer, TransferFile
from filsluss.models.transfer import STATUS_PURPOSE
from filsluss.rules.directions import Role
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose


def site(policy: Policy) -> str:
    """What every link of ours begins with; the slash keeps a longer host name from looking like it."""
    return f"{policy.base_url}/"


def application_page(policy: Policy) -> str:
    return site(policy)


def code_page(policy: Policy) -> str:
    return f"{policy.base_url}/code"


def accessibility_page(policy: Policy) -> str:
    return f"{policy.base_url}/accessibility"


def upload_link(transfer: Transfer, policy: Policy) -> str:
    return f"{policy.base_url}/upload/{transfer.token_for(Purpose.UPLOAD, policy.link_keys)}"


def decide_link(transfer: Transfer, policy: Policy) -> str:
    return f"{policy.base_url}/decide/{transfer.token_for(Purpose.DECIDE, policy.link_keys)}"


def status_link(transfer: Transfer, role: Role, policy: Policy) -> str:
    return f"{policy.base_url}/status/{transfer.token_for(STATUS_PURPOSE[role], policy.link_keys)}"


def download_link(file: TransferFile, policy: Policy) -> str:
    return f"{policy.base_url}/download/{file.token(policy.link_keys)}"


def in_language(link: str, language: str) -> str:
    return f"{link}?lang={language}"
