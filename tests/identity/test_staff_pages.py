"""What somebody who is signed in does: send at once, answer as themselves, see what is theirs, sign out."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from filsluss.actions import persons
from filsluss.actions.staff_sessions import begin_session, is_fresh, session_of
from filsluss.actions.transitions import Cause
from filsluss.models import AuditEntry, Letter, Party, Person, RoleGrant, StaffSession, Transfer
from filsluss.models.link import token_of
from filsluss.pages.oversee.actors import actors_of
from filsluss.rules.permissions import StaffRole
from filsluss.rules.sign_in import GroupRole, How, SharedMailbox, SignIn
from filsluss.rules.tokens import Purpose
from tests.identity.conftest import browser_at
from tests.parts.administrators import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
FORM = {"recipient_email": "bo@rontgen.example", "purpose": "Ritning", "days": "3", "language": "sv"}
SENDING = {**FORM, "accept_terms": "1"}
OUTSIDE = {
    **SENDING,
    "days": "",
    "sender_name": "Bo Ek",
    "sender_email": "bo@rontgen.example",
    "recipient_email": "anna.berg@ltdalarna.se",
}
REGISTRY = "registrator@ltdalarna.se"


def asked(**own):
    """A request from outside that waits for its approver; the token of the link that answers it."""
    answer = browser_at("198.51.100.9").post("/", {**OUTSIDE, **own})
    assert answer.status_code == 303, answer.content.decode()
    transfer = Transfer.objects.latest("pk")
    return transfer, token_of(transfer.approver, Purpose.DECIDE, settings.POLICY.link_keys)


def test_they_send_at_once_from_anywhere_and_the_trail_says_who(visitor):
    visitor.sign_in(next="/staff/apply")
    page = visitor.client.get("/staff/apply").content.decode()
    assert ("Anna Berg" in page, "sender_email" in page, "approver_email" in page) == (True, False, False)
    answer = visitor.client.post("/staff/apply", SENDING)
    assert (answer.status_code, answer["Location"].startswith("/upload/")) == (303, True)
    transfer = Transfer.objects.get()
    assert (transfer.sender.address, transfer.sender.proof) == ("anna.berg@ltdalarna.se", "sign-in")
    person = Person.objects.get()
    applied = AuditEntry.objects.get(step="applied")
    assert (applied.person, applied.proof) == (person.trail_name, "sign-in")
    assert actors_of([applied])[applied.pk] == "anna.berg@ltdalarna.se"
    assert Letter.objects.get().kind == "approved"


def test_a_sender_who_is_signed_in_is_nobody_else(visitor):
    visitor.sign_in()
    forged = {"sender_name": "Eva", "sender_email": "eva@ltdalarna.se", "recipient_outside": "1"}
    assert visitor.client.post("/staff/apply", {**SENDING, **forged}).status_code == 303
    assert Transfer.objects.get().sender.address == "anna.berg@ltdalarna.se"


def test_what_is_wrong_in_the_form_is_said_and_nothing_is_lost(visitor):
    visitor.sign_in()
    answer = visitor.client.post("/staff/apply", {**FORM, "recipient_email": "bo", "purpose": "Tio Å"})
    text = answer.content.decode()
    assert (answer.status_code, "Tio Å" in text, Transfer.objects.exists()) == (422, True, False)
    assert visitor.client.post("/staff/apply", {"only_language": "1", "purpose": "Åtta"}).status_code == 200


def test_a_form_sent_after_the_end_of_the_session_is_kept(visitor):
    visitor.sign_in()
    StaffSession.objects.all().delete()
    kept = visitor.client.post("/staff/apply", {**SENDING, "purpose": 'Nio "ritningar"\noch <fler>'})
    text = kept.content.decode()
    assert (kept.status_code, Transfer.objects.exists()) == (403, False)
    assert "/staff/sign-in?next=/staff/signed-in" in text
    visitor.sign_in(next="/staff/signed-in")
    typed = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
    assert typed["purpose"] == "Nio &quot;ritningar&quot;\noch &lt;fler&gt;"
    again = visitor.client.post("/staff/apply", {"only_language": "1", "purpose": "Nio"})
    assert (again.status_code, "Nio" in again.content.decode()) == (200, True)


def test_a_form_from_before_a_sign_in_in_another_window_is_kept_too(visitor):
    strict = browser_at("192.0.2.7", enforce_csrf_checks=True)
    visitor.client = strict
    visitor.sign_in()
    ours = {"Origin": settings.POLICY.base_url}
    answer = strict.post("/staff/apply", {**SENDING, "csrfmiddlewaretoken": "x" * 64}, headers=ours)
    assert (answer.status_code, "Visa formuläret igen" in answer.content.decode()) == (403, True)
    other = strict.post("/staff/apply", SENDING, headers={"Origin": "https://evil.example"})
    assert (other.status_code, "Visa formuläret igen" in other.content.decode()) == (403, False)


@pytest.mark.parametrize("path", ["/staff", "/staff/apply", "/staff/decide/" + "x" * 43])
def test_others_sign_in_first_and_come_back(visitor, path):
    answer = visitor.client.get(path)
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/sign-in?next={path}")


def test_without_a_provider_there_are_no_such_pages(visitor, configure):
    configure(of_policy={"sign_in": SignIn.OFF})
    paths = ("", "/sign-in", "/return", "/apply", "/decide/" + "x" * 43, "/signed-in")
    assert {visitor.client.get(f"/staff{path}").status_code for path in paths} == {404}
    assert "/staff/" not in visitor.client.get("/").content.decode()


# Whether staff must sign in


def test_where_sign_in_is_offered_a_network_opens_nothing(visitor, configure):
    """The network of the tests' installation is loopback."""
    inside = browser_at("127.0.0.1")
    form = {**SENDING, "sender_name": "Anna", "sender_email": "anna.berg@ltdalarna.se"}
    assert inside.post("/", form)["Location"].startswith("/sent")
    assert Transfer.objects.get().sender.proof == "none"
    assert "/staff/apply" in inside.get("/").content.decode()
    configure(of_policy={"sign_in": SignIn.OFF})
    assert inside.post("/", {**form, "purpose": "Fler"})["Location"].startswith("/upload/")


def test_the_page_that_leads_to_the_mailbox_says_why_it_does(visitor, configure):
    network, sign_in = "inte sitter på det interna nätet", "inte är inloggad"
    offered = visitor.client.get("/sent").content.decode()
    assert (network in offered, sign_in in offered, "/staff/apply" in offered) == (False, True, True)
    configure(of_policy={"sign_in": SignIn.OFF})
    off = visitor.client.get("/sent").content.decode()
    assert (network in off, sign_in in off, "/staff/apply" in off) == (True, False, False)


@pytest.mark.parametrize("address", ["anna.berg@ltdalarna.se", "ingen.alls@ltdalarna.se"])
def test_where_it_is_required_every_inside_address_is_told_the_same(visitor, configure, address):
    configure(of_policy={"sign_in": SignIn.REQUIRED})
    form = {**SENDING, "sender_name": "Anna", "sender_email": address}
    answer = browser_at("127.0.0.1").post("/", form)
    text = answer.content.decode()
    assert (answer.status_code, Transfer.objects.exists()) == (422, False)
    assert "loggar in för att skicka" in text
    asked()  # from outside one asks as before
    visitor.sign_in()
    assert visitor.client.post("/staff/apply", SENDING).status_code == 303


# Answering


def test_the_approver_answers_as_themselves(visitor):
    _, token = asked()
    visitor.sign_in()
    assert f"/staff/decide/{token}" in visitor.client.get("/staff").content.decode()
    page = visitor.client.get(f"/staff/decide/{token}").content.decode()
    assert ("csrfmiddlewaretoken" in page, "Anna Berg" in page) == (True, True)
    wrong = visitor.client.post(f"/staff/decide/{token}", {"decision": "approve", "days": ""})
    assert wrong.status_code == 422
    answer = visitor.client.post(f"/staff/decide/{token}", {"decision": "approve", "days": "3"})
    assert answer.status_code == 303
    approved = AuditEntry.objects.get(step="approved")
    assert (approved.person, approved.proof) == (Person.objects.get().trail_name, "sign-in")
    transfer = Transfer.objects.get()
    assert (transfer.state, transfer.approver.proof) == ("open", "sign-in")
    assert visitor.client.get(f"/staff/decide/{token}").status_code == 410


def test_the_approver_answers_what_waits_for_the_next_list_of_requests(visitor, configure):
    configure(of_policy={"letters_per_day": 1})
    asked()
    transfer, token = asked(purpose="Offert")
    assert transfer.asked_at is None
    visitor.sign_in()
    assert f"/staff/decide/{token}" in visitor.client.get("/staff").content.decode()
    assert "Svara senast" not in visitor.client.get(f"/staff/decide/{token}").content.decode()
    answer = visitor.client.post(f"/staff/decide/{token}", {"decision": "approve", "days": "3"})
    assert (answer.status_code, Transfer.objects.get(pk=transfer.pk).state) == (303, "open")


def test_a_forwarded_link_answers_for_nobody_else(visitor):
    _, token = asked()
    visitor.issuer.claims |= {"sub": "eva-2", "email": "eva@ltdalarna.se", "name": "Eva"}
    visitor.sign_in()
    for method in (visitor.client.get, visitor.client.post):
        answer = method(f"/staff/decide/{token}", {"decision": "approve", "days": "3"})
        assert (answer.status_code, "eva@ltdalarna.se" in answer.content.decode()) == (403, True)
    assert Transfer.objects.get().state == "pending"


def test_a_link_alone_answers_nothing_where_the_approver_signs_in(visitor, configure):
    configure(of_policy={"decide_sign_in": True})
    _, token = asked()
    page = visitor.client.get(f"/decide/{token}")
    text = page.content.decode()
    assert (page.status_code, "Ritning" in text, f"/staff/decide/{token}" in text) == (200, True, True)
    assert ("<form" in text.partition("<main")[2].partition("</main>")[0], page.cookies) == (False, {})
    answer = visitor.client.post(f"/decide/{token}", {"decision": "approve", "days": "3"})
    assert (answer.status_code, Transfer.objects.get().state) == (403, "pending")
    visitor.sign_in(next=f"/staff/decide/{token}")
    form = {"decision": "reject", "rejection_reason": "Nej tack"}
    assert visitor.client.post(f"/staff/decide/{token}", form).status_code == 303
    assert Transfer.objects.get().state == "rejected"


def test_members_of_its_group_answer_for_a_shared_mailbox(visitor, configure, make_visitor):
    configure(of_policy={"shared_mailboxes": (SharedMailbox(REGISTRY, "fts-reg"),)})
    _, token = asked(recipient_email=REGISTRY)
    visitor.sign_in()
    assert visitor.client.get(f"/staff/decide/{token}").status_code == 403
    member = make_visitor()
    visitor.issuer.claims |= {"sub": "eva-2", "email": "eva@ltdalarna.se", "groups": ["fts-reg"]}
    member.sign_in()
    assert f"/staff/decide/{token}" in member.client.get("/staff").content.decode()
    form = {"decision": "approve", "days": "3"}
    assert member.client.post(f"/staff/decide/{token}", form).status_code == 303
    entry = AuditEntry.objects.get(step="approved")
    assert actors_of([entry])[entry.pk] == f"{REGISTRY} (eva@ltdalarna.se)"


# What is theirs


def test_the_page_shows_what_is_theirs_and_nothing_of_others(visitor):
    mine, _ = asked()
    others, _ = asked(recipient_email="eva@ltdalarna.se", purpose="Hemligt")
    visitor.sign_in()
    visitor.client.post("/staff/apply", SENDING)
    sent = Transfer.objects.latest("pk")
    text = visitor.client.get("/staff").content.decode()
    assert [each.public_id in text for each in (mine, sent, others)] == [True, True, False]
    assert f"/staff/apply?again={sent.public_id}" in text
    again = visitor.client.get(f"/staff/apply?again={sent.public_id}").content.decode()
    assert ("bo@rontgen.example" in again, "Ritning" in again) == (True, True)
    for other in (others.public_id, "K7PM-4QXD", "'", ""):
        page = visitor.client.get("/staff/apply", {"again": other})
        assert (page.status_code, "Hemligt" in page.content.decode()) == (200, False)


def test_who_gets_an_address_anew_sees_nothing_of_whoever_had_it(visitor, make_visitor):
    """Of a shared mailbox, which several have, they see all."""
    visitor.sign_in()
    visitor.client.post("/staff/apply", SENDING)
    old = [Transfer.objects.get(), asked()[0]]
    persons.shut_out(Person.objects.get(), by=Cause("administrator", "os:test"), now=timezone.now())
    newer = make_visitor()
    newer.issuer.claims["sub"] = "anna-2"
    newer.sign_in()
    text = newer.client.get("/staff").content.decode()
    assert [each.public_id in text for each in old] == [False, False]
    again = newer.client.get(f"/staff/apply?again={old[0].public_id}").content.decode()
    assert "bo@rontgen.example" not in again
    mine, _ = asked(purpose="Nytt")
    assert mine.public_id in newer.client.get("/staff").content.decode()
    assert newer.client.get("/staff").content.decode().count('href="/staff/decide/') == 1
    StaffSession.objects.update(mailboxes=["anna.berg@ltdalarna.se"])
    assert newer.client.get("/staff").content.decode().count('href="/staff/decide/') == 2


def test_an_account_of_this_service_has_no_pages_of_staff(visitor):
    sign_in(visitor.client)
    assert visitor.client.get("/oversee").status_code == 200
    for path in ("/staff", "/staff/apply", "/staff/signed-in"):
        there = visitor.client.get(path)["Location"]
        assert there == f"/staff/sign-in?next={path}"
        assert visitor.client.get(there)["Location"].startswith(visitor.issuer.url)
    assert visitor.client.post("/staff/apply", SENDING).status_code == 403
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("changed", ["issuer", "off"])
def test_sessions_end_where_nobody_signs_in_that_way_any_more(visitor, configure, changed):
    visitor.sign_in()
    if changed == "issuer":
        settings.IDENTITY_PROVIDER = replace(settings.IDENTITY_PROVIDER, issuer="https://other.example")
        assert not visitor.is_signed_in
    else:
        configure(of_policy={"sign_in": SignIn.OFF})
        assert visitor.client.get("/staff").status_code == 404
    assert "_auth_user_id" not in visitor.client.session


def test_a_provider_that_calls_itself_otherwise_locks_nobody_out(visitor, make_visitor):
    visitor.sign_in()
    Person.objects.update(issuer="https://id.before.example")
    User.objects.update(username="provider:before")
    assert make_visitor().sign_in().status_code == 303
    assert Person.objects.count() == 2


def test_roles_follow_the_claims_and_hands_are_left_alone(visitor, configure):
    groups = (
        GroupRole("fts-admin", StaffRole.ADMINISTRATOR),
        GroupRole("fts-reg", StaffRole.REGISTRAR, "ltdalarna.se"),
    )
    configure(of_policy={"role_groups": groups})
    visitor.issuer.claims["groups"] = ["fts-reg", "other"]
    visitor.sign_in()
    person = Person.objects.get()
    RoleGrant.objects.create(person=person, role="auditor", by="user:1", given_at=timezone.now())

    def held():
        return set(RoleGrant.objects.values_list("role", "scope", "by"))

    by_hand = ("auditor", "", "user:1")
    assert held() == {("registrar", "ltdalarna.se", "claim"), by_hand}
    visitor.issuer.claims["groups"] = ["fts-admin"]
    visitor.sign_in(fresh="1")
    assert held() == {("administrator", "", "claim"), by_hand}
    for left in ([], None):
        visitor.issuer.claims["groups"] = left
        visitor.sign_in(fresh="1")
        assert held() == {by_hand}


# Sessions


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "flow-" + "A" * 12])
def test_a_cookie_that_no_database_takes_is_none(visitor, name):
    cookie = f'{name}="abcdefgh\\000{"x" * 32}"'
    for path in ("/staff", "/staff/sign-in", f"/staff/return?code=x&state={'A' * 43}", "/oversee/sign-in"):
        assert visitor.client.get(path, headers={"Cookie": cookie}).status_code < 500
        assert visitor.client.post(path, headers={"Cookie": cookie}).status_code < 500


def test_a_session_ends_after_eight_hours_or_one_of_rest_and_when_somebody_ends_it(visitor, make_visitor):
    visitor.sign_in()
    session, policy = StaffSession.objects.get(), settings.POLICY
    key, began = visitor.client.session.session_key, session.began_at
    assert session_of("x", policy=policy, now=began) is None
    for number in range(16):
        at = began + timedelta(minutes=30 * number)
        assert session_of(key, policy=policy, now=at) is not None
    assert session_of(key, policy=policy, now=began + timedelta(hours=8)) is None
    other = make_visitor()
    other.sign_in()
    used = StaffSession.objects.latest("pk")
    key = other.client.session.session_key
    assert session_of(key, policy=policy, now=used.seen_at + timedelta(minutes=59)) is not None
    StaffSession.objects.filter(pk=used.pk).update(seen_at=used.seen_at)
    assert session_of(key, policy=policy, now=used.seen_at + timedelta(minutes=60)) is None


def test_one_ends_ones_other_sessions_and_nobody_elses(visitor, make_visitor):
    visitor.sign_in()
    other, eva = make_visitor(), make_visitor()
    other.sign_in()
    visitor.issuer.claims |= {"sub": "eva-2", "email": "eva@ltdalarna.se"}
    eva.sign_in()
    _, second, third = StaffSession.objects.order_by("pk")
    for pk in (third.pk, second.pk, "x", "9" * 30):
        assert visitor.client.post("/staff/sessions/end", {"session": pk}).status_code == 303
    assert [each.is_signed_in for each in (visitor, other, eva)] == [True, False, True]


def test_sign_out_ends_the_session_here_and_names_the_way_to_end_it_there(visitor):
    visitor.sign_in()
    key = visitor.client.session.session_key
    answer = visitor.client.post("/staff/sign-out")
    text = answer.content.decode()
    assert (answer.status_code, f"{visitor.issuer.url}/end?client_id=filsluss" in text) == (200, True)
    assert not visitor.is_signed_in
    visitor.client.cookies["sessionid"] = key
    assert not visitor.is_signed_in


def test_a_session_known_beforehand_is_not_the_one_that_is_signed_in(visitor):
    visitor.client.get("/oversee/sign-in")
    visitor.sign_in()
    first = visitor.client.session.session_key
    visitor.sign_in(fresh="1")
    assert visitor.client.session.session_key != first
    assert StaffSession.objects.count() == 1


def test_a_proof_is_fresh_for_ten_minutes(visitor):
    visitor.sign_in()
    session, policy = StaffSession.objects.get(), settings.POLICY
    proved = session.proved_at
    assert is_fresh(session, policy=policy, now=proved + timedelta(minutes=9))
    assert not is_fresh(session, policy=policy, now=proved + timedelta(minutes=10))
    visitor.issuer.edit = lambda claims: {n: v for n, v in claims.items() if n != "auth_time"}
    visitor.client.cookies.clear()
    visitor.sign_in()
    unknown = StaffSession.objects.latest("pk")
    assert (unknown.proved_at, is_fresh(unknown, policy=policy, now=timezone.now())) == (None, False)


def test_the_key_of_a_session_is_in_no_row_of_ours(visitor):
    visitor.sign_in()
    session = StaffSession.objects.get()
    assert session.session_key != visitor.client.session.session_key
    person = session.person
    made = begin_session(person, key="k", how=How.PASSKEY, proved_at=None, now=timezone.now())
    assert made.session_key != "k"
    assert Party.objects.count() == 0


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/?lang=en", "/code", "/lost-link", "/link", "/terms", "/privacy", "/help", "/accessibility"),
        *("/nothing", "/status/x", "/healthz", "/sent", "/favicon.ico", "/.well-known/security.txt"),
        *("decide", "upload", "status"),
    ],
)
def test_outside_staff_and_oversee_no_page_reads_or_sets_a_cookie(visitor, configure, path):
    """Also of somebody who is signed in, and where the approver signs in."""
    configure(of_policy={"decide_sign_in": True})
    visitor.sign_in()
    if path == "decide":
        path = f"/decide/{asked()[1]}"
    elif path in ("upload", "status"):
        visitor.client.post("/staff/apply", SENDING)
        sender = Transfer.objects.latest("pk").sender
        purpose = {"upload": Purpose.UPLOAD, "status": Purpose.STATUS_SENDER}[path]
        path = f"/{path}/{token_of(sender, purpose, settings.POLICY.link_keys)}"
    for method in (visitor.client.get, visitor.client.post):
        answer = method(path)
        assert (answer.cookies, "ookie" in answer.get("Vary", "")) == ({}, False)
