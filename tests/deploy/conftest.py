"""One service behind each of the proxies that we ship settings for."""

import pytest

from tests.parts import proxy
from tests.parts.mail_server import free_port
from tests.parts.people import FORM, apply
from tests.parts.service import Service

KINDS = {
    "nginx": (proxy.nginx, "https", ""),
    "nginx sends": (proxy.nginx, "https", "nginx"),
    "caddy": (proxy.caddy, "http", ""),
}


def behind_proxy(folder, database_server, kind, program=(), **more):
    """A service behind that proxy, both running until the generator ends; a `program` runs `web` only."""
    start, scheme, accel = KINDS[kind]
    own = {
        "BASE_URL": f"{scheme}://localhost:{free_port()}",
        "TRUSTED_PROXIES": "127.0.0.1",
        "INSIDE_NETWORKS": f"{proxy.INSIDE}/32",
    }
    if accel:
        own["ACCEL"] = accel
    database = database_server.migrated_database(f"proxied-{folder.name[:8]}") if database_server else None
    if database:
        own["DATABASE_URL"] = database.__enter__()
    service = Service(folder / "service", **{**own, **more})
    service.program = list(program) or service.program
    service.start("web" if program else "serve")
    proxied = None
    try:
        proxied = start(folder / "proxy", service)
        yield proxied
    except proxy.ProxyMissing as missing:
        pytest.skip(str(missing))
    finally:
        if proxied:
            proxied.stop()
        service.tear_down()
        if database:
            database.__exit__(None, None, None)


@pytest.fixture(scope="module", params=list(KINDS))
def proxied(request, tmp_path_factory, database_server):
    yield from behind_proxy(tmp_path_factory.mktemp("proxied"), database_server, request.param)


@pytest.fixture
def account(proxied):
    return apply(proxied, FORM).location
