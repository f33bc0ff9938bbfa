"""A browser for each person of a test, and services, one for each file; emptied between two tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.steps import MiB
from tests.parts.browser import person
from tests.parts.emptied import Emptied
from tests.parts.http_proxy import GatheringProxy, start_gathering_proxy
from tests.parts.postgres import Postgres
from tests.parts.shared_service import SharedService, start_shared_service
from tests.parts.slow_proxy import SlowProxy, start_slow_proxy

SLOW = 4 * MiB  # bytes a second: a busy machine must find the time to press a button half-way


@pytest.fixture
def service(emptied_service: SharedService) -> SharedService:
    """One running installation, web and worker, that others have used: it has been emptied."""
    return emptied_service


@pytest.fixture
def another(browser: Any) -> Iterator[Callable[..., Page]]:
    """Makes pages of further people, each with a browser of their own."""
    with ExitStack() as everybody:
        yield lambda **habits: everybody.enter_context(person(browser, **habits))


@pytest.fixture(scope="module")
def lasting_proxy() -> Iterator[SlowProxy]:
    with start_slow_proxy(SLOW) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def emptied_slow(
    tmp_path_factory: pytest.TempPathFactory, database_server: Postgres | None, lasting_proxy: SlowProxy
) -> Iterator[Emptied]:
    def start(until_then: ExitStack) -> SharedService:
        folder = tmp_path_factory.mktemp("slow")
        own = start_shared_service(folder, database_server, BASE_URL=lasting_proxy.url)
        return until_then.enter_context(own)

    made = Emptied(start)
    yield made
    made.close()


@pytest.fixture
def emptied_slow_service(emptied_slow: Emptied) -> Iterator[SharedService]:
    service = emptied_slow.get()
    yield service
    assert "Traceback" not in service.log_text(), service.log_text()


@pytest.fixture
def slow_proxy(lasting_proxy: SlowProxy, emptied_slow_service: SharedService) -> SlowProxy:
    """A service whose BASE_URL is `slow_proxy.url`; it is `slow_proxy.service`."""
    lasting_proxy.service, lasting_proxy.service_port = emptied_slow_service, emptied_slow_service.port
    lasting_proxy.rate = SLOW
    lasting_proxy.forget_debt()
    return lasting_proxy


@pytest.fixture
def gathering_proxy(make_service: Any) -> Iterator[GatheringProxy]:
    """A service whose BASE_URL is `gathering_proxy.url`; it is `gathering_proxy.service`."""
    with start_gathering_proxy() as proxy:
        proxy.service = make_service(BASE_URL=proxy.url).start()
        proxy.service_port = proxy.service.port
        yield proxy
