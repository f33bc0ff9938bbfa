"""Fixtures of the virus scan tests: a clamd as it should be, a transfer, a received file."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from filsluss.actions import upload
from filsluss.actions.apply import apply
from filsluss.blobs import Store
from filsluss.models import Transfer, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.networks import Client
from filsluss.rules.policy import Policy
from tests.parts import installation
from tests.parts.people import ANNA, BO
from tests.parts.scanner import ClamdMissing, Scanner
from tests.parts.services import services_for

ADMIN = "drift@ltdalarna.se"
Send = Callable[..., TransferFile]


@pytest.fixture
def policy(policy: Policy) -> Policy:
    return replace(policy, admin_emails=(ADMIN,))


@pytest.fixture
def make_scanner(request: pytest.FixtureRequest) -> Callable[..., Scanner]:
    def make(**own: str) -> Scanner:
        try:
            scanner = Scanner(installation.folder("clamd"), **own)
        except ClamdMissing as missing:
            pytest.skip(str(missing))
        request.addfinalizer(scanner.kill)
        return scanner

    return make


@pytest.fixture(scope="package")
def lasting() -> Iterator[Scanner]:
    """One for all the tests that leave it as it is."""
    try:
        scanner = Scanner(installation.folder("clamd"))
    except ClamdMissing as missing:
        pytest.skip(str(missing))
    yield scanner.start()
    scanner.kill()


@pytest.fixture
def transfer(policy: Policy, now: datetime) -> Transfer:
    """Anna, inside, sends to Bo."""
    asked = Application("Anna Berg", ANNA, BO, "Ritningar", days=7)
    return apply(
        asked, services=services_for(policy), now=now, client=Client("127.0.0.1", may_be_inside=True)
    )


@pytest.fixture
def send(transfer: Transfer, store: Store, policy: Policy, now: datetime) -> Send:
    """Uploads a file whole; it is then RECEIVED."""

    def uploaded(content: bytes, name: str = "fil.bin", **own: Any) -> TransferFile:
        file = upload.begin(
            transfer,
            name=name,
            size=len(content),
            services=services_for(policy, store, boot_id="boot"),
            now=now,
            **own,
        )
        with store.writer(file.blob) as writer:
            writer.write(content)
            writer.sync()
        assert upload.receive(file, boot_id="boot", now=now)
        return file

    return uploaded
