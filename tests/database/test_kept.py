"""SQLite's connections are kept from one request to the next, and only where that changes nothing."""

import os
import sqlite3
from pathlib import Path

import pytest
from django.db.utils import ConnectionHandler

from filsluss.env import database

pytestmark = pytest.mark.django_db  # lets this process speak to a database; each test has its own


@pytest.fixture
def open_one(tmp_path):
    """Opens what Django would for one more thread: a wrapper of its own on the same file."""
    settings = {"default": {**database("", tmp_path), "TIME_ZONE": None}}
    return lambda: ConnectionHandler(settings)["default"]


def raw_of(wrapper) -> sqlite3.Connection:
    wrapper.ensure_connection()
    return wrapper.connection


def test_what_one_request_gives_back_the_next_one_takes(open_one):
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


def test_a_child_never_takes_up_its_parents(open_one):
    wrapper = open_one()
    raw = raw_of(wrapper)
    wrapper.close()
    child = os.fork()
    if child == 0:
        os._exit(int(raw_of(open_one()) is raw))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert raw_of(open_one()) is raw
