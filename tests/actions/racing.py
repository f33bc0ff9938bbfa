"""Runs several functions at the same moment, each in a thread and on a database connection of its own."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from django.db import connection


def race(*acts: Callable[[], Any]) -> list[Any]:
    """What each of them returned, or the exception that it raised; all are started at the same moment."""
    barrier, outcomes = Barrier(len(acts)), [None] * len(acts)

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            connection.close()  # a pool may have fewer than there are threads
            barrier.wait(30)
            outcomes[number] = acts[number]()
        except Exception as fault:  # noqa: BLE001 -- it is what the test compares
            outcomes[number] = fault  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def kinds(outcomes: list[Any]) -> list[str]:
    """The outcomes in a form that can be compared: an exception's name, or whether the result is true."""
    return sorted(
        type(each).__name__ if isinstance(each, Exception) else str(bool(each)) for each in outcomes
    )
