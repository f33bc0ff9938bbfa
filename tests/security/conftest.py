"""Fixtures of the security tests: one service with data in every state, shared by all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from filsluss.rules.tokens import Purpose, keys_for, link_token
from tests.parts.invariants import wait_until_idle
from tests.parts.populated_service import PopulatedService
from tests.parts.shared_service import start_shared_service
from tests.parts.storage import rows


@dataclass
class Case:
    """One transfer with one ready file: every secret that a letter about it holds."""

    tokens: dict[str, str]
    transfer: str
    file: str
    upload_id: str
    name: str


class Target:
    """The service, its letters, and every secret in them."""

    def __init__(self, populated: PopulatedService) -> None:
        self.populated, self.service, self.mail_server = populated, populated.service, populated.mail_server

    def case(self, transfer: str) -> Case:
        """The secrets of a transfer, derived as the service derives them.

        The approver's are of any decided transfer if nobody was asked about this one.
        """
        keys = keys_for("link", [(self.service.data_dir / "secret_key").read_text().strip()])
        ((pk,),) = rows(self.service, f"SELECT id FROM filsluss_transfer WHERE public_id = '{transfer}'")
        (file_pk, file, upload_id, name) = rows(
            self.service,
            "SELECT id, public_id, upload_id, name FROM filsluss_transferfile "
            f"WHERE transfer_id = {pk} AND state = 'ready' ORDER BY id",
        )[0]
        links = rows(
            self.service,
            "SELECT l.purpose, l.derived_from, l.nonce FROM filsluss_link l "
            "JOIN filsluss_transfer t ON t.id = l.transfer_id "
            f"WHERE t.id = {pk} AND (l.file_id IS NULL OR l.file_id = {file_pk}) "
            "OR l.purpose IN ('decide', 'status-approver') AND t.decided_at IS NOT NULL "
            f"ORDER BY t.id = {pk}",
        )
        tokens = {
            purpose: link_token(keys[0], purpose=Purpose(purpose), row=derived_from, nonce=nonce)
            for purpose, derived_from, nonce in links
        }
        return Case(tokens, transfer, file, upload_id, name)


@pytest.fixture(scope="session")
def target(tmp_path_factory, database_server) -> Iterator[Target]:
    with start_shared_service(tmp_path_factory.mktemp("security"), database_server) as service:
        populated = PopulatedService(service, service.mail_server)
        # The last of its transfers needed a scanner that does not answer; now files arrive again.
        del service.env["FILSLUSS_CLAMD"]
        service.stop()
        service.start()
        wait_until_idle(service)
        yield Target(populated)


@pytest.fixture
def victim(target) -> Case:
    """The busy account of the service."""
    return target.case(target.populated.transfer)
