"""When the provider is down, slow or lies, when clocks differ, keys change, and people come and go."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone, translation

from filsluss.actions import alarms, persons, retention
from filsluss.actions.transitions import Cause
from filsluss.identity import open_provider, web
from filsluss.installation import current_services
from filsluss.models import Alarm, Attempt, Letter, Person, RoleGrant, StaffSession
from filsluss.pages.staff import refusals
from filsluss.rules.permissions import StaffRole
from filsluss.rules.sign_in import GroupRole, SignIn
from tests.identity.conftest import browser_at
from tests.identity.issuer import KEYS, json_answer

pytestmark = pytest.mark.django_db(transaction=True)
DISCOVERY = "/.well-known/openid-configuration"
OPERATOR = Cause(StaffRole.ADMINISTRATOR, "os:test")


def heading(answer):
    return answer.content.decode().partition("<h1>")[2].partition("</h1>")[0]


@pytest.fixture
def limits(monkeypatch):
    """Short ones, so that no test waits long; on a busy machine an answer takes a while, too."""
    for name, seconds in {"CONNECT_SECONDS": 1.0, "READ_SECONDS": 1.0, "ALL_SECONDS": 1.5}.items():
        monkeypatch.setattr(web, name, seconds)
    monkeypatch.setattr("filsluss.identity.provider.PAUSE", 0.0)


def slow():
    time.sleep(2)
    return json_answer({})


BROKEN = {
    "refuses": lambda: (503, {}, b"down"),
    "slow": slow,
    "html": lambda: (200, {"Content-Type": "text/html"}, b"<h1>Maintenance</h1>"),
    "list": lambda: json_answer([1]),
    "huge": lambda: (200, {}, b'{"a":"' + b"x" * 600_000 + b'"}'),
    "latin": lambda: (200, {}, b"\xff\xfe\xfd"),
    "deep": lambda: (200, {}, b"[" * 100_000),
}


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("where", [DISCOVERY, "/keys", "/token"])
def test_a_provider_that_is_down_is_said_to_be_and_the_mailbox_is_named(visitor, limits, fault, where):
    visitor.issuer.instead[where] = BROKEN[fault]
    answer = visitor.begin()
    if where != DISCOVERY:
        answer = visitor.come_back(visitor.issuer.login(answer["Location"]))
    text = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"]) == (503, "30"), text[:3000]
    assert heading(answer) == "Inloggningen fungerar inte just nu"
    assert "så kommer länken till din e-post" in text
    del visitor.issuer.instead[where]
    visitor.issuer.asked.clear()
    assert visitor.sign_in().status_code == 303  # and when it is back, it is back at once


def test_where_everybody_signs_in_no_mailbox_is_promised(visitor, configure, limits):
    configure(of_policy={"sign_in": SignIn.REQUIRED})
    visitor.issuer.instead[DISCOVERY] = BROKEN["refuses"]
    text = visitor.client.get("/staff/sign-in?lang=en").content.decode()
    assert ("The sign-in does not work right now" in text, "mailbox" in text) == (True, False)


def test_while_it_is_down_nobody_waits_for_it(visitor):
    """For five seconds after a failure, and whoever has a session goes on."""
    visitor.sign_in()
    open_provider.cache_clear()
    visitor.issuer.asked.clear()
    visitor.issuer.instead[DISCOVERY] = BROKEN["refuses"]
    for _ in range(10):
        assert visitor.begin(fresh="1").status_code == 503
    assert (visitor.issuer.asked[DISCOVERY], visitor.is_signed_in) == (1, True)


def test_what_it_has_said_is_kept_for_an_hour(visitor, make_visitor):
    for _ in range(3):
        assert make_visitor().sign_in().status_code == 303
    assert (visitor.issuer.asked[DISCOVERY], visitor.issuer.asked["/keys"]) == (1, 1)
    provider = current_services().provider
    now = time.monotonic()
    provider._clock = lambda: now + 3601
    assert visitor.sign_in().status_code == 303
    assert (visitor.issuer.asked[DISCOVERY], visitor.issuer.asked["/keys"]) == (2, 2)


def test_ready_says_degraded_while_it_is_down_and_the_alarm_tells(visitor, limits):
    visitor.client.get("/readyz")
    visitor.issuer.instead[DISCOVERY] = BROKEN["refuses"]
    visitor.begin()
    provider = current_services().provider
    assert provider.is_away
    alarms.check_provider(services=current_services(), now=timezone.now())
    assert Alarm.objects.get(name="provider").since is not None
    del visitor.issuer.instead[DISCOVERY]
    alarms.check_provider(services=current_services(), now=timezone.now())
    assert (Alarm.objects.get(name="provider").since, provider.is_away) == (None, False)


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(("apart", "status"), [(-60, 303), (60, 303), (-600, 403), (600, 403), (86400, 403)])
def test_clocks_may_be_two_minutes_apart_and_else_the_page_says_so(visitor, apart, status):
    visitor.issuer.clock = apart
    answer = visitor.sign_in()
    assert answer.status_code == status
    if status == 403:
        assert (
            "Klockorna i den här tjänsten och i inloggningen skiljer flera minuter" in answer.content.decode()
        )


def test_a_key_that_changes_in_mid_flow_is_asked_for(visitor):
    visitor.sign_in()
    query = visitor.issuer.login(visitor.begin(fresh="1")["Location"])
    visitor.issuer.key, visitor.issuer.published = KEYS[1], [KEYS[1]]
    provider, now = current_services().provider, time.monotonic()
    provider._clock = lambda: now + 11
    assert visitor.come_back(query).status_code == 303
    assert visitor.issuer.asked["/keys"] == 2


def test_two_tabs_both_succeed_in_any_order(visitor):
    first, second = (visitor.begin(next=page)["Location"] for page in ("/staff/apply", "/staff"))
    back = [visitor.issuer.login(address, f"code{n}") for n, address in enumerate((first, second))]
    assert [visitor.come_back(query)["Location"] for query in reversed(back)] == ["/staff", "/staff/apply"]
    assert visitor.is_signed_in


def test_many_sign_ins_under_way_do_not_fill_a_browser_with_cookies(visitor):
    addresses = [visitor.begin()["Location"] for _ in range(12)]
    flows = [
        name for name, cookie in visitor.client.cookies.items() if name.startswith("flow-") and cookie.value
    ]
    assert len(flows) == 4
    assert visitor.come_back(visitor.issuer.login(addresses[-1])).status_code == 303


def test_a_network_begins_only_so_many_unless_it_is_inside(visitor):
    network, now = "192.0.2.7/32", timezone.now()
    Attempt.objects.bulk_create(Attempt(kind="provider-sign-in", network=network, at=now) for _ in range(99))
    assert [visitor.begin().status_code for _ in range(2)] == [302, 429]
    assert browser_at("127.0.0.1").get("/staff/sign-in").status_code == 302


# People


def test_four_kilobytes_of_groups_are_read(visitor, configure):
    configure(of_policy={"role_groups": (GroupRole("fts-admin", StaffRole.ADMINISTRATOR),)})
    visitor.issuer.claims["groups"] = [f"group-{number:04}" for number in range(400)] + ["fts-admin"]
    assert visitor.sign_in().status_code == 303
    assert RoleGrant.objects.get().role == "administrator"


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "overage",
    [
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x.example"}}},
        {"hasgroups": True},
        {"groups": [str(number) for number in range(3000)]},
    ],
)
def test_more_groups_than_a_token_holds_are_refused_with_the_reason(visitor, configure, overage):
    configure(of_policy={"role_groups": (GroupRole("fts-admin", StaffRole.ADMINISTRATOR),)})
    del visitor.issuer.claims["groups"]
    visitor.issuer.claims |= overage
    answer = visitor.sign_in()
    assert (answer.status_code, "i så många grupper" in answer.content.decode()) == (403, True)


def test_an_address_that_changes_owner_lets_the_newer_person_in_only_when_the_older_is_shut_out(
    visitor, make_visitor, settings
):
    from dataclasses import replace

    settings.POLICY = replace(settings.POLICY, admin_emails=("drift@ltdalarna.se",))
    visitor.sign_in()
    newer = make_visitor()
    visitor.issuer.claims |= {"sub": "anna-2", "email": "Anna.Berg+x@ltdalarna.se"}
    answer = newer.sign_in()
    assert (answer.status_code, "samma e-postadress" in answer.content.decode()) == (403, True)
    assert (Person.objects.count(), visitor.is_signed_in) == (1, True)
    assert Alarm.objects.get(name="persons").value.startswith("a…@ltdalarna.se (user:")
    assert "två personer har samma adress" in Letter.objects.get(kind="alarm").subject
    alarms.check_persons(now=timezone.now() + timedelta(hours=23))
    assert Alarm.objects.get(name="persons").since is not None
    persons.shut_out(Person.objects.get(), by=OPERATOR, now=timezone.now())
    assert newer.sign_in().status_code == 303
    assert not visitor.is_signed_in
    alarms.check_persons(now=timezone.now() + timedelta(days=2))
    assert Alarm.objects.get(name="persons").since is None


def test_a_person_whose_address_changes_is_the_same_person(visitor):
    visitor.sign_in()
    visitor.issuer.claims |= {"email": "anna.ek@ltdalarna.se", "name": "Anna Ek"}
    visitor.sign_in(fresh="1")
    person = Person.objects.get()
    assert (person.address, person.name) == ("anna.ek@ltdalarna.se", "Anna Ek")


def test_who_leaves_is_out_at_once_where_they_are_shut_out(visitor):
    visitor.sign_in()
    persons.shut_out(Person.objects.get(), by=OPERATOR, now=timezone.now())
    assert (visitor.is_signed_in, StaffSession.objects.exists()) == (False, False)
    answer = visitor.sign_in()
    assert (answer.status_code, "avstängt" in answer.content.decode()) == (403, True)
    persons.let_in(Person.objects.get(), by=OPERATOR, now=timezone.now())
    assert visitor.sign_in().status_code == 303


def test_who_has_not_come_for_a_year_is_forgotten(visitor):
    visitor.sign_in()
    services, later = current_services(), timezone.now() + timedelta(days=366)
    retention.retain(services=services, now=timezone.now() + timedelta(days=364))
    assert (Person.objects.count(), StaffSession.objects.count()) == (1, 0)
    grant = RoleGrant.objects.create(
        person=Person.objects.get(), role="auditor", by="user:1", given_at=timezone.now()
    )
    retention.retain(services=services, now=later)
    assert Person.objects.count() == 1
    grant.delete()
    retention.retain(services=services, now=later)
    assert Person.objects.count() == 0


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "  Anna   Berg\n"}, "Anna Berg"),
        ({"name": None}, "anna.berg"),
        ({"name": 7}, "anna.berg"),
        ({"name": "eva@evil.example"}, "anna.berg"),
        ({"name": "x" * 200}, "x" * 100),
    ],
)
def test_a_name_is_shown_as_far_as_it_is_one(visitor, claims, name):
    visitor.issuer.claims |= claims
    visitor.sign_in()
    assert Person.objects.get().name == name


def test_who_cancels_there_can_begin_again(visitor):
    begun = visitor.begin(next="/staff/apply")["Location"]
    state = visitor.issuer.login(begun).partition("state=")[2]
    answer = visitor.come_back(f"error=access_denied&error_description=%3Cb%3E&state={state}")
    text = answer.content.decode()
    assert (answer.status_code, "<b>" in text, "next=/staff/apply" in text) == (400, False, True)
    begun = visitor.begin()["Location"]
    state = visitor.issuer.login(begun).partition("state=")[2]
    assert visitor.come_back(f"error=temporarily_unavailable&state={state}").status_code == 503


@pytest.mark.postgresql_if_full
def test_every_reason_has_its_words_in_both_languages():
    codes = [
        *("address_missing", "address_unverified", "address_outside", "address_taken", "shut_out"),
        *("too_many_groups", "subject_missing", "level", "stale", "clock", "code"),
    ]
    default = {}
    for language in ("sv", "en"):
        with translation.override(language):
            default[language] = refusals.reason("signature")
            assert [code for code in codes if refusals.reason(code) == default[language]] == []
    assert default["sv"] != default["en"]
