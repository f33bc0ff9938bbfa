"""A database that is away: one line when it begins and one when it is over, and no traceback."""

import logging
import time
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, OperationalError

from filsluss import jobs, outages
from tests.operations.test_logs import read
from tests.parts.eventually import eventually
from tests.parts.people import FORM, apply, send_tus
from tests.parts.postgres import own_server

AWAY = 'ALTER DATABASE "outage" ALLOW_CONNECTIONS {}'
CUT = "SELECT pg_terminate_backend(pid, 9000) FROM pg_stat_activity WHERE datname = 'outage'"


@pytest.fixture
def server():
    with own_server() as server:
        yield server


def events(service):
    lines = [read(line) for line in service.log_text().splitlines() if line.startswith("at=")]
    return [line["event"] for line in lines if line["level"] in ("error", "warning")]


def test_an_outage_of_the_database_is_two_lines_a_process_and_all_goes_on_after_it(
    server, make_service, mail_server
):
    with server.database("outage") as url:
        service = make_service(DATABASE_URL=url).start()
        account = apply(service, FORM).location
        before = len(service.log_text())
        server.sql(AWAY.format("false"))
        server.sql(CUT)
        statuses = set()
        for _ in range(40):
            statuses |= {service.get(path).status for path in (account, f"{account}/files", "/readyz")}
            time.sleep(0.1)
        assert statuses == {503}
        during = service.log_text()[before:]
        assert ("Traceback" in during, len(during) < 2000) == (False, True), during
        server.sql(AWAY.format("true"))
        send_tus(service, account, b"after")
        assert mail_server.one("file-ready")
        said = events(service)
        assert said.count("the database did not answer") == 2  # web and worker
        assert len([event for event in said if event.startswith("the database answers again")]) == 2


def test_a_worker_that_starts_meanwhile_waits(server, make_service):
    with server.database("outage") as url:
        service = make_service(DATABASE_URL=url)
        service.run("migrate")
        server.sql(AWAY.format("false"))
        service.start("worker")
        time.sleep(4)
        assert service.is_running
        server.sql(AWAY.format("true"))
        eventually(
            lambda: service.run("check", "--deploy", check=False).stdout,
            lambda said: "OK    worker" in said,
            seconds=60,
        )
        assert events(service)[0] == "the database did not answer"


class Locked(Exception):
    sqlstate, diag = "55P03", SimpleNamespace(message_primary="lock timeout")


def test_a_lock_that_lasts_too_long_is_told_once_and_without_the_statement(caplog, monkeypatch):
    monkeypatch.setattr(outages, "slow", outages.Outage("the database", "took too long"))
    for _ in range(2):
        fault = OperationalError("lock timeout LINE 1: … 'anna.berg@ltdalarna.se' …")
        fault.__cause__ = Locked()
        outages.database_failed(fault)
        outages.database.over()
    (said,) = caplog.records
    assert (said.getMessage(), said.facts["fault"]) == ("the database took too long", "lock timeout")


def test_pauses_after_failures_grow_and_end():
    assert [jobs.pause_after(failures) for failures in range(6)] == [0, 2, 4, 8, 15, 15]


@pytest.mark.parametrize(
    ("fault", "shows_where"), [(OperationalError("away"), False), (DatabaseError("odd"), True)]
)
def test_what_could_not_be_written_is_told_without_a_traceback_in_an_outage(caplog, fault, shows_where):
    outages.tell(fault, "letter %s is not marked", "a1", logger=logging.getLogger("filsluss.test"))
    outages.database.over()
    (said,) = [record for record in caplog.records if record.name == "filsluss.test"]
    assert (said.getMessage(), bool(said.exc_info)) == ("letter a1 is not marked", shows_where)
