"""The stores and lockers that there are: what is said of one in test_store and test_locker is said of all."""

import itertools
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from filsluss.blobs import Locker, Store
from filsluss.blobs.bucket_address import BucketAddress
from filsluss.rules.tokens import draw_upload_id
from tests.blobs.kinds import KINDS, BucketKind, DiskKind, Kind
from tests.parts import bucket_store
from tests.parts.postgres import Postgres, own_server
from tests.parts.seaweed import Seaweed

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared_rows(database_server: Postgres | None) -> Iterator[str]:
    """The address of a PostgreSQL database with all tables, also where the tests' own is SQLite."""
    with (
        nullcontext(database_server) if database_server else own_server() as server,
        server.migrated_database("blobs") as url,
    ):
        yield url
        bucket_store.pool.cache_clear()


@pytest.fixture
def bucket_kind(seaweed: Seaweed, shared_rows: str) -> Iterator[BucketKind]:
    with bucket_store.Direct(shared_rows).transaction() as cursor:
        cursor.execute("TRUNCATE filsluss_blob, filsluss_part")
    bucket = f"blobs-{os.getpid()}-{next(_numbers)}"
    seaweed.make_bucket(bucket)
    yield BucketKind(seaweed.url(bucket), shared_rows)
    seaweed.drop_bucket(bucket)


@pytest.fixture
def disk_kind(tmp_path: Path) -> DiskKind:
    return DiskKind((tmp_path / "blobs").as_uri())


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.getfixturevalue(f"{request.param}_kind")
    return found


@pytest.fixture
def store(kind: Kind) -> Store:
    return kind.open_store()


@pytest.fixture
def locker(kind: Kind) -> Locker:
    return kind.open_locker()


@pytest.fixture
def blob(store: Store) -> str:
    name = draw_upload_id()
    store.create(name)
    return name


@pytest.fixture
def bucket_name(bucket_kind: BucketKind) -> str:
    return BucketAddress.of(bucket_kind.url).bucket
