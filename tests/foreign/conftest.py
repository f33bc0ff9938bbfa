"""An account for third-party upload clients, and checks of what it received."""

import json
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.parts.mail_server import ReceivedLetter
from tests.parts.people import FORM, apply, fetch
from tests.parts.shared_service import SharedService, new_recipient, start_shared_service


class Account:
    """An open account of that service; tus clients send to `files`, curl to `url`."""

    def __init__(self, service: SharedService) -> None:
        self.service, self.recipient = service, new_recipient()
        self.path = apply(service, FORM, recipient_email=self.recipient).location
        self.url = service.url + self.path
        self.files = f"{self.url}/files"

    def listed(self) -> list[dict[str, Any]]:
        return list(json.loads(self.service.get(f"{self.path}/files").text)["files"])

    def delivers(self, data: bytes, name: str) -> ReceivedLetter:
        """Exactly one letter, which is returned, and exactly those bytes at its link."""
        letter = self.service.mail_server.one("file-ready", to=self.recipient)
        assert name in letter.text
        assert sha256(fetch(self.service, letter).body).digest() == sha256(data).digest()
        assert [file["name"] for file in self.listed()] == [name]
        return letter


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: Any, database_server: Any) -> Iterator[SharedService]:
    with start_shared_service(tmp_path_factory.mktemp("foreign"), database_server) as service:
        yield service


@pytest.fixture
def account(shared_service: SharedService) -> Account:
    return Account(shared_service)


@pytest.fixture(scope="session")
def tus_js_client() -> Path:
    """The folder of the client as npm brings it (bin/test does)."""
    package = Path(__file__).parent / "node_modules" / "tus-js-client"
    if not (shutil.which("node") and package.exists()):
        pytest.skip("tus-js-client is not here (cd tests/foreign && npm ci)")
    return package
