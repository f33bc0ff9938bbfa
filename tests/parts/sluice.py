"""A house with its own post office that a whole room of tests shares, as starting one takes its time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from tests.parts.house import House
from tests.parts.post import Post
from tests.parts.postgres import Postgres

_numbers = count(1)


class Sluice(House):
    """Every account in it has a recipient of its own, by whom its letters are told apart."""

    office: Post


def new_recipient() -> str:
    return f"bo-{next(_numbers)}@rontgen.example"


@contextmanager
def sluice_in(folder: Path, database_server: Postgres | None, name: str) -> Iterator[Sluice]:
    office = Post()
    office.open()
    with ExitStack() as until_the_end:
        until_the_end.callback(office.shut)
        own = {"SMTP_URL": office.url}
        if database_server:
            own["DATABASE_URL"] = until_the_end.enter_context(database_server.database(name))
        house = Sluice(folder / "house", **own)
        house.office = office
        until_the_end.callback(house.leave)
        house.start()
        yield house
