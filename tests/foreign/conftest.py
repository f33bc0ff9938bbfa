"""An account whose files are told by their bytes, for clients that know nothing of this house."""

import json
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.parts.people import FORM, apply, fetch
from tests.parts.post import Arrived
from tests.parts.sluice import Sluice, new_recipient, sluice_in


class Account:
    """An open account of that house; `files` is where tus clients send, `url` where curl puts."""

    def __init__(self, house: Sluice) -> None:
        self.house, self.recipient = house, new_recipient()
        self.path = apply(house, FORM, recipient_email=self.recipient).location
        self.url = house.url + self.path
        self.files = f"{self.url}/files"

    def listed(self) -> list[dict[str, Any]]:
        return list(json.loads(self.house.get(f"{self.path}/files").text)["files"])

    def delivers(self, data: bytes, name: str) -> Arrived:
        """Exactly one letter, which is handed out, and exactly those bytes behind it."""
        letter = self.house.office.one("file-ready", to=self.recipient)
        assert name in letter.text
        assert sha256(fetch(self.house, letter).body).digest() == sha256(data).digest()
        assert [file["name"] for file in self.listed()] == [name]
        return letter


@pytest.fixture(scope="module")
def sluice(tmp_path_factory: Any, database_server: Any) -> Iterator[Sluice]:
    with sluice_in(tmp_path_factory.mktemp("foreign"), database_server, "foreign") as house:
        yield house


@pytest.fixture
def account(sluice: Sluice) -> Account:
    return Account(sluice)


@pytest.fixture(scope="session")
def tus_js_client() -> Path:
    """The folder of the client as npm brings it (bin/test does)."""
    package = Path(__file__).parent / "node_modules" / "tus-js-client"
    if not (shutil.which("node") and package.exists()):
        pytest.skip("tus-js-client is not here (cd tests/foreign && npm ci)")
    return package
