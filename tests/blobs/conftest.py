"""The stores and lockers that there are: what is said of one in test_store and test_locker is said of all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from filsluss.blobs import Locker, Store, open_locker, open_store
from filsluss.rules.tokens import draw_upload_id

STORES: dict[str, Callable[[Path], str]] = {"disk": lambda folder: (folder / "blobs").as_uri()}
"""The URL of an empty store of each kind, for one test; another kind is one line more."""


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url)


@pytest.fixture
def locker(url: str) -> Locker:
    return open_locker(url)


@pytest.fixture
def blob(store: Store) -> str:
    name = draw_upload_id()
    store.create(name)
    return name
