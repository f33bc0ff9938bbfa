"""A write to a SQLite database wakes the jobs, so that an idle worker need not ask for work all the time."""

import sqlite3
import threading

import pytest

from filsluss.sqlite.changes import Changes


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "database"
    write(path, "PRAGMA journal_mode = WAL", "CREATE TABLE words (word TEXT)")
    return path


def write(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def heard(database):
    """Set when the hearer is called."""
    heard = threading.Event()
    changes = Changes(database)
    changes.hear("work", lambda work: heard.set() if work == "" else None)
    changes.start()
    assert heard.wait(30), "what came before it watched may have been missed"
    assert changes.is_listening()
    heard.clear()
    return heard


def test_a_write_of_somebody_else_is_heard_and_silence_is_not(database, heard):
    assert not heard.wait(1)
    write(database, "INSERT INTO words VALUES ('a')")
    assert heard.wait(30)
    heard.clear()
    connection = sqlite3.connect(database)
    connection.execute("SELECT * FROM words").fetchall()
    assert not heard.wait(1), "to read changes nothing"


def test_a_database_that_takes_its_place_is_watched_instead(database, heard, tmp_path):
    other = tmp_path / "other"
    write(other, "PRAGMA journal_mode = WAL", "CREATE TABLE words (word TEXT)")
    other.rename(database)
    assert heard.wait(30)
    heard.clear()
    write(database, "INSERT INTO words VALUES ('b')")
    assert heard.wait(30)
