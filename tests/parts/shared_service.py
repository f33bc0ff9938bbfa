"""A service with a mail server of its own, shared by the tests of a module, as starting one takes time."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from tests.parts.mail_server import MailServer
from tests.parts.postgres import Postgres
from tests.parts.service import Service
from tests.parts.stores import blobs_of_its_own

_numbers = count(1)


class SharedService(Service):
    """Every account in it has a recipient of its own, by which its letters are told apart."""

    mail_server: MailServer


def new_recipient() -> str:
    return f"bo-{next(_numbers)}@rontgen.example"


@contextmanager
def database_of_its_own(
    server: Postgres | None, name: str, *, is_bare: bool = False
) -> Iterator[dict[str, str]]:
    """The setting of a database with all tables, or with none; no setting where it is SQLite."""
    if server is None:
        yield {}
        return
    with (server.database if is_bare else server.migrated_database)(name) as url:
        yield {"DATABASE_URL": url}


@contextmanager
def start_shared_service(
    folder: Path,
    database_server: Postgres | None,
    *,
    command: str = "serve",
    program: Sequence[str] = (),
    **own: str,
) -> Iterator[SharedService]:
    """It runs until the block ends, with these settings; `program` instead of `filsluss`."""
    mail_server = MailServer()
    mail_server.start()
    with ExitStack() as until_the_end:
        until_the_end.callback(mail_server.stop)
        database = until_the_end.enter_context(database_of_its_own(database_server, folder.name))
        blobs = until_the_end.enter_context(blobs_of_its_own())
        given = {"SMTP_URL": mail_server.url, **database, **blobs, **own}
        service = SharedService(folder / "service", **given)
        service.mail_server = mail_server
        service.program = list(program) or service.program
        until_the_end.callback(service.tear_down)
        service.start(command)
        yield service
