"""One house with its post office for this room, and a way to get a file to where it can be fetched."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest

from tests.parts.house import House
from tests.parts.people import FORM, apply, download_links, send_tus
from tests.parts.post import Post

recipients = count(1)


@pytest.fixture(scope="module")
def sluice(tmp_path_factory: Any, database_server: Any) -> Iterator[House]:
    office = Post()
    office.open()
    with ExitStack() as until_the_end:
        own = {"SMTP_URL": office.url}
        if database_server:
            own["DATABASE_URL"] = until_the_end.enter_context(database_server.database("sluice"))
        house = House(tmp_path_factory.mktemp("sluice") / "house", **own)
        house.office = office  # type: ignore[attr-defined]
        house.start()
        yield house
        house.leave()
    office.shut()


@pytest.fixture
def recipient() -> str:
    return f"bo-{next(recipients)}@rontgen.example"


@pytest.fixture
def account(sluice: House, recipient: str) -> str:
    """The path of the upload page of an open account, for a recipient of its own."""
    return apply(sluice, FORM, recipient_email=recipient).location


@pytest.fixture
def ready(sluice: Any, account: str, recipient: str) -> Callable[..., str]:
    """Uploads those bytes and answers the path they are fetched at, once the recipient has been told."""

    def send(data: bytes, filename: str = "fil.bin") -> str:
        before = len(sluice.office.of("file-ready", recipient))
        assert send_tus(sluice, account, data, filename=filename).status in (201, 204)
        letters = sluice.office.wait_for("file-ready", to=recipient, count=before + 1)
        return download_links(sluice, letters[-1])[0]

    return send
