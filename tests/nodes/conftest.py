"""Two machines: services with folders and boot ids of their own, on one database and one bucket."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.parts import fake_reboot
from tests.parts.mail_server import MailServer
from tests.parts.people import FORM, apply
from tests.parts.postgres import Postgres, own_server
from tests.parts.relay import Relay
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from tests.parts.service import Service

BUCKET = "nodes"


@dataclass(frozen=True)
class Nodes:
    a: Service
    b: Service
    server: Postgres
    seaweed: Seaweed
    relay: Relay
    mail_server: MailServer

    def blobs(self) -> list[str]:
        """The names of the blobs of which there are objects in the bucket."""
        return sorted({key.split("/")[1] for key in self.seaweed.keys(BUCKET)})


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with own_server() as server:
        yield server


def boot_of(name: str) -> list[str]:
    """The program of a machine with that name, which is one hexadecimal digit: its boot id is its own."""
    return fake_reboot.program(f"00000000-0000-0000-0000-00000000000{name}")


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory, seaweed: Seaweed, server: Postgres) -> Iterator[Nodes]:
    """Both run. The way to the store leads over a relay, so that it can be away."""
    with ExitStack() as until_the_end:
        relay, mail_server = Relay(seaweed.port), MailServer()
        mail_server.start()
        until_the_end.callback(mail_server.stop)
        until_the_end.callback(relay.close)
        seaweed.make_bucket(BUCKET)
        until_the_end.callback(seaweed.drop_bucket, BUCKET)
        shared = {
            "DATABASE_URL": until_the_end.enter_context(server.migrated_database("nodes")),
            "BLOB_URL": seaweed.url(BUCKET, port=relay.port),
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
            "SECRET_KEY": "one and the same key for both of the nodes",
            "SMTP_URL": mail_server.url,
        }
        made = []
        for name in ("a", "b"):
            service = Service(tmp_path_factory.mktemp(f"node-{name}") / "data", **shared)
            service.program = boot_of(name)
            until_the_end.callback(service.tear_down)
            made.append(service.start())
        yield Nodes(*made, server, seaweed, relay, mail_server)


@pytest.fixture
def account(nodes: Nodes) -> str:
    """The path of an open account's upload page, the same at both."""
    return apply(nodes.a, FORM).location
