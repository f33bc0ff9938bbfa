"""One running service for each module, and a function that uploads a file and returns its download path."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.parts.people import FORM, apply, download_links, send_tus
from tests.parts.shared_service import SharedService, new_recipient, start_shared_service


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: Any, database_server: Any) -> Iterator[SharedService]:
    with start_shared_service(tmp_path_factory.mktemp("downloads"), database_server) as service:
        yield service


@pytest.fixture
def recipient() -> str:
    return new_recipient()


@pytest.fixture
def account(shared_service: SharedService, recipient: str) -> str:
    """The path of the upload page of an open account, for a recipient of its own."""
    return apply(shared_service, FORM, recipient_email=recipient).location


@pytest.fixture
def ready(shared_service: SharedService, account: str, recipient: str) -> Callable[..., str]:
    """Uploads those bytes and returns their download path, once the recipient has been told."""

    def send(data: bytes, filename: str = "fil.bin", **values: str) -> str:
        before = len(shared_service.mail_server.of("file-ready", recipient))
        assert send_tus(shared_service, account, data, filename=filename, **values).status in (201, 204)
        letters = shared_service.mail_server.wait_for("file-ready", to=recipient, count=before + 1)
        return download_links(shared_service, letters[-1])[0]

    return send
