"""The primary dies, and its synchronous standby takes its place: what was acknowledged is there."""

import hashlib
import os
import socket
from contextlib import ExitStack
from urllib.parse import quote

import psycopg
import pytest

from filsluss.conf import databases
from tests.parts.eventually import eventually
from tests.parts.invariants import check_invariants, wait_until_idle
from tests.parts.people import FORM, announce, append, apply, fetch
from tests.parts.postgres import MIGRATED, USER, Postgres, own_server
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY
from tests.parts.service import Service
from tests.streams.test_connection import TUS, await_ready

pytestmark = [pytest.mark.live]
BUCKET = "failover"
MIB = 1 << 20


@pytest.fixture
def primary():
    with own_server(may_be_followed=True) as server:
        yield server


@pytest.fixture
def standby(primary):
    server = Postgres(may_be_followed=True)
    server.follow(primary)
    yield server
    server.stop()


@pytest.fixture
def service(tmp_path, seaweed, mail_server, primary, standby):
    hosts = ",".join(quote(str(server.folder), safe="") for server in (primary, standby))
    seaweed.make_bucket(BUCKET)
    service = Service(
        tmp_path / "data",
        DATABASE_URL=f"postgresql://{USER}@{hosts}/{MIGRATED}?target_session_attrs=read-write",
        BLOB_URL=seaweed.url(BUCKET),
        S3_ACCESS_KEY=ACCESS_KEY,
        S3_SECRET_KEY=SECRET_KEY,
        SECRET_KEY="a key of its own for this installation",
        SMTP_URL=mail_server.url,
    )
    yield service.start()
    service.tear_down()
    seaweed.drop_bucket(BUCKET)


def test_a_standby_that_takes_over_has_what_was_acknowledged(service, mail_server, primary, standby):
    account, data = apply(service, FORM).location, os.urandom(2 * MIB)
    where = announce(service, account, len(data)).location
    assert append(service, where, 0, data[:MIB]).status == 204
    primary.kill()
    refused = service.post("/", FORM)
    assert (refused.status, int(refused.headers["Retry-After"]) > 0) == (503, True)
    standby.promote()
    head = eventually(
        lambda: service.request("HEAD", where, headers=TUS), lambda answer: answer.status != 503
    )
    assert (head.status, head.headers["Upload-Offset"]) == (200, str(MIB))
    assert append(service, where, MIB, data[MIB:]).status == 204
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    assert fetch(service, mail_server.one("file-ready")).body == data
    wait_until_idle(service)
    check_invariants(service)


def test_a_host_that_says_nothing_is_passed_over(server):
    """As one without power: its queue of connections is full, so that nothing answers the next."""
    with ExitStack() as until_the_end:
        silent = until_the_end.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = silent.getsockname()[1]
        for _ in range(4):
            waiting = until_the_end.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        hosts = f"host=127.0.0.1,{server.folder}&port={port},5432"
        found = databases.postgresql(f"postgresql://{USER}@/{MIGRATED}?{hosts}")
        patience = {name: value for name, value in found["OPTIONS"].items() if name != "pool"}
        where = {"host": found["HOST"], "port": found["PORT"], "dbname": found["NAME"], "user": found["USER"]}
        psycopg.connect(**where, **patience).close()
