"""Transactions of several threads in one commit: each has its own outcome, and none pays for another."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from filsluss.models import Heartbeat
from filsluss.sqlite.base import DatabaseWrapper
from filsluss.sqlite.joint_commit import joint_commit, together
from tests.parts.eventually import eventually

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
on_sqlite = pytest.mark.skipif(
    os.environ.get("TEST_DATABASE") == "postgresql", reason="PostgreSQL joins the syncs of commits by itself"
)
pytestmark = [pytest.mark.django_db(transaction=True), on_sqlite]


def names() -> list[str]:
    return sorted(Heartbeat.objects.values_list("name", flat=True))


def write(name: str) -> str:
    Heartbeat.objects.create(name=name, at=NOW)
    return name


@pytest.fixture
def commits(monkeypatch):
    """The threads that have committed, in order."""
    made, real = [], DatabaseWrapper._commit

    def commit(self):
        real(self)
        made.append(threading.get_ident())

    monkeypatch.setattr(DatabaseWrapper, "_commit", commit)
    return made


def call_all(functions):
    return [function() for function in functions]


def in_transaction(function):
    return together(function, call_all)


def all_waiting(*works):
    """Hands each over in its own thread, while another commits; returns their outcomes, in order.

    A work is a function, or an item and what handles those of its kind.
    """
    is_held, may_go = threading.Event(), threading.Event()

    def hold():
        is_held.set()
        may_go.wait(10)

    def outcome(work):
        try:
            return together(*work) if isinstance(work, tuple) else in_transaction(work)
        except BaseException as fault:  # noqa: BLE001 - that is what is compared
            return fault
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works) + 1) as threads:
        first = threads.submit(outcome, hold)
        is_held.wait(10)
        others = []
        for count, work in enumerate(works, 1):
            others.append(threads.submit(outcome, work))
            eventually(lambda: len(joint_commit._waiting), lambda found, c=count: found >= c, interval=0.001)
        may_go.set()
        assert first.result(20) is None
        return [each.result(20) for each in others]


def test_whoever_is_alone_commits_at_once(commits):
    assert in_transaction(lambda: write("alone")) == "alone"
    assert (names(), commits) == (["alone"], [threading.get_ident()])


def test_all_that_wait_share_one_commit_and_each_has_its_own_result(commits):
    wanted = [f"thread {number}" for number in range(8)]
    assert all_waiting(*(lambda name=name: write(name) for name in wanted)) == wanted
    assert (names(), len(commits)) == (wanted, 2)


@pytest.mark.parametrize("fault", [ValueError("no"), OperationalError("locked"), KeyboardInterrupt()])
def test_one_that_fails_leaves_nothing_and_takes_none_with_it(commits, fault):
    def fail():
        write("half done")
        raise fault

    first, failed, last = all_waiting(lambda: write("first"), fail, lambda: write("last"))
    assert (first, failed, last) == ("first", fault, "last")
    assert (names(), len(commits)) == (["first", "last"], 3)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def write_all(calls):
    """Handles names together: "no" is refused, "bad" fails half-way."""

    def handle(items):
        calls.append(sorted(items))
        refusals = [ValueError(item) if item == "no" else None for item in items]
        for item, refusal in zip(items, refusals, strict=True):
            if not refusal:
                write(item)
            if item == "bad":
                raise OperationalError(item)
        return [refusal or item for item, refusal in zip(items, refusals, strict=True)]

    return handle


def test_work_of_one_kind_is_done_by_one_call_and_each_has_its_own_outcome(commits, calls, write_all):
    items = [f"thread {number}" for number in range(6)] + ["no"]
    *stored, refused = all_waiting(*((item, write_all) for item in items))
    assert (stored, repr(refused)) == (items[:-1], repr(ValueError("no")))
    assert (names(), calls, len(commits)) == (items[:-1], [sorted(items)], 2)


def test_a_call_that_fails_is_undone_and_each_is_done_by_itself(commits, calls, write_all):
    one, bad, other = all_waiting(*((item, write_all) for item in ("one", "bad", "other")))
    assert (one, repr(bad), other) == ("one", repr(OperationalError("bad")), "other")
    assert (names(), len(commits)) == (["one", "other"], 3)
    assert calls == [["bad", "one", "other"], ["one"], ["bad"], ["other"]]


def test_whoever_is_alone_is_refused_alone(write_all):
    with pytest.raises(ValueError, match="no"):
        together("no", write_all)
    with pytest.raises(OperationalError, match="bad"):
        together("bad", write_all)
    assert (names(), together("good", write_all)) == ([], "good")


def test_a_row_that_is_there_fails_by_itself(commits):
    one, same, other = all_waiting(lambda: write("one"), lambda: write("one"), lambda: write("other"))
    assert (one, type(same), other) == ("one", IntegrityError, "other")
    assert names() == ["one", "other"]
    assert in_transaction(lambda: write("later")) == "later"


def test_alone_one_that_fails_leaves_nothing():
    def fail():
        write("half done")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_transaction(fail)
    assert names() == []
    assert in_transaction(lambda: write("after")) == "after"


def test_a_commit_that_fails_fails_for_all_and_is_not_tried_again(monkeypatch):
    real, tried = DatabaseWrapper._commit, []

    def commit(self):
        tried.append(self)
        if len(tried) == 2:
            raise OperationalError("disk I/O error")
        real(self)

    monkeypatch.setattr(DatabaseWrapper, "_commit", commit)
    outcomes = all_waiting(lambda: write("one"), lambda: write("other"))
    assert [str(outcome) for outcome in outcomes] == ["disk I/O error"] * 2
    assert (names(), len(tried)) == ([], 2)
    assert in_transaction(lambda: write("later")) == "later"


def test_when_sqlite_gives_up_the_transaction_only_what_is_stored_after_it_is_told():
    def fill():
        connection.connection.execute("ROLLBACK")  # what SQLite may do by itself when the disk is full
        raise OperationalError("database or disk is full")

    outcomes = all_waiting(lambda: write("before"), fill, lambda: write("after"))
    assert [str(outcome) for outcome in outcomes] == ["before", "database or disk is full", "after"]
    assert names() == ["after", "before"]
    assert in_transaction(lambda: write("later")) == "later"


def test_a_database_that_cannot_be_written_fails_for_all_that_wait(monkeypatch):
    def begin(self):
        raise OperationalError("database is locked")

    def go():
        monkeypatch.setattr(DatabaseWrapper, "_start_transaction_under_autocommit", begin)
        return write("first")

    first, *others = all_waiting(go, lambda: write("one"), lambda: write("other"))
    assert first == "first"
    assert others == ["one", "other"]  # they were in the transaction that had begun
    with pytest.raises(OperationalError, match="locked"):
        in_transaction(lambda: write("never"))
    monkeypatch.undo()
    assert in_transaction(lambda: write("later")) == "later"


def test_within_a_transaction_it_is_a_part_of_it():
    with transaction.atomic():
        in_transaction(lambda: write("inner"))
        transaction.set_rollback(True)
    assert names() == []


def test_a_child_process_waits_for_nobody_of_its_parent():
    joint_commit._is_led = True  # as if another thread committed while we fork
    try:
        child = os.fork()
        if child == 0:
            os._exit(int(joint_commit._is_led or bool(joint_commit._waiting)))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        joint_commit._is_led = False


def test_many_at_once_are_all_stored(commits):
    def store(thread):
        for number in range(20):
            in_transaction(lambda name=f"{thread:02}-{number:02}": write(name))
        connection.close()

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(store, range(16)))
    assert names() == [f"{thread:02}-{number:02}" for thread in range(16) for number in range(20)]
    assert len(commits) < 320
