"""PostgreSQL wakes the jobs, so that an idle worker asks little; and what a pooler makes of that."""

import threading
import time

import psycopg
import pytest

from filsluss import pauses
from filsluss.pauses import FILES, LETTERS, POLL, Pauses
from tests.parts.eventually import eventually
from tests.parts.people import FORM, apply, send_tus
from tests.parts.pgbouncer import PgBouncerMissing, in_transaction_mode
from tests.parts.postgres import own_server
from tests.parts.service import Service

NAME, SECONDS = "notices", 11.0
"""A session tells the server's statistics of what it did ten seconds later at most (pgstat.c)."""
KEY = "one and the same key of all processes of this test"


@pytest.fixture(scope="module")
def server():
    with own_server() as server:
        yield server


@pytest.fixture(scope="module")
def url(server):
    with server.migrated_database(NAME) as url:
        yield url


@pytest.fixture(scope="module")
def pooler(server, url):
    try:
        with in_transaction_mode(server, NAME) as address:
            yield address
    except PgBouncerMissing as missing:
        pytest.skip(str(missing))


def made(folder, url, **own):
    return Service(folder, DATABASE_URL=url, SECRET_KEY=KEY, **own)


@pytest.fixture
def watching(server):
    """A connection beside, to another database."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        yield connection


def counted(watching):
    """Transactions of the database so far, and the sessions that were ever opened to it."""
    asked = "SELECT xact_commit + xact_rollback, sessions FROM pg_stat_database WHERE datname = %s"
    return watching.execute(asked, [NAME]).fetchone()


def asked_and_opened(watching):
    """Transactions a second, and sessions that were opened, in the SECONDS that come."""
    (before, opened), began = counted(watching), time.monotonic()
    time.sleep(SECONDS)
    after, opened_then = counted(watching)
    return (after - before) / (time.monotonic() - began), opened_then - opened


@pytest.mark.live
@pytest.mark.one_database
def test_an_idle_worker_asks_little_and_delivers_at_once(tmp_path, url, watching, mail_server):
    service = made(tmp_path / "data", url, SMTP_URL=mail_server.url).start()
    try:
        account = apply(service, FORM).location
        mail_server.one("approved")
        eventually(
            lambda: asked_and_opened(watching),
            lambda seen: seen[0] < 5 and not seen[1],
            seconds=4 * SECONDS,
        )
        began = time.monotonic()
        assert send_tus(service, account, b"12345").status == 204
        mail_server.one("file-ready")
        assert time.monotonic() - began < POLL, "a notice ends the pause of each job on the way"
    finally:
        service.tear_down()


@pytest.mark.live
@pytest.mark.one_database
def test_behind_a_pooler_with_a_direct_address_everything_works(tmp_path, url, pooler, mail_server):
    service = made(
        tmp_path / "data", pooler, DATABASE_DIRECT_URL=url, SMTP_URL=mail_server.url, ADMIN_EMAIL=""
    ).start()
    try:
        assert "database: " in (said := service.run("check", check=False).stdout).lower(), said
        assert "LISTEN" not in said
        account = apply(service, FORM).location
        began = time.monotonic()
        assert send_tus(service, account, b"12345").status == 204
        mail_server.one("file-ready")
        assert time.monotonic() - began < POLL
        assert service.run("list").returncode == 0
    finally:
        service.tear_down()


@pytest.mark.live
@pytest.mark.one_database
def test_check_says_that_nothing_is_heard_through_a_pooler_and_what_to_set(tmp_path, pooler):
    for own in ({}, {"DATABASE_DIRECT_URL": pooler}):
        ran = made(tmp_path / "data", pooler, **own).run("check", check=False)
        (line,) = [line for line in ran.stdout.splitlines() if "LISTEN" in line]
        assert (ran.returncode, "FILSLUSS_DATABASE_DIRECT_URL" in line) == (1, True)


class Notices:
    """What is heard, by the test's own hand."""

    def __init__(self):
        self.hearers, self.listening = [], True

    def hear(self, channel, hearer):
        assert channel == pauses.CHANNEL
        self.hearers.append(hearer)

    def start(self):
        pass

    def is_listening(self):
        return self.listening

    def say(self, work):
        for hearer in self.hearers:
            hearer(work)


def lasts(pause, seconds):
    began = time.monotonic()
    pause.wait(seconds)
    return time.monotonic() - began


def test_a_notice_ends_the_pause_of_those_who_do_that_work_also_one_that_comes_too_early(monkeypatch):
    monkeypatch.setattr(pauses, "POLL", 1.0)
    notices = Notices()
    every = Pauses(notices)
    files, letters, other = every.of(FILES), every.of(LETTERS), every.of("")
    notices.say(FILES)
    assert lasts(files, 0.01) < 0.95, "it came while the job ran"
    files.begin()
    assert lasts(files, 0.01) >= 1.0
    assert lasts(letters, 0.01) >= 1.0
    assert lasts(other, 0.01) < 0.95, "what no notice wakes keeps its interval"
    for each in (files, letters):
        each.begin()
    threading.Timer(0.1, notices.say, [""]).start()
    other.begin()
    assert lasts(other, 0.5) >= 0.5, "nor does it wake by what says no more than that something is new"
    for each in (files, letters):
        assert lasts(each, 5) < 4, "the connection is there anew: some may have been missed"


def test_without_notices_each_pause_is_as_long_as_it_is_to_be():
    notices = Notices()
    notices.listening = False
    for every in (Pauses(), Pauses(notices)):
        assert lasts(every.of(FILES), 0.05) < POLL / 2


@pytest.mark.live
@pytest.mark.one_database
def test_who_starts_behind_a_pooler_leaves_no_lock_that_the_next_waits_for(tmp_path, url, pooler):
    """Also one that was killed, and that had no direct address."""
    for number, direct in enumerate(({}, {}, {"DATABASE_DIRECT_URL": url})):
        service = made(tmp_path / f"data-{number}", pooler, **direct).start()
        service.tear_down()
