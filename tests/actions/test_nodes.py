"""Nodes: who is missed, and that machines which disagree are told of."""

from datetime import UTC, timedelta

import pytest
from django.conf import settings

from filsluss.actions import alarms, clock_hold, heartbeat, nodes
from filsluss.clock_monitor import ClockMonitor
from filsluss.conf.nodes import canonical, digests
from filsluss.conf.reading import read_all
from filsluss.conf.table import TABLE
from filsluss.models import Heartbeat, Node, Pause
from tests.actions.racing import race
from tests.letters.cases import example_policy
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WEB_1, WORKER_1 = nodes.Member("web", "fs1", "0.2.0"), nodes.Member("worker", "fs1", "0.2.0")
WORKER_2 = nodes.Member("worker", "fs2", "0.2.0")


def troubles(now, *, is_store_shared=True):
    return nodes.troubles(is_store_shared=is_store_shared, now=now)


def test_a_part_that_is_not_heard_of_is_missed_by_the_name_of_its_node(now):
    for member in (WEB_1, WORKER_1, WORKER_2):
        nodes.beat(member, now=now)
    assert troubles(now + MINUTE) == []
    nodes.beat(WEB_1, now=now + 3 * MINUTE)
    nodes.beat(WORKER_1, now=now + 3 * MINUTE)
    (found,) = troubles(now + 3 * MINUTE)
    at = now.astimezone(UTC)
    assert found == f"worker on fs2 is not heard of since {at:%Y-%m-%d %H:%M} UTC"


@pytest.mark.django_db(transaction=True)
def test_parts_that_note_for_the_first_time_at_the_same_moment_that_they_run_are_one_row(now):
    def note():
        nodes.beat(WORKER_1, now=now)
        heartbeat.record_heartbeat("worker", now=now)

    assert race(*[note] * 8) == [None] * 8
    assert (Node.objects.count(), Heartbeat.objects.count()) == (1, 1)


def test_a_part_whose_clock_is_ahead_is_not_called_lost(now):
    nodes.beat(WORKER_2, now=now + 10 * MINUTE)
    (found,) = troubles(now)
    at = (now + 10 * MINUTE).astimezone(UTC)
    said = f"worker on fs2 notes that it is {at:%Y-%m-%d %H:%M} UTC, which is not yet"
    assert found == f"{said}: set the clocks by NTP"


def test_a_part_that_has_ended_in_order_is_not_missed(now):
    nodes.beat(WEB_1, now=now)
    nodes.beat(WORKER_2, now=now)
    nodes.leave(WORKER_2)
    nodes.beat(WEB_1, now=now + DAY)
    assert troubles(now + DAY) == []


def test_a_part_that_is_gone_for_good_is_forgotten_after_a_day(now):
    nodes.beat(WORKER_2, now=now)
    nodes.forget_lost(now=now + DAY - MINUTE)
    assert [node.key for node in nodes.missed(now=now + DAY - MINUTE)] == ["worker@fs2"]
    nodes.forget_lost(now=now + DAY)
    assert not Node.objects.exists()


def test_two_machines_with_a_folder_each_are_told_of(now):
    nodes.beat(WEB_1, now=now)
    nodes.beat(WORKER_1, now=now)
    assert troubles(now, is_store_shared=False) == []
    nodes.beat(WORKER_2, now=now)
    assert troubles(now, is_store_shared=False) == [
        "fs1, fs2 run, but their blob store is a folder, which cannot be shared"
    ]
    assert troubles(now) == []


def test_a_setting_that_is_not_the_same_everywhere_is_named(now):
    for name, days in (("fs1", "a"), ("fs2", "b"), ("fs3", "a")):
        shared = {"FILSLUSS_MAX_DAYS": days, "FILSLUSS_BASE_URL": "same"}
        nodes.beat(nodes.Member("web", name, "0.2.0", shared), now=now)
    assert troubles(now) == ["FILSLUSS_MAX_DAYS is not the same on fs1, fs2, fs3"]


def test_the_alarm_says_what_and_ends_with_it(now, store):
    services = services_for(example_policy(admin_emails=("drift@ltdalarna.se",)), store)
    nodes.beat(WORKER_2, now=now)
    alarms.check_nodes(services=services, now=now + 3 * MINUTE)
    ((name, value),) = [(each.name, each.value) for each in alarms.active_alarms()]
    assert name == "nodes"
    assert value.startswith("worker on fs2 is not heard of since")
    nodes.beat(WORKER_2, now=now + 3 * MINUTE)
    alarms.check_nodes(services=services, now=now + 3 * MINUTE)
    assert alarms.active_alarms() == []


def test_a_clock_that_leapt_holds_the_jobs_of_its_own_node_only(now):
    ClockMonitor("boot 1", node="fs1").hold("the clock leapt by 2:00:00")
    assert ClockMonitor("boot 1", node="fs1").trouble == "the clock leapt by 2:00:00"
    assert ClockMonitor("boot 2", node="fs2").trouble == ""


def test_a_hold_of_a_version_that_knew_no_nodes_is_obeyed():
    Pause.objects.create(name=clock_hold.CLOCK, why="the clock leapt", boot_id="boot 1", steady=0.0)
    assert ClockMonitor("boot 2", node="fs2").trouble == "the clock leapt"


def test_the_digests_differ_with_key_and_value_and_tell_no_secret():
    values = read_all()
    own, other = (digests(TABLE, values, key=key) for key in (b"k" * 32, b"x" * 32))
    assert own == digests(TABLE, dict(values), key=b"k" * 32) != other
    assert {"FILSLUSS_BASE_URL", "FILSLUSS_INSIDE_DOMAINS", "FILSLUSS_BLOB_URL"} <= own.keys()
    secrets = {row.name for row in TABLE if row.is_secret}
    assert secrets
    assert not secrets & own.keys()
    assert set(settings.NODE_SETTINGS) == own.keys()


def test_a_set_has_one_text_whatever_its_order():
    assert canonical(frozenset({"b", "a"})) == canonical({"a", "b"}) == "[\"'a'\", \"'b'\"]"
