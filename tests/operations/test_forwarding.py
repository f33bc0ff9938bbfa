"""A proxy that is not named: noted, told to the administrators, and no alarm for what a stranger sends."""

from datetime import timedelta

import pytest

from filsluss.actions import alarms
from filsluss.actions.heartbeat import UNNAMED_PROXY
from filsluss.models import Heartbeat
from filsluss.ops import forwarding
from tests.letters.cases import example_policy
from tests.parts.eventually import eventually
from tests.parts.services import services_for

STRANGER, NEAR, HERE = "192.0.2.7", "10.0.0.2", "127.0.0.1"


@pytest.fixture
def noted(monkeypatch):
    found = []
    monkeypatch.setattr(forwarding, "note", lambda: found.append(1))
    return found


@pytest.mark.parametrize("peer", [NEAR, HERE, "::1", "fd00::1"])
def test_a_header_from_this_machine_or_a_private_network_is_noted_now_and_then(noted, peer):
    watch = forwarding.ForwardingWatch()
    for _ in range(50):
        watch.see(peer, forwards=True)
    assert noted == [1]


def test_without_a_header_nothing_is_noted(noted):
    watch = forwarding.ForwardingWatch()
    for peer in (NEAR, STRANGER, ""):
        watch.see(peer, forwards=False)
    assert noted == []


def test_a_stranger_who_sends_one_is_a_line_in_the_log_a_day(noted, caplog):
    watch = forwarding.ForwardingWatch()
    for number in range(200):
        watch.see(STRANGER, forwards=number % 3 == 0)
    assert (noted, len(caplog.records)) == ([], 1)


def test_if_most_requests_have_one_it_is_a_proxy(noted):
    watch = forwarding.ForwardingWatch()
    for _ in range(100):
        watch.see(STRANGER, forwards=True)
    assert noted == [1]


@pytest.mark.django_db
def test_the_alarm_lasts_for_as_long_as_requests_come_that_way(now, store):
    policy = example_policy(admin_emails=("drift@ltdalarna.se",))

    def raised(at):
        alarms.check_all(services=services_for(policy, store), clock_trouble="", now=at)
        return "proxy" in [each.name for each in alarms.active_alarms()]

    assert not raised(now)
    Heartbeat.objects.create(name=UNNAMED_PROXY, at=now)
    assert raised(now + timedelta(minutes=1))
    assert not raised(now + timedelta(minutes=16))


def test_check_deploy_comes_by_that_way_and_says_so(make_service):
    service = make_service().start()
    assert "OK    proxy: " in service.run("check", "--deploy", check=False).stdout
    service.get("/", X_Forwarded_For="192.0.2.7")
    eventually(lambda: "WRONG proxy: " in service.run("check", "--deploy", check=False).stdout)
