"""One house for this room, and a way to get a file to where it can be fetched."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.parts.people import FORM, apply, download_links, send_tus
from tests.parts.sluice import Sluice, new_recipient, sluice_in


@pytest.fixture(scope="module")
def sluice(tmp_path_factory: Any, database_server: Any) -> Iterator[Sluice]:
    with sluice_in(tmp_path_factory.mktemp("downloads"), database_server, "downloads") as house:
        yield house


@pytest.fixture
def recipient() -> str:
    return new_recipient()


@pytest.fixture
def account(sluice: Sluice, recipient: str) -> str:
    """The path of the upload page of an open account, for a recipient of its own."""
    return apply(sluice, FORM, recipient_email=recipient).location


@pytest.fixture
def ready(sluice: Sluice, account: str, recipient: str) -> Callable[..., str]:
    """Uploads those bytes and answers the path they are fetched at, once the recipient has been told."""

    def send(data: bytes, filename: str = "fil.bin") -> str:
        before = len(sluice.office.of("file-ready", recipient))
        assert send_tus(sluice, account, data, filename=filename).status in (201, 204)
        letters = sluice.office.wait_for("file-ready", to=recipient, count=before + 1)
        return download_links(sluice, letters[-1])[0]

    return send
