"""A service with a mail server of its own, shared by the tests of a module, as starting one takes time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from tests.parts.mail_server import MailServer
from tests.parts.postgres import Postgres
from tests.parts.service import Service

_numbers = count(1)


class SharedService(Service):
    """Every account in it has a recipient of its own, by which its letters are told apart."""

    mail_server: MailServer


def new_recipient() -> str:
    return f"bo-{next(_numbers)}@rontgen.example"


@contextmanager
def start_shared_service(
    folder: Path, database_server: Postgres | None, name: str, **settings: str
) -> Iterator[SharedService]:
    mail_server = MailServer()
    mail_server.start()
    with ExitStack() as until_the_end:
        until_the_end.callback(mail_server.stop)
        own = {"SMTP_URL": mail_server.url, **settings}
        if database_server:
            own["DATABASE_URL"] = until_the_end.enter_context(database_server.migrated_database(name))
        service = SharedService(folder / "service", **own)
        service.mail_server = mail_server
        until_the_end.callback(service.tear_down)
        service.start()
        yield service
