"""What the tests of access ask for: one house that people have used, for all of them to look at."""

from collections.abc import Iterator

import pytest

from tests.parts.house import House
from tests.parts.installation import folder
from tests.parts.post import Post
from tests.parts.postgres import Postgres
from tests.parts.rooms import LivedIn


@pytest.fixture(scope="session")
def lived_in(database_server: Postgres | None) -> Iterator[LivedIn]:
    """Looked at by every test and changed by none; who wants to change things makes a house of their own."""
    post = Post()
    post.open()
    house = House(folder("access") / "house", SMTP_URL=post.url, SUPPORT_EMAIL="it-stod@ltdalarna.se")
    database = database_server.database("lived-in") if database_server else None
    if database:
        house.env["FILSLUSS_DATABASE_URL"] = database.__enter__()
    try:
        house.start()
        yield LivedIn(house, post)
    finally:
        house.leave()
        post.shut()
        if database:
            database.__exit__(None, None, None)
