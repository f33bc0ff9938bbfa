"""One service behind each of the proxies that we ship settings for."""

import pytest

from tests.parts import proxy
from tests.parts.mail_server import free_port
from tests.parts.people import FORM, apply
from tests.parts.shared_service import start_shared_service

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
    command = "web" if program else "serve"
    with start_shared_service(
        folder, database_server, command=command, program=program, **{**own, **more}
    ) as service:
        try:
            proxied = start(folder / "proxy", service)
        except proxy.ProxyMissing as missing:
            pytest.skip(str(missing))
        try:
            yield proxied
        finally:
            proxied.stop()


@pytest.fixture(scope="module", params=list(KINDS))
def proxied(request, tmp_path_factory, database_server):
    yield from behind_proxy(tmp_path_factory.mktemp("proxied"), database_server, request.param)


@pytest.fixture
def account(proxied):
    return apply(proxied, FORM).location
