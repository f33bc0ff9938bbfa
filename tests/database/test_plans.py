"""What is asked again and again walks no table that grows with the years: there is an index for it."""

import re
from contextlib import contextmanager

import pytest
from django.db import connection
from prometheus_client import generate_latest

from filsluss import jobs
from filsluss.actions import alarms, retention
from filsluss.letters import refusals
from filsluss.models import (
    AuditEntry,
    Letter,
    LetterCase,
    Link,
    Party,
    Pickup,
    SecurityEvent,
    Transfer,
    TransferFile,
)
from filsluss.ops import metrics
from filsluss.ops.paced import Paced
from filsluss.pages.oversee import found, security
from filsluss.pages.oversee.search import search
from filsluss.rules.permissions import StaffRole, Standing
from tests.letters.cases import example_policy, make_transfer
from tests.parts.services import services_for

POLICY = example_policy()
GROWING = (*(AuditEntry, Letter, LetterCase, Link, Party, Pickup, SecurityEvent, Transfer, TransferFile),)
SELDOM = ("forget", "checkpoint")
"""The first runs once an hour, the second asks no table; whatever else runs, does so all the time."""
OFTEN = [job for job in jobs.JOBS if job.name not in SELDOM]


@contextmanager
def statements():
    """Every statement that is made meanwhile, with its parameters."""
    made = []

    def note(execute, sql, params, many, context):
        if not many and re.match(r"\(?(SELECT|UPDATE|DELETE)\b", sql):
            made.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield made


def plan_of(sql, params):
    """Its lines; of PostgreSQL one without walks, if there is any."""
    is_file = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if not is_file:
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if is_file else ''}{sql}", params)
        return [str(row[-1]).strip() for row in cursor.fetchall()]


def walked(made):
    """The lines of plans that walk one of the tables."""
    names = "|".join(model._meta.db_table for model in GROWING)
    scan = re.compile(rf"Seq Scan on ({names})\b|SCAN ({names})\b(?! USING)")
    return [f"{line}\n{sql}" for sql, params in made for line in plan_of(sql, params) if scan.search(line)]


@pytest.mark.django_db
@pytest.mark.parametrize("job", OFTEN, ids=lambda job: job.name)
def test_a_job_that_has_nothing_to_do_walks_no_table(now, job):
    with statements() as made:
        assert not job.run(jobs.Worker(services_for(POLICY)), now)
    assert walked(made) == []


@pytest.mark.django_db
def test_the_checks_of_alarms_walk_no_table(now):
    with statements() as made:
        alarms.check_all(services=services_for(POLICY), clock_trouble="", now=now)
    assert made
    assert walked(made) == []


@pytest.mark.django_db
def test_a_scrape_of_the_metrics_walks_no_table_apart_from_the_figures_that_are_kept(monkeypatch):
    monkeypatch.setattr(metrics, "counted", Paced(list))
    with statements() as made:
        generate_latest(metrics.registry)
    assert made
    assert walked(made) == []


@pytest.mark.django_db
def test_letters_that_others_refused_are_found_without_walking_all_of_them(now):
    with statements() as made:
        refusals.take_back(policy=POLICY, now=now)
        refusals.met_elsewhere(Letter(to="bo@rontgen.example"), now=now)
    assert len(made) == 2
    assert walked(made) == []


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["", security.TRAIL, "sign-in"])
@pytest.mark.parametrize("source", [None, 0, 1])
def test_a_page_of_the_security_log_is_read_by_its_times_and_not_sorted(now, kind, source):
    """Wherever it is: not by way of all that is newer, and never with all that is older.

    PostgreSQL sorts the few rows that there are here; that it can go to the place must do.
    """
    before = None if source is None else security.Position(now, source, 5)
    with statements() as made:
        security.trail_rows(kind, before)
        security.event_rows("sign-in" if kind == security.TRAIL else kind, before)
    assert made
    for statement in made:
        plan = "\n".join(plan_of(*statement))
        assert not re.search("TEMP B-TREE FOR ORDER BY|INDEX OR", plan), plan
        assert before is None or re.search(r"\bat<|Index Cond: .*\bat <", plan), plan


def searched(query, now, **asked):
    """The statements of a search and its first page, by an administrator."""
    standing = Standing(frozenset({(StaffRole.ADMINISTRATOR, "")}))
    with statements() as made:
        result = search(query, asked.pop("state", ""), standing=standing, now=now, **asked)
        assert found.page_of(result).rows
        result.count()
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("most", [found.MANY, 0], ids=["few", "many"])
@pytest.mark.parametrize("query", ["anna", "anna.berg@ltdalarna.se", "K7PM-4QXD", "k7pm4qxd"])
def test_a_search_for_what_begins_so_reads_ranges_of_indexes(now, monkeypatch, most, query):
    """Also where so many match that the newest transfers are looked through, with their parties and files."""
    make_transfer(now)
    monkeypatch.setattr(found, "MANY", most)
    made = searched(query, now)
    assert walked(made) == []
    for statement in made:
        plan = "\n".join(plan_of(*statement))
        assert not re.search(r"SCAN filsluss_(party|transferfile)\b|MULTI-INDEX OR", plan), plan


@pytest.mark.django_db
def test_a_search_within_names_reads_indexes_alone(now):
    make_transfer(now)
    assert walked(searched("ltdalarna", now)) == []


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["", "open"])
def test_a_list_of_transfers_is_read_by_its_times_and_not_sorted(now, state):
    make_transfer(now)
    made = searched("", now, state=state)
    assert walked(made) == []
    assert [plan for each in made if "TEMP B-TREE FOR ORDER BY" in (plan := "\n".join(plan_of(*each)))] == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by how many rows there are")
def test_networks_to_be_cut_are_looked_for_row_by_row_as_they_lie(now):
    """Not by way of an index, which would lead to most of the rows one by one."""
    with statements() as made:
        retention.retain(services=services_for(POLICY), now=now)
    cuts = [each for each in made if "network" in each[0]]
    assert cuts
    for statement in cuts:
        plan = "\n".join(plan_of(*statement))
        assert re.search("PRIMARY KEY|_pkey", plan), plan


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL needs its statistics, and keeps them")
def test_sqlite_has_no_statistics():
    """With them it would walk the files: they tell how many states there are, not how many files in each."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'sqlite_stat%'")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_a_walk_is_seen(now):
    """The test of the tests."""
    make_transfer(now)
    with statements() as made:
        list(Letter.objects.filter(language="sv"))
    assert len(walked(made)) == 1
