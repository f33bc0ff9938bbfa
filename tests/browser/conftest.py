"""A browser for each person of a test, and a service behind a throttling proxy."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.steps import MiB
from tests.parts.browser import person
from tests.parts.http_proxy import GatheringProxy, start_gathering_proxy
from tests.parts.slow_proxy import SlowProxy, start_slow_service

SLOW = 4 * MiB  # bytes a second: a busy machine must find the time to press a button half-way


@pytest.fixture
def another(browser: Any) -> Iterator[Callable[..., Page]]:
    """Makes pages of further people, each with a browser of their own."""
    with ExitStack() as everybody:
        yield lambda **habits: everybody.enter_context(person(browser, **habits))


@pytest.fixture
def slow_proxy(make_service: Any) -> Iterator[SlowProxy]:
    """A service whose BASE_URL is `slow_proxy.url`; it is `slow_proxy.service`."""
    with start_slow_service(make_service, SLOW) as slow_proxy:
        yield slow_proxy


@pytest.fixture
def gathering_proxy(make_service: Any) -> Iterator[GatheringProxy]:
    """A service whose BASE_URL is `gathering_proxy.url`; it is `gathering_proxy.service`."""
    with start_gathering_proxy() as proxy:
        proxy.service = make_service(BASE_URL=proxy.url).start()
        proxy.service_port = proxy.service.port
        yield proxy
