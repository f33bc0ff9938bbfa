"""Several at once: the same moment, a thread and a connection each."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from django.db import connection


def race(*acts: Callable[[], Any]) -> list[Any]:
    """What each of them answered, or the exception that it raised, all let go at the same moment."""
    line, outcomes = Barrier(len(acts)), [None] * len(acts)

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            line.wait(30)
            outcomes[number] = acts[number]()
        except Exception as fault:  # noqa: BLE001 -- it is what the test looks at
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
    """The names of what happened, in a row that can be compared: an exception's, or that of the answer."""
    return sorted(
        type(each).__name__ if isinstance(each, Exception) else str(bool(each)) for each in outcomes
    )
