"""A store in a bucket and its locker beside a PostgreSQL server, without Django: also for other processes."""

import contextlib
import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from filsluss.blobs.bucket import Bucket
from filsluss.blobs.bucket_address import BucketAddress
from filsluss.blobs.leases import PostgresLocker
from filsluss.blobs.part_table import PartTable
from filsluss.blobs.s3 import S3Store
from filsluss.postgresql.listening import Listener
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY


class Direct:
    """A `Database` of `filsluss.blobs` with a pool of its own in each process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.listener = Listener(self.session)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        with pool(self.url, os.getpid()).connection() as connection, connection.cursor() as cursor:
            yield cursor

    def let_go(self) -> None:
        """No connection is kept between two transactions."""

    @contextlib.contextmanager
    def session(self) -> Iterator[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            yield connection


@lru_cache
def pool(url: str, _process: int) -> ConnectionPool[Any]:
    return ConnectionPool(url, min_size=1, max_size=8, open=True)


def open_store(bucket_url: str, database_url: str) -> S3Store:
    bucket = Bucket(BucketAddress.of(bucket_url), lambda: (ACCESS_KEY, SECRET_KEY))
    return S3Store(bucket, PartTable(Direct(database_url)))


@lru_cache
def open_locker(database_url: str) -> PostgresLocker:
    return PostgresLocker(Direct(database_url))
