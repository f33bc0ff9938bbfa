"""Fixtures of the accessibility tests: one service with data in every state, shared by all of them."""

from collections.abc import Iterator

import pytest

from tests.parts.installation import folder
from tests.parts.populated_service import PopulatedService
from tests.parts.postgres import Postgres
from tests.parts.shared_service import start_shared_service


@pytest.fixture(scope="session")
def populated(database_server: Postgres | None) -> Iterator[PopulatedService]:
    """Read by every test and changed by none; a test that changes data makes a service of its own."""
    with start_shared_service(
        folder("access"), database_server, SUPPORT_EMAIL="it-stod@ltdalarna.se"
    ) as service:
        yield PopulatedService(service, service.mail_server)
