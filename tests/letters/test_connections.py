"""Connections to the mail server: several at a time, used again, and one slow reader delays no other."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection

from filsluss.letters import candidates, claims, compose, delivery
from filsluss.letters.claims import Claimant
from filsluss.letters.delivery import MailConnection
from filsluss.letters.outbox import deliver_next
from filsluss.models import Letter
from filsluss.rules.directions import Role
from tests.letters.cases import example_policy, make_transfer
from tests.parts.eventually import eventually

pytestmark = pytest.mark.django_db
POLICY = example_policy()
MINUTE = timedelta(minutes=1)


def queue(now, *readers):
    """One letter to each of these addresses."""
    letter = compose.write("erased", transfer=make_transfer(now), role=Role.SENDER, policy=POLICY, now=now)
    Letter.objects.filter(pk=letter.pk).update(delivery="sent")
    return [_copy(letter, reader, number) for number, reader in enumerate(readers)]


def _copy(letter, reader, number, **own):
    fields = {field.attname: getattr(letter, field.attname) for field in Letter._meta.concrete_fields}
    same = {name: value for name, value in fields.items() if name not in ("id", "public_id", "key")}
    return Letter.objects.create(
        **{**same, "public_id": f"{number:022}", "key": f"copy:{number}", "to": reader, **own}
    )


def deliver_all(me, mail, now):
    return sum(iter(lambda: deliver_next(me, mail=mail, policy=POLICY, now=now), False))


def in_threads(count, now, seconds=20):
    """Delivers with that many connections at a time until nothing is due; returns when each thread ended."""
    me, ended = Claimant(), []

    def work():
        mail = MailConnection()
        while deliver_next(me, mail=mail, policy=POLICY, now=now):
            pass
        ended.append(time.monotonic())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(count)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    return [at - began for at in ended]


@pytest.mark.postgresql_if_full
def test_a_connection_is_used_for_a_hundred_letters_and_then_opened_anew(now, mail_server):
    queue(now, *(f"bo{number}@rontgen.example" for number in range(105)))
    assert deliver_all(Claimant(), MailConnection(), now) == 105
    assert (len(mail_server.letters), len(mail_server.helos)) == (105, 2)
    assert Letter.objects.queued().count() == 0


def test_an_error_closes_the_connection_and_the_next_letter_has_a_new_one(now, mail_server):
    queue(now, *(f"bo{number}@rontgen.example" for number in range(3)))
    mail_server.plan = {"RCPT": ["", "450 4.2.0 later"]}
    assert deliver_all(Claimant(), MailConnection(), now) == 3
    assert (len(mail_server.letters), len(mail_server.helos)) == (2, 2)


@pytest.mark.parametrize("answer", [f"250 {'x' * 10_000}", "251 2.0.0 taken", f"250-{'x' * 9000}\r\n250 ok"])
def test_a_letter_that_was_taken_is_not_sent_again_however_the_server_says_so(now, mail_server, answer):
    queue(now, "bo@rontgen.example")
    mail_server.plan = {".": [answer]}
    assert deliver_all(Claimant(), MailConnection(), now) == 1
    assert Letter.objects.get(key="copy:0").delivery == "sent"


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("answer", [f"550 5.1.1 {'x' * 10_000}", f"550 5.1.1 {'x' * 20_000}"])
def test_a_long_refusal_is_read_as_any_other(now, mail_server, answer):
    queue(now, "bo@rontgen.example")
    mail_server.plan = {"RCPT": [answer]}
    deliver_all(Claimant(), MailConnection(), now)
    refused = Letter.objects.get(key="copy:0")
    assert (refused.delivery, refused.failure, len(refused.last_error)) == ("given_up", "unknown", 300)


@pytest.mark.parametrize("answer", ["drop", "421 4.3.2 going down", "500 what"])
def test_a_connection_that_the_server_has_given_up_costs_no_try(now, mail_server, answer):
    queue(now, *(f"bo{number}@rontgen.example" for number in range(2)))
    mail_server.plan = {"RSET": [answer]}
    assert deliver_all(Claimant(), MailConnection(), now) == 2
    assert (len(mail_server.letters), len(mail_server.helos)) == (2, 2)
    assert set(Letter.objects.filter(key__startswith="copy").values_list("tries", flat=True)) == {1}


def test_a_server_that_no_longer_answers_is_left_after_the_time_of_a_connection(now, mail_server, settings):
    settings.EMAIL_TIMEOUT = 0.5
    queue(now, *(f"bo{number}@rontgen.example" for number in range(2)))
    mail_server.plan = {"RSET": ["stall"]}
    began = time.monotonic()
    assert deliver_all(Claimant(), MailConnection(), now) == 2
    assert (len(mail_server.letters), time.monotonic() - began < 10) == (2, True)


def test_when_nothing_is_due_the_connection_is_closed(now, mail_server):
    queue(now, "bo@rontgen.example")
    mail = MailConnection()
    assert deliver_next(Claimant(), mail=mail, policy=POLICY, now=now) is True
    assert mail._server is not None
    assert deliver_next(Claimant(), mail=mail, policy=POLICY, now=now) is False
    assert mail._server is None


def test_what_somebody_waits_for_leaves_before_what_tells_of_the_past(now, mail_server):
    letter = queue(now, *(f"bo{number}@rontgen.example" for number in range(50)))[0]
    later = now + timedelta(seconds=1)
    _copy(letter, "karin@ltdalarna.se", 99, kind="rejected", priority=0, written_at=later, next_try_at=later)
    deliver_next(Claimant(), policy=POLICY, now=later)
    assert mail_server.one().to == ["karin@ltdalarna.se"]


@pytest.mark.django_db(transaction=True)
def test_one_reader_whose_server_thinks_holds_up_nobody_else(now, mail_server):
    slow = [f"bo{number}@slow.example" for number in range(4)]
    others = [f"eva{number}@quick{number}.example" for number in range(20)]
    queue(now, *slow, *others)
    mail_server.thinks_about.add("slow.example")
    worker = threading.Thread(target=in_threads, args=(4, now))
    worker.start()
    try:
        eventually(lambda: len(mail_server.letters), lambda count: count == len(others))
    finally:
        mail_server.thinks_about.clear()
    worker.join(90)
    assert (len(mail_server.letters), mail_server.most_at_once["slow.example"]) == (24, 2)
    assert Letter.objects.filter(delivery="queued").count() == 0


@pytest.mark.django_db(transaction=True)
def test_several_connections_deliver_each_letter_once(now, mail_server):
    queue(now, *(f"bo{number}@rontgen{number % 7}.example" for number in range(60)))
    in_threads(6, now)
    readers = [each.to[0] for each in mail_server.letters]
    assert (len(readers), len(set(readers))) == (60, 60)
    assert max(mail_server.most_at_once.values()) <= claims.MOST_TO_A_DOMAIN
    assert set(Letter.objects.filter(key__startswith="copy").values_list("tries", flat=True)) == {1}


def test_a_letter_that_a_thread_of_ours_delivers_is_never_stale_to_another(now, mail_server, monkeypatch):
    monkeypatch.setattr(claims, "LEASE", 0.0)
    (letter,) = queue(now, "bo@rontgen.example")
    me = Claimant()
    assert me.hold(letter)
    assert me.claim(letter, now=now)
    letter = Letter.objects.get(pk=letter.pk)
    assert [me.is_claimable(letter) for _ in range(3)] == [False] * 3
    me.let_go(letter)
    assert (me.is_claimable(letter), me.is_claimable(letter)) == (False, True)


def test_a_domain_takes_two_letters_at_a_time_in_any_spelling(now, mail_server):
    letters = queue(now, "a@x.example", "b@X.example", "c@x.example", "d@y.example", "e@sub.x.example")
    me = Claimant()
    assert [me.hold(letter) for letter in letters] == [True, True, False, True, True]
    assert me.full_domains() == ["x.example"]
    me.let_go(letters[0])
    assert (me.full_domains(), me.hold(letters[2])) == ([], True)


def test_what_other_processes_deliver_to_a_domain_counts(now, mail_server, monkeypatch):
    monkeypatch.setattr(claims, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(candidates, "FRESH", 0.0)
    letters = queue(now, *(f"bo{number}@x.example" for number in range(4)), "eva@y.example")
    one, other = Claimant(), Claimant()
    for claimant, letter in zip((one, other), letters, strict=False):
        assert claimant.hold(letter)
        assert claimant.claim(letter, now=now)
    third = Claimant()
    assert (third.full_domains(), third.full_with_others()) == ([], ["x.example"])
    assert deliver_next(third, policy=POLICY, now=now)
    assert [each.to for each in mail_server.letters] == [["eva@y.example"]]
    assert not deliver_next(third, policy=POLICY, now=now)
    one.release()  # its process has ended: what it had claimed is delivered by another
    assert deliver_next(third, policy=POLICY, now=now)
    assert [each.to for each in mail_server.letters][1:] == [["bo0@x.example"]]
    other.release()


def test_what_the_program_itself_gets_wrong_waits_and_holds_up_no_other(now, mail_server, monkeypatch):
    first, second = queue(now, "bo@rontgen.example", "eva@konsult.example")
    prepared = delivery.prepared_message

    def fail(letter, **own):
        if letter.pk == first.pk:
            raise ZeroDivisionError
        return prepared(letter, **own)

    monkeypatch.setattr("filsluss.letters.outbox.prepared_message", fail)
    assert deliver_all(Claimant(), MailConnection(), now) == 2
    for letter in (first, second):
        letter.refresh_from_db()
    assert (first.delivery, first.claimed_by, first.next_try_at) == ("queued", "", now + MINUTE)
    assert second.delivery == "sent"


WORDS = {"filsluss": "correct horse", "användare": "lösenord-å-€-ß", "fts@ltdalarna.se": "pässwörd:/@ 密"}


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("name", WORDS)
def test_names_and_passwords_may_have_any_letter(now, mail_server, settings, name, mechanism):
    mail_server.stop()
    mail_server.accounts, mail_server.mechanisms = WORDS, (mechanism,)
    mail_server.start()
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = name, WORDS[name]
    (letter,) = queue(now, "bo@rontgen.example")
    deliver_all(Claimant(), MailConnection(), now)
    letter.refresh_from_db()
    assert (len(mail_server.letters), letter.last_error) == (1, "")


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_wrong_password_is_about_us(now, mail_server, settings, mechanism):
    mail_server.stop()
    mail_server.accounts, mail_server.mechanisms = WORDS, (mechanism,)
    mail_server.start()
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "filsluss", "fel lösenord"
    (letter,) = queue(now, "bo@rontgen.example")
    deliver_all(Claimant(), MailConnection(), now)
    letter.refresh_from_db()
    assert (letter.delivery, letter.failure, "fel lösenord" in letter.last_error) == ("queued", "us", False)


def greet():
    with MailConnection().opened() as server:
        server.connection.ehlo()


def test_the_name_in_ehlo_is_the_one_that_is_set_or_one_with_a_domain(
    now, mail_server, settings, monkeypatch
):
    names = {
        "a1b2c3d4e5f6": "fts.example.se",
        "localhost.localdomain": "fts.example.se",
        "mail.ltdalarna.se": "mail.ltdalarna.se",
    }
    settings.POLICY = POLICY
    for machine, expected in names.items():
        monkeypatch.setattr("django.core.mail.utils.DNS_NAME._fqdn", machine, raising=False)
        greet()
        assert mail_server.helos[-1] == expected
    settings.SMTP_HELO = "fts.ltdalarna.se"
    greet()
    assert mail_server.helos[-1] == "fts.ltdalarna.se"
