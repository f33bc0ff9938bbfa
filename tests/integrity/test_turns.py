"""One worker compares at a time; what was over and compared before is compared again once a day."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from filsluss.actions.integrity import turns
from filsluss.actions.integrity.findings import SETTLED, World
from filsluss.actions.integrity.repair import verify_world
from filsluss.models import AuditEntry, Link
from filsluss.rules.lifecycle import State
from tests.letters.cases import example_policy, make_transfer
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_one_worker_at_a_time_and_again_after_half_an_hour(now):
    at = [now, now + MINUTE, now + 29 * MINUTE, now + 30 * MINUTE, now + 31 * MINUTE]
    assert [turns.take_turn(now=each) for each in at] == [True, False, False, True, False]


def test_a_clock_that_was_set_back_stops_no_comparison(now):
    assert turns.take_turn(now=now + DAY)
    assert turns.take_turn(now=now)
    assert not turns.take_turn(now=now)


def test_all_is_compared_once_a_day(now):
    assert turns.COMPARED.since(now=now) is None
    turns.COMPARED.remember(now, whole=True)
    assert turns.COMPARED.since(now=now + 30 * MINUTE) == now - SETTLED
    turns.COMPARED.remember(now + 30 * MINUTE, whole=False)
    assert turns.COMPARED.since(now=now + 60 * MINUTE) == now + 30 * MINUTE - SETTLED
    assert turns.COMPARED.since(now=now + DAY) is None
    assert turns.COMPARED.since(now=now - MINUTE) is None


def test_a_comparison_leaves_out_what_was_over_before_and_nothing_else(now, store):
    services = services_for(example_policy(), store)
    for number, (state, over_at) in enumerate(
        [(State.REJECTED, now - DAY), (State.REJECTED, now), (State.OPEN, None)], 2
    ):
        transfer = make_transfer(now, public_id=f"K7PM-222{number}", state=state, over_at=over_at)
        Link.objects.filter(transfer=transfer).delete()
        AuditEntry.objects.create(
            at=now, transfer_public_id=transfer.public_id, step="approved", role="approver"
        )

    def found(since):
        findings = verify_world(World(services, now, since=since))
        return {finding.what.split()[1].rstrip(":") for finding in findings if "status link" in finding.what}

    assert found(None) == {"K7PM-2222", "K7PM-2223", "K7PM-2224"}
    assert found(now - MINUTE) == {"K7PM-2223", "K7PM-2224"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL checks its pages by itself")
def test_the_whole_file_of_sqlite_is_read_once_a_day_and_each_entry_of_its_indexes_with_checksums(now, store):
    services = services_for(example_policy(), store)

    def checks(**own):
        with CaptureQueriesContext(connection) as asked:
            verify_world(World(services, now, **own))
        return [query["sql"] for query in asked.captured_queries if "_check" in query["sql"]]

    assert checks() == ["PRAGMA quick_check(10)"]
    assert checks(checksums=True) == ["PRAGMA integrity_check(10)", "PRAGMA foreign_key_check"]
    assert checks(since=now - MINUTE) == []


def test_a_step_taken_twice_is_found_by_its_last_entry_however_old_the_first(now, store):
    services = services_for(example_policy(), store)
    for public_id, times in (("K7PM-2222", (now - DAY, now)), ("K7PM-2223", (now - DAY, now - DAY))):
        make_transfer(now, public_id=public_id, state=State.REJECTED, over_at=now - DAY)
        for at in times:
            AuditEntry.objects.create(at=at, transfer_public_id=public_id, step="approved", role="approver")

    def found(since):
        findings = verify_world(World(services, now, since=since))
        return {finding.what.split()[1] for finding in findings if "more than once" in finding.what}

    assert found(None) == {"K7PM-2222", "K7PM-2223"}
    assert found(now - MINUTE) == {"K7PM-2222"}
