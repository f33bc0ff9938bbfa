"""Fixtures of the accessibility tests: one service with data in every state, shared by all of them."""

from collections.abc import Iterator

import pytest

from tests.parts.installation import folder
from tests.parts.mail_server import MailServer
from tests.parts.populated_service import PopulatedService
from tests.parts.postgres import Postgres
from tests.parts.service import Service


@pytest.fixture(scope="session")
def populated(database_server: Postgres | None) -> Iterator[PopulatedService]:
    """Read by every test and changed by none; a test that changes data makes a service of its own."""
    mail_server = MailServer()
    mail_server.start()
    service = Service(
        folder("access") / "service", SMTP_URL=mail_server.url, SUPPORT_EMAIL="it-stod@ltdalarna.se"
    )
    database = database_server.migrated_database("populated") if database_server else None
    if database:
        service.env["FILSLUSS_DATABASE_URL"] = database.__enter__()
    try:
        service.start()
        yield PopulatedService(service, mail_server)
    finally:
        service.tear_down()
        mail_server.stop()
        if database:
            database.__exit__(None, None, None)
