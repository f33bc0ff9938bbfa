"""What each role sees of cases, addresses and persons, and what it may do with them."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from filsluss.actions import local_accounts, persons
from filsluss.actions.transitions import Cause
from filsluss.models import AuditEntry, Person, RoleGrant, StaffSession
from filsluss.rules.permissions import StaffRole
from tests.pages.cases import ANNA, BO, INSIDE, applied, open_transfer, pending, ready_file
from tests.parts.administrators import code_of, make_account, provider_person, sign_in


@pytest.fixture
def as_role():
    """A browser of somebody who has that role, for that domain."""

    def browser(role, scope=""):
        client = Client(**{"filsluss.client": INSIDE})
        sign_in(client, f"{role}-{scope}", (role, scope))
        return client

    return browser


def found(read, browser, query=""):
    page = read(browser.get("/oversee", {"q": query}))
    return {a["href"].rpartition("/")[2] for a in page.all("a") if "/transfers/" in (a["href"] or "")}


def test_the_help_desk_finds_by_reference_or_whole_address_and_sees_no_address(as_role, read):
    case = open_transfer()
    ready_file(case)
    help_desk = as_role(StaffRole.HELP_DESK)
    assert found(read, help_desk) == set()
    for asked in ("anna", BO[:-2], "rontgen.example", "Anna Berg", "ritning", "%", "@"):
        assert found(read, help_desk, asked) == set(), asked
    for asked in (case.public_id, BO, ANNA.upper()):
        assert found(read, help_desk, asked) == {case.public_id}
    pages = [help_desk.get("/oversee", {"q": case.public_id}).content.decode()]
    pages.append(help_desk.get(f"/oversee/transfers/{case.public_id}").content.decode())
    for page in pages:
        assert (ANNA in page, BO in page, "Anna Berg" in page) == (False, False, False)
        assert f"{ANNA[0]}…@" in page
    assert "/close" not in pages[1]
    assert help_desk.get(f"/oversee/transfers/{case.public_id}/trail.csv").status_code == 403


def test_a_registrar_sees_what_came_from_outside_to_their_domain(as_role, read):
    inbound, outbound = applied(BO, ANNA), open_transfer()
    assert (inbound.direction, outbound.direction) == ("inbound", "outbound")
    domain = ANNA.partition("@")[2]
    for scope, seen in (("", True), (domain, True), ("other.example", False)):
        registrar = as_role(StaffRole.REGISTRAR, scope)
        assert found(read, registrar) == ({inbound.public_id} if seen else set())
        statuses = [
            registrar.get(f"/oversee/transfers/{case.public_id}{below}").status_code
            for case in (inbound, outbound)
            for below in ("", "/trail.csv")
        ]
        assert statuses == [200 if seen else 404] * 2 + [404] * 2
        whole = registrar.get("/oversee/trail.csv").getvalue().decode("utf-8-sig")
        cases = {row["transfer"] for row in csv.DictReader(io.StringIO(whole))}
        assert cases == ({inbound.public_id} if seen else set())


def test_two_roles_together_show_no_more_addresses_than_each_of_them(as_role, read):
    """A registrar of one domain who is at the help desk, too."""
    inbound, outbound = applied(BO, ANNA), open_transfer()
    browser = Client(**{"filsluss.client": INSIDE})
    domain = ANNA.partition("@")[2]
    sign_in(browser, "both", (StaffRole.REGISTRAR, domain), (StaffRole.HELP_DESK, ""))
    assert found(read, browser) == found(read, browser, "bo") == {inbound.public_id}
    assert found(read, browser, outbound.public_id) == {outbound.public_id}
    assert found(read, browser, BO) == {inbound.public_id, outbound.public_id}
    rows = browser.get("/oversee", {"q": BO}).content.decode()
    assert f"{BO[0]}…@" in rows
    pages = [
        browser.get(f"/oversee/transfers/{case.public_id}").content.decode() for case in (inbound, outbound)
    ]
    assert [f"{BO[0]}…@" in page for page in pages] == [False, True]
    assert [f"{ANNA[0]}…@" in page for page in pages] == [False, True]
    for case, status in ((inbound, 200), (outbound, 404)):
        assert browser.get(f"/oversee/transfers/{case.public_id}/trail.csv").status_code == status


def test_a_case_whose_trail_an_auditor_exports_is_noted_as_opened(as_role):
    case = open_transfer()
    as_role(StaffRole.AUDITOR).get(f"/oversee/transfers/{case.public_id}/trail.csv")
    assert AuditEntry.objects.get(step="case-opened").transfer_public_id == case.public_id


def test_a_case_that_an_auditor_opens_is_noted_and_nobody_elses_opening(as_role):
    case = open_transfer()
    as_role(StaffRole.ADMINISTRATOR).get(f"/oversee/transfers/{case.public_id}")
    assert not AuditEntry.objects.filter(step="case-opened").exists()
    as_role(StaffRole.AUDITOR).get(f"/oversee/transfers/{case.public_id}")
    entry = AuditEntry.objects.get(step="case-opened")
    person = Person.objects.get(user__username="auditor-")
    assert (entry.transfer_public_id, entry.role, entry.person) == (
        case.public_id,
        "auditor",
        person.trail_name,
    )


@pytest.mark.parametrize("role", [StaffRole.AUDITOR, StaffRole.REGISTRAR, StaffRole.HELP_DESK])
def test_who_may_not_close_withdraw_or_remove_is_refused_and_nothing_happens(as_role, role):
    case, waiting = open_transfer(), pending()
    file = ready_file(case)
    browser = as_role(role)
    for address in (
        f"/oversee/transfers/{case.public_id}/close",
        f"/oversee/transfers/{waiting.public_id}/withdraw",
        f"/oversee/files/{file.public_id}/remove",
    ):
        assert browser.post(address, {"reason": "Skäl"}).status_code == 403
    case.refresh_from_db()
    assert case.state == "open"


def test_who_has_no_access_is_told_whom_to_ask_and_of_no_letter(as_role, read):
    """They are signed in, and followed no link."""
    browser = as_role(StaffRole.HELP_DESK)
    answer = browser.get("/oversee/security")
    assert answer.status_code == 403
    assert "/oversee" in [a["href"] for a in read(answer).all("a")]
    assert browser.get("/oversee").status_code == 200
    assert "Fråga systemansvarig" in read(answer).text
    assert "mejl" not in read(answer).text


def test_a_role_holds_until_its_end_and_the_trail_says_who_gave_and_took_it(as_role, read):
    admin, bo = as_role(StaffRole.ADMINISTRATOR), as_role(StaffRole.AUDITOR)
    person = Person.objects.get(user__username="auditor-")
    page = f"/oversee/persons/{person.pk}"
    for wrong in (
        {"role": "king"},
        {"role": "auditor", "scope": "x.example"},
        *({"role": "auditor", "days": days} for days in ("0", "3651", "-1", "0000" + "9" * 12, "9" * 5000)),
    ):
        assert admin.post(page, {"act": "give", **wrong}).status_code == 422
    assert admin.post(page, {"act": "give", "role": "help-desk", "days": "1"}).status_code == 303
    grant = RoleGrant.objects.get(role="help-desk")
    RoleGrant.objects.filter(role="auditor").delete()
    assert bo.get("/oversee/trail.csv").status_code == 403
    assert bo.get("/oversee").status_code == 200
    RoleGrant.objects.update(until=timezone.now())
    assert bo.get("/oversee").status_code == 303
    RoleGrant.objects.filter(person__user__username="administrator-").update(until=None)
    admin.post(page, {"act": "take", "grant": str(grant.pk)})
    steps = AuditEntry.objects.filter(step__startswith="role-", person__startswith="user:")
    steps = steps.values_list("step", "reason", "person")
    by, whose = Person.objects.get(user__username="administrator-").trail_name, person.trail_name
    assert list(steps) == [
        ("role-given", f"help-desk {whose}", by),
        ("role-taken", f"help-desk {whose}", by),
    ]


def test_roles_are_changed_with_a_fresh_proof_only(as_role):
    admin = as_role(StaffRole.ADMINISTRATOR)
    page = f"/oversee/persons/{make_account('karin').pk}"
    assert admin.get(page).status_code == 200
    StaffSession.objects.update(proved_at=timezone.now() - timedelta(minutes=11))
    for asked in (admin.get(page), admin.post(page, {"act": "give", "role": "auditor"})):
        assert (asked.status_code, asked["Location"]) == (303, f"/oversee/me/prove?next={page}")
    assert not RoleGrant.objects.filter(role="auditor").exists()
    me = Person.objects.get(user__username="administrator-")
    assert admin.post(f"/oversee/me/prove?next={page}", {"code": code_of(me)})["Location"] == page
    assert admin.get(page).status_code == 200


def test_who_is_shut_out_is_out_at_once(as_role):
    admin, bo = as_role(StaffRole.ADMINISTRATOR), as_role(StaffRole.AUDITOR)
    page = f"/oversee/persons/{Person.objects.get(user__username='auditor-').pk}"
    admin.post(page, {"act": "shut-out"})
    assert bo.get("/oversee").status_code == 303
    assert "shut-out" not in admin.get(page).content.decode()
    assert "utestängd" in admin.get(f"{page}?done=shut-out").content.decode()
    admin.post(page, {"act": "let-in"})
    person = Person.objects.get(user__username="auditor-")
    assert (person.shut_at, bo.get("/oversee").status_code) == (None, 303)
    by = Person.objects.get(user__username="administrator-").trail_name
    steps = AuditEntry.objects.filter(step__startswith="person-").order_by("pk")
    assert list(steps.values_list("step", "reason", "person", "proof")) == [
        ("person-shut-out", person.trail_name, by, "sign-in"),
        ("person-let-in", person.trail_name, by, "sign-in"),
    ]


def test_a_link_for_a_factor_opens_nothing_once_its_person_is_shut_out(as_role):
    admin, token = (
        as_role(StaffRole.ADMINISTRATOR),
        local_accounts.add("bo", by="os:test", now=timezone.now()),
    )
    admin.post(f"/oversee/persons/{Person.objects.get(user__username='bo').pk}", {"act": "shut-out"})
    assert Client().get(f"/staff/link/{token}").status_code == 410


def test_nobody_shuts_out_themselves_and_the_page_says_so(as_role):
    admin = as_role(StaffRole.ADMINISTRATOR)
    answer = admin.post(f"/oversee/persons/{Person.objects.get().pk}", {"act": "shut-out"})
    assert (answer.status_code, Person.objects.get().shut_at) == (422, None)
    assert "inte stänga ute dig själv" in answer.content.decode()


def test_nobody_is_let_in_while_another_has_their_address(as_role):
    admin, now = as_role(StaffRole.ADMINISTRATOR), timezone.now()
    old, new = (provider_person(ANNA) for _ in range(2))
    persons.shut_out(old, by=Cause("administrator", "os:test"), now=now)
    answer = admin.post(f"/oversee/persons/{old.pk}", {"act": "let-in"})
    assert (answer.status_code, "samma e-postadress" in answer.content.decode()) == (422, True)
    persons.shut_out(new, by=Cause("administrator", "os:test"), now=now)
    assert admin.post(f"/oversee/persons/{old.pk}", {"act": "let-in"}).status_code == 303
    assert list(Person.objects.filter(shut_at=None, canonical=ANNA)) == [old]


def test_ending_all_sessions_stands_in_the_trail_if_there_were_any(as_role):
    admin, bo = as_role(StaffRole.ADMINISTRATOR), as_role(StaffRole.AUDITOR)
    page = f"/oversee/persons/{Person.objects.get(user__username='auditor-').pk}"
    for _ in range(2):
        admin.post(page, {"act": "end"})
    assert (bo.get("/oversee").status_code, AuditEntry.objects.filter(step="sessions-ended").count()) == (
        303,
        1,
    )


def test_auditors_read_who_has_which_role_and_change_none(as_role):
    auditor = as_role(StaffRole.AUDITOR)
    page = auditor.get("/oversee/persons").content.decode()
    assert ("auditor-" in page, "/oversee/persons/" in page) == (True, False)
    assert auditor.get(f"/oversee/persons/{Person.objects.get().pk}").status_code == 403


def test_the_security_log_names_who_reads_as_it_names_who_signs_in(as_role, monkeypatch):
    noted = []
    monkeypatch.setattr("filsluss.pages.oversee.noting.note", noted.append)
    administrator = as_role(StaffRole.ADMINISTRATOR)
    Person.objects.update(address=ANNA)
    administrator.get("/oversee")
    administrator.get("/oversee/trail.csv")
    assert [event.account for event in noted] == [ANNA, ANNA]
