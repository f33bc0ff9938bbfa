"""One house for all the wires of this room, and an open account for each test."""

import pytest

from tests.parts.house import House
from tests.parts.people import FORM, apply


@pytest.fixture(scope="module")
def wired(tmp_path_factory, database_server):
    """A house that serves; its letters find no post office, which nothing here waits for."""
    with_database = {}
    database = database_server.database("wired") if database_server else None
    if database:
        with_database["DATABASE_URL"] = database.__enter__()
    house = House(tmp_path_factory.mktemp("wired") / "house", MAX_TRANSFER_SIZE="3GiB", **with_database)
    house.start()
    yield house
    house.leave()
    if database:
        database.__exit__(None, None, None)


@pytest.fixture
def account(wired):
    """The path of an open account's upload page."""
    return apply(wired, FORM).location
