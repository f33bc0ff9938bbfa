"""PostgreSQL with a `lock_timeout`, while somebody holds a table: whoever asks is told to come again."""

import contextlib
from types import SimpleNamespace

import psycopg
import pytest

from tests.nodes.test_cut_connections import CUT
from tests.nodes.test_full_database import People

pytestmark = [pytest.mark.live]


@pytest.fixture
def impatient(nodes):
    """Both machines, with a database that lets nobody wait for long."""
    nodes.server.sql("ALTER DATABASE nodes SET lock_timeout = '50ms'")
    nodes.server.sql(CUT)
    yield nodes
    nodes.server.sql("ALTER DATABASE nodes RESET lock_timeout")
    nodes.server.sql(CUT)


@contextlib.contextmanager
def held(nodes, table):
    """Only reading goes on."""
    with psycopg.connect(nodes.server.url("nodes")) as session:
        session.execute(f"LOCK TABLE filsluss_{table} IN EXCLUSIVE MODE")
        yield
        session.rollback()


@pytest.mark.parametrize(
    "table",
    [
        "transfer",
        *(
            pytest.param(table, marks=pytest.mark.full)
            for table in ("transferfile", "party", "link", "letter", "auditentry", "pickup", "blob", "part")
        ),
    ],
)
def test_whoever_waits_too_long_for_a_lock_is_told_to_come_again_and_all_goes_on(impatient, table):
    people = People(SimpleNamespace(service=impatient.a, mail_server=impatient.mail_server), f"held-{table}")
    before = len(impatient.a.log_text())
    with held(impatient, table):
        answers = people.ask_for_everything()
    refused = [answer for _, answer in answers if answer.status >= 400]
    assert {answer.status for answer in refused} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    people.finish()
    said = impatient.a.log_text()[before:]
    assert "the database did not answer" not in said
    assert said.count("the database ended a statement that took too long") <= 2  # web and worker
