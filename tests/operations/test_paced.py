"""Figures that take long are read beside the requests; those that do not, each time."""

import threading

import pytest
from django.db import OperationalError

from filsluss.ops import paced
from filsluss.ops.paced import Paced


class Slow:
    """Figures that count how often they were read, whose second reading lasts until `go` is set."""

    def __init__(self):
        self.times, self.go, self.done = 0, threading.Event(), threading.Event()
        self.fault = None

    def __call__(self):
        self.times += 1
        if self.times > 1:
            self.go.wait(20)
            self.done.set()
        if self.fault:
            raise self.fault
        return self.times


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setattr(paced, "AT_ONCE", -1.0)
    monkeypatch.setattr(paced, "PART_OF_TIME", 1e9)
    return Slow()


def wait_until_read(figures, slow):
    slow.done.wait(20)
    for thread in threading.enumerate():
        if thread.name == "figures":
            thread.join(20)


def test_what_is_read_fast_is_read_each_time():
    times = []
    figures = Paced(lambda: times.append(1) or len(times))
    assert [figures.figures() for _ in range(3)] == [1, 2, 3]


def test_what_takes_long_is_read_beside_whoever_asks_and_once(slow):
    figures = Paced(slow)
    assert [figures.figures() for _ in range(4)] == [1, 1, 1, 1]
    slow.go.set()
    wait_until_read(figures, slow)
    assert figures.figures() == 2


def test_it_is_not_read_more_often_than_its_part_of_the_time(slow, monkeypatch):
    monkeypatch.setattr(paced, "PART_OF_TIME", 1e-9)
    figures = Paced(slow)
    assert [figures.figures() for _ in range(3)] == [1, 1, 1]
    assert slow.times == 1


def test_figures_that_could_no_longer_be_read_are_not_answered_for_ever(slow):
    figures = Paced(slow)
    figures.figures()
    slow.fault = OperationalError("away")
    figures.figures()
    slow.go.set()
    wait_until_read(figures, slow)
    with pytest.raises(OperationalError):
        figures.figures()
    slow.fault = None
    assert figures.figures() == slow.times
