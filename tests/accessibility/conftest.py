"""Fixtures of the accessibility tests: one service with data in every state, shared by all of them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.parts import people
from tests.parts.heard import LISTEN
from tests.parts.installation import folder
from tests.parts.populated_service import PopulatedService
from tests.parts.postgres import Postgres
from tests.parts.shared_service import SharedService, new_recipient, start_shared_service
from tests.parts.slow_proxy import SlowProxy, start_slow_proxy

SLOW = 2 << 20
AWAKE = """() => {
    window.locks = [];
    navigator.wakeLock.request = async (kind) => {
        locks.push(`${kind} on`);
        return { release: async () => locks.push(`${kind} off`) };
    };
}"""
"""What a phone's browser would do; here there is no screen to keep on."""


@pytest.fixture
def service(emptied_service: SharedService) -> SharedService:
    """One running installation, web and worker, that others have used: it has been emptied."""
    return emptied_service


@pytest.fixture(scope="session")
def populated(database_server: Postgres | None) -> Iterator[PopulatedService]:
    """Read by every test and changed by none; a test that changes data makes a service of its own."""
    own = {"SUPPORT_EMAIL": "it-stod@ltdalarna.se", "UNDO_HOURS": "24", "FRESH_MINUTES": "60"}
    with start_shared_service(folder("access"), database_server, **own) as service:
        yield PopulatedService(service, service.mail_server)


@pytest.fixture(scope="module")
def slow_service(
    tmp_path_factory: pytest.TempPathFactory, database_server: Postgres | None
) -> Iterator[SlowProxy]:
    """One service behind a slow line for all tests of a module; each has an account of its own."""
    with start_slow_proxy(SLOW) as proxy:
        folder = tmp_path_factory.mktemp("slow")
        own = start_shared_service(folder, database_server, BASE_URL=proxy.url)
        with own as proxy.service:
            proxy.service_port = proxy.service.port
            yield proxy


@pytest.fixture
def slow_proxy(slow_service: SlowProxy) -> SlowProxy:
    slow_service.rate = SLOW
    slow_service.forget_debt()
    return slow_service


def open_account(page: Page, proxy: SlowProxy) -> str:
    """An empty upload page whose script has started; its recipient."""
    recipient = new_recipient()
    page.add_init_script(f"{LISTEN}; ({AWAKE})()")
    host = proxy.url.partition("://")[2]
    form = {**people.FORM, "recipient_email": recipient}
    page.goto(proxy.url + proxy.service.post("/", form, Host=host).location)
    page.locator("#drop").wait_for()
    return recipient


@pytest.fixture
def account(slow_proxy: SlowProxy, page: Page) -> Page:
    open_account(page, slow_proxy)
    return page
