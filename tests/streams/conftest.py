"""One running service for each module, and an open account for each test."""

import pytest

from tests.parts.people import FORM, apply
from tests.parts.service import Service


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory, database_server):
    """A running service without a mail server: nothing here waits for letters."""
    with_database = {}
    database = database_server.migrated_database("shared_service") if database_server else None
    if database:
        with_database["DATABASE_URL"] = database.__enter__()
    service = Service(
        tmp_path_factory.mktemp("shared_service") / "service", MAX_TRANSFER_SIZE="3GiB", **with_database
    )
    service.start()
    yield service
    service.tear_down()
    if database:
        database.__exit__(None, None, None)


@pytest.fixture
def account(shared_service):
    """The path of an open account's upload page."""
    return apply(shared_service, FORM).location
