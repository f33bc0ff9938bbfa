"""A browser for each person of a story, and a house at the far end of a slow line."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.steps import MiB
from tests.parts.browser import person
from tests.parts.slow import SlowLine, slow_line

SLOW = 4 * MiB  # bytes a second: a busy machine must find the time to press a button half-way


@pytest.fixture
def another(browser: Any) -> Iterator[Callable[..., Page]]:
    """Makes pages of further people, each with a browser of their own."""
    with ExitStack() as everybody:
        yield lambda **habits: everybody.enter_context(person(browser, **habits))


@pytest.fixture
def line(make_house: Any) -> Iterator[SlowLine]:
    """A house that is reached at `line.url` only; it is `line.house`."""
    with slow_line(SLOW) as line:
        line.house = make_house(BASE_URL=line.url).start()
        line.house_port = line.house.port
        yield line
