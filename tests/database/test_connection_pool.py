"""SQLite's connections are kept from one request to the next, and only where that changes nothing."""

import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler, OperationalError

from filsluss.conf.databases import sqlite
from filsluss.sqlite.base import QUEUE_SECONDS

pytestmark = pytest.mark.django_db  # lets this process use a database; each test has its own


@pytest.fixture
def open_one(tmp_path):
    """Opens what Django would for one more thread: a wrapper of its own on the same file."""
    settings = {"default": {**sqlite(tmp_path), "TIME_ZONE": None}}
    return lambda: ConnectionHandler(settings)["default"]


def raw_of(wrapper) -> sqlite3.Connection:
    wrapper.ensure_connection()
    return wrapper.connection


def test_a_connection_is_reused_by_the_next_request(open_one):
    first = open_one()
    raw = raw_of(first)
    first.close()
    second = open_one()
    assert raw_of(second) is raw
    assert second.cursor().execute("PRAGMA synchronous").fetchone() == (2,)


def test_two_at_once_never_share_one(open_one):
    one, other = open_one(), open_one()
    assert raw_of(one) is not raw_of(other)


def test_a_connection_in_the_middle_of_a_transaction_is_closed(open_one):
    wrapper = open_one()
    raw = raw_of(wrapper)
    wrapper.cursor().execute("CREATE TABLE t (n)")
    raw.execute("BEGIN IMMEDIATE")
    wrapper.cursor().execute("INSERT INTO t VALUES (1)")
    wrapper.close()
    with pytest.raises(sqlite3.ProgrammingError):
        raw.execute("SELECT 1")
    assert raw_of(open_one()).execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_another_database_of_the_same_name_is_opened_anew(open_one, tmp_path: Path):
    wrapper = open_one()
    wrapper.cursor().execute("CREATE TABLE t (n)")
    wrapper.close()
    for path in tmp_path.iterdir():
        path.unlink()
    assert raw_of(open_one()).execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_child_process_never_reuses_its_parents_connection(open_one):
    wrapper = open_one()
    raw = raw_of(wrapper)
    wrapper.close()
    child = os.fork()
    if child == 0:
        os._exit(int(raw_of(open_one()) is raw))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert raw_of(open_one()) is raw


def test_the_threads_of_a_process_queue_and_none_sleeps(open_one):
    """SQLite itself sleeps and tries again: of fifty at once the last would sleep for seconds."""
    open_one().cursor().execute("CREATE TABLE t (n)")
    ready, slept = threading.Barrier(50), []

    def write(number):
        wrapper = open_one()
        wrapper.ensure_connection()
        wrapper.connection.execute("PRAGMA busy_timeout = 0")  # whoever finds it locked fails
        ready.wait()
        try:
            with transaction_of(wrapper):
                wrapper.cursor().execute("INSERT INTO t VALUES (%s)", [number])
        except OperationalError as fault:
            slept.append(fault)
        finally:
            wrapper.connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert slept == []
    assert open_one().cursor().execute("SELECT count(*) FROM t").fetchone() == (50,)


@contextmanager
def transaction_of(wrapper):
    """What `transaction.atomic` does, for a connection that Django does not know by name."""
    wrapper.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    try:
        yield
    except BaseException:
        wrapper.rollback()
        raise
    else:
        wrapper.commit()
    finally:
        wrapper.set_autocommit(True)


@pytest.mark.parametrize("how", ["commit", "rollback", "close", "no begin"])
def test_the_queue_moves_on_however_a_transaction_ends(open_one, how):
    first, second = open_one(), open_one()
    first.cursor().execute("CREATE TABLE t (n)")
    if how == "no begin":
        first.connection.execute("BEGIN")
        with pytest.raises(OperationalError):
            first.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        first.connection.rollback()
    else:
        first.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        getattr(first, how)()
    begun = time.monotonic()
    with transaction_of(second):
        second.cursor().execute("INSERT INTO t VALUES (1)")
    assert time.monotonic() - begun < QUEUE_SECONDS / 2
