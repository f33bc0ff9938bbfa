"""One house behind each of the proxies that we ship settings for."""

import pytest

from tests.parts import proxy
from tests.parts.house import House
from tests.parts.people import FORM, apply
from tests.parts.post import free_port

KINDS = {
    "nginx": (proxy.nginx, "https", ""),
    "nginx sends": (proxy.nginx, "https", "nginx"),
    "caddy": (proxy.caddy, "http", ""),
}


def fronted(folder, database_server, kind, program=(), **more):
    """A house behind that proxy, both running; to be left in the end. Another program is `web` alone."""
    start, scheme, accel = KINDS[kind]
    own = {
        "BASE_URL": f"{scheme}://localhost:{free_port()}", "TRUSTED_PROXIES": "127.0.0.1",
        "INSIDE_NETWORKS": f"{proxy.INSIDE}/32",
    }  # fmt: skip
    if accel:
        own["ACCEL"] = accel
    database = database_server.database(f"front-{folder.name[:8]}") if database_server else None
    if database:
        own["DATABASE_URL"] = database.__enter__()
    house = House(folder / "house", **{**own, **more})
    house.program = list(program) or house.program
    house.start("web" if program else "serve")
    front = None
    try:
        front = start(folder / "proxy", house)
        yield front
    except proxy.ProxyMissing as missing:
        pytest.skip(str(missing))
    finally:
        if front:
            front.stop()
        house.leave()
        if database:
            database.__exit__(None, None, None)


@pytest.fixture(scope="module", params=list(KINDS))
def front(request, tmp_path_factory, database_server):
    yield from fronted(tmp_path_factory.mktemp("front"), database_server, request.param)


@pytest.fixture
def account(front):
    return apply(front, FORM).location
