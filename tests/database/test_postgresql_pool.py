"""PostgreSQL's connections are kept: once warm nobody opens one, and a server that restarts is survived."""

import contextlib
import os
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db.utils import ConnectionHandler, OperationalError

from filsluss.conf.databases import postgresql
from filsluss.pauses import POLL
from filsluss.postgresql import POOL
from filsluss.postgresql.base import QUEUE_SECONDS, close_pools
from tests.parts.eventually import eventually
from tests.parts.people import FORM, announce, append, apply, send_tus
from tests.parts.pgbouncer import PgBouncerMissing, in_transaction_mode
from tests.parts.postgres import own_server

NAME = "pooled"


@pytest.fixture(scope="module")
def server():
    with own_server() as server:
        server.sql("ALTER SYSTEM SET log_connections = on")
        server.sql("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def url(server):
    with server.database(NAME) as url:
        yield url


def opened(server):
    """How many connections to the database were ever opened, as the server counts them."""
    log = (server.folder / "log").read_text(errors="replace")
    return sum("connection authorized" in line and f"database={NAME}" in line for line in log.splitlines())


def await_quiet(server, seconds=3.0):
    """Returns when nobody has opened one for so long: everything is warm."""
    looks = deque([-1], maxlen=round(seconds / 0.2))

    def look():
        looks.append(opened(server))
        return {*looks}

    eventually(look, lambda found: len(found) == 1, seconds=90, interval=0.2)
    return looks[-1]


@pytest.mark.live
def test_once_warm_neither_a_request_nor_an_idle_worker_opens_a_connection(server, url, make_service):
    service = make_service(DATABASE_URL=url).start()
    account = apply(service, FORM).location
    warm = await_quiet(server, POLL + 2)  # jobs that wait for notices, and notes of who runs, come as seldom
    time.sleep(5)
    assert opened(server) == warm
    for number in range(10):
        assert service.get(account).status == 200
        assert send_tus(service, account, b"%d" % number).status == 204
        assert service.get("/readyz").status == 200
    # Of more than thirty requests none had one of its own; but jobs that had not yet met may ask at once.
    assert opened(server) - warm <= 3


@pytest.mark.live
def test_the_first_request_after_a_restart_of_the_server_is_answered(server, url, make_service, mail_server):
    service = make_service(DATABASE_URL=url).start()
    account = apply(service, FORM).location
    await_quiet(server)
    server.stop()
    server.run()
    where = announce(service, account, 5)
    assert where.status == 201
    assert append(service, where.location, 0, b"12345").status == 204
    assert service.get(account).status == 200
    mail_server.one("file-ready")


@pytest.mark.live
def test_a_server_that_can_only_be_read_is_away_until_another_takes_writes(server, url, make_service):
    """As after a failover, for whoever still has connections to what is a standby now."""
    service = make_service(DATABASE_URL=url).start()
    account = apply(service, FORM).location
    turn_read_only(server, is_read_only=True)
    refused = announce(service, account, 5)
    assert (refused.status, service.post("/", FORM).status) == (503, 503)
    assert int(refused.headers["Retry-After"]) > 0
    assert service.get("/readyz").status == 503
    (said,) = [line for line in service.run("check", check=False).stdout.splitlines() if "database:" in line]
    assert said == "WRONG database: can only be read, as a standby: name the server that takes writes"
    assert service.get(account).status == 200
    turn_read_only(server, is_read_only=False)
    eventually(lambda: announce(service, account, 5), lambda answer: answer.status == 201)
    eventually(lambda: service.get("/readyz"), lambda answer: answer.status == 200)


def turn_read_only(server, *, is_read_only):
    """For connections that are opened from now on; those that are open end."""
    server.sql(f"ALTER DATABASE {NAME} SET default_transaction_read_only = {is_read_only}")
    if is_read_only:
        server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{NAME}'")


@pytest.mark.live
def test_a_machine_whose_clock_differs_from_the_servers_is_told(url, make_service):
    service = make_service(DATABASE_URL=url)
    service.run("migrate")
    for minutes, way in ((10, "ahead of"), (-10, "behind")):
        said = service.run("check", at=datetime.now(UTC) + timedelta(minutes=minutes), check=False).stdout
        (line,) = [each for each in said.splitlines() if " clock:" in each]
        assert re.fullmatch(rf"WRONG clock: is \d+ s {way} the database's: set both by NTP", line)


@pytest.mark.live
def test_many_at_once_share_a_few_connections_and_all_are_answered(server, url, make_service):
    service = make_service(DATABASE_URL=url).start()
    account = apply(service, FORM).location
    answers, most = [], 0

    def send():
        answers.append(send_tus(service, account, b"x").status)

    threads = [threading.Thread(target=send) for _ in range(60)]
    for thread in threads:
        thread.start()
    with psycopg.connect(server.url("postgres"), autocommit=True) as other:
        while any(thread.is_alive() for thread in threads):
            asked = other.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [NAME])
            most = max(most, asked.fetchone()[0])
            time.sleep(0.02)
    assert answers == [204] * 60
    assert most <= 2 * POOL["max_size"]


@pytest.fixture
def open_one(url, tmp_path):
    """Opens what Django would for one more thread of this process."""
    settings = {"default": {}, NAME: {**postgresql(url), "TIME_ZONE": None, "ATOMIC_REQUESTS": False}}
    yield lambda: ConnectionHandler(settings)[NAME]
    close_pools()


def backend(wrapper):
    """The process of the server that serves this connection."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


pooled = pytest.mark.django_db  # lets this process use a database; each test has its own


@pooled
def test_a_connection_is_reused_by_the_next_request(open_one):
    first = open_one()
    served_by = backend(first)
    first.close()
    assert backend(open_one()) == served_by


@pooled
def test_two_at_once_never_share_one(open_one):
    assert backend(open_one()) != backend(open_one())


@pooled
def test_a_forked_child_has_a_pool_of_its_own(open_one):
    wrapper = open_one()
    served_by = backend(wrapper)
    wrapper.close()
    child = os.fork()
    if child == 0:
        os._exit(int(backend(open_one()) == served_by))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert backend(open_one())


@pooled
def test_more_threads_than_connections_wait_for_each_other(open_one):
    served, faults = [], []

    def ask():
        try:
            wrapper = open_one()
            with wrapper.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.2)")
                served.append(cursor.fetchone()[0])
            wrapper.close()
        except OperationalError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(4 * POOL["max_size"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, len(served)) == ([], 4 * POOL["max_size"])
    assert len(set(served)) <= POOL["max_size"]


@pooled
def test_a_server_that_is_away_is_told_of_by_its_own_words_and_soon(server, url, open_one):
    backend(wrapper := open_one())
    wrapper.close()
    server.sql(f'ALTER DATABASE "{NAME}" ALLOW_CONNECTIONS false')
    server.sql(f"SELECT pg_terminate_backend(pid, 9000) FROM pg_stat_activity WHERE datname = '{NAME}'")
    took = []
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(OperationalError, match="not currently accepting connections"):
            backend(open_one())
        took.append(time.monotonic() - began)
    server.sql(f'ALTER DATABASE "{NAME}" ALLOW_CONNECTIONS true')
    assert backend(open_one())
    assert max(took[1:]) < QUEUE_SECONDS / 2


@contextlib.contextmanager
def pooler_or_skip(server, **settings):
    try:
        with in_transaction_mode(server, NAME, **settings) as pooler:
            yield pooler
    except PgBouncerMissing as missing:
        pytest.skip(str(missing))


def as_role(url, role):
    """Django's settings of the database, for somebody else."""
    found = postgresql(url.replace("filsluss@", f"{role}@", 1))
    return {**found, "TIME_ZONE": None, "ATOMIC_REQUESTS": False}


@pooled
def test_when_the_server_has_no_connection_left_those_that_are_open_are_shared(server, url, open_one):
    server.sql("DROP ROLE IF EXISTS few")
    server.sql("CREATE ROLE few LOGIN CONNECTION LIMIT 2")
    few = as_role(url, "few")
    served, faults = [], []

    def ask():
        try:
            wrapper = ConnectionHandler({"default": {}, "few": few})["few"]
            with wrapper.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.4)")
                served.append(cursor.fetchone()[0])
            wrapper.close()
        except OperationalError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, len(served)) == ([], 12)
    assert len(set(served)) <= 2


@pooled
def test_when_the_server_has_no_connection_left_at_all_its_words_are_told(server, url, open_one):
    server.sql("DROP ROLE IF EXISTS nobody")
    server.sql("CREATE ROLE nobody LOGIN CONNECTION LIMIT 0")
    nobody = {
        **postgresql(url.replace("filsluss@", "nobody@", 1)),
        "TIME_ZONE": None,
        "ATOMIC_REQUESTS": False,
    }
    with pytest.raises(OperationalError, match="too many connections for role"):
        backend(ConnectionHandler({"default": {}, "nobody": nobody})["nobody"])


@pooled
def test_when_a_pooler_has_no_session_left_its_words_are_told(server, url):
    with pooler_or_skip(server, sessions=1, patience=1) as pooler:
        behind = {"default": {}, "behind": as_role(pooler, "filsluss")}
        with psycopg.connect(pooler) as other:
            other.execute("SELECT 1")  # its transaction keeps the only session
            with pytest.raises(OperationalError, match="query_wait_timeout"):
                backend(ConnectionHandler(behind)["behind"])
        assert backend(ConnectionHandler(behind)["behind"])
        close_pools()


@pooled
def test_a_transaction_that_the_server_has_ended_as_idle_counts_as_an_outage(open_one):
    wrapper = open_one()
    with wrapper.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 20")
        cursor.execute("BEGIN")
        time.sleep(0.3)
        with pytest.raises(OperationalError):
            cursor.execute("SELECT 1")


@pooled
def test_a_transaction_that_the_server_has_ended_as_too_long_counts_as_an_outage(open_one):
    """PostgreSQL 17 and later."""
    with open_one().cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'transaction timeout' USING ERRCODE = '25P04'; END $$")


@pooled
def test_rows_that_were_read_count_if_the_connection_ends_just_then(server, open_one):
    wrapper = open_one()
    with wrapper.chunked_cursor() as cursor:
        cursor.execute("SELECT generate_series(1, 3)")
        assert len(cursor.fetchmany(3)) == 3
        server.sql(f"SELECT pg_terminate_backend(pid, 9000) FROM pg_stat_activity WHERE datname = '{NAME}'")
        cursor.close()
    with pytest.raises(OperationalError):
        backend(wrapper)
    wrapper.close()
    assert backend(wrapper)
