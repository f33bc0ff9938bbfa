"""What is asked again and again walks no table that grows with the years: there is an index for it."""

import re
from contextlib import contextmanager

import pytest
from django.db import connection
from prometheus_client import generate_latest

from filsluss import jobs
from filsluss.actions import alarms
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
from filsluss.pages.oversee import security
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


@pytest.mark.django_db
def test_a_walk_is_seen(now):
    """The test of the tests."""
    make_transfer(now)
    with statements() as made:
        list(Letter.objects.filter(language="sv"))
    assert len(walked(made)) == 1
