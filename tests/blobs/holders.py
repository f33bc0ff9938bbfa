"""Holders of a blob beside the test: another thread, or another process."""

import contextlib
import multiprocessing
import threading


@contextlib.contextmanager
def held_elsewhere(locker, name, **how):
    """Another thread holds it, until it is asked to release it or the block ends; yields what it saw."""
    asked, held, over = threading.Event(), threading.Event(), threading.Event()

    def release():
        asked.set()
        over.set()

    def hold():
        with locker.hold(name, on_release_asked=release if how.get("listens", True) else None):
            held.set()
            over.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    try:
        yield asked
    finally:
        over.set()
        thread.join()


def hold_until_asked(kind, name, holding):
    """In a process of its own: writes a word, and lets go when it is asked to."""
    stopped = threading.Event()
    hold = kind.open_locker().hold(name, on_release_asked=stopped.set)
    with hold as lease, kind.open_store().writer(name, lease) as writer:
        writer.write(b"other process")
        writer.sync()
        holding.set()
        stopped.wait(10)


@contextlib.contextmanager
def other_process(kind, name, how="spawn"):
    context = multiprocessing.get_context(how)
    holding = context.Event()
    other = context.Process(target=hold_until_asked, args=(kind, name, holding))
    other.start()
    try:
        assert holding.wait(20)
        yield other
    finally:
        other.kill()
        other.join(10)
