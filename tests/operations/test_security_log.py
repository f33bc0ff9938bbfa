"""The security log: what it notes, how an attack costs few rows, how long it is kept, and who reads it."""

import ast
import re
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.test import Client as Browser
from django.utils import timezone

import filsluss
from filsluss.actions import alarms, expiry, security_log
from filsluss.actions.security_log import KEYS_PER_KIND, Event, Tally, Writer, event_now, note
from filsluss.models import AuditEntry, SecurityEvent
from filsluss.origin import NOWHERE, Origin, set_origin
from filsluss.rules.networks import Client, cut_network
from filsluss.rules.security_events import OUTCOMES, Kind, Outcome, refused_kind
from tests.letters.cases import example_policy
from tests.pages.cases import Page, decided, open_transfer
from tests.parts import administrators
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
NAME, PASSWORD = "eva", "correct horse battery"
INVENTORY = Path(__file__).parents[2] / "docs" / "security-log.md"
SOURCE = Path(filsluss.__file__).parent


@pytest.fixture(autouse=True)
def _nowhere():
    yield
    set_origin(NOWHERE)


@pytest.fixture
def eva():
    return administrators.make_account(NAME, PASSWORD).user


def sign_in(password, *, name=NAME, network="192.0.2.7", browser=None):
    own = {"filsluss.client": Client(network, may_be_inside=False)}
    given = {"name": name, "password": password, "query": "?lang=en"}
    return administrators.through_the_pages(browser or Browser(), **given, **own)


def noted(**of):
    return list(SecurityEvent.objects.filter(**of).values_list("kind", "outcome", "account", "count"))


def event(now, number=0, **own):
    given = {"kind": "code", "outcome": "wrong", "network": f"192.0.2.{number}", **own}
    return Event(at=now.astimezone(UTC).replace(second=0, microsecond=0), **given)


def test_a_sign_in_right_wrong_limited_and_out_is_noted_with_its_network(eva):
    for number in range(7):
        sign_in(f"wrong {number}")
    browser = Browser()
    assert sign_in(PASSWORD, network="198.51.100.9", browser=browser).status_code == 303
    own = {"filsluss.client": Client("198.51.100.9", may_be_inside=False)}
    browser.post("/oversee/sign-out", **own)
    totals = {}
    for row in SecurityEvent.objects.exclude(kind="read"):
        key = (row.kind, row.outcome, row.account, row.person, row.network)
        totals[key] = totals.get(key, 0) + row.count
    person = f"user:{eva.pk}"
    assert totals == {
        ("sign-in", "wrong", NAME, person, "192.0.2.7"): 5,
        ("sign-in", "limited", NAME, person, "192.0.2.7"): 2,
        ("sign-in", "right", NAME, person, "198.51.100.9"): 1,
        ("sign-out", "done", NAME, person, "198.51.100.9"): 1,
    }


def test_a_name_that_no_account_has_is_kept_as_an_hmac_only(eva):
    sign_in("wrong", name="my secret password")
    (row,) = SecurityEvent.objects.all()
    assert re.fullmatch(r"hmac:[0-9a-f]{32}", row.account)
    assert row.person == ""


def test_what_an_administrator_reads_and_exports_is_noted(client, eva):
    administrators.sign_in(client, NAME)
    case = open_transfer()
    for address in (
        "/oversee",
        "/oversee?q=anna",
        f"/oversee/transfers/{case.public_id}",
        "/oversee/security",
        "/oversee/trail.csv",
        f"/oversee/transfers/{case.public_id}/trail.csv",
    ):
        assert client.get(address).status_code == 200
    rows = SecurityEvent.objects.order_by("pk").values_list("kind", "outcome", "transfer_public_id", "person")
    own = f"user:{eva.pk}"
    assert list(rows) == [
        ("read", "list", "", own),
        ("read", "search", "", own),
        ("read", "transfer", case.public_id, own),
        ("read", "security-log", "", own),
        ("export", "trail", "", own),
        ("export", "transfer", case.public_id, own),
    ]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", Kind.APPLICATION),
        ("/code", Kind.CODE),
        ("/decide/x", Kind.DECISION),
        ("/upload/x/files", Kind.UPLOAD),
        ("/zip/x/K7PM-4QXD.zip", Kind.DOWNLOAD),
        ("/status/x/report", Kind.REPORT),
        ("/oversee/sign-in", Kind.SIGN_IN),
        ("/oversee/transfers/x/close", Kind.ADMINISTRATION),
        ("/elsewhere", Kind.OTHER),
    ],
)
def test_a_refusal_is_noted_by_what_was_wanted(path, kind, now):
    assert refused_kind(path) is kind
    for status in ("403 Forbidden", "200 OK", "404 Not Found", "422 Unprocessable", "303 See Other"):
        security_log.note_refusal(path, status=status, now=now)
    assert noted() == [(kind, "forbidden", "", 1)]


def test_a_refusal_that_cannot_be_noted_does_not_change_the_answer(monkeypatch, now):
    asked = []

    def fail(event):
        asked.append(event)
        raise DatabaseError

    monkeypatch.setattr(security_log, "note", fail)
    security_log.note_refusal("/code", status="429 Too Many Requests", now=now)
    assert len(asked) == 1


def test_the_same_event_within_a_minute_is_one_row_with_the_first_requests_id(now):
    for seconds, name in ((0, "first"), (20, "second"), (40, "third"), (60, "next")):
        set_origin(Origin("192.0.2.7", name))
        at = now.replace(second=0) + timedelta(seconds=seconds)
        note(event_now(Kind.CODE, outcome=Outcome.WRONG, now=at))
    rows = SecurityEvent.objects.order_by("at").values_list("count", "request_id", "network")
    assert list(rows) == [(3, "first", "192.0.2.7"), (1, "next", "192.0.2.7")]


def test_an_ipv6_client_is_counted_by_its_64(now):
    for number in range(3):
        set_origin(Origin(f"2001:db8:0:7::{number}", ""))
        note(event_now(Kind.CODE, outcome=Outcome.WRONG, now=now))
    assert SecurityEvent.objects.get().network == "2001:db8:0:7::/64"


def test_ten_thousand_refusals_of_a_crowd_are_a_bounded_number_of_rows(now):
    writer = Writer()
    for number in range(10_000):
        writer.add(event(now, number), Tally(1, f"r{number}"))
        if number % 1000 == 0:
            writer.flush()
    writer.flush()
    rows = SecurityEvent.objects.all()
    assert rows.count() == KEYS_PER_KIND + 1
    assert sum(row.count for row in rows) == 10_000
    assert rows.get(network="other").count == 10_000 - KEYS_PER_KIND


def test_a_flood_of_one_kind_hides_no_network_of_another(now):
    writer = Writer()
    for number in range(KEYS_PER_KIND * 2):
        writer.add(event(now, number), Tally(1, "flood"))
    set_origin(Origin("198.51.100.7", ""))
    guess = event_now(Kind.SIGN_IN, outcome=Outcome.WRONG, account="eva", now=now)
    writer.add(guess, Tally(1, "guess"))
    writer.flush()
    row = SecurityEvent.objects.get(kind="sign-in")
    assert (row.account, row.network) == ("eva", "198.51.100.7")


def test_what_could_not_be_written_is_kept_and_its_number_is_bounded(monkeypatch, now):
    def fail(tallies):
        raise DatabaseError

    writer = Writer()
    with monkeypatch.context() as broken:
        broken.setattr(security_log, "write", fail)
        for minute in range(60):
            for number in range(KEYS_PER_KIND):
                writer.add(event(now + timedelta(minutes=minute), number), Tally(1, ""))
            writer.flush()
    writer.flush()
    assert SecurityEvent.objects.count() == security_log.MOST_WAITING


def test_a_running_writer_costs_a_request_no_row_until_it_is_flushed(monkeypatch, now):
    writer = Writer()
    monkeypatch.setattr(writer, "is_running", lambda: True)
    monkeypatch.setattr(security_log, "writer", writer)
    for _ in range(100):
        note(event_now(Kind.CODE, outcome=Outcome.WRONG, now=now))
    assert SecurityEvent.objects.count() == 0
    writer.flush()
    assert noted() == [("code", "wrong", "", 100)]


def test_networks_are_cut_after_a_week_and_what_is_the_same_then_becomes_one(now):
    old, young = now - timedelta(days=7), now - timedelta(days=6, hours=23)
    for at in (old, young):
        security_log.write({event(at, number): Tally(2, "first") for number in (7, 8)})
        security_log.write({event(at, network="2001:db8:0:7::/64"): Tally(1, "")})
        security_log.write({event(at, network="other"): Tally(1, "")})
        for network in ("192.0.2.7", "2001:db8::7", ""):
            AuditEntry.objects.create(
                at=at, transfer_public_id="K7PM-4QXD", step="fetched", role="recipient", network=network
            )
    for _ in range(2):
        expiry.forget(services=services_for(example_policy()), now=now)
    rows = SecurityEvent.objects.order_by("network").values_list("network", "count")
    assert list(rows.filter(at__lt=young - timedelta(minutes=30))) == [
        ("192.0.2.0/24", 4),
        ("2001:db8::/48", 1),
        ("other", 1),
    ]
    assert {network for network, _ in rows.filter(at__gt=old + timedelta(minutes=30))} == {
        "192.0.2.7",
        "192.0.2.8",
        "2001:db8:0:7::/64",
        "other",
    }
    trail = AuditEntry.objects.order_by("pk").values_list("network", flat=True)
    assert list(trail) == ["192.0.2.0/24", "2001:db8::/48", "", "192.0.2.7", "2001:db8::7", ""]


def test_all_networks_are_looked_at_once_a_day_and_each_hour_those_that_have_aged(now):
    """A clock that was wrong may have dated an entry long before the last look."""
    services = services_for(example_policy())
    expiry.forget(services=services, now=now)
    for at in (now - timedelta(days=90), now - timedelta(days=7) + timedelta(minutes=30)):
        AuditEntry.objects.create(
            at=at, transfer_public_id="K7PM-4QXD", step="fetched", role="recipient", network="192.0.2.7"
        )
    trail = AuditEntry.objects.order_by("pk").values_list("network", flat=True)
    expiry.forget(services=services, now=now + timedelta(hours=1))
    assert list(trail.all()) == ["192.0.2.7", "192.0.2.0/24"]
    expiry.forget(services=services, now=now + timedelta(days=1))
    assert list(trail.all()) == ["192.0.2.0/24", "192.0.2.0/24"]


@pytest.mark.parametrize(
    ("network", "cut"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.7/32", "192.0.2.0/24"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("other", "other"),
        ("", ""),
    ],
)
def test_what_is_left_of_a_network(network, cut):
    assert cut_network(network) == cut


def test_an_event_is_deleted_after_the_days_that_are_set(now):
    policy = example_policy(security_log_days=3)
    security_log.write({event(now - timedelta(days=2)): Tally(1, ""), event(now): Tally(1, "")})
    security_log.write({event(now - timedelta(days=3, minutes=1)): Tally(1, "")})
    expiry.forget(services=services_for(policy), now=now)
    assert SecurityEvent.objects.count() == 2


def test_many_failed_sign_ins_raise_an_alarm_that_ends_by_itself(now, store):
    policy = replace(example_policy(), admin_emails=("drift@ltdalarna.se",))

    def look(at):
        alarms.check_all(services=services_for(policy, store), clock_trouble="", now=at)
        return [(each.name, each.value) for each in alarms.active_alarms()]

    sign_ins = {"kind": "sign-in", "account": NAME}
    security_log.write({event(now, **sign_ins, outcome="wrong"): Tally(20, "")})
    security_log.write({event(now, **sign_ins, outcome="right"): Tally(20, "")})
    assert look(now) == []
    security_log.write({event(now, **sign_ins, outcome="limited"): Tally(10, "")})
    assert look(now) == [("sign-ins", "30")]
    assert look(now + timedelta(hours=1, minutes=1)) == []


def test_the_room_shows_events_with_decisions_and_downloads_and_filters_by_kind(client, eva):
    administrators.sign_in(client, NAME)
    set_origin(Origin("203.0.113.5", "a-request"))
    case = decided("approve")
    security_log.note_refusal("/code", status="403", now=timezone.now())
    whole = Page(client.get("/oversee/security?lang=en").content.decode()).text
    for words in ("approved", "203.0.113.5", "a-request", case.public_id, "refused: not allowed"):
        assert words in whole
    code = Page(client.get("/oversee/security?lang=en&kind=code").content.decode())
    table = code.source.partition("<tbody>")[2]
    assert ("refused: not allowed" in table, "approved" in table) == (True, False)
    trail = client.get("/oversee/security?lang=sv&kind=trail").content.decode().partition("<tbody>")[2]
    assert ("beslut och nedladdningar" in trail, "nekad" in trail) == (True, False)


def test_the_pages_of_the_room_show_every_row_once(client, eva, now):
    administrators.sign_in(client, NAME)
    at = timezone.now()
    for number in range(120):
        minute = at - timedelta(minutes=number // 7 + 1)
        security_log.write({event(minute, number): Tally(1, f"row-{number}")})
        if number % 3 == 0:
            AuditEntry.objects.create(
                at=minute,
                transfer_public_id="K7PM-4QXD",
                step="fetched",
                role="rule",
                request_id=f"entry-{number}",
            )
    seen, address = [], "/oversee/security?lang=en"
    while address:
        text = client.get(address).content.decode()
        seen += re.findall(r"((?:row|entry)-\d+)<", text)
        older = re.findall(r'rel="next" href="(\?before=[^"]+)"', text)
        address = "/oversee/security" + older[0].replace("&amp;", "&") if older else ""
    assert len(seen) == len(set(seen)) == 120 + 40


@pytest.mark.parametrize(
    "cursor", ["x", "1", "1.2", "1.2.3.4", "-1.0.1", "٣.0.1", "9" * 17 + ".0.1", "9999999999999999.1.1"]
)
def test_a_cursor_that_is_none_is_the_newest_page_or_empty(client, eva, cursor):
    administrators.sign_in(client, NAME)
    assert client.get("/oversee/security", {"before": cursor}).status_code == 200


@pytest.mark.parametrize("kind", ["", "nothing", "\0", "sign-in' OR 1=1", "trail", "code"])
def test_a_kind_that_is_none_is_every_kind(client, eva, kind):
    administrators.sign_in(client, NAME)
    assert client.get("/oversee/security", {"kind": kind}).status_code == 200


def test_nobody_else_reads_the_room(client, eva):
    answer = client.get("/oversee/security")
    assert (answer.status_code, answer["Location"]) == (303, "/oversee/sign-in?next=/oversee/security")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("sv", ("Nätverksadresser sparas hela i 7 dagar", "Säkerhetsloggen sparas i 90 dagar")),
        ("en", ("Network addresses are kept whole for 7 days", "The security log is kept for 90 days")),
    ],
)
def test_the_privacy_page_says_how_long_networks_and_events_are_kept(client, language, words):
    text = Page(client.get(f"/privacy?lang={language}").content.decode()).text
    assert [each for each in words if each not in text] == []


def test_the_inventory_names_every_kind_and_outcome_and_no_other():
    rows = re.findall(r"^\| `([a-z-]+)` \| `([a-z-]+)` \|", INVENTORY.read_text(), re.MULTILINE)
    known = [(kind.value, outcome.value) for kind, outcomes in OUTCOMES.items() for outcome in outcomes]
    assert sorted(rows) == sorted(known)
    assert set(OUTCOMES) == set(Kind)


@pytest.mark.postgresql_if_full
def test_every_kind_and_outcome_in_the_code_is_one_of_the_inventory():
    """An event of another combination is refused where it is made."""
    with pytest.raises(AssertionError):
        event_now(Kind.SIGN_OUT, outcome=Outcome.WRONG, now=timezone.now())
    made = {
        ast.unparse(node.func)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("SecurityEvent.objects.create")
    }
    assert made == set()
