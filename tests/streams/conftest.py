"""One running service for each module, and an open account for each test."""

import pytest

from tests.parts.people import FORM, apply
from tests.parts.shared_service import start_shared_service


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory, database_server):
    folder = tmp_path_factory.mktemp("streams")
    with start_shared_service(folder, database_server, MAX_TRANSFER_SIZE="3GiB") as service:
        yield service


@pytest.fixture
def account(shared_service):
    """The path of an open account's upload page."""
    return apply(shared_service, FORM).location
