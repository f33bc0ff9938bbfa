"""Fixtures of the integrity tests: an account with files of every kind, in this process."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from filsluss.actions import completion, upload
from filsluss.actions.apply import apply
from filsluss.actions.integrity.findings import World
from filsluss.blobs import Store
from filsluss.letters import outbox
from filsluss.letters.claims import Claimant
from filsluss.models import Transfer, TransferFile
from filsluss.rules.application import Application
from filsluss.rules.networks import Client
from filsluss.rules.policy import Policy
from tests.parts.people import ANNA, BO
from tests.parts.services import services_for

ADMIN = "drift@ltdalarna.se"
BOOT = "boot"


@pytest.fixture
def policy(policy: Policy) -> Policy:
    return replace(policy, admin_emails=(ADMIN,))


@pytest.fixture
def make_transfer(policy: Policy, now: datetime) -> Callable[[], Transfer]:
    def make() -> Transfer:
        asked = Application("Anna Berg", ANNA, BO, "Ritningar", days=7)
        return apply(
            asked, services=services_for(policy), now=now, client=Client("127.0.0.1", may_be_inside=True)
        )

    return make


@pytest.fixture
def transfer(make_transfer: Callable[[], Transfer]) -> Transfer:
    return make_transfer()


@pytest.fixture
def begin(transfer: Transfer, store: Store, policy: Policy, now: datetime) -> Callable[..., TransferFile]:
    """A file of which `content` is acknowledged; as large as `size`, or as its content."""

    def begun(content: bytes, size: int | None = None) -> TransferFile:
        file = upload.begin(
            transfer,
            name="fil.bin",
            size=len(content) if size is None else size,
            services=services_for(policy, store, boot_id=BOOT),
            now=now,
        )
        with store.writer(file.blob) as writer:
            writer.write(content)
            writer.sync()
        if len(content) < (size or 0):
            upload.acknowledge(file, offset=len(content), boot_id=BOOT, now=now)
        return file

    return begun


@pytest.fixture
def ready(
    begin: Callable[..., TransferFile], store: Store, policy: Policy, now: datetime, mail_server: object
):
    """A file that can be fetched, its letter delivered."""
    file = begin(b"ritning")
    upload.receive(file, boot_id=BOOT, now=now)
    completion.ready_received(services=services_for(policy, store), now=now)
    while outbox.deliver_next(Claimant(), policy=policy, now=now):
        pass
    file.refresh_from_db()
    return file


@pytest.fixture
def world(store: Store, policy: Policy, now: datetime) -> World:
    """What `reconcile` examines, an hour and a half later."""
    return World(services_for(policy, store, boot_id=BOOT), now + timedelta(minutes=90), checksums=True)
